# Flooding: the agent asks for so much that alice waves it through or overlooks what matters.
# The same plan is one ask, however often it is asked for, and no more than 16 are open at a time.
start
for timeout in $(seq 1 16); do
  ask restart_container "{\"container\": \"web\", \"timeout\": $timeout}" >/dev/null
  ask restart_container "{\"container\": \"web\", \"timeout\": $timeout}" >/dev/null
done
echo "Asks that wait: $(countersign asks --json | wc -l)."
ask restart_container '{"container": "web", "timeout": 17}'
start
ask restart_container '{"container": "web", "timeout": 18}'
