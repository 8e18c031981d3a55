# Other places: the agent starts servers of its own with a state, settings and a log that it chose, and
# with what alice approved once.
# Places do not approve anything: that takes her signature, over a document that names the log which the
# ask is on record in. It is spent there and nowhere else, so nothing of this is done. Whoever can take
# back both the state and that log can make them forget; the chain of the log then ends early, which an
# anchor shows. What stops that is a server, and with it the state and the log, on another account.
export state_file=$PWD/state/countersign/state.db
elsewhere() {
  rm -rf state log
  cp -a before state
  mkdir -m 700 log
  sql "UPDATE asks SET log = '$PWD/log'"
  XDG_STATE_HOME=$PWD/state XDG_CONFIG_HOME=$PWD/config AUDIT_DIR=$PWD/log start --toolsets all
}
mkdir -p config/countersign before
own_key own
echo "alice $(cut -d ' ' -f 1-2 own.pub)" >config/countersign/allowed_signers
start --toolsets all
wants restart_container '{"container": "web"}'
cp -a "$XDG_STATE_HOME/countersign" before
echo 'Approved by signers of its own:'
elsewhere
XDG_STATE_HOME=$PWD/state XDG_CONFIG_HOME=$PWD/config run countersign approve "$(<asked)" --key own
spend
echo 'A restart that alice approved, in a second place:'
alice countersign approve "$(<asked)"
rm -r before/countersign
cp -a "$XDG_STATE_HOME/countersign" before
start --toolsets all
spend
elsewhere
spend
echo 'The same, with the row as it was:'
rm -rf state
cp -a before state
XDG_STATE_HOME=$PWD/state XDG_CONFIG_HOME=$PWD/config AUDIT_DIR=$PWD/log start --toolsets all
spend
echo 'A signal that alice approved, in a second place:'
start --toolsets all
wants kill_container '{"container": "web", "signal": "SIGHUP"}'
alice countersign approve "$(<asked)"
rm -r before/countersign
cp -a "$XDG_STATE_HOME/countersign" before
spend
elsewhere
spend
