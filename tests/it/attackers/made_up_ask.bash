# A made-up ask: before alice sees it, the agent writes into the stored document what it wants her to
# read: another class, a harmless rule, more time, a soft preview.
# What she signs is compared with what is decided when it is spent: operation, targets, arguments, facts,
# class, rule and time. The words of the preview are not: on the agent's own account they are the
# agent's to write, so alice goes by the lines above it. What stops that is a server on another account.
start
made_up() {
  echo "$1:"
  wants restart_container "{\"container\": \"web\", \"timeout\": $2}"
  countersign asks show "$(<asked)" --document >document
  sed -E "$3" document >other
  sql 'UPDATE documents SET text = ? WHERE ask = (SELECT max(seq) FROM asks)' other
  alice countersign approve "$(<asked)"
  spend
}
made_up 'Another class' 1 's/"class":"mutate"/"class":"read"/'
made_up 'Another rule' 2 's/"why":"[^"]*"/"why":"a formality"/'
made_up 'More time' 3 's/"expires":"20/"expires":"29/'
made_up 'Another operation' 4 's/"operation":"restart_container"/"operation":"start_container"/'
made_up 'Another preview' 5 's/Preview: [^.]*\./Preview: Look at web./'
