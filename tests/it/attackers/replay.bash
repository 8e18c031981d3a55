# Replay: a confirm token is presented a second time, for something else, and in another process.
# It works once, for its own request, in the process that gave it.
start
ask restart_container '{"container": "web"}'
token=$(token)
ask restart_container "{\"container\": \"web\", \"confirmToken\": \"$token\"}"
ask restart_container "{\"container\": \"web\", \"confirmToken\": \"$token\"}"
ask restart_container '{"container": "web"}'
token=$(token)
ask stop_container "{\"container\": \"web\", \"confirmToken\": \"$token\"}"
ask restart_container "{\"container\": \"web\", \"confirmToken\": \"$token\"}"
ask restart_container '{"container": "web"}'
token=$(token)
start
ask restart_container "{\"container\": \"web\", \"confirmToken\": \"$token\"}"
