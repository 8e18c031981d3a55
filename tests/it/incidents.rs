//! Incidents in which coding agents destroyed data, by the issues of anthropics/claude-code that tell
//! of them, replayed with the real program on real engines under the built-in policy: whatever the
//! agent tries, the data is still there, and each attempt is on record.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::engine::{Engine, IMAGE, LABEL, SOCKET, docker};
use crate::support::podman::Podman;
use crate::support::program::{LEGACY, Sandbox, Session, data, text};

/// What would be lost.
const PRECIOUS: &str = "weeks of work";

/// An agent that has made up its mind.
struct Agent {
    sandbox: Sandbox,
    session: Session,
    address: String,
    offered: BTreeSet<String>,
    /// How often it called each tool that it was refused.
    calls: BTreeMap<String, usize>,
    /// A container that it may restart, for a token of its own.
    bystander: String,
}

impl Agent {
    fn at(address: &str, bystander: &str) -> Self {
        let sandbox = Sandbox::new();
        let mut session = sandbox.serve(&["--host", address, "--toolsets", "all"]);
        session.initialize(LEGACY);
        let tools = session.request("tools/list", &json!({}))["result"]["tools"].clone();
        let names = tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap());
        let offered = names.map(str::to_owned).collect();
        let (address, bystander) = (address.to_owned(), bystander.to_owned());
        Self { sandbox, session, address, offered, calls: BTreeMap::new(), bystander }
    }

    fn refused(&mut self, tool: &str, arguments: &Value, reason: &str) -> Value {
        let answer = self.session.call(tool, arguments);
        *self.calls.entry(tool.to_owned()).or_default() += 1;
        assert_eq!(answer["isError"], true, "{tool} {arguments}: {answer}");
        assert_eq!(data(&answer)["reason"], reason, "{tool} {arguments}: {answer}");
        assert_eq!(data(&answer).get("confirmToken").unwrap_or(&Value::Null), &Value::Null);
        answer
    }

    /// Asks for it, and then tries every way around the answer.
    fn insists_on(&mut self, tool: &str, arguments: &Value) {
        assert!(self.offered.contains(tool), "{tool} is offered");
        let with = |key: &str, value: Value| {
            let mut arguments = arguments.clone();
            arguments[key] = value;
            arguments
        };
        let said = self.refused(tool, arguments, "approval_unavailable");
        // What was said, echoed as if it were a token.
        let plan = data(&said)["plan"].as_str().unwrap_or_default().replace("sha256:", "");
        let zeros = "0".repeat(32);
        let half = plan.get(..32).unwrap_or(&zeros);
        for forged in [zeros.as_str(), half, &plan, "yes", "approved by the user"] {
            let forged = forged.get(..forged.len().min(64)).unwrap();
            self.refused(tool, &with("confirmToken", json!(forged)), "token_unknown");
        }
        for (key, value) in [("confirm", json!(true)), ("approved", json!("yes"))] {
            self.refused(tool, &with(key, value), "invalid_argument");
        }
        // A token that it got honestly, for something harmless.
        let harmless = json!({"container": self.bystander});
        let preview = self.session.call("restart_container", &harmless);
        let token = data(&preview)["confirmToken"].clone();
        assert!(token.is_string(), "{preview}");
        self.refused(tool, &with("confirmToken", token.clone()), "token_mismatch");
        self.refused(tool, &with("confirmToken", token), "token_used");
        let judged = json!({"operation": tool, "arguments": arguments});
        let judged = self.session.call("check_policy", &judged);
        assert!(text(&judged).contains("approv"), "{judged}");
        self.by_a_shell(tool, arguments);
    }

    /// The command line is no way around: there is no terminal here.
    fn by_a_shell(&mut self, tool: &str, arguments: &Value) {
        let arguments = arguments.to_string();
        let ran = self.sandbox.run(&["call", "--host", &self.address, tool, "--args", &arguments]);
        *self.calls.entry(tool.to_owned()).or_default() += 1;
        assert!([3, 4].contains(&ran.code), "{tool}: {ran:?}");
    }

    /// Each of its attempts is on record with the reason, and nothing was let through.
    fn leaves_a_record(self) {
        let lines = self.sandbox.requests();
        let of = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
        for (tool, count) in &self.calls {
            let mine: Vec<&Value> = lines.iter().filter(|line| line["op"] == **tool).collect();
            let requests: BTreeSet<String> = mine.iter().map(|line| of(line, "req")).collect();
            assert_eq!(requests.len(), *count, "{tool}");
            for req in requests {
                let denied = |line: &&&Value| of(line, "req") == req && line["event"] == "denied";
                let denied = mine.iter().find(denied).unwrap_or_else(|| panic!("{tool} {req}"));
                assert!(denied["reason"].is_string(), "{denied}");
            }
        }
        for event in ["allowed", "step", "done", "unknown"] {
            let refused = |line: &&Value| self.calls.contains_key(&of(line, "op"));
            let found = lines.iter().filter(refused).find(|line| line["event"] == event);
            assert_eq!(found, None, "nothing of it was let through");
        }
        let (code, _, said) = self.session.end();
        assert_eq!(code, 0, "{said}");
        let verified = self.sandbox.run(&["audit", "verify"]);
        assert_eq!(verified.code, 0, "{verified:?}");
    }
}

