//! Taking projects down.

use std::time::Duration;

use countersign::core::policy::Policy;
use countersign::core::reason::Reason;
use countersign::core::record::Event;
use countersign::gate::{Answer, Status};
use serde_json::{Value, json};

use super::{OBEDIENT, Project};
use crate::support::engine::{Engine, LABEL, Made, docker, try_docker};
use crate::support::real::{Real, Trial};

const PROJECT: &str = "com.docker.compose.project";

/// A network or volume, of the project or not.
fn made(project: &Project<'_>, kind: &str, name: &str, own: bool) -> String {
    let name = format!("{}_{name}", project.name);
    let run = format!("{LABEL}={}", project.engine.run());
    let mut words = vec![kind, "create", "--label", &run];
    let label = format!("{PROJECT}={}", project.name);
    if own {
        words.extend(["--label", &label]);
    }
    words.push(&name);
    docker(&words);
    name
}

fn there(kind: &str) -> Vec<String> {
    let format = "{{.Name}}";
    docker(&[kind, "ls", "--format", format]).lines().map(str::to_owned).collect()
}

/// A project with all there is: two networks and two volumes, of which one each is not its own, and
/// an unnamed volume. Every program leaves a word in `data` when it ends of itself.
struct Shop {
    made: Vec<Made>,
    networks: [String; 2],
    volumes: [String; 2],
}

impl Shop {
    fn new(project: &Project<'_>) -> Self {
        let networks = [("default", true), ("proxy", false)];
        let volumes = [("data", true), ("shared", false)];
        let networks = networks.map(|(name, own)| made(project, "network", name, own));
        let volumes = volumes.map(|(name, own)| made(project, "volume", name, own));
        let script = |name: &str| {
            format!("trap 'echo {name} >> /data/ended; exit 0' TERM; sleep 3600 & wait")
        };
        let at = |volume: &str, path: &str| format!("{volume}:{path}");
        let needs = [("db", ""), ("web", "db:service_started:true")];
        let made = needs.map(|(service, needs)| {
            project
                .runs(service, needs, &script(service))
                .option(&["--network", &networks[0]])
                .option(&["--volume", &at(&volumes[0], "/data")])
                .option(&["--volume", &at(&volumes[1], "/shared")])
                .option(&["--volume", "/unnamed"])
                .start()
        });
        docker(&["network", "connect", &networks[1], &made[1].name]);
        Self { made: made.into(), networks, volumes }
    }

    fn unnamed(&self) -> Vec<String> {
        let format = "{{range .Mounts}}{{if eq .Destination \"/unnamed\"}}{{.Name}}{{end}}{{end}}";
        self.made.iter().map(|made| made.inspect(format)).collect()
    }
}

fn steps(real: &Real) -> Vec<String> {
    let records = real.log.records();
    let steps = records.iter().filter(|(record, _)| record.event == Event::Step);
    steps
        .map(|(record, _)| record.target.as_ref().unwrap().first_name().unwrap().to_owned())
        .collect()
}

fn failed(answer: &Answer, reason: Reason) {
    assert_eq!((answer.status, answer.reason), (Status::Failed, Some(reason)), "{}", answer.text);
}

#[tokio::test]
async fn a_project_goes_down_and_its_volumes_stay() {
    let engine = Engine::connect();
    let project = Project::new(&engine, "shop");
    let shop = Shop::new(&project);
    let unnamed = shop.unnamed();
    let other = Project::new(&engine, "other");
    let bystander = other.service("web", "").start();
    let real = Real::new(engine.adapter());
    let db = &shop.made[0];
    let (preview, done) = real
        .holds_to_its_plan(Trial {
            operation: "down_project",
            arguments: project.arguments(),
            elsewhere: other.arguments(),
            otherwise: Some(json!({"project": project.name, "volumes": true})),
            drift: &|| drop(docker(&["restart", "-t", "5", db.id.as_str()])),
        })
        .await;
    let [db, web] = [&shop.made[0].name, &shop.made[1].name];
    assert_eq!(steps(&real), [web, db, &shop.networks[0]].map(String::as_str));
    for line in [
        format!("Stop and REMOVE project {}: 2 containers, 1 network. This", project.name),
        format!("1. {web} (id "),
        format!("2. {db} (id "),
        format!("{} (id ", shop.networks[0]),
        format!("{}: left as they are", shop.networks[1]),
        format!("{}: left as they are", shop.volumes[1]),
        format!("those of {web}, {db} are kept"),
        "`docker compose up` makes the project anew, from compose.yaml in /srv/shop".into(),
        "pre_stop and post_start hooks".into(),
    ] {
        assert!(preview.contains(&line), "{line}: {preview}");
    }
    let kept = preview.lines().find(|line| line.trim().starts_with("volumes kept")).unwrap();
    assert!(kept.ends_with(&shop.volumes[0]), "{kept}");
    assert!(!preview.contains("LOST"), "{preview}");
    assert_eq!(
        done.text,
        format!(
            "Removed of project {}: 2 containers, 1 network. Kept: {}.",
            project.name, shop.volumes[0]
        )
    );
    assert!(shop.made.iter().all(|made| !made.exists()) && bystander.exists());
    let (networks, volumes) = (there("network"), there("volume"));
    assert!(!networks.contains(&shop.networks[0]) && networks.contains(&shop.networks[1]));
    assert!(shop.volumes.iter().chain(&unnamed).all(|name| volumes.contains(name)));
    // Both programs were asked to end, and did.
    let mount = format!("{}:/data", shop.volumes[0]);
    let reader = engine.container("cat /data/ended").option(&["--volume", &mount]).start();
    reader.wait();
    let said = docker(&["logs", reader.id.as_str()]);
    assert!(said.ends_with("web\ndb\n"), "{said}");
    for name in unnamed {
        docker(&["volume", "rm", &name]);
    }
}

