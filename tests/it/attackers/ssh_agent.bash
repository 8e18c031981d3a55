# Alice's ssh-agent, which holds her key and signs without asking, for whatever runs as this account.
# Where it lies open it is found: `approve` sees that nobody was asked, and when the ask is spent the
# server sees it for itself; what was signed is worth `tty`. But the account can hide the socket from
# Countersign and keep on using it, and then this works. What stops it: `ssh-add -c`, a security key that
# wants a touch, or an agent that runs as another account.
start
wants restart_container '{"container": "web"}'
countersign asks show "$(<asked)" --document >document
mkdir open hidden
ssh-agent -D -a "$PWD/open/agent.sock" >/dev/null 2>&1 &
agent=$!
until [ -e open/agent.sock ]; do sleep 0.02; done
export SSH_AUTH_SOCK=$PWD/open/agent.sock
as_alice ssh-add -q "$HOME/.ssh/id_ed25519"
key=$HOME/.ssh/id_ed25519.pub
start
echo 'Open:'
run countersign approve "$(<asked)" --key "$key"
sign_with "$key" document >signature
run countersign approve "$(<asked)" --signature signature
spend
echo 'Hidden:'
mv open/agent.sock hidden
unset SSH_AUTH_SOCK
start
spend
kill $agent
