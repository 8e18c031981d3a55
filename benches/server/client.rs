//! The server as a child process, spoken to over pipes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// The release build, the one that people run.
pub(crate) const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/release/countersign");

pub(crate) struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    id: u64,
}

impl Server {
    /// Starts it and shakes hands.
    pub(crate) fn start(audit_dir: &Path) -> Self {
        Self::start_with(audit_dir, None)
    }

    /// As [`Self::start`], with the user's files in a folder.
    pub(crate) fn start_with(audit_dir: &Path, config_home: Option<&Path>) -> Self {
        let mut command = Command::new(PROGRAM);
        if let Some(home) = config_home {
            command.env("XDG_CONFIG_HOME", home);
        }
        let mut child = command
            .args(["mcp", "--audit-dir"])
            .arg(audit_dir.join("audit"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("target/release/countersign: run scripts/bench");
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut server = Self { child, stdin, stdout, id: 0 };
        server.request(
            "initialize",
            &json!({
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "bench", "version": "1"},
            }),
        );
        server.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        server
    }

    fn send(&mut self, message: &Value) {
        let mut line = message.to_string();
        line.push('\n');
        self.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
    }

    fn receive(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    fn request(&mut self, method: &str, params: &Value) -> String {
        self.id += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}));
        self.receive()
    }

    /// Calls a tool and gives the line that it answers with, not looked at.
    pub(crate) fn call_line(&mut self, tool: &str, arguments: &Value) -> String {
        self.request("tools/call", &json!({"name": tool, "arguments": arguments}))
    }

    /// Calls a tool and gives the text of its answer.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> String {
        text(&self.call_line(tool, arguments))
    }

    /// Calls a tool so many times before an answer is awaited; the lines that come back.
    pub(crate) fn call_at_once(
        &mut self,
        tool: &str,
        arguments: &Value,
        times: usize,
    ) -> Vec<String> {
        let params = json!({"name": tool, "arguments": arguments});
        for _ in 0..times {
            self.id += 1;
            let id = self.id;
            self.send(
                &json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}),
            );
        }
        (0..times).map(|_| self.receive()).collect()
    }

    /// As [`Self::call`], with the highest memory seen meanwhile, in KiB.
    pub(crate) fn call_watched(&mut self, tool: &str, arguments: &Value) -> (String, u64) {
        self.id += 1;
        let params = json!({"name": tool, "arguments": arguments});
        self.send(
            &json!({"jsonrpc": "2.0", "id": self.id, "method": "tools/call", "params": params}),
        );
        let pid = self.child.id();
        std::thread::scope(|scope| {
            let (done, watch) = std::sync::mpsc::channel::<()>();
            let peak = scope.spawn(move || {
                let mut peak = pss_kib(pid);
                while watch.recv_timeout(std::time::Duration::from_millis(5)).is_err() {
                    peak = peak.max(pss_kib(pid));
                }
                peak.max(pss_kib(pid))
            });
            let line = self.receive();
            done.send(()).unwrap();
            (text(&line), peak.join().unwrap())
        })
    }

    /// The tool list as it goes over the wire.
    pub(crate) fn tool_list(&mut self) -> String {
        let line = self.request("tools/list", &json!({}));
        let value: Value = serde_json::from_str(&line).unwrap();
        value["result"]["tools"].to_string()
    }

    pub(crate) fn pss_kib(&self) -> u64 {
        pss_kib(self.child.id())
    }
}

pub(crate) fn text(line: &str) -> String {
    let value: Value = serde_json::from_str(line).unwrap();
    let result = &value["result"];
    assert_eq!(result["isError"], json!(false), "{line}");
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

fn pss_kib(pid: u32) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"));
    let is_closed = |error: &std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
    assert!(!rollup.as_ref().is_err_and(is_closed), "only root sees what the program takes");
    let rollup = rollup.unwrap_or_default();
    let line = rollup.lines().find(|line| line.starts_with("Pss:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or_default()
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        drop(self.child.wait());
    }
}
