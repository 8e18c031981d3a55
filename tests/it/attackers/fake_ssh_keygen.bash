# A false ssh-keygen: the agent puts one on alice's path, which would sign something else or keep what she
# types.
# `approve` does not look along the path, so alice's own is run. (Who can write her shell's settings can
# put a false `countersign` there as well: approve from an account that the agent is not on.)
mkdir bin
cat >bin/ssh-keygen <<'EOF'
#!/bin/sh
touch was-run
EOF
chmod +x bin/ssh-keygen
start
wants restart_container '{"container": "web"}'
PATH=$PWD/bin:$PATH alice countersign approve "$(<asked)"
try test -e was-run
spend
