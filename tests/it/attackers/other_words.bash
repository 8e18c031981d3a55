# Asking in other words: alice denies it, and the agent asks for the same again: with other arguments,
# by id, in another process, and at the shell.
# What was denied cools down, whatever the arguments, for each way in: over MCP nobody is asked again. The
# shell is another way in, so there alice is asked once more, and can deny that too.
start
wants restart_container '{"container": "web"}'
alice countersign deny "$(<asked)" --reason 'not during the fair'
spend
ask restart_container '{"container": "web"}'
ask restart_container '{"container": "web", "timeout": 60}'
ask restart_container '{"container": "5eb000000000"}'
start
ask restart_container '{"container": "web"}'
echo '$ countersign call restart_container container=web'
countersign call restart_container container=web 2>/dev/null | head -n 1
