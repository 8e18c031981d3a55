"""A stand-in of the model that Claude Code talks to: a few sentences of its API, on this machine.

It asks for one tool, then for the same with the confirmToken that it was handed, then ends. Told of an
ask, it waits for that with another tool in between. Whatever else is asked of it, it refuses: as the
client's proxy, it is its only way out.
"""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = re.compile(r"confirmToken=([0-9a-f]{32})")
ASK = re.compile(r"countersign approve ([0-9A-Z]{4}-[0-9A-Z]{4})")


def texts(content):
    """The texts of a message's content, or of a tool result's."""
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [block["text"] for block in blocks if block["type"] == "text"]


class Model:
    """Wants `tool` to be called with `arguments`. `heard` is what each call came back with. Told of an
    ask, it tells `asked`, and waits for it with `check`."""

    def __init__(self, tool, arguments, check=None, asked=None):
        self.tool, self.arguments = tool, arguments
        self.check, self.asked = check, asked
        self.heard, self.refused = [], []
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                path = self.path.split("?")[0]
                if path == "/v1/messages/count_tokens":
                    return self.answer("application/json", json.dumps({"input_tokens": 1}))
                if path != "/v1/messages":
                    return self.refuse()
                message = model.message(body)
                if body.get("stream"):
                    return self.answer("text/event-stream", stream(message))
                self.answer("application/json", json.dumps(message))

            def answer(self, kind, text):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def refuse(self):
                model.refused.append(f"{self.command} {self.path}")
                self.close_connection = True
                self.send_error(403)

            do_GET = do_HEAD = do_CONNECT = refuse

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def message(self, body):
        """The answer to a conversation."""
        if self.tool not in [tool["name"] for tool in body.get("tools", [])]:
            # A side question, such as one for a title.
            return message(body, {"type": "text", "text": "Restarting"}, "end_turn")
        blocks = [b for m in body["messages"] if not isinstance(m["content"], str) for b in m["content"]]
        results = [block for block in blocks if block["type"] == "tool_result"]
        self.heard = ["".join(texts(result["content"])) for result in results]
        name, arguments = self.tool, dict(self.arguments)
        if self.heard:
            last = self.heard[-1]
            ask, was_ask = ASK.search(last), len(self.heard) > 1 and ASK.search(self.heard[-2])
            token = TOKEN.search(self.heard[-2] if was_ask else last)
            if not token:
                return message(body, {"type": "text", "text": "That was all."}, "end_turn")
            if ask:
                self.asked(ask[1])
                name, arguments = self.check, {"ask": ask[1], "wait": 55}
            else:
                arguments["confirmToken"] = token[1]
        use = {"type": "tool_use", "id": f"toolu_{len(results)}", "name": name, "input": arguments}
        return message(body, use, "tool_use")


def message(body, block, why):
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [block],
        "stop_reason": why,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def stream(message):
    """A message as the events in which it is streamed."""
    block = message["content"][0]
    if block["type"] == "text":
        begun = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": block["text"]}
    else:
        begun = {**block, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events = [
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": begun},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
