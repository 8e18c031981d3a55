# Echoing: nobody is asked. The agent reads the token in the preview and sends it back.
# A confirm token is a check of intent, so this is done, and is on record as what it is: echo.
start
ask restart_container '{"container": "web"}'
ask restart_container "{\"container\": \"web\", \"confirmToken\": \"$(token)\"}"
