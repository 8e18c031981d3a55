# A log that cannot be written while alice takes her approval back: it is of the agent's own account, and so
# is the state, in which her approval is put back. She is told that the log cannot be written. Once she says
# it again, nothing puts her approval back; where she leaves it at that, it is spent: no log knows better.
keep_from_writing() { try chmod 0400 "$AUDIT_DIR"/*.jsonl; }
let_write() { try chmod 0600 "$AUDIT_DIR"/*.jsonl; }
put_back() { sql "UPDATE asks SET state = 'approved' WHERE state = 'revoked'"; }
start
wants restart_container '{"container": "web"}'
alice countersign approve "$(<asked)"
keep_from_writing
alice countersign revoke "$(<asked)" --reason 'not yet'
spend
let_write
alice countersign revoke "$(<asked)" --reason 'not yet'
put_back
spend
echo 'Where she leaves it at that:'
wants restart_container '{"container": "web", "timeout": 5}'
alice countersign approve "$(<asked)"
keep_from_writing
alice countersign revoke "$(<asked)" --reason 'not yet'
let_write
put_back
spend
