//! An engine that is played: one container, `web`, and a say in what becomes of changes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::door::{Deed, Door};
use super::program::PATIENCE;

/// The id of the played engine's one container.
pub(crate) const WEB: &str = "5eb0000000000000000000000000000000000000000000000000000000000001";

/// The environment value that no one may ever see.
pub(crate) const SECRET: &str = "hunter2-in-a-container";

/// The engine.
pub(crate) struct Played {
    door: Door,
    starts: Arc<AtomicUsize>,
}

impl Played {
    /// An engine that does every change at once.
    pub(crate) fn willing() -> Self {
        Self::with(|| Deed::Say(204, String::new()))
    }

    /// A willing engine whose container bears these labels.
    pub(crate) fn labelled(labels: &[(&str, &str)]) -> Self {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        Self::of(Value::Object(labels), || Deed::Say(204, String::new()))
    }

    /// An engine without a container.
    pub(crate) fn empty() -> Self {
        let answer = |line: &str| match answer(line, 1, &json!({})) {
            Deed::Say(200, body) if body.starts_with('[') => Deed::Say(200, "[]".into()),
            Deed::Say(200, _) if line.contains(WEB) => Deed::Say(404, "{}".into()),
            answer => answer,
        };
        Self { door: Door::with(answer), starts: Arc::default() }
    }

    /// An engine in which `change` says what becomes of a change. What it answers with 204 is done.
    pub(crate) fn with(change: impl Fn() -> Deed + Send + Sync + 'static) -> Self {
        Self::of(json!({}), change)
    }

    fn of(labels: Value, change: impl Fn() -> Deed + Send + Sync + 'static) -> Self {
        let starts = Arc::new(AtomicUsize::new(1));
        let counted = Arc::clone(&starts);
        let door = Door::with(move |line| {
            if !line.starts_with("POST ") {
                return answer(line, counted.load(Ordering::SeqCst), &labels);
            }
            let deed = change();
            // What a signal does is up to whoever gets it: this one goes on.
            if matches!(deed, Deed::Say(204, _)) && !line.contains("/kill?") {
                counted.fetch_add(1, Ordering::SeqCst);
            }
            deed
        });
        Self { door, starts }
    }

    /// Its address.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.door.path().display())
    }

    /// Its socket.
    pub(crate) fn socket(&self) -> &Path {
        self.door.path()
    }

    /// Another start of the container, which nobody here asked for.
    pub(crate) fn start_by_itself(&self) {
        self.starts.fetch_add(1, Ordering::SeqCst);
    }

    /// The changes that were asked of it, each as its request line.
    pub(crate) fn changes(&self) -> Vec<String> {
        let mut lines = self.door.lines();
        lines.retain(|line| line.starts_with("POST "));
        lines
    }

    /// Waits until so many changes were asked of it.
    pub(crate) fn await_changes(&self, count: usize) {
        let step = Duration::from_millis(10);
        let mut left = PATIENCE;
        while self.changes().len() < count {
            left = left.checked_sub(step).expect("no change was asked for");
            thread::sleep(step);
        }
    }

    /// Takes the socket away.
    pub(crate) fn shut(&self) {
        self.door.shut();
    }
}

fn answer(line: &str, starts: usize, labels: &Value) -> Deed {
    let path = line.split(' ').nth(1).unwrap_or_default();
    let body = match path.split('?').next().unwrap_or_default() {
        "/info" => json!({"ID": "PLAYED", "Name": "stage", "ServerVersion": "20.10.1"}),
        "/version" => json!({"ApiVersion": "1.41"}),
        "/containers/json" => json!([{
            "Id": WEB, "Names": ["/web"], "Image": "nginx:1", "State": "running",
            "Status": "Up 2 hours", "Created": 1_700_000_000, "Labels": labels,
        }]),
        "/images/json" => json!([]),
        path if path == format!("/containers/{WEB}/json") => json!({
            "Id": WEB, "Name": "/web", "Image": "sha256:ab", "Created": "2026-01-01T00:00:00Z",
            "State": {
                "Status": "running", "Running": true, "ExitCode": 0,
                "StartedAt": format!("2026-01-01T00:{starts:02}:00Z"),
                "FinishedAt": "2026-01-01T00:00:00Z",
            },
            "RestartCount": 0, "Path": "nginx", "Args": [],
            "Config": {"Image": "nginx:1", "Labels": labels, "Env": [format!("DB_PASSWORD={SECRET}")]},
            "HostConfig": {"LogConfig": {"Type": "json-file"}},
        }),
        _ => return Deed::Say(404, json!({"message": "page not found"}).to_string()),
    };
    Deed::Say(200, body.to_string())
}
