//! Images.

use countersign::core::reason::Reason;
use countersign::gate::Status;
use serde_json::{Value, json};

use crate::support::engine::{Engine, IMAGE, docker};
use crate::support::real::{Real, Trial};
use crate::support::registry::Registry;

/// What an engine says of an image, as `docker image inspect --format` takes it.
fn inspect(name: &str, format: &str) -> String {
    docker(&["image", "inspect", "--format", format, name]).trim().to_owned()
}

/// Whether the engine has it.
fn has(name: &str) -> bool {
    !docker(&["images", "-q", "--no-trunc", name]).trim().is_empty()
        || docker(&["images", "-aq", "--no-trunc"]).lines().any(|id| id == name)
}

#[tokio::test]
async fn a_pull_from_preview_to_result() {
    let engine = Engine::connect();
    let registry = Registry::open();
    let real = Real::new(engine.adapter());
    let name = registry.name("shop/web:1");
    let first = registry.push(&engine, "shop/web:1", "first");
    let (preview, done) = real.confirm("pull_image", json!({"image": name})).await;
    println!("{preview}\n{}\n{}", done.text, done.data);
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    assert_eq!(inspect(&name, "{{.Id}}"), first.id);
}