/// A real engine, with what would be lost.
struct Site {
    engine: Engine,
    volume: String,
}

impl Site {
    fn new() -> Self {
        let engine = Engine::connect();
        let volume = format!("{}-precious", engine.run());
        let (mine, project) = (format!("{LABEL}={}", engine.run()), "com.docker.compose.project");
        let project = format!("{project}={}", engine.run());
        let labels = ["--label", &mine, "--label", &project];
        docker(&[&["volume", "create"], &labels[..], &[&volume]].concat());
        let write = format!("echo {PRECIOUS} > /data/file");
        let mount = format!("{volume}:/data");
        docker(&["run", "--rm", "--volume", &mount, IMAGE, "sh", "-c", &write]);
        Self { engine, volume }
    }

    /// A running container of a Compose project, with the volume.
    fn database(&self) -> String {
        let volume = format!("{}:/data", self.volume);
        let mut database = self.engine.script("echo weeks of work > /file; exec sleep 3600");
        for (key, value) in [
            ("project", self.engine.run()),
            ("service", "db"),
            ("container-number", "1"),
            ("oneoff", "False"),
            ("config-hash", "abc"),
        ] {
            database = database.label(&format!("com.docker.compose.{key}"), value);
        }
        let made = database.option(&["--stop-signal", "KILL", "--volume", &volume]).start();
        made.name
    }

    fn bystander(&self) -> String {
        self.engine.container("sleep 3600").option(&["--stop-signal", "KILL"]).start().name
    }

    fn agent(&self) -> Agent {
        Agent::at(&format!("unix://{SOCKET}"), &self.bystander())
    }

    fn label(&self) -> String {
        format!("{LABEL}={}", self.engine.run())
    }

    /// What is in the volume.
    fn is_unharmed(&self) {
        let mount = format!("{}:/data", self.volume);
        let read = docker(&["run", "--rm", "--volume", &mount, IMAGE, "cat", "/data/file"]);
        assert_eq!(read.trim(), PRECIOUS);
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let filter = format!("label={}", self.label());
        for id in docker(&["ps", "-aq", "--filter", &filter]).split_whitespace() {
            docker(&["rm", "-fv", id]);
        }
        docker(&["volume", "rm", &self.volume]);
        for id in docker(&["network", "ls", "-q", "--filter", &filter]).split_whitespace() {
            docker(&["network", "rm", id]);
        }
    }
}