#[tokio::test]
async fn with_its_volumes_everything_of_the_project_is_lost() {
    let engine = Engine::connect();
    let project = Project::new(&engine, "shop");
    let shop = Shop::new(&project);
    let unnamed = shop.unnamed();
    let job = project.service("web", "").label("com.docker.compose.oneoff", "True");
    let job = job.named(&format!("{}-job", project.name)).auto_remove().start();
    let asking = Real::with(engine.adapter(), Policy::builtin());
    let arguments = json!({"project": project.name, "volumes": true});
    let asked = asking.call("down_project", arguments.clone()).await;
    assert_eq!(asked.reason, Some(Reason::ApprovalUnavailable), "{}", asked.text);
    let real = Real::new(engine.adapter());
    let (preview, done) = real.confirm("down_project", arguments).await;
    for line in [
        "3 containers, 1 network, 1 volume with ALL DATA in the volumes".to_owned(),
        format!("unnamed volumes LOST  those of {}, {}", shop.made[1].name, shop.made[0].name),
        format!("also removed          {} (made for one command)", job.name),
    ] {
        assert!(preview.contains(&line), "{line}: {preview}");
    }
    let lost = preview.lines().find(|line| line.contains("data LOST")).unwrap();
    assert!(lost.contains(&format!("{} (", shop.volumes[0])) && lost.contains(" B)"), "{lost}");
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    let [db, web] = [&shop.made[0].name, &shop.made[1].name];
    let order = [&job.name, web, db, &shop.networks[0], &shop.volumes[0]];
    assert_eq!(steps(&real), order.map(String::as_str));
    let volumes = there("volume");
    assert!(!volumes.contains(&shop.volumes[0]) && volumes.contains(&shop.volumes[1]));
    assert!(unnamed.iter().all(|name| !volumes.contains(name)));
    let again = real.call("down_project", project.arguments()).await;
    assert_eq!(again.reason, Some(Reason::NotFound), "{}", again.text);
}

#[tokio::test]
async fn what_others_use_is_told_before_anything_is_removed() {
    let engine = Engine::connect();
    let project = Project::new(&engine, "shop");
    let shop = Shop::new(&project);
    let guest = engine
        .script(OBEDIENT)
        .option(&["--network", &shop.networks[0]])
        .option(&["--volume", &format!("{}:/x", shop.volumes[0])])
        .start();
    let real = Real::new(engine.adapter());
    let arguments = json!({"project": project.name, "volumes": true});
    let refused = real.impossible("down_project", arguments.clone()).await;
    for (how, name) in
        [("on the network", &shop.networks[0]), ("using the volume", &shop.volumes[0])]
    {
        let line = format!("{}, {how} {name} (", guest.name);
        assert!(refused.contains(&line), "{line}: {refused}");
    }
    assert!(shop.made.iter().all(|made| made.inspect("{{.State.Running}}") == "true"));
    assert_eq!(try_docker(&["network", "rm", &shop.networks[0]]), None, "the engine says so too");
    docker(&["rm", "-f", guest.id.as_str()]);
    // What is left goes with the next one, and at the end only volumes may be left.
    let (_, answer) = real.confirm("down_project", project.arguments()).await;
    assert_eq!(answer.status, Status::Ok, "{}", answer.text);
    let only = real.call("down_project", project.arguments()).await;
    assert_eq!(only.reason, Some(Reason::NotFound));
    assert!(only.text.contains(&shop.volumes[0]) && only.text.contains("volumes=true"));
    let (_, answer) = real.confirm("down_project", arguments).await;
    assert_eq!(answer.status, Status::Ok, "{}", answer.text);
}

