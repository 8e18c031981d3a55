# Replay of an approval: its handle is presented again in the same process, in another, and at a shell.
# It works once, for the one who asked, wherever the processes are. The command line is another principal
# than the client of MCP, so what one of them asked for is nobody else's to spend: that ask is over.
start
wants restart_container '{"container": "web"}'
alice countersign approve "$(<asked)"
start
spend
spend
start
spend
run countersign call restart_container container=web --confirm "$(<handle)"
wants restart_container '{"container": "web"}'
alice countersign approve "$(<asked)"
run countersign call restart_container container=web --confirm "$(<handle)"
spend
