"""Runs Claude Code headless against the real server and a stand-in of its model.

Usage: client.py CLAUDE PROGRAM CONTAINER AUDIT_DIR

Nobody sits before it, so it cancels a dialog at once, and the change is confirmed by its token.
"""

import json
import os
import subprocess
import sys
import tempfile

from model import Model

TOOL = "mcp__countersign__restart_container"


def started(container):
    """When the engine last started the container, as it says."""
    words = ["docker", "inspect", "--format", "{{.State.StartedAt}}", container]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def run(claude, model, server, home, *more):
    """What it prints, one JSON object a line. Its home is its own, and all its network the model."""
    config = os.path.join(home, "mcp.json")
    with open(config, "w") as file:
        json.dump({"mcpServers": {"countersign": server}}, file)
    words = [claude, "-p", "Restart the container.", "--mcp-config", config, "--strict-mcp-config"]
    words += ["--allowedTools", TOOL, "--output-format", "stream-json", "--verbose", *more]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "ANTHROPIC_BASE_URL": model.address,
        "ANTHROPIC_API_KEY": "none",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        # Tools are offered to the model at once, not found by it.
        "ENABLE_TOOL_SEARCH": "false",
        "HTTP_PROXY": model.address,
        "HTTPS_PROXY": model.address,
        "NO_PROXY": "127.0.0.1",
    }
    ran = subprocess.run(
        words, cwd=home, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, (ran.returncode, ran.stdout[-2000:], ran.stderr[-2000:], model.refused)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def main(claude, program, container, audit_dir):
    model = Model(TOOL, {"container": container, "timeout": 1})
    server = {"command": program, "args": ["mcp", "--audit-dir", audit_dir]}
    before = started(container)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        said = run(claude, model, server, home)

    [servers] = [line["mcp_servers"] for line in said if line.get("subtype") == "init"]
    assert [(s["name"], s["status"]) for s in servers] == [("countersign", "connected")], servers
    preview, done = model.heard
    assert "Nothing has changed." in preview and "confirmToken=" in preview, preview
    assert done.startswith("Restarted ") and container in done, done
    assert started(container) != before, "the confirmed restart did not happen"
    print("claude code, headless: the model read the preview with its token, and restarted with it")


main(*sys.argv[1:])
