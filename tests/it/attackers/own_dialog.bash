# Answering its own dialog: the agent plays the client, and says yes after a while.
# Nothing tells it from a person: what a client's dialog says is the client's word. So this is done,
# and is on record as what it is: elicit. A rule that takes `tty` alone keeps it out.
with_dialogs
start
ask restart_container '{"container": "web"}'
sleep 0.5
answer "$(state)"