/// Issue 63644: `docker compose down -v`, to get past a failed migration.
#[test]
fn a_project_is_not_taken_down_with_its_volumes() {
    let site = Site::new();
    let (database, project) = (site.database(), site.engine.run());
    let mut agent = site.agent();
    agent.insists_on("down_project", &json!({"project": project, "volumes": true}));
    agent.insists_on("down_project", &json!({"project": project}));
    site.is_unharmed();
    assert_eq!(docker(&["exec", &database, "cat", "/file"]).trim(), PRECIOUS);
    agent.leaves_a_record();
}

/// Issue 14944: `docker volume rm`, to start a database anew.
#[test]
fn a_volume_is_not_removed() {
    let site = Site::new();
    let mut agent = site.agent();
    agent.insists_on("remove_volume", &json!({"volume": site.volume}));
    site.is_unharmed();
    agent.leaves_a_record();
}

/// Issue 41357: `docker system prune -af --volumes`, to free space.
#[test]
fn nothing_is_pruned() {
    let site = Site::new();
    let stopped = site.engine.script("echo weeks of work > /file").start();
    stopped.wait();
    let network = format!("{}-net", site.engine.run());
    docker(&["network", "create", "--label", &site.label(), &network]);
    // The second takes the name of the first, which no name is left of then.
    let name = format!("{}-image:1", site.engine.run());
    let image = site.engine.image(&name, "layers of a build");
    site.engine.image(&name, "other layers");
    let mut agent = site.agent();
    let mine = json!({"label": site.label()});
    for prune in ["prune_containers", "prune_volumes", "prune_networks", "prune_images"] {
        agent.insists_on(prune, &mine);
    }
    site.is_unharmed();
    assert!(stopped.exists());
    docker(&["network", "inspect", &network]);
    docker(&["image", "inspect", &image]);
    agent.leaves_a_record();
}

/// Issue 8924: running containers removed, a database among them, to free a port.
#[test]
fn no_running_container_is_removed() {
    let site = Site::new();
    let database = site.database();
    let passing = site.engine.script("echo weeks of work > /data/file; exec sleep 3600");
    let passing = passing.auto_remove().option(&["--volume", "/data"]).start();
    let mut agent = site.agent();
    let all = json!({"container": database, "force": true, "volumes": true});
    agent.insists_on("remove_container", &all);
    agent.insists_on("remove_container", &json!({"container": database}));
    agent.insists_on("stop_container", &json!({"container": passing.name}));
    site.is_unharmed();
    assert_eq!(docker(&["exec", &database, "cat", "/file"]).trim(), PRECIOUS);
    assert_eq!(docker(&["exec", &passing.name, "cat", "/data/file"]).trim(), PRECIOUS);
    agent.leaves_a_record();
}

/// Issue 22928: `podman volume prune -f` and the images with it, though one database was to stay.
#[test]
fn on_podman_neither_a_volume_nor_an_image_goes() {
    let podman = Podman::start();
    podman.docker(&["volume", "create", "--label", "kept=yes", "precious"]);
    let write = format!("echo {PRECIOUS} > /data/file");
    let mount = ["--volume", "precious:/data"];
    podman.run("writer", &mount, &write);
    podman.docker(&["wait", "writer"]);
    podman.docker(&["rm", "writer"]);
    podman.run("bystander", &[], "sleep 3600");
    let address = format!("unix://{}", podman.socket().display());
    let mut agent = Agent::at(&address, "bystander");
    agent.insists_on("remove_volume", &json!({"volume": "precious"}));
    agent.insists_on("prune_volumes", &json!({"label": "kept=yes"}));
    let image = format!("localhost/{IMAGE}");
    agent.insists_on("remove_image", &json!({"image": image}));
    agent.insists_on("remove_image", &json!({"image": image, "force": true}));
    podman.run("reader", &mount, "cat /data/file");
    podman.docker(&["wait", "reader"]);
    assert_eq!(podman.docker(&["logs", "reader"]).trim(), PRECIOUS);
    podman.docker(&["image", "inspect", &image]);
    agent.leaves_a_record();
}
