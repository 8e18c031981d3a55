//! Podman as a second real engine: a service of its own for each test, in a folder of its own, which
//! holds the test image and nothing else. All of it goes on drop.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use countersign::core::ids::FullId;
use countersign::docker::DockerEngine;
use tempfile::TempDir;

use super::engine::{Engine, IMAGE, adapter_at, docker};
use super::program::{PATIENCE, command};

/// Small limits, so that it runs where the limits of the machine are small; nothing of systemd.
const SETTINGS: &str = r#"[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"#;

/// What a service ends by itself after, should its test be killed.
const IDLE_SECONDS: &str = "--time=120";

/// The service.
#[derive(Debug)]
pub(crate) struct Podman {
    folder: TempDir,
    service: Child,
}

impl Podman {
    /// Starts it.
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("settings"), SETTINGS).unwrap();
        let service = Self::serve(folder.path());
        let podman = Self { folder, service };
        podman.await_socket();
        let (_made, image) = (Engine::connect(), podman.folder.path().join("image.tar"));
        docker(&["save", "--output", image.to_str().unwrap(), IMAGE]);
        podman.docker(&["load", "--input", image.to_str().unwrap()]);
        podman
    }

    fn serve(folder: &Path) -> Child {
        let at = |name: &str| folder.join(name).into_os_string();
        let mut podman = command("podman");
        podman.env("CONTAINERS_CONF", at("settings"));
        // crun refuses mixed control groups, which runc does not.
        if let Some(runc) =
            ["/usr/sbin/runc", "/usr/bin/runc"].iter().find(|p| Path::new(p).exists())
        {
            podman.args(["--runtime", runc]);
        }
        podman.arg("--root").arg(at("root")).arg("--runroot").arg(at("run"));
        podman.args(["--storage-driver", "vfs", "system", "service", IDLE_SECONDS]);
        podman.arg(format!("unix://{}", folder.join("socket").display()));
        let log = File::create(folder.join("log")).unwrap();
        podman.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        podman.spawn().unwrap_or_else(|error| {
            panic!(
                "these tests need Podman, and it cannot be started ({error}): install the packages \
                 podman and crun, or run scripts/setup"
            )
        })
    }

    fn await_socket(&self) {
        let step = Duration::from_millis(20);
        let mut left = PATIENCE;
        while !self.socket().exists() {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap();
            left = left.checked_sub(step).unwrap_or_else(|| panic!("no Podman: {}", log()));
            thread::sleep(step);
        }
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// The adapter under test.
    pub(crate) fn adapter(&self) -> DockerEngine {
        adapter_at(&self.socket())
    }

    /// Runs the `docker` program against it, which has to succeed, and gives what it prints.
    pub(crate) fn docker(&self, words: &[&str]) -> String {
        self.try_docker(words).unwrap_or_else(|said| panic!("docker {words:?}: {said}"))
    }

    /// Runs it, and gives what it prints, or what it complains of.
    pub(crate) fn try_docker(&self, words: &[&str]) -> Result<String, String> {
        let host = format!("unix://{}", self.socket().display());
        let mut docker = command("docker");
        docker.args(["--host", &host]).args(words).stdin(Stdio::null());
        let output = docker.output().expect("the docker program");
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) }
    }

    /// Makes a container without a network, and starts it.
    pub(crate) fn run(&self, name: &str, options: &[&str], script: &str) -> FullId {
        let id = self.create(name, options, script);
        self.docker(&["start", id.as_str()]);
        id
    }

    /// Makes a container without a network.
    pub(crate) fn create(&self, name: &str, options: &[&str], script: &str) -> FullId {
        let head = ["create", "--network", "none", "--name", name];
        let words = [&head[..], options, &[IMAGE, "sh", "-c", script]].concat();
        FullId::parse(self.docker(&words).trim()).unwrap()
    }

    /// One value of an inspection, as `docker inspect --format` takes it.
    pub(crate) fn inspect(&self, id: &FullId, format: &str) -> String {
        self.docker(&["inspect", "--format", format, id.as_str()]).trim().to_owned()
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let ids = self.try_docker(&["ps", "-aq"]).unwrap_or_default();
        for id in ids.split_whitespace() {
            self.try_docker(&["rm", "-fv", id]).ok();
        }
        self.service.kill().unwrap_or_default();
        self.service.wait().ok();
    }
}
