"""Runs Claude Code headless against the real server and a stand-in of its model.

Usage: client.py CLAUDE PROGRAM CONTAINER AUDIT_DIR
       client.py CLAUDE PROGRAM CONTAINER AUDIT_DIR APPROVE    where restarts want a person

Nobody sits before it, so it cancels a dialog at once. The change is then confirmed by its token, or
not at all, where settings take only dialogs. Where a person has to approve, its model waits for that.
"""

import json
import os
import subprocess
import sys
import tempfile

from model import Model

TOOL = "mcp__countersign__restart_container"
CHECK = "mcp__countersign__check_ask"


def started(container):
    """When the engine last started the container, as it says."""
    words = ["docker", "inspect", "--format", "{{.State.StartedAt}}", container]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def run(claude, model, server, policy):
    """What it prints, one JSON object a line. Its home is its own, and all its network the model."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        users = os.path.join(home, ".config", "countersign")
        os.makedirs(users)
        with open(os.path.join(users, "policy.toml"), "w") as file:
            file.write(policy)
        config = os.path.join(home, "mcp.json")
        with open(config, "w") as file:
            json.dump({"mcpServers": {"countersign": server}}, file)
        words = [claude, "-p", "Restart the container.", "--mcp-config", config, "--strict-mcp-config"]
        words += ["--allowedTools", f"{TOOL},{CHECK}", "--output-format", "stream-json", "--verbose"]
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
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        ran = subprocess.run(words, cwd=home, env=environment, text=True, timeout=120, **pipes)
    ends = ran.stdout[-2000:], ran.stderr[-2000:]
    assert ran.returncode == 0, (ran.returncode, *ends, model.refused)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def hears(claude, program, container, audit_dir, policy, asked=None):
    """What its model is told by each call, under this policy of the user's."""
    model = Model(TOOL, {"container": container, "timeout": 1}, CHECK, asked)
    server = {"command": program, "args": ["mcp", "--audit-dir", audit_dir]}
    said = run(claude, model, server, policy)
    [servers] = [line["mcp_servers"] for line in said if line.get("subtype") == "init"]
    assert [(s["name"], s["status"]) for s in servers] == [("countersign", "connected")], servers
    return model.heard


def approved(claude, program, container, audit_dir, approve):
    """Where a person has to approve, as one does while the model waits."""
    people = []
    before = started(container)

    def person(ask):
        words = 'sleep 1; exec "$0" "$1" >/dev/null'
        people.append(subprocess.Popen(["sh", "-c", words, approve, ask]))

    asked, decided, done = hears(claude, program, container, audit_dir, "version = 1\n", person)
    assert [one.wait() for one in people] == [0], "alice could not approve, or more than once"
    assert "This wants a person's approval" in asked and "Nothing has changed" in asked, asked
    assert "approved by alice" in decided, decided
    assert done.startswith("Restarted ") and container in done, done
    assert started(container) != before, "the approved restart did not happen"
    print("claude code, headless: the model was told of the ask, waited, and restarted when alice approved")


def main(claude, program, container, audit_dir):
    before = started(container)
    preview, done = hears(claude, program, container, audit_dir, "version = 1\n")
    assert "Nothing has changed." in preview and "confirmToken=" in preview, preview
    assert done.startswith("Restarted ") and container in done, done
    after = started(container)
    assert after != before, "the confirmed restart did not happen"
    print("claude code, headless: the model read the preview with its token, and restarted with it")

    only_dialogs = 'version = 1\n[confirm]\nvia = "elicit"\n'
    [refused] = hears(claude, program, container, audit_dir, only_dialogs)
    assert "answers dialogs by itself" in refused and "confirmToken=" not in refused, refused
    assert started(container) == after, "it restarted without a yes"
    print("claude code, headless: it closed the dialog at once, and was not taken for a person")


words = sys.argv[1:]
(main if len(words) == 4 else approved)(*words)
