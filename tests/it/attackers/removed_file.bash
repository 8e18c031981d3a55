# What root gave and took back: bob approves as root, the agent's server reads that and keeps it in the
# agent's own state, and root removes the file. Nothing of what was kept is spent.
start
wants restart_container '{"container": "web"}'
countersign asks show "$(<asked)" --document >document
stop
#-- bob approves it as root
start
ask check_ask "{\"ask\": \"$(<asked)\", \"wait\": 0}"
cp "/var/lib/countersign/approvals/$(<asked).sig" kept
stop
cp -a "$XDG_STATE_HOME/countersign" before
#-- root removes the file
spend_it() { ask restart_container "{\"container\": \"web\", \"confirmToken\": \"$(<handle)\"}"; }
start
spend_it
echo 'From a copy of the state:'
rm -r "$XDG_STATE_HOME/countersign"
mv before "$XDG_STATE_HOME/countersign"
start
spend_it
echo 'Approved once more, by the signature that was kept:'
sql "UPDATE asks SET state = 'approved', signature = ?" kept
spend_it
run countersign approve "$(<asked)" --signature kept
try cp kept "/var/lib/countersign/approvals/$(<asked).sig"
