//! The volumes of a new container: they are those that were shown, also if their names came to mean
//! other ones while the request was on its way.

use countersign::core::reason::Reason;
use countersign::gate::Status;
use serde_json::json;

use super::image;
use crate::support::door::{Deed, Door};
use crate::support::engine::{Engine, LABEL, adapter_at, docker};
use crate::support::real::Real;

/// Makes a volume of this name, with these options, in the place of any that is there.
fn replace(label: &str, name: &str, options: &[&str]) {
    docker(&["volume", "rm", "-f", name]);
    let options = options.iter().flat_map(|option| ["--opt", *option]);
    let words = ["volume", "create", "--label", label].into_iter().chain(options);
    docker(&words.chain([name]).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_would_mount_another_volume_than_was_shown_is_taken_back() {
    let engine = Engine::connect();
    let label = format!("{LABEL}={}", engine.run());
    let one = image(&engine, "one");
    const DISGUISED: &[&str] = &["type=none", "o=bind", "device=/tmp"];
    for (at, there, then, started) in [
        (0, false, DISGUISED, false),
        (1, true, DISGUISED, false),
        (2, false, &[], true),
        (3, true, &[], true),
    ] {
        let (name, volume) = (engine.named(&format!("c{at}")), engine.named(&format!("v{at}")));
        if there {
            replace(&label, &volume, &[]);
        }
        let moved = (label.clone(), volume.clone());
        let door = Door::with(move |line| {
            if line.starts_with("POST /containers/create") {
                replace(&moved.0, &moved.1, then);
            }
            Deed::Forward
        });
        let real = Real::new(adapter_at(door.path()));
        let command = ["sleep", "3600"];
        let volumes = [format!("{volume}:/v")];
        let arguments = json!({"image": one, "name": name, "volumes": volumes, "command": command});
        let (_, done) = real.confirm("run_container", arguments).await;
        let lines = door.lines();
        assert_eq!(lines.iter().any(|line| line.contains("/start")), started, "{at}: {lines:?}");
        let made = docker(&["ps", "-aq", "--filter", &format!("name={name}")]);
        assert_eq!(!made.is_empty(), started, "{at}: {}", done.text);
        if started {
            assert_eq!(done.status, Status::Ok, "{}", done.text);
        } else {
            assert_eq!(done.reason, Some(Reason::EngineError), "{}", done.text);
            let words = format!("the volume {volume} is another one by now");
            assert!(done.text.contains(&words), "{}", done.text);
        }
    }
}
