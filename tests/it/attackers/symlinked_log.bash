# A log that goes elsewhere: the folder of the audit log is a link to one that the agent empties.
# A log that is reached through a link is refused, and without a log nothing is done or shown.
mkdir -m 700 elsewhere
ln -s "$PWD/elsewhere" link
start --audit-dir link
ask list_containers '{}'
ask restart_container '{"container": "web"}'
mkdir -m 700 log
ln -s "$PWD/elsewhere/x" "log/audit-$(date -u +%Y%m%d).jsonl"
start --audit-dir log
ask list_containers '{}'
ask restart_container '{"container": "web"}'
echo "In the other folder: $(find elsewhere -mindepth 1 | wc -l) files."
