# A linked file of signers. Here the system's is a link into the agent's home.
# What an account can change on any step of the way, it can trust anybody by: all of it is worth `tty`,
# and nothing can be approved. Nor does the account's own file become the system's by being a link to it.
countersign trust list
start
ask restart_container '{"container": "web"}'
mkdir -p "$XDG_CONFIG_HOME/countersign"
ln -s /etc/countersign/allowed_signers "$XDG_CONFIG_HOME/countersign/allowed_signers"
start
ask restart_container '{"container": "web"}'
