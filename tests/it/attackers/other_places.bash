# Other places: the agent starts servers of its own with a state, settings and a log that it chose, and
# with what alice approved once.
# Places do not approve anything: that takes her signature, and hers is for one plan, which a restart
# changes by itself. But what changes nothing that a plan is bound to can be done a second time so,
# until the approval expires: who can write state and log both can make them forget. What stops it is a
# server, and with it the state and the log, on an account that is not the agent's.
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
echo 'A signal that alice approved, in a second place:'
start --toolsets all
wants kill_container '{"container": "web", "signal": "SIGHUP"}'
alice countersign approve "$(<asked)"
rm -r before/countersign
cp -a "$XDG_STATE_HOME/countersign" before
spend
elsewhere
spend
