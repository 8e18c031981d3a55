//! Volumes over an engine of memory: what is listed, what previews say, what is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::core::reason::Reason;
use crate::core::text::is_hidden;
use crate::gate::{Answer, Status};
use crate::ops::fake::{self, Fake, World, container, stopped, volume};
use crate::ports::engine::{Container, Mount, Volume};

fn mounts(name: &str, container: Container) -> Container {
    let mount = Mount {
        kind: "volume".into(),
        name: Some(name.into()),
        source: String::new(),
        destination: "/data".into(),
        writable: true,
    };
    Container { mounts: vec![mount], ..container }
}

fn labelled(volume: Volume, labels: &[(&str, &str)]) -> Volume {
    let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Volume { labels, ..volume }
}

fn engine(volumes: Vec<Volume>, containers: Vec<Container>) -> Fake {
    let engine = Fake::of(containers);
    *engine.volumes.lock().unwrap() = volumes;
    engine
}

async fn ask(engine: Fake, operation: &str, arguments: Value) -> (Answer, Arc<Fake>, Arc<World>) {
    let (engine, world) = (Arc::new(engine), Arc::new(World::confirming()));
    let gate = fake::gate(&engine, &world);
    (fake::call(&gate, operation, arguments).await, engine, world)
}

async fn confirmed(engine: Fake, operation: &str, arguments: Value) -> (Answer, Arc<World>) {
    let (engine, world) = (Arc::new(engine), Arc::new(World::confirming()));
    let gate = fake::gate(&engine, &world);
    let first = fake::call(&gate, operation, arguments.clone()).await;
    assert_eq!(first.status, Status::ConfirmationRequired, "{}", first.text);
    let mut arguments = arguments;
    arguments["confirmToken"] = json!(first.confirm_token);
    (fake::call(&gate, operation, arguments).await, world)
}

fn several() -> Fake {
    let bound = [("type", "none"), ("o", "bind"), ("device", "/srv/db")];
    let options = bound.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    let shop = [("com.docker.compose.project", "shop")];
    engine(
        vec![
            volume(&"d".repeat(64)),
            Volume { options, ..volume("disguised") },
            labelled(volume("shop_data"), &shop),
            volume("odd\u{1b}[2J\u{202e}name"),
        ],
        vec![
            mounts("shop_data", container("aa", "web")),
            mounts("shop_data", stopped(container("bb", "backup"))),
        ],
    )
}

#[tokio::test]
async fn a_list_says_who_uses_what() {
    let (answer, _, world) = ask(several(), "list_volumes", json!({})).await;
    insta::assert_snapshot!(answer.text);
    assert!(!answer.text.chars().any(|c| is_hidden(c) && c != '\n'));
    assert_eq!(answer.data["volumes"][0]["anonymous"], true);
    let recorded = world.records.lock().unwrap().last().unwrap().result.clone();
    assert_eq!(recorded, Some(json!({"rows": 4, "leftOut": 0})));
    assert_eq!(ask(Fake::default(), "list_volumes", json!({})).await.0.text, "No volumes.");
}

#[tokio::test]
async fn a_long_list_keeps_what_has_a_name() {
    let anonymous = (0..150).map(|i| volume(&format!("{i:064x}")));
    let named = (0..3).map(|i| volume(&format!("named{i}")));
    let (answer, ..) =
        ask(engine(named.chain(anonymous).collect(), vec![]), "list_volumes", json!({})).await;
    assert_eq!(answer.text.lines().count(), 102);
    assert!(answer.text.contains("named0") && answer.text.contains("named2"), "{}", answer.text);
    assert!(answer.text.ends_with("… 53 volumes more; inspect_volume shows any by its name"));
}

