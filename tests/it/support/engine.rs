//! A real engine, set up by fixture sentences:
//! `engine.container("sleep 3600").named("x").label("k", "v").tty().start()`.
//!
//! Everything that is made carries the label `countersign.test=<run>` and is removed on drop.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use countersign::core::ids::FullId;
use countersign::docker::DockerEngine;
use countersign::docker::endpoint::{Endpoint, Sources, resolve};

use super::registry::tar;

/// The image that all test containers run: busybox with a link for each of its programs.
pub(crate) const IMAGE: &str = "countersign-test/busybox:1";

/// The real engine's socket.
pub(crate) const SOCKET: &str = "/var/run/docker.sock";

/// The label that everything carries which tests make.
pub(crate) const LABEL: &str = "countersign.test";

/// A real engine and what one test made in it.
#[derive(Debug)]
pub(crate) struct Engine {
    run: String,
}

impl Engine {
    /// The engine at [`SOCKET`], with the test image.
    pub(crate) fn connect() -> Self {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let run = format!("t{}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
        make_image();
        Self { run }
    }

    /// What a name has to start with, so that no two tests share one.
    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    /// A container that will run `command`, split at spaces.
    pub(crate) fn container(&self, command: &str) -> Sentence<'_> {
        let command = command.split(' ').map(str::to_owned).collect();
        Sentence { engine: self, options: Vec::new(), name: None, command }
    }

    /// A container that will run a shell script.
    pub(crate) fn script(&self, script: &str) -> Sentence<'_> {
        let command = ["sh", "-c", script].map(str::to_owned).to_vec();
        Sentence { engine: self, options: Vec::new(), name: None, command }
    }

    /// Makes a volume of a name of this run, with these options of `docker volume create`.
    pub(crate) fn volume_with(&self, name: &str, options: &[&str]) -> String {
        let (name, label) = (self.named(name), format!("{LABEL}={}", self.run));
        let words = ["volume", "create", "--label", &label];
        docker(&[&words, options, &[name.as_str()]].concat());
        name
    }

    /// Makes a network of a name of this run, with these options of `docker network create`, and
    /// gives its id.
    pub(crate) fn network_with(&self, name: &str, options: &[&str]) -> String {
        let (name, label) = (self.named(name), format!("{LABEL}={}", self.run));
        let words = ["network", "create", "--label", &label];
        docker(&[&words, options, &[name.as_str()]].concat()).trim().to_owned()
    }

    /// A name that no other test has. Whatever is made under one is removed on drop.
    pub(crate) fn named(&self, name: &str) -> String {
        format!("cs-{}-{name}", self.run)
    }

    /// A network of this name. Gives its id.
    pub(crate) fn network(&self, name: &str) -> String {
        let label = format!("{LABEL}={}", self.run);
        docker(&["network", "create", "--label", &label, name]).trim().to_owned()
    }

    /// A volume of this name, or one without a name. Gives its name.
    pub(crate) fn volume(&self, name: Option<&str>) -> String {
        let label = format!("{LABEL}={}", self.run);
        let mut words = vec!["volume", "create", "--label", &label];
        words.extend(name);
        docker(&words).trim().to_owned()
    }

    /// An image of this name that no registry knows, with one file of this content. Gives its id.
    pub(crate) fn image(&self, name: &str, content: &str) -> String {
        let label = format!("LABEL {LABEL}={}", self.run);
        let words = ["import", "--change", &label, "--change", "CMD [\"/content\"]", "-", name];
        docker_reads(&words, &tar(content)).trim().to_owned()
    }

    /// The adapter under test, on this engine's own socket.
    pub(crate) fn adapter(&self) -> DockerEngine {
        adapter_at(Path::new(SOCKET))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let filter = format!("label={LABEL}={}", self.run);
        let ids = docker(&["ps", "-aq", "--filter", &filter]);
        for id in ids.split_whitespace() {
            try_docker(&["rm", "-fv", id]);
        }
        let ours = self.named("");
        let labelled = ["--filter", &filter];
        for (kind, column) in [("volume", "{{.Name}}"), ("network", "{{.ID}} {{.Name}}")] {
            let listed = docker(&[kind, "ls", "--format", column]);
            let named = listed.lines().filter(|line| {
                line.split_once(' ').map_or(*line, |(_, name)| name).starts_with(&ours)
            });
            let labelled = docker(&[&[kind, "ls", "-q"][..], &labelled[..]].concat());
            for one in named.chain(labelled.lines()) {
                try_docker(&[kind, "rm", one.split(' ').next().unwrap_or_default()]);
            }
        }
        // What was made from another of them has to go first.
        for _ in 0..2 {
            let images = docker(&["images", "-aq", "--no-trunc", "--filter", &filter]);
            for id in images.split_whitespace() {
                try_docker(&["rmi", "-f", id]);
            }
        }
    }
}

/// The adapter on any socket.
pub(crate) fn adapter_at(socket: &Path) -> DockerEngine {
    DockerEngine::new(Ok(endpoint(socket)))
}

