"""Drives the real server with the real Python client, in both eras of the protocol, without dialogs
and with them.

Usage: client.py PROGRAM CONTAINER AUDIT_DIR
"""

import asyncio
import subprocess
import sys

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import ElicitResult

ERAS = {"auto": "2026-07-28", "legacy": "2025-11-25"}
TOOLS = {"ping", "list_containers", "get_container_logs", "restart_container"}
# Somebody sits before the client, or a program does: how long it takes to answer a dialog.
READING = 0.4
YES = ElicitResult(action="accept", content={"confirm": True})
HINTS = ("read_only_hint", "destructive_hint", "idempotent_hint", "open_world_hint")


def started(container):
    """When the engine last started the container, as it says."""
    words = ["docker", "inspect", "--format", "{{.State.StartedAt}}", container]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


async def call(client, tool, **arguments):
    """The answer's text, whether it is an error, and its data for programs."""
    answer = await client.call_tool(tool, arguments)
    assert answer.structured_content is None, "the text must be the answer"
    text = "".join(block.text for block in answer.content)
    return text, answer.is_error, answer.meta["countersign/result"]


async def refused(client, reason, tool, **arguments):
    """The call must be refused for that reason, in words that a reader sees as a refusal."""
    text, error, data = await call(client, tool, **arguments)
    assert error and text.startswith("Error: "), text
    assert (data["status"], data["reason"]) == ("denied", reason), data


async def lists(client):
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert TOOLS <= tools.keys(), sorted(tools)
    for tool in tools.values():
        unset = [hint for hint in HINTS if getattr(tool.annotations, hint) is None]
        assert not unset, (tool.name, unset)
    assert tools["list_containers"].annotations.read_only_hint
    assert not tools["restart_container"].annotations.read_only_hint


async def reads(client, container):
    text, error, _ = await call(client, "ping")
    assert (text, error) == ("pong", False), text
    text, error, data = await call(client, "list_containers", name=container)
    assert container in text and not error and data["status"] == "ok", text
    await refused(client, "invalid_argument", "list_containers", nonsense=1)
    await refused(client, "unclassified", "no_such_tool")


async def restarts(client, container):
    before = started(container)
    text, error, data = await call(client, "restart_container", container=container, timeout=1)
    assert data["status"] == "confirmation_required" and not error, text
    token = data["confirmToken"]
    assert f"confirmToken={token} (single use, valid 120 s)." in text, text
    assert started(container) == before, "a preview restarted the container"

    again = {"container": container, "timeout": 1, "confirmToken": token}
    text, error, data = await call(client, "restart_container", **again)
    assert data["status"] == "ok" and not error, text
    after = started(container)
    assert after != before, "the confirmed restart did not happen"

    await refused(client, "token_used", "restart_container", **again)
    assert started(container) == after, "a replayed token restarted the container"


class Dialog:
    """What answers the client's dialogs, as it is told to."""

    async def __call__(self, _context, params):
        self.shown = params.message
        await asyncio.sleep(self.after)
        return self.answer

    async def restart(self, client, container, answer, after):
        self.answer, self.after, self.shown = answer, after, None
        return await call(client, "restart_container", container=container, timeout=1)


async def asks(client, dialog, container):
    before = started(container)
    text, error, data = await dialog.restart(client, container, YES, READING)
    assert data["status"] == "ok" and not error, text
    assert container in dialog.shown and "Restart" in dialog.shown, dialog.shown
    assert "confirmToken" not in dialog.shown, "the dialog shows the token"
    assert started(container) != before, "the confirmed restart did not happen"

    before = started(container)
    # Nobody reads so fast, so nobody was asked: what is left is the token.
    text, error, data = await dialog.restart(client, container, YES, 0)
    assert data["status"] == "confirmation_required" and "confirmToken=" in text, text
    for action, reason in [("cancel", "assurance_too_low"), ("decline", "approval_denied")]:
        said = ElicitResult(action=action)
        text, error, data = await dialog.restart(client, container, said, READING)
        assert error and "confirmToken=" not in text, text
        assert (data["status"], data["reason"]) == ("denied", reason), text
    assert started(container) == before, "it restarted without a yes"


async def main(program, container, audit_dir):
    server = StdioServerParameters(command=program, args=["mcp", "--audit-dir", audit_dir])
    for mode, version in ERAS.items():
        async with Client(stdio_client(server), mode=mode) as client:
            assert client.protocol_version == version, client.protocol_version
            await lists(client)
            await reads(client, container)
            await restarts(client, container)
        print(f"python, {mode}: MCP {version}, listed, read, previewed, restarted, refused a replay")
        dialog = Dialog()
        async with Client(stdio_client(server), mode=mode, elicitation_callback=dialog) as client:
            await asks(client, dialog, container)
        print(f"python, {mode}: restarted by its dialog; declined, closed and unread ones did nothing")


asyncio.run(main(*sys.argv[1:]))
