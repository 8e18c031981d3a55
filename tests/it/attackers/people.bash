# The people, who are no part of the attacks, and what an agent has at hand where people approve. Alice's
# key is in this account's ~/.ssh. Its passphrase is in her head, and so no attack reads `askpass`.

cat >askpass <<'EOF'
#!/bin/sh
while [ ! -e typing ]; do sleep 0.02; done
echo sesam1
EOF
chmod +x askpass
touch typing

# as_alice COMMAND…: with her passphrase, typed where OpenSSH asks for it, as soon as there is `typing`.
as_alice() { SSH_ASKPASS=$PWD/askpass SSH_ASKPASS_REQUIRE=force "$@"; }

# alice COMMAND…: what she runs at her shell, and what it says of its outcome.
alice() {
  echo "alice\$ $*"
  as_alice outcome "$@"
}

# run COMMAND…: runs a command of countersign, and says what it says of its outcome.
run() {
  echo "\$ $*"
  outcome "$@"
}
outcome() {
  "$@" >told 2>&1 </dev/null || true
  grep -E '^countersign: |^Ask .* is |^The approval |trusts|^Error: |^Restarted|^Sent' told | head -n 1
}

# wants TOOL ARGUMENTS: calls a tool that wants an approval, and keeps the ask's id and its handle in the
# files `asked` and `handle`.
wants() {
  ask "$1" "$2"
  wanted=$1
  given=$2
  ask_id >asked
  token >handle
}

# spend: calls the last wanted tool again, with its handle.
spend() { ask "$wanted" "$(jq -c --arg handle "$(<handle)" '. + {confirmToken: $handle}' <<<"$given")"; }

# sql STATEMENT FILE…: edits the state. The files are the statement's parameters.
sql() {
  echo "sqlite> $1"
  python3 -c '
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as state:
    state.execute(sys.argv[2], [open(name).read() for name in sys.argv[3:]])
' "${state_file-$XDG_STATE_HOME/countersign/state.db}" "$@"
}

# own_key NAME: a key pair of the agent's own making.
own_key() { ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$1"; }

# sign_with KEY FILE NAMESPACE: signs a file as `approve` would.
sign_with() { ssh-keygen -q -Y sign -n "${3-countersign-approval}" -f "$1" <"$2" 2>>stderr; }
