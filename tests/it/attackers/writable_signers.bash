# A folder of signers that others can write: the agent replaces the file in it.
# What an account can replace, it can trust anybody by: all of it is worth `tty`, before and after. With
# a policy in that folder nothing is served at all.
own_key own
run countersign mcp
countersign trust list
echo "mallory $(cut -d ' ' -f 1-2 own.pub)" >new
try mv -f new /etc/countersign/allowed_signers
countersign trust list
try rm /etc/countersign/policy.toml
start --toolsets all
ask remove_container '{"container": "web", "force": true}'