#[tokio::test]
async fn previews_of_removals() {
    let shop = [
        ("com.docker.compose.project", "shop"),
        ("com.docker.compose.volume", "data"),
        ("password", "s3cr3t"),
    ];
    let plugin = Volume { driver: "rexray".into(), ..volume("cloud") };
    let nfs = BTreeMap::from([
        ("type".to_owned(), "nfs".to_owned()),
        ("o".to_owned(), "addr=10.0.0.1".to_owned()),
        ("device".to_owned(), ":/export".to_owned()),
    ]);
    let mut shown = String::new();
    for volume in
        [labelled(volume("data"), &shop), plugin, Volume { options: nfs, ..volume("remote") }]
    {
        let arguments = json!({"volume": volume.name});
        let answer = ask(engine(vec![volume], vec![]), "remove_volume", arguments).await.0;
        let preview = answer.text.lines().take_while(|line| !line.starts_with("Nothing has"));
        shown.extend(preview.map(|line| format!("{line}\n")));
    }
    assert!(!shown.contains("s3cr3t"), "{shown}");
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn what_cannot_be_checked_is_said() {
    let broken = Fake { broken: vec!["containers"], ..engine(vec![volume("data")], vec![]) };
    let (answer, ..) = ask(broken, "remove_volume", json!({"volume": "data"})).await;
    assert!(answer.text.contains("used by        could not be checked"), "{}", answer.text);
    assert!(answer.text.contains("size           could not be checked"), "{}", answer.text);
    let broken = Fake { broken: vec!["containers"], ..engine(vec![volume("data")], vec![]) };
    let (answer, ..) = ask(broken, "create_volume", json!({"name": "data"})).await;
    assert!(answer.text.contains("used by  could not be checked"), "{}", answer.text);
}

#[tokio::test]
async fn a_volume_that_somebody_else_made_is_not_passed_off_as_ours() {
    let (engine, world) = (Arc::new(Fake::default()), Arc::new(World::confirming()));
    let gate = fake::gate(&engine, &world);
    let first = fake::call(&gate, "create_volume", json!({"name": "data"})).await;
    let token = first.confirm_token.unwrap();
    let done =
        fake::call(&gate, "create_volume", json!({"name": "data", "confirmToken": token})).await;
    assert!(done.text.starts_with("Created data."), "{}", done.text);
    // The engine answers a second request as it did the first, and changes nothing.
    engine.volumes.lock().unwrap()[0].labels.clear();
    use crate::gate::{Change as _, Render as _};
    use crate::ops::volumes::CreateVolume;
    let params = serde_json::from_value(json!({"name": "data"})).unwrap();
    let cx = fake::context(&engine);
    let targets = CreateVolume::resolve(cx, &params).await.unwrap();
    let acted = crate::ports::engine::Acted::Changed;
    let report = CreateVolume::look_again(cx, &params, &targets, &acted).await.unwrap();
    assert!(report.text().starts_with("data was made by somebody else"), "{}", report.text());
    assert_eq!(report.record()["changed"], false);
}

#[tokio::test]
async fn what_is_removed_and_there_again_is_said() {
    let (done, world) =
        confirmed(engine(vec![volume("data")], vec![]), "remove_volume", json!({"volume": "data"}))
            .await;
    assert_eq!(done.text, "Removed the volume data.");
    let last = world.records.lock().unwrap().last().unwrap().clone();
    assert_eq!(last.result, Some(json!({"gone": true})));
}

#[tokio::test]
async fn the_beginning_of_a_name_is_taken_where_nobody_gave_one() {
    let anonymous = format!("{:0<64}", "abcdef");
    let volumes =
        || vec![volume(&anonymous), volume("abcdef1"), volume("abcdef0"), volume(&"f".repeat(64))];
    for (given, expected) in [
        (anonymous.as_str(), Ok(anonymous.as_str())),
        ("abcdef00", Ok(anonymous.as_str())),
        ("abcdef1", Ok("abcdef1")),
        ("abcdef0", Err(Reason::Ambiguous)),
        ("abcde", Err(Reason::NotFound)),
        ("ffffff", Ok(&*"f".repeat(64))),
        ("eeeeee", Err(Reason::NotFound)),
        ("data", Err(Reason::NotFound)),
        ("../info?", Err(Reason::InvalidArgument)),
    ] {
        let (answer, ..) =
            ask(engine(volumes(), vec![]), "inspect_volume", json!({"volume": given})).await;
        let found = answer.reason.map_or_else(|| Ok(answer.data["name"].as_str().unwrap()), Err);
        assert_eq!(found, expected, "{given}: {}", answer.text);
    }
}

#[tokio::test]
async fn policy_is_told_of_labels_that_a_new_volume_gets() {
    use crate::gate::Change as _;
    use crate::ops::volumes::CreateVolume;
    let engine = Fake::default();
    let params = json!({"name": "data", "labels": {"env": "prod"}});
    let params = serde_json::from_value(params).unwrap();
    let targets = CreateVolume::resolve(fake::context(&engine), &params).await.unwrap();
    assert_eq!((targets[0].kind, targets[0].id.as_str()), ("volume", "data"));
    assert_eq!(targets[0].attributes["label.env"], "prod");
    assert_eq!(CreateVolume::recorded(&params)["labels"], json!({"env": "prod"}));
}

#[tokio::test]
async fn data_names_some_users_and_counts_all() {
    let users = (0..30).map(|n| mounts("data", container(&format!("{n:02x}"), &format!("c{n}"))));
    let users: Vec<Container> = users.collect();
    for (count, named) in [(20, 20), (21, 20), (30, 20)] {
        let engine = || engine(vec![volume("data")], users[..count].to_vec());
        let one = ask(engine(), "inspect_volume", json!({"volume": "data"})).await.0.data;
        let all = ask(engine(), "list_volumes", json!({})).await.0.data;
        for data in [&one, &all["volumes"][0]] {
            assert_eq!(data["users"].as_array().map(Vec::len), Some(named), "{data}");
            assert_eq!(data["userCount"], count, "{data}");
        }
    }
}
