//! Compose projects, as their labels make them.

mod changes;
mod down;
mod reads;

use serde_json::{Value, json};

use countersign::core::reason::Reason;

use crate::support::engine::{Engine, Made, Sentence, docker};
use crate::support::real::Real;

/// A program that ends at once when it is asked to.
const OBEDIENT: &str = "trap 'exit 0' TERM; sleep 3600 & wait";

/// Every operation on one project.
const OPERATIONS: [&str; 6] = [
    "get_project",
    "get_project_logs",
    "start_project",
    "stop_project",
    "restart_project",
    "down_project",
];

/// Those that take a service.
const OF_SERVICES: [&str; 4] =
    ["get_project_logs", "start_project", "stop_project", "restart_project"];

/// A project of its own for a test.
struct Project<'a> {
    engine: &'a Engine,
    name: String,
}

impl<'a> Project<'a> {
    fn new(engine: &'a Engine, name: &str) -> Self {
        Self { engine, name: format!("{}-{name}", engine.run()) }
    }

    /// A container of a service that runs this script.
    fn runs(&self, service: &str, needs: &str, script: &str) -> Sentence<'a> {
        let label = |key: &str| format!("com.docker.compose.{key}");
        self.engine
            .script(script)
            .named(&format!("{}-{service}-1", self.name))
            .label(&label("project"), &self.name)
            .label(&label("service"), service)
            .label(&label("container-number"), "1")
            .label(&label("oneoff"), "False")
            .label(&label("depends_on"), needs)
            .label(&label("project.working_dir"), "/srv/shop")
            .label(&label("project.config_files"), "/srv/shop/compose.yaml")
    }

    fn service(&self, service: &str, needs: &str) -> Sentence<'a> {
        self.runs(service, needs, OBEDIENT)
    }

    /// `web` needs `api`, which needs `db`.
    fn shop(&self) -> [Sentence<'a>; 3] {
        [
            self.service("api", "db:service_healthy:false"),
            self.service("web", "api:service_started:true"),
            self.service("db", ""),
        ]
    }

    /// The same, running: db, api, web.
    fn running(&self) -> [Made; 3] {
        let [api, web, db] = self.shop().map(Sentence::start);
        [db, api, web]
    }

    fn arguments(&self) -> Value {
        json!({"project": self.name})
    }
}

/// Asserts that these moments of these containers are in this order.
fn in_order(made: &[&Made], moment: &str) {
    let moments: Vec<String> =
        made.iter().map(|one| one.inspect(&format!("{{{{.State.{moment}}}}}"))).collect();
    assert!(moments.is_sorted(), "{moments:?}");
}

#[tokio::test]
async fn what_is_no_name_is_refused_and_nothing_is_asked() {
    let engine = Engine::connect();
    let shop = Project::new(&engine, "names");
    shop.running();
    let real = Real::new(engine.adapter());
    let odd = [
        "../info?",
        "%2e%2e/info",
        "a/b",
        "a?b",
        "a#b",
        "a%b",
        "a\\b",
        "..",
        "a b",
        "a\nb",
        "a=b",
        "-a",
        "",
        "a,b",
        "\u{202e}a",
        "../images/prune?filters=...&",
    ];
    for name in odd {
        for operation in OPERATIONS {
            let answer = real.call(operation, json!({"project": name})).await;
            assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{operation} {name:?}");
        }
        for operation in OF_SERVICES {
            let arguments = json!({"project": shop.name, "service": name});
            let answer = real.call(operation, arguments).await;
            assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{operation} {name:?}");
        }
    }
    for operation in OPERATIONS {
        let answer = real.call(operation, json!({"project": "Shop"})).await;
        assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{operation}: upper case");
        let unknown = format!("{}x", shop.name);
        let answer = real.call(operation, json!({"project": unknown})).await;
        assert_eq!(answer.reason, Some(Reason::NotFound), "{operation}");
        assert!(answer.text.contains(&shop.name), "the projects there are: {}", answer.text);
    }
    for operation in OF_SERVICES {
        let arguments = json!({"project": shop.name, "service": "Web"});
        let answer = real.call(operation, arguments).await;
        assert_eq!(answer.reason, Some(Reason::NotFound), "{operation}");
        assert!(answer.text.ends_with("Services there: api, db, web."), "{}", answer.text);
    }
}

#[tokio::test]
async fn what_a_swarm_manages_is_refused() {
    let engine = Engine::connect();
    let real = Real::new(engine.adapter());
    let [both, task, stack] = ["both", "task", "stack"].map(|name| Project::new(&engine, name));
    both.service("web", "").label("com.docker.stack.namespace", "x").create();
    task.service("web", "").label("com.docker.swarm.service.name", "x").create();
    engine.script(OBEDIENT).label("com.docker.stack.namespace", &stack.name).create();
    for project in [both, task, stack] {
        for operation in OPERATIONS {
            let answer = real.call(operation, project.arguments()).await;
            assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{operation}");
            assert!(answer.text.contains("a stack of a swarm"), "{}", answer.text);
        }
        let listed = real.call("list_projects", json!({})).await;
        assert!(!listed.text.contains(&project.name), "{}", listed.text);
    }
}

#[tokio::test]
async fn what_was_made_for_one_command_is_left_alone() {
    let engine = Engine::connect();
    let shop = Project::new(&engine, "jobs");
    let real = Real::new(engine.adapter());
    let job = shop.service("web", "").label("com.docker.compose.oneoff", "True");
    let job = job.named(&format!("{}-job", shop.name)).start();
    let only = real.call("stop_project", shop.arguments()).await;
    assert_eq!(only.reason, Some(Reason::NotFound), "{}", only.text);
    let web = shop.service("web", "").start();
    let (preview, done) = real.confirm("stop_project", shop.arguments()).await;
    assert!(preview.contains(&format!("{} (made for one command)", job.name)), "{preview}");
    assert!(done.text.starts_with("Stopped 1 container of project"), "{}", done.text);
    assert_eq!(web.inspect("{{.State.Running}}"), "false");
    assert_eq!(job.inspect("{{.State.Running}}"), "true");
    docker(&["rm", "-f", job.id.as_str()]);
}
