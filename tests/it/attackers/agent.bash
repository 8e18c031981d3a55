# What an agent with a shell has: the server, spoken to over pipes, and jq.

# start ARGUMENT…: a server, which `ask` talks to from now on.
start() {
  if [ -n "${SERVER_PID-}" ]; then
    exec {to}>&-
    wait "$SERVER_PID"
  fi
  coproc SERVER { exec countersign mcp "$@" 2>>stderr; }
  # bash closes its own once the server has ended.
  exec {from}<&"${SERVER[0]}" {to}>&"${SERVER[1]}"
  eval "exec ${SERVER[1]}>&-"
}

# ask TOOL ARGUMENTS: calls a tool and says the first line of its answer. All of it is in $text.
ask() {
  jq -cn --arg tool "$1" --argjson arguments "$2" '{
    jsonrpc: "2.0", id: 1, method: "tools/call", params: {
      name: $tool, arguments: $arguments, _meta: {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {name: "attacker", version: "1"}
      }
    }
  }' >&"$to"
  local answer
  read -r answer <&"$from"
  text=$(jq -r .result.content[0].text <<<"$answer")
  echo "> $1 $2"
  head -n 1 <<<"$text"
}

# The confirm token of the last answer.
token() { grep -oE 'confirmToken=[0-9a-f]{32}' <<<"$text" | cut -d= -f2; }

# try COMMAND…: says whether it worked.
try() {
  echo "\$ $*"
  if "$@" 2>>stderr; then echo 'it worked'; else echo 'it did not work'; fi
}
