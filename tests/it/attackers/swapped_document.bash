# Swapping the document between show and sign: alice reads the ask, and while she types her passphrase
# the agent puts another document in its place.
# What she was shown is what she signs, and what is stored then has to be that: refused, and recorded.
# Her signature, which the agent can lay hands on, fits nothing but what she was shown.
start
wants restart_container '{"container": "web", "timeout": 1}'
countersign asks show "$(<asked)" --document | sed 's/"timeout":1\b/"timeout":600/' >other
rm typing
alice countersign approve "$(<asked)" >approving &
until pgrep -f "$PWD/askpass" >/dev/null; do sleep 0.02; done
sql 'UPDATE documents SET text = ?' other
touch typing
wait $!
cat approving
ask restart_container "{\"container\": \"web\", \"timeout\": 600, \"confirmToken\": \"$(<handle)\"}"
