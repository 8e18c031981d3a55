# Editing the state: what waits is a file of the agent's own account, and it writes there what it likes.
# What is spent is verified again: the signature, over the document byte by byte, by somebody who is
# trusted now; and what the audit log has as spent or taken back stays so. So nothing of this is done.
own_key own
start
wants restart_container '{"container": "web"}'
echo 'Approved, by nobody:'
sql "UPDATE asks SET state = 'approved'"
spend
echo 'Approved, by a signature of its own:'
countersign asks show "$(<asked)" --document >document
sign_with own document >signature
sql "UPDATE asks SET signature = ?" signature
spend
sql "UPDATE asks SET state = 'pending', signature = NULL"

echo 'Another document, once alice has approved the first:'
alice countersign approve "$(<asked)"
sed 's/"timeout":10/"timeout":9/' document >other
sql 'UPDATE documents SET text = ?' other
ask restart_container "{\"container\": \"web\", \"timeout\": 9, \"confirmToken\": \"$(<handle)\"}"
echo 'More time than she gave:'
sed -E 's/"expires":"20/"expires":"29/' document >other
sql 'UPDATE documents SET text = ?' other
sql 'UPDATE asks SET expires = expires + 864000000000'
spend
sql 'UPDATE documents SET text = ?' document
sql 'UPDATE asks SET expires = expires - 864000000000'

echo 'A second time:'
cp -a "$XDG_STATE_HOME/countersign" before
spend
sql "UPDATE asks SET state = 'approved'"
spend
from_a_copy() {
  rm -r "$XDG_STATE_HOME/countersign"
  mv before "$XDG_STATE_HOME/countersign"
  start
  spend
}
echo 'A second time, from a copy of the state:'
from_a_copy

echo 'From a copy of the state, what alice took back:'
wants restart_container '{"container": "web"}'
alice countersign approve "$(<asked)"
cp -a "$XDG_STATE_HOME/countersign" before
alice countersign revoke "$(<asked)" --reason 'not yet'
from_a_copy
