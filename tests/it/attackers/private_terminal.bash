# A terminal of its own: the agent runs `approve` on a terminal that it plays, with its own key and with
# alice's, whose passphrase it guesses.
# A terminal proves nothing here: her passphrase does, and it is on no disk.
own_key own
start
wants restart_container '{"container": "web"}'
terminal() {
  echo "terminal\$ $1"
  printf 'alice\nsesame\n\n' | script -qec "$1" typescript >told 2>&1 || true
  tr -d '\r' <told | grep -E '^countersign: |is approved' | head -n 1
}
terminal "countersign approve $(<asked) --key own"
terminal "countersign approve $(<asked)"
spend
