//! Taking a project down, where something goes wrong on the way.

use super::*;
use crate::core::reason::Fault;
use crate::gate::Status;
use crate::ports::engine::{Mount, Network};

/// A container of the project on its network, with its volume.
fn shop(auto_remove: bool) -> Fake {
    let labels = || BTreeMap::from([("com.docker.compose.project".into(), "shop".into())]);
    let (source, destination) = (String::new(), "/data".to_owned());
    let name = Some("shop_data".to_owned());
    let mount = Mount { kind: "volume".into(), name, source, destination, writable: true };
    let db = composed(container("d1", "shop-db-1"), "db", "");
    let engine = Fake::of(vec![Container { auto_remove, mounts: vec![mount], ..db }]);
    let net = Network { labels: labels(), ..fake::network("a1", "shop_default") };
    *engine.networks.lock().unwrap() = vec![net];
    *engine.volumes.lock().unwrap() =
        vec![Volume { labels: labels(), ..fake::volume("shop_data") }];
    engine
}

async fn confirmed(
    engine: Fake,
    prepare: impl FnOnce(&Arc<Fake>),
) -> (Arc<Fake>, Arc<World>, Answer) {
    let (engine, world) = (Arc::new(engine), Arc::new(World::confirming()));
    let gate = fake::gate(&engine, &world);
    let mut arguments = json!({"project": "shop", "volumes": true});
    let first = fake::call(&gate, "down_project", arguments.clone()).await;
    arguments["confirmToken"] = json!(first.confirm_token);
    prepare(&engine);
    let answer = fake::call(&gate, "down_project", arguments).await;
    (engine, world, answer)
}

#[tokio::test]
async fn a_volume_that_its_plan_held_fast_is_as_before() {
    let broken = |mut engine: Fake| {
        engine.broken = vec!["remove_network"];
        engine
    };
    let (_, _, answer) = confirmed(broken(shop(false)), |_| ()).await;
    assert_eq!(answer.status, Status::Failed, "{}", answer.text);
    let state = "\nState afterwards, as before: shop_default, shop_data; gone: shop-db-1.\n";
    assert!(answer.text.contains(state), "{}", answer.text);
    // The nearest that is no longer what it was: what the plan did bind to.
    let (_, _, answer) = confirmed(broken(shop(false)), |engine| {
        let volumes = Arc::clone(engine);
        *engine.effect.lock().unwrap() = Some(Box::new(move |_| {
            volumes.volumes.lock().unwrap()[0].driver = "other".into();
            Ok(Acted::Changed)
        }));
    })
    .await;
    let state = "as before: shop_default; changed: shop_data (driver other, was local); gone: ";
    assert!(answer.text.contains(state), "{}", answer.text);
}

#[tokio::test]
async fn a_container_that_took_long_to_remove_itself_does_not_end_the_plan() {
    tokio::time::pause();
    for stopped_by in [Acted::Changed, Acted::AlreadySo] {
        let (engine, world, answer) = confirmed(shop(true), |engine| {
            let later = Arc::clone(engine);
            *engine.effect.lock().unwrap() = Some(Box::new(move |_| {
                *later.effect.lock().unwrap() = Some(Box::new(|containers| {
                    containers.clear();
                    Err(Fault::new(Reason::NotFound, "It is gone, so nothing was done."))
                }));
                Ok(stopped_by)
            }));
        })
        .await;
        let result = world.records.lock().unwrap().last().cloned().unwrap().result.unwrap();
        let left = engine.networks.lock().unwrap().len();
        if stopped_by == Acted::Changed {
            assert_eq!((answer.status, left), (Status::Ok, 0), "{}", answer.text);
            assert_eq!(
                (&result["steps"]["done"], &result["gone_already"]),
                (&json!(3), &json!([]))
            );
        } else {
            assert_eq!(answer.reason, Some(Reason::NotFound), "{}", answer.text);
            assert!(!answer.text.contains("It was stopped"), "{}", answer.text);
            assert_eq!((left, &result["gone_already"]), (1, &json!(["shop-db-1"])));
        }
    }
}
