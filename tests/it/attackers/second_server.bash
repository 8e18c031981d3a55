# A second server with a policy of its own. The system's file denies restarts.
# What the agent writes narrows and never widens: a project's file may not allow at all, and a user's
# does not outvote the system's. Only the engine's socket is a way around, for an account that may
# open it: `countersign doctor` says so.
start
ask restart_container '{"container": "web"}'
rule='[[rule]]
id = "anything"
effect = "allow"
match = { class = ["mutate"] }'
printf 'version = 1\n%s\n' "$rule" >mine.toml
try countersign mcp --policy mine.toml </dev/null
mkdir -p "$XDG_CONFIG_HOME/countersign"
printf 'version = 1\nbase = "replace"\n%s\n' "$rule" >"$XDG_CONFIG_HOME/countersign/policy.toml"
start
ask restart_container '{"container": "web"}'
try cp mine.toml /etc/countersign/policy.toml
try mv /etc/countersign /etc/away
try docker restart web
