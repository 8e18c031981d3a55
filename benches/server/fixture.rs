//! Containers to measure with. They carry a label of this run and are removed at its end.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// The image that `scripts/setup` makes.
const IMAGE: &str = "countersign-test/busybox:1";

pub(crate) struct Fixture {
    pub(crate) label: String,
    pub(crate) chatty_name: String,
    pub(crate) chatty_id: String,
    pub(crate) audit_dir: Box<Path>,
    _folder: TempDir,
}

impl Fixture {
    /// So many containers, the first of which has written so many lines.
    pub(crate) fn new(containers: usize, lines: usize) -> Self {
        let run = std::process::id();
        let label = format!("countersign.test=bench-{run}");
        let folder = tempfile::tempdir().unwrap();
        let chatty_name = format!("cs-bench-{run}-0");
        let write = format!(
            "i=0; while [ $i -lt {lines} ]; do i=$((i+1)); echo \"line $i of a program that says \
             what it does, about as long as lines are\"; done; exec sleep 3600"
        );
        let fixture = Self {
            chatty_id: run_container(&[&label], &chatty_name, &write),
            chatty_name,
            audit_dir: folder.path().into(),
            label,
            _folder: folder,
        };
        for n in 1..containers {
            run_container(&[&fixture.label], &format!("cs-bench-{run}-{n}"), "exec sleep 3600");
        }
        while docker(&["logs", "--tail", "1", &fixture.chatty_name])
            != format!(
                "line {lines} of a program that says what it does, about as long as lines are"
            )
        {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        fixture
    }

    /// A stopped container with a log of so many megabytes.
    pub(crate) fn long_log(&self, megabytes: usize) -> Option<String> {
        let name = format!("cs-bench-{}-long", std::process::id());
        let line = "y".repeat(999);
        let write = format!("yes {line} | head -n {}", megabytes * 1000);
        run_container(&[&self.label], &name, &write);
        docker(&["wait", &name]);
        Some(name)
    }

    /// So many stopped containers; the label that they have and no others.
    pub(crate) fn many(&self, containers: usize) -> String {
        let label = "countersign.bench=many".to_owned();
        std::thread::scope(|scope| {
            for lane in 0..8 {
                let label = &label;
                scope.spawn(move || {
                    for n in (lane..containers).step_by(8) {
                        let name = format!("cs-bench-{}-many-{n}", std::process::id());
                        let labels = ["--label", &self.label, "--label", label];
                        let head = ["create", "--network", "none", "--name", &name];
                        docker(&[&head[..], &labels, &[IMAGE, "true"]].concat());
                    }
                });
            }
        });
        label
    }

    /// A Compose project of so many services, each with a log of 200 lines: its name, and the ids of
    /// its containers.
    pub(crate) fn project(&self, services: usize) -> (String, Vec<String>) {
        let project = format!("cs-bench-{}-project", std::process::id());
        let write = "i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo line $i of a service; done; \
                     exec sleep 3600";
        let service = |n: usize| {
            let compose = |key: &str, value: &str| format!("com.docker.compose.{key}={value}");
            let labels = [
                self.label.clone(),
                compose("project", &project),
                compose("service", &format!("s{n}")),
                compose("container-number", "1"),
                compose("oneoff", "False"),
                compose("config-hash", "0"),
            ];
            let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
            run_container(&labels, &format!("{project}-s{n}-1"), write)
        };
        let ids: Vec<String> = (0..services).map(service).collect();
        for id in &ids {
            while docker(&["logs", "--tail", "1", id]) != "line 200 of a service" {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
        }
        (project, ids)
    }

    /// A list's filter, as a query takes it.
    pub(crate) fn filter(key: &str, value: &str) -> String {
        encode(&format!(r#"{{"{key}":["{value}"]}}"#))
    }

    pub(crate) fn label_filter(&self) -> String {
        Self::filter("label", &self.label)
    }

    pub(crate) fn name_filter(&self) -> String {
        Self::filter("name", &format!("^/?{}$", self.chatty_name))
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let filter = format!("label={}", self.label);
        let ids = docker(&["ps", "-aq", "--filter", &filter]);
        let ids: Vec<&str> = ids.split_whitespace().collect();
        if !ids.is_empty() {
            docker(&[&["rm", "-f"], ids.as_slice()].concat());
        }
    }
}

fn run_container(labels: &[&str], name: &str, command: &str) -> String {
    let labels: Vec<&str> = labels.iter().flat_map(|label| ["--label", label]).collect();
    let head = ["run", "-d", "--network", "none", "--name", name];
    docker(&[&head[..], &labels, &[IMAGE, "sh", "-c", command]].concat())
}

fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().expect("the docker client");
    assert!(
        output.status.success(),
        "docker {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect()
}
