# Other people's asks: one was asked for at the shell, and the agent looks at it and takes it back over
# MCP; then it tries to decide.
# No tool shows or ends another principal's asks, and none decides.
start
id=$(countersign call restart_container container=web --json 2>/dev/null | jq -r .ask)
ask check_ask "{\"ask\": \"$id\"}"
ask cancel_ask "{\"ask\": \"$id\"}"
ask approve "{\"ask\": \"$id\"}"
ask list_asks '{}'
echo "Asks that wait: $(countersign asks --json | wc -l)."
