# A log that cannot be written while alice takes her approval back: it is of the agent's own account, and so
# is the state, in which her approval is put back. She is told that it is not on record; said again, it is,
# and nothing puts it back. What she leaves at that is spent: the log cannot know of it.
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
