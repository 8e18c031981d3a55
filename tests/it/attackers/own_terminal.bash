# A terminal of its own: the system's rule takes `tty` alone, and the agent opens a terminal, reads the
# preview and types the target's name.
# The agent's account can play a terminal as well as use one, so this is done, and is on record as
# what it is: tty. It keeps dialogs and tokens out, and never stands for a person.
start
ask restart_container '{"container": "web"}'
with_dialogs
ask restart_container '{"container": "web"}'
echo 'At a terminal:'
script -qec 'countersign call restart_container container=web' typescript <<<web | grep -o 'Restarted web.*' | tr -d '\r'
