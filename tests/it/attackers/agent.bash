# What an agent with a shell has: the server, spoken to over pipes, and jq.

# What the client says that it can do.
capabilities='{}'
with_dialogs() { capabilities='{"elicitation": {}}'; }

# stop: ends the server, and waits until it has let go of the state.
stop() {
  local ending=$SERVER_PID
  exec {to}>&-
  wait "$ending"
}

# start ARGUMENT…: a server, which is spoken to from now on.
start() {
  if [ -n "${SERVER_PID-}" ]; then stop; fi
  coproc SERVER { exec countersign mcp "$@" 2>>stderr; }
  # bash closes its own once the server has ended.
  exec {from}<&"${SERVER[0]}" {to}>&"${SERVER[1]}"
  eval "exec ${SERVER[1]}>&-"
}

# call PARAMS: calls a tool, and says the first line of its answer or of what it asks back. All of it
# is in $result.
call() {
  jq -cn --argjson params "$1" --argjson capabilities "$capabilities" '{
    jsonrpc: "2.0", id: 1, method: "tools/call", params: ($params + {
      _meta: {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": $capabilities,
        "io.modelcontextprotocol/clientInfo": {name: "attacker", version: "1"}
      }
    })
  }' >&"$to"
  local answer
  read -r answer <&"$from"
  result=$(jq -c .result <<<"$answer")
  jq -r 'if .inputRequests then "It asks: \(.inputRequests.confirm.params.message)"
    else .content[0].text end' <<<"$result" | head -n 1
}

# ask TOOL ARGUMENTS: calls a tool.
ask() {
  echo "> $1 $2"
  params=$(jq -cn --arg tool "$1" --argjson arguments "$2" '{name: $tool, arguments: $arguments}')
  call "$params"
}

# The state that the client was told to come back with.
state() { jq -r .requestState <<<"$result"; }

# answer STATE: sends the last call again, with that state and a yes.
answer() {
  echo '> yes'
  call "$(jq -cn --argjson params "$params" --arg state "$1" '$params + {
    requestState: $state, inputResponses: {confirm: {action: "accept", content: {confirm: true}}}
  }')"
}

# The confirm token of the last answer.
token() { grep -oE 'confirmToken=[0-9a-f]{32}' <<<"$result" | cut -d= -f2; }

# The id of the ask that the last answer is about.
ask_id() { jq -r '._meta["countersign/result"].ask' <<<"$result"; }

# try COMMAND…: says whether it worked.
try() {
  echo "\$ $*"
  if "$@" 2>>stderr; then echo 'it worked'; else echo 'it did not work'; fi
}
