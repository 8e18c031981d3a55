# A key of its own: the agent makes one without a passphrase, trusts it under alice's name and signs.
# What an account trusts by itself is worth `tty` to it, which never approves; the system's file of
# signers belongs to root.
own_key own
run countersign trust add own.pub --name alice
start
wants restart_container '{"container": "web"}'
run countersign approve "$(<asked)" --key own
spend
line="alice $(cut -d ' ' -f 1-2 own.pub)"
echo "$line" >signers
try cp signers /etc/countersign/allowed_signers
try mv /etc/countersign /etc/away
echo 'Settings from elsewhere:'
mkdir -p elsewhere/countersign
echo "$line" >elsewhere/countersign/allowed_signers
export XDG_CONFIG_HOME=$PWD/elsewhere
run countersign approve "$(<asked)" --key own
start
spend