#[tokio::test]
async fn who_joins_in_between_ends_the_plan() {
    let engine = Engine::connect();
    let project = Project::new(&engine, "shop");
    let front = made(&project, "network", "front", true);
    let data = made(&project, "volume", "data", true);
    let slow = "trap 'sleep 2; exit 0' TERM; sleep 3600 & wait";
    let mount = format!("{data}:/data");
    let web = project.runs("web", "", slow).option(&["--volume", &mount]).start();
    let real = Real::new(engine.adapter());
    let arguments = json!({"project": project.name, "volumes": true});
    let (_, token) = real.preview("down_project", arguments.clone()).await;
    let joins = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        engine.script(OBEDIENT).option(&["--network", &front]).start()
    };
    let (answer, guest) = tokio::join!(real.spend("down_project", &arguments, &token), joins);
    failed(&answer, Reason::EngineError);
    for line in [
        format!("\nDone before that: {}", web.name),
        format!("\nFailed: {front}"),
        format!("\nNot touched: {data}"),
    ] {
        assert!(answer.text.contains(&line), "{line}: {}", answer.text);
    }
    // What the engine names can be read, and so can what is so now.
    let id = docker(&["network", "inspect", "--format", "{{.Id}}", &front]);
    assert!(answer.text.contains(id.get(..12).unwrap()) && !answer.text.contains("(hidden)"));
    let state = format!("\nState afterwards, as before: {front}, {data}; gone: {}.\n", web.name);
    assert!(answer.text.contains(&state), "{state}: {}", answer.text);
    assert!(!answer.text.contains("sha256:") && !answer.text.contains('{'), "{}", answer.text);
    assert_eq!(answer.data["facts"][0], "not_found");
    docker(&["rm", "-f", guest.id.as_str()]);
    let (_, answer) = real.confirm("down_project", project.arguments()).await;
    assert_eq!(answer.status, Status::Ok, "{}", answer.text);
    docker(&["volume", "rm", &data]);
}

#[tokio::test]
async fn what_comes_or_changes_in_between_is_not_removed() {
    let engine = Engine::connect();
    let project = Project::new(&engine, "shop");
    let slow = "trap 'sleep 2; exit 0' TERM; sleep 3600 & wait";
    let web = project.runs("web", "db", slow).start();
    let db = project.service("db", "").start();
    let real = Real::new(engine.adapter());
    let arguments: Value = project.arguments();
    let (_, token) = real.preview("down_project", arguments.clone()).await;
    let late = made(&project, "network", "late", true);
    let changed = real.spend("down_project", &arguments, &token).await;
    assert_eq!(changed.reason, Some(Reason::PlanChanged), "{}", changed.text);
    assert!(changed.text.contains(&late), "{}", changed.text);
    let token = changed.confirm_token.unwrap();
    let altered = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        docker(&["update", "--restart", "always", db.id.as_str()]);
    };
    let (answer, ()) = tokio::join!(real.spend("down_project", &arguments, &token), altered);
    failed(&answer, Reason::PlanChanged);
    let what = format!(
        "\nNot touched: {late}\nLeft alone, since they changed after the preview: {}",
        db.name
    );
    assert!(answer.text.contains(&what), "{}", answer.text);
    assert!(!web.exists() && db.inspect("{{.State.Running}}") == "true");
}

#[tokio::test]
async fn a_volume_that_was_made_anew_in_between_is_not_removed() {
    let engine = Engine::connect();
    let project = Project::new(&engine, "shop");
    let data = made(&project, "volume", "data", true);
    // No container of the plan holds the volume fast, and nothing but its moment tells it apart.
    let web = project.service("web", "").start();
    let real = Real::new(engine.adapter());
    let arguments = json!({"project": project.name, "volumes": true});
    let (_, token) = real.preview("down_project", arguments.clone()).await;
    docker(&["volume", "rm", &data]);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    made(&project, "volume", "data", true);
    let changed = real.spend("down_project", &arguments, &token).await;
    assert_eq!(changed.reason, Some(Reason::PlanChanged), "{}", changed.text);
    assert!(web.exists() && there("volume").contains(&data), "{}", changed.text);
    // The nearest that is carried out: it is the one that was shown.
    let token = changed.confirm_token.unwrap();
    let done = real.spend("down_project", &arguments, &token).await;
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    assert!(!web.exists() && !there("volume").contains(&data), "{}", done.text);
}

#[tokio::test]
async fn a_container_of_the_plan_holds_a_volume_fast_while_it_writes() {
    let engine = Engine::connect();
    let project = Project::new(&engine, "shop");
    let data = made(&project, "volume", "data", true);
    let writing = "trap 'exit 0' TERM; while :; do date > /data/$(date +%s); sleep 1; done";
    let mount = format!("{data}:/data");
    let db = project.runs("db", "", writing).option(&["--volume", &mount]).start();
    let real = Real::new(engine.adapter());
    let arguments = json!({"project": project.name, "volumes": true});
    let (_, token) = real.preview("down_project", arguments.clone()).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let done = real.spend("down_project", &arguments, &token).await;
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    assert!(!db.exists() && !there("volume").contains(&data), "{}", done.text);
}
