"""A person approves what the real Python client asks for.

Usage: approval.py PROGRAM CONTAINER APPROVE
"""

import asyncio
import subprocess
import sys

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client


def started(container):
    """When the engine last started the container, as it says."""
    words = ["docker", "inspect", "--format", "{{.State.StartedAt}}", container]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


async def call(client, tool, **arguments):
    """The answer's text, whether it is an error, and its data for programs."""
    answer = await client.call_tool(tool, arguments)
    text = "".join(block.text for block in answer.content)
    return text, answer.is_error, answer.meta["countersign/result"]


async def main(program, container, approve):
    server = StdioServerParameters(command=program, args=["mcp"])
    async with Client(stdio_client(server), mode="auto") as client:
        assert client.protocol_version == "2026-07-28", client.protocol_version
        before = started(container)
        wanted = {"container": container, "timeout": 1}
        text, error, data = await call(client, "restart_container", **wanted)
        assert data["status"] == "approval_required" and not error, text
        ask, handle = data["ask"], data["confirmToken"]
        assert f"countersign approve {ask}" in text and f"confirmToken={handle} " in text, text

        text, error, _ = await call(client, "check_ask", ask=ask)
        assert "nobody has decided yet" in text and not error, text
        again = {**wanted, "confirmToken": handle}
        text, error, data = await call(client, "restart_container", **again)
        assert data["status"] == "approval_required" and not error, text

        waiting = asyncio.create_task(call(client, "check_ask", ask=ask, wait=55))
        person = await asyncio.create_subprocess_exec(approve, ask, stdout=subprocess.DEVNULL)
        assert await person.wait() == 0, "alice could not approve"
        text, _, _ = await waiting
        assert "approved by alice" in text, text
        assert started(container) == before, "it restarted before it was asked to"

        text, error, data = await call(client, "restart_container", **again)
        assert data["status"] == "ok" and not error, text
        after = started(container)
        assert after != before, "the approved restart did not happen"
        text, error, data = await call(client, "restart_container", **again)
        assert error and data["reason"] == "token_used", text
        assert started(container) == after, "an approval worked twice"
    print("python: asked, waited, and restarted once when alice had approved")


asyncio.run(main(*sys.argv[1:]))