/// The endpoint of a socket.
pub(crate) fn endpoint(socket: &Path) -> Endpoint {
    let flag_host = Some(format!("unix://{}", socket.display()));
    resolve(&Sources { flag_host, ..Sources::default() }).unwrap()
}

/// A container on its way.
#[derive(Debug)]
#[must_use]
pub(crate) struct Sentence<'a> {
    engine: &'a Engine,
    options: Vec<String>,
    name: Option<String>,
    command: Vec<String>,
}

impl Sentence<'_> {
    /// With exactly this name.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// With a label.
    pub(crate) fn label(self, key: &str, value: &str) -> Self {
        self.option(&["--label", &format!("{key}={value}")])
    }

    /// Removed when it stops.
    pub(crate) fn auto_remove(self) -> Self {
        self.option(&["--rm"])
    }

    /// With a terminal.
    pub(crate) fn tty(self) -> Self {
        self.option(&["--tty"])
    }

    /// With a published port, as `docker run -p` takes it.
    pub(crate) fn publish(self, port: &str) -> Self {
        self.option(&["--publish", port])
    }

    /// With any other option of `docker run`.
    pub(crate) fn option(mut self, words: &[&str]) -> Self {
        self.options.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    /// Makes it and starts it.
    pub(crate) fn start(self) -> Made {
        let made = self.create();
        docker(&["start", made.id.as_str()]);
        made
    }

    /// Makes it and does not start it.
    pub(crate) fn create(self) -> Made {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = self.name.unwrap_or_else(|| format!("cs-{}-{count}", self.engine.run));
        let label = format!("{LABEL}={}", self.engine.run);
        let mut words = vec!["create", "--name", &name, "--label", &label];
        words.extend(self.options.iter().map(String::as_str));
        words.push(IMAGE);
        words.extend(self.command.iter().map(String::as_str));
        let id = FullId::parse(docker(&words).trim()).unwrap();
        Made { id, name }
    }
}

/// A container that was made.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// Its full id.
    pub(crate) id: FullId,
    /// Its name.
    pub(crate) name: String,
}

impl Made {
    /// Waits until it has ended.
    pub(crate) fn wait(&self) {
        docker(&["wait", self.id.as_str()]);
    }

    /// One value of its inspection, as `docker inspect --format` takes it.
    pub(crate) fn inspect(&self, format: &str) -> String {
        docker(&["inspect", "--format", format, self.id.as_str()]).trim().to_owned()
    }

    /// Whether the engine still has it.
    pub(crate) fn exists(&self) -> bool {
        try_docker(&["inspect", self.id.as_str()]).is_some()
    }
}

/// Runs the `docker` program, which has to succeed, and gives what it prints.
pub(crate) fn docker(words: &[&str]) -> String {
    try_docker(words).unwrap_or_else(|| panic!("docker {words:?} failed"))
}

/// As [`docker`]; none if it failed.
#[expect(clippy::disallowed_methods, reason = "tests set the engine up with its own program")]
pub(crate) fn try_docker(words: &[&str]) -> Option<String> {
    let mut command = Command::new("docker");
    let host = format!("unix://{SOCKET}");
    command.args(["--host", &host]).args(words).stdin(Stdio::null());
    let output = command.output().expect("the docker program");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs the `docker` program with this on its standard input.
#[expect(clippy::disallowed_methods, reason = "tests set the engine up with its own program")]
fn docker_reads(words: &[&str], input: &[u8]) -> String {
    let mut command = Command::new("docker");
    command.args(["--host", &format!("unix://{SOCKET}")]).args(words);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "docker {words:?} failed");
    String::from_utf8(output.stdout).unwrap()
}

/// Makes the test image once, however many test processes want it.
#[expect(clippy::disallowed_methods, reason = "tests set the engine up with its own program")]
fn make_image() {
    let lock = File::create(std::env::temp_dir().join("countersign-test-image.lock")).unwrap();
    lock.lock().unwrap();
    if try_docker(&["image", "inspect", IMAGE]).is_some() {
        return;
    }
    let root = tempfile::TempDir::new().unwrap();
    for folder in ["bin", "tmp", "etc"] {
        std::fs::create_dir(root.path().join(folder)).unwrap();
    }
    let busybox = root.path().join("bin/busybox");
    std::fs::copy("/bin/busybox", &busybox).expect("static busybox (package busybox-static)");
    let list = Command::new(&busybox).arg("--list").output().unwrap();
    for program in String::from_utf8(list.stdout).unwrap().lines().filter(|p| *p != "busybox") {
        std::os::unix::fs::symlink("busybox", root.path().join("bin").join(program)).unwrap();
    }
    let tar = Command::new("tar").arg("-C").arg(root.path()).args(["-c", "."]).output().unwrap();
    let host = format!("unix://{SOCKET}");
    let label = format!("LABEL {LABEL}=image");
    let mut import = Command::new("docker")
        .args(["--host", &host, "import", "--change", &label, "-", IMAGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    import.stdin.take().unwrap().write_all(&tar.stdout).unwrap();
    assert!(import.wait().unwrap().success(), "the test image could not be made");
}
