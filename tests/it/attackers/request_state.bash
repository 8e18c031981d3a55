# Forging and replaying the state of a question that the client comes back with.
# It works once, for its own request, in the process that gave it.
with_dialogs
start
ask restart_container '{"container": "web"}'
echo 'One of its own making:'
answer 'rs1.e30.AAAA'
ask restart_container '{"container": "web"}'
state=$(state)
echo 'One with a character changed:'
case $state in
  0*) answer "1${state#0}" ;;
  *) answer "0${state#?}" ;;
esac
echo 'For other arguments:'
ask restart_container '{"container": "web", "timeout": 1}' >/dev/null
sleep 0.5
answer "$state"
echo 'For another operation:'
ask restart_container '{"container": "web"}'
state=$(state)
ask stop_container '{"container": "web"}' >/dev/null
sleep 0.5
answer "$state"
echo 'Twice:'
ask restart_container '{"container": "web"}'
state=$(state)
sleep 0.5
answer "$state"
answer "$state"
echo 'In another process:'
ask restart_container '{"container": "web"}'
state=$(state)
start
sleep 0.5
answer "$state"
