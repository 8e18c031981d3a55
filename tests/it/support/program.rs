//! The real program in a folder of its own, and a small client of its MCP face.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fs, io};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything is waited for. Far longer than anything takes, so that a slow machine is none
/// of the tests' business.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// An address at which there is no engine.
pub(crate) const NOWHERE: &str = "unix:///nonexistent.sock";

/// The revision that legacy clients of these tests ask for.
pub(crate) const LEGACY: &str = "2025-06-18";

/// The revision of requests that carry everything in their `_meta`.
pub(crate) const MODERN: &str = "2026-07-28";

#[expect(clippy::disallowed_methods, reason = "the tests start the real program")]
pub(crate) fn command(program: &str) -> Command {
    Command::new(program)
}

/// A folder to run the program in: a home, an empty working folder, and a place for the log.
pub(crate) struct Sandbox(TempDir);

impl Sandbox {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        for name in ["home", "work"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The working folder.
    pub(crate) fn work(&self) -> PathBuf {
        self.path().join("work")
    }

    /// The log's folder. It does not exist yet.
    pub(crate) fn log(&self) -> PathBuf {
        self.path().join("log")
    }

    /// The program with these arguments, with nothing of this process's environment but the path.
    pub(crate) fn program(&self, args: &[&str]) -> Command {
        let mut command = command(env!("CARGO_BIN_EXE_countersign"));
        self.dress(&mut command);
        command.args(args);
        command
    }

    /// Gives any command the environment that the program runs in.
    pub(crate) fn dress(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.path().join("home"))
            .env("AUDIT_DIR", self.log())
            .env("DOCKER_HOST", NOWHERE)
            .current_dir(self.work())
            .stdin(Stdio::null());
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.program(args).output().unwrap())
    }

    /// Starts serving MCP.
    pub(crate) fn serve(&self, args: &[&str]) -> Session {
        Session::start(self.program(&["mcp"]).args(args))
    }

    /// Every line of the log, oldest first; none if there is no log.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let Ok(folder) = fs::read_dir(self.log()) else { return Vec::new() };
        let mut files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        files.sort();
        let texts: Vec<String> = files.iter().map(|f| fs::read_to_string(f).unwrap()).collect();
        let lines = texts.iter().flat_map(|text| text.lines());
        lines
            .map(|line| {
                assert!(line.len() < 64 * 1024, "a line of {} bytes", line.len());
                serde_json::from_str(line).unwrap()
            })
            .collect()
    }

    /// The lines of requests: without those that the log writes of itself.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let mut lines = self.lines();
        lines.retain(|line| line["event"] != "opened");
        lines
    }

    /// Waits until so many events are on record.
    pub(crate) fn await_events(&self, count: usize) {
        let step = Duration::from_millis(20);
        let mut left = PATIENCE;
        while self.events().len() < count {
            left = left.checked_sub(step).expect("there is no such record");
            thread::sleep(step);
        }
    }

    /// The events of [`Self::requests`].
    pub(crate) fn events(&self) -> Vec<String> {
        self.requests().iter().map(|line| line["event"].as_str().unwrap().to_owned()).collect()
    }
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: code(output.status),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard output as one JSON value.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| -status.signal().unwrap())
}

/// A client of the program's MCP face. Whatever it receives has to be JSON-RPC.
pub(crate) struct Session {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Vec<u8>>,
    kept: VecDeque<Value>,
    stderr: Option<JoinHandle<String>>,
    next: u64,
    /// How long an answer is waited for.
    pub(crate) patience: Duration,
}

impl Session {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let (sender, lines) = channel();
        thread::spawn(move || {
            loop {
                let mut line = Vec::new();
                match stdout.read_until(b'\n', &mut line) {
                    Ok(1..) if sender.send(line).is_ok() => {}
                    _ => return,
                }
            }
        });
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let stdin = child.stdin.take();
        let kept = VecDeque::new();
        Self { child, stdin, lines, kept, stderr: Some(stderr), next: 1, patience: PATIENCE }
    }

    /// The process's id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes these bytes. That the program has gone is seen by what does not come back.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        match stdin.write_all(bytes).and_then(|()| stdin.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => panic!("{error}"),
            _ => {}
        }
    }

    /// Sends one message.
    pub(crate) fn send(&mut self, message: &Value) {
        self.write(format!("{message}\n").as_bytes());
    }

    /// The next message.
    pub(crate) fn receive(&mut self) -> Value {
        if let Some(message) = self.kept.pop_front() {
            return message;
        }
        message(&self.lines.recv_timeout(self.patience).expect("no answer"))
    }

    /// The answer to the request with this id. Others are kept.
    pub(crate) fn answer(&mut self, id: &Value) -> Value {
        if let Some(place) = self.kept.iter().position(|message| message["id"] == *id) {
            return self.kept.remove(place).unwrap();
        }
        loop {
            let next = message(&self.lines.recv_timeout(self.patience).expect("no answer"));
            if next["id"] == *id {
                return next;
            }
            self.kept.push_back(next);
        }
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn request(&mut self, method: &str, params: &Value) -> Value {
        let id = json!(self.ask(method, params));
        self.answer(&id)
    }

    /// Sends a request and gives its id.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> u64 {
        let id = self.next;
        self.next += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// The handshake of legacy clients; the result of `initialize`.
    pub(crate) fn initialize(&mut self, version: &str) -> Value {
        let params = json!({
            "protocolVersion": version,
            "capabilities": {},
            "clientInfo": {"name": "tester", "version": "7"},
        });
        let answer = self.request("initialize", &params);
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        answer["result"].clone()
    }

    /// Calls a tool; its result.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let answer = self.request("tools/call", &json!({"name": tool, "arguments": arguments}));
        answer.get("result").cloned().unwrap_or_else(|| panic!("no result: {answer}"))
    }

    /// Shows that the connection lives.
    pub(crate) fn lives(&mut self) {
        assert_eq!(text(&self.call("ping", &json!({}))), "pong");
    }

    /// Closes standard input and leaves the rest to [`Self::end`].
    pub(crate) fn hang_up(&mut self) {
        drop(self.stdin.take());
    }

    /// Closes standard input and waits for the end: the exit code, what came in the meantime, and
    /// standard error.
    pub(crate) fn end(mut self) -> (i32, Vec<Value>, String) {
        self.hang_up();
        let mut rest: Vec<Value> = self.kept.drain(..).collect();
        // The reader's thread ends with standard output, and that with the process.
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            rest.push(message(&line));
        }
        let status = self.child.wait().unwrap();
        (code(status), rest, self.stderr.take().unwrap().join().unwrap())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Its end may be long past.
        self.child.kill().unwrap_or_default();
        self.child.wait().ok();
    }
}

/// One line of standard output: nothing but a JSON-RPC message may stand there.
fn message(line: &[u8]) -> Value {
    assert!(line.ends_with(b"\n"), "an unfinished line: {}", String::from_utf8_lossy(line));
    let message: Value = serde_json::from_slice(line)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(line)));
    assert_eq!(message["jsonrpc"], "2.0", "{message}");
    message
}

/// The text of a tool's result.
pub(crate) fn text(result: &Value) -> &str {
    assert_eq!(result["content"].as_array().map(Vec::len), Some(1), "{result}");
    result["content"][0]["text"].as_str().unwrap()
}

/// What a program reads in a tool's result.
pub(crate) fn data(result: &Value) -> &Value {
    &result["_meta"]["countersign/result"]
}

/// The `_meta` of a modern request.
pub(crate) fn meta(version: &str) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "modern", "version": "8"},
    })
}
