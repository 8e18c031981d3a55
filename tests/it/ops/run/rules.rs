//! Rules of policy on what a new container would use.

use countersign::core::policy::{Effect, Policy};
use countersign::core::reason::Reason;
use countersign::gate::Status;
use serde_json::json;

use super::{image, inspect};
use crate::support::engine::{Engine, docker};
use crate::support::policies::rule;
use crate::support::real::{Real, confirming};

/// Everything can be confirmed, but for what one more rule denies.
fn denying(engine: &Engine, name: &str, keys: &[(&str, &[&str])]) -> Real {
    let denied = rule(name, Effect::Deny, keys);
    let rules = confirming().rules().iter().cloned().chain([denied]).collect();
    Real::with(engine.adapter(), Policy::new(rules))
}

#[tokio::test]
async fn rules_on_what_a_new_container_would_use_hold_for_it() {
    let engine = Engine::connect();
    let image = image(&engine, "held");
    let label = format!("countersign.test={}", engine.run());
    let prod = ["--label", "env=prod"];
    let volume = |name: &str, more: &[&str]| {
        let name = engine.named(name);
        docker(&[&["volume", "create", "--label", &label], more, &[name.as_str()]].concat());
        format!("{name}:/d")
    };
    let (data, spare) = (volume("data", &prod), volume("spare", &[]));
    let lan = engine.network_with("prod", &prod);
    let other_lan = engine.network(&engine.named("lan"));
    let of = |name: &str| format!("container:{name}");
    let db = engine.container("sleep 3600").option(&prod).option(&["-v", &data]).start();
    let web = engine.container("sleep 3600").start();
    let held = denying(&engine, "prod", &[("label.env", &["prod"])]);
    let free = Real::new(engine.adapter());
    for (key, prod, other) in [
        ("volumes", json!([spare, data]), json!([spare])),
        ("network", json!(lan), json!(other_lan)),
        ("network", json!(of(&db.name)), json!(of(&web.name))),
    ] {
        let refused = held.call("run_container", json!({"image": image, key: prod})).await;
        assert_eq!(refused.reason, Some(Reason::PolicyDenied), "{prod}: {}", refused.text);
        held.preview("run_container", json!({"image": image, key: other})).await;
        let (preview, _) = free.preview("run_container", json!({"image": image, key: prod})).await;
        assert_eq!(
            preview.contains(&format!("used by: {}", db.name)),
            key == "volumes",
            "{preview}"
        );
    }
}

#[tokio::test]
async fn the_engines_own_networks_are_asked_about_however_they_are_called() {
    let engine = Engine::connect();
    let image = image(&engine, "own");
    let rule: [(&str, &[&str]); 3] =
        [("op", &["run_container"]), ("kind", &["network"]), ("name", &["host", "none"])];
    let held = denying(&engine, "no-host", &rule);
    let id = |name: &str| docker(&["network", "inspect", "--format", "{{.Id}}", name]);
    let host = id("host").trim().to_owned();
    for network in ["host", "none", &host, host.get(..12).unwrap()] {
        let arguments = json!({"image": image, "network": network});
        let refused = held.call("run_container", arguments.clone()).await;
        assert_eq!(refused.reason, Some(Reason::PolicyDenied), "{network}: {}", refused.text);
        let check = json!({"operation": "run_container", "arguments": arguments});
        let told = held.call("check_policy", check).await.text;
        assert!(told.contains("no-host") && told.contains("deny"), "{told}");
    }
    let keys: [(&str, &[&str]); 2] = [("kind", &["network"]), ("name", &["bridge"])];
    let off_bridge = denying(&engine, "no-bridge", &keys);
    // It is the bridge that a container joins where nobody says a network.
    for arguments in [json!({"image": image, "network": "bridge"}), json!({"image": image})] {
        held.preview("run_container", arguments.clone()).await;
        let refused = off_bridge.call("run_container", arguments).await;
        assert_eq!(refused.reason, Some(Reason::PolicyDenied), "{}", refused.text);
    }
}

#[tokio::test]
async fn a_rule_on_an_image_holds_for_what_was_made_of_it() {
    let engine = Engine::connect();
    let (image, name) = (image(&engine, "kept"), engine.named("kept"));
    let arguments = json!({"image": image, "name": name, "command": ["sleep", "3600"]});
    let (_, done) = Real::new(engine.adapter()).confirm("run_container", arguments).await;
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    assert_eq!(inspect(&name, "{{.Config.Image}}"), image);
    let pattern = image.replace("kept:1", "*");
    let held = denying(&engine, "kept", &[("class", &["mutate"]), ("image", &[&pattern])]);
    let refused = held.call("restart_container", json!({"container": name})).await;
    assert_eq!(refused.reason, Some(Reason::PolicyDenied), "{}", refused.text);
    let other = engine.container("sleep 3600").start();
    held.preview("restart_container", json!({"container": other.name})).await;
}
