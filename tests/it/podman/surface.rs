//! The rest of the surface: what Podman does as Docker does, and what it refuses with words.

use countersign::core::plan::Target;
use countersign::core::policy::{Effect, Policy};
use countersign::core::reason::Reason;
use countersign::gate::Status;
use countersign::ports::engine::{ActImages as _, ImageRemoval, LookSystem as _};
use serde_json::{Value, json};

use crate::support::engine::IMAGE;
use crate::support::permit::{permit, target};
use crate::support::podman::Podman;
use crate::support::policies::rule;
use crate::support::real::{Real, confirming};

const KILLED: [&str; 2] = ["--stop-signal", "KILL"];

/// A call that may want to be confirmed, what it ends as, and what its answer says.
type Step<'a> = (&'a str, Value, Result<(), Reason>, &'a str);

async fn go(podman: &Podman, steps: &[Step<'_>]) {
    let real = Real::new(podman.adapter());
    for (operation, arguments, expected, said) in steps {
        let mut answer = real.call(operation, arguments.clone()).await;
        if let Some(token) = answer.confirm_token {
            answer = real.spend(operation, arguments, &token).await;
        }
        let found = answer.reason.map_or(Ok(()), Err);
        assert_eq!(&found, expected, "{operation} {arguments}: {}", answer.text);
        assert_eq!(found.is_ok(), answer.status == Status::Ok, "{operation}: {}", answer.text);
        assert!(answer.text.contains(said), "{operation} {arguments}: {}", answer.text);
    }
}

#[tokio::test]
async fn volumes() {
    let podman = Podman::start();
    podman.docker(&["volume", "create", "named"]);
    podman.docker(&["volume", "create", &"a".repeat(64)]);
    podman.run("web", &["--volume", "used:/v"], "sleep 3600");
    go(
        &podman,
        &[
            ("list_volumes", json!({}), Ok(()), "used  "),
            ("create_volume", json!({"name": "fresh"}), Ok(()), "Created fresh"),
            ("inspect_volume", json!({"volume": "fresh"}), Ok(()), "countersign.created-by"),
            ("remove_volume", json!({"volume": "fresh"}), Ok(()), "Removed the volume fresh"),
            ("remove_volume", json!({"volume": "fresh"}), Err(Reason::NotFound), ""),
            (
                "remove_volume",
                json!({"volume": "used"}),
                Err(Reason::InvalidArgument),
                "used is used by web",
            ),
            ("prune_volumes", json!({}), Ok(()), "Removed 1 unused volume"),
        ],
    )
    .await;
    let left = podman.docker(&["volume", "ls", "--quiet"]);
    assert_eq!(left.split_whitespace().collect::<Vec<_>>(), ["named", "used"], "named ones stay");
}

#[tokio::test]
async fn networks() {
    let podman = Podman::start();
    podman.run("web", &KILLED, "sleep 3600");
    let both = json!({"network": "net", "container": "web"});
    go(
        &podman,
        &[
            ("create_network", json!({"name": "net", "internal": true}), Ok(()), "Created the"),
            ("inspect_network", json!({"network": "net"}), Ok(()), "(internal)"),
            (
                "connect_network",
                both.clone(),
                Err(Reason::EngineError),
                "did not happen: \"\" is not supported: invalid network mode",
            ),
            ("disconnect_network", both, Ok(()), "nothing was done"),
            ("remove_network", json!({"network": "net"}), Ok(()), "Removed the network net"),
            ("inspect_network", json!({"network": "net"}), Err(Reason::NotFound), ""),
            ("list_networks", json!({}), Ok(()), "bridge"),
        ],
    )
    .await;
}

#[tokio::test]
async fn images() {
    let podman = Podman::start();
    let image = format!("localhost/{IMAGE}");
    podman.run("web", &KILLED, "sleep 3600");
    let tag = json!({"image": image, "tag": "localhost/other:2"});
    go(
        &podman,
        &[
            ("list_images", json!({}), Ok(()), &image),
            ("inspect_image", json!({"image": image}), Ok(()), "2.0 MiB in 1 layer"),
            ("tag_image", tag, Ok(()), "localhost/other:2 now points to"),
            ("remove_image", json!({"image": "localhost/other:2"}), Ok(()), "Took off"),
            (
                "remove_image",
                json!({"image": image}),
                Err(Reason::InvalidArgument),
                "web must be removed first",
            ),
            (
                "pull_image",
                json!({"image": "localhost/nothing/here:1"}),
                Err(Reason::EngineError),
                "so no name has moved",
            ),
        ],
    )
    .await;
    podman.docker(&["image", "inspect", &image]);
}

/// A forced removal takes containers with it here, running ones too.
#[tokio::test]
async fn an_image_is_not_forced_off_its_containers() {
    let podman = Podman::start();
    let image = format!("localhost/{IMAGE}");
    let id = podman.docker(&["image", "inspect", "--format", "{{.Id}}", &image]).trim().to_owned();
    podman.docker(&["tag", &image, "spare:1"]);
    let web = podman.run("web", &KILLED, "sleep 3600");
    let refused = Err(Reason::InvalidArgument);
    let forced = || json!({"image": id, "force": true});
    go(
        &podman,
        &[
            ("remove_image", forced(), refused, "would remove them as well"),
            ("remove_image", json!({"image": id}), refused, "several names point to it"),
        ],
    )
    .await;
    assert_eq!(podman.inspect(&web, "{{.State.Status}}"), "running");
    podman.docker(&["kill", "web"]);
    go(&podman, &[("remove_image", forced(), refused, "web (exited)")]).await;

    // The adapter does not rely on what was looked at before.
    let adapter = podman.adapter();
    let engine = adapter.engine_id().await.unwrap();
    let permit = permit(Target { engine, ..target("image", &id, "") });
    let force = ImageRemoval::Image { force: true };
    let image = permit.targets().next().unwrap();
    let fault = adapter.remove_image(&image, force).await.unwrap_err();
    assert!(fault.reason == Reason::EngineError && fault.message.contains("(1)"), "{fault:?}");
    assert_eq!(podman.inspect(&web, "{{.State.Status}}"), "exited");

    podman.docker(&["rm", "web"]);
    go(&podman, &[("remove_image", forced(), Ok(()), "Removed the image")]).await;
    assert_eq!(podman.docker(&["images", "-aq"]), "");
}

#[tokio::test]
async fn a_name_is_one_name_however_it_is_spelt() {
    let podman = Podman::start();
    let id =
        podman.docker(&["image", "inspect", "--format", "{{.Id}}", &format!("localhost/{IMAGE}")]);
    let tag = |name: &str| json!({"image": id.trim(), "tag": name});
    go(
        &podman,
        &[
            ("tag_image", tag("spare:1"), Ok(()), "spare:1 now points to"),
            ("inspect_image", json!({"image": "docker.io/library/spare:1"}), Ok(()), "spare:1"),
            (
                "remove_image",
                json!({"image": "docker.io/library/spare:1", "force": true}),
                Ok(()),
                &format!("Took off spare:1. The image {} stays as localhost/{IMAGE}", id.trim()),
            ),
        ],
    )
    .await;
    let rows = podman.docker(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
    assert_eq!(rows.trim(), format!("localhost/{IMAGE}"));
}

#[tokio::test]
async fn commands_projects_and_the_engine_itself() {
    let podman = Podman::start();
    let compose = |key: &str, value: &str| format!("--label=com.docker.compose.{key}={value}");
    let labels = [compose("project", "p"), compose("service", "s")];
    let options = [&KILLED[..], &labels.each_ref().map(String::as_str)].concat();
    let web = podman.run("web", &options, "echo begun; exec sleep 3600");
    podman.create("old", &[], "true");
    let argv = json!(["sh", "-c", "echo out; echo err >&2; exit 3"]);
    let command = json!({"container": "web", "command": argv});
    let exec = |words: &[&str]| json!({"container": "web", "command": words});
    let nobody = json!({"container": "web", "command": ["true"], "user": "nobodyx"});
    let image = format!("localhost/{IMAGE}");
    let run = json!({"image": image, "name": "ran", "network": "none", "command": ["true"]});
    let unsure = Err(Reason::OutcomeUnknown);
    go(
        &podman,
        &[
            ("exec_in_container", command, Ok(()), "  out\nE err\n--- end"),
            ("exec_in_container", exec(&["nonexist"]), unsure, "could not start it"),
            ("exec_in_container", exec(&["sh", "-c", "exit 127"]), Ok(()), "exit code 127"),
            (
                "exec_in_container",
                nobody,
                Err(Reason::EngineError),
                "did not happen: unable to find",
            ),
            ("run_container", run, Ok(()), "Made ran"),
            ("remove_container", json!({"container": "ran"}), Ok(()), "It is gone."),
            ("list_projects", json!({}), Ok(()), "running(1)"),
            ("get_project", json!({"project": "p"}), Ok(()), "web"),
            ("get_project_logs", json!({"project": "p"}), Ok(()), "begun"),
            ("restart_project", json!({"project": "p"}), Ok(()), "p"),
            ("get_disk_usage", json!({}), Ok(()), "containers   2"),
            ("list_events", json!({"since": "1h"}), Ok(()), "  web "),
            ("prune_containers", json!({}), Ok(()), "Removed 1 stopped container"),
            ("prune_networks", json!({}), Err(Reason::NotFound), "nothing to prune"),
        ],
    )
    .await;
    assert_eq!(podman.inspect(&web, "{{.State.Status}}"), "running");
    go(&podman, &[("down_project", json!({"project": "p"}), Ok(()), "1 container")]).await;
    assert_eq!(podman.docker(&["ps", "-aq"]), "");
}

/// What a rule names is what a list shows, however the engine spells it.
#[tokio::test]
async fn a_containers_image_is_spelt_as_everywhere() {
    let podman = Podman::start();
    podman.docker(&["tag", &format!("localhost/{IMAGE}"), "spare:1"]);
    podman.docker(&["create", "--network", "none", "--name", "web", "spare:1", "true"]);
    let configured = podman.docker(&["inspect", "--format", "{{.Config.Image}}", "web"]);
    assert_eq!(configured.trim(), "docker.io/library/spare:1");
    let rules = |image: &str| {
        let denied = rule("spare", Effect::Deny, &[("image", &[image])]);
        let all = confirming().rules().iter().cloned().chain([denied]).collect();
        Real::with(podman.adapter(), Policy::new(all))
    };
    for (image, held) in [("spare:1", true), ("spare:*", true), ("other:1", false)] {
        for operation in ["inspect_container", "start_container", "remove_container"] {
            let answer = rules(image).call(operation, json!({"container": "web"})).await;
            let denied = answer.reason == Some(Reason::PolicyDenied);
            assert_eq!(denied, held, "{operation} {image}: {}", answer.text);
        }
    }
    let real = Real::new(podman.adapter());
    let listed = real.call("list_containers", json!({"all": true})).await;
    assert!(listed.text.contains("  spare:1  "), "{}", listed.text);
}

/// Everything from the first pull that cannot be to the last prune, carried out.
#[tokio::test]
async fn what_is_made_and_run_is_pruned_again() {
    let podman = Podman::start();
    let image = format!("localhost/{IMAGE}");
    podman.docker(&["tag", &image, "localhost/unused:1"]);
    let mine = json!({"mine": "yes"});
    let new = json!({
        "image": image, "name": "web", "command": ["sh", "-c", "echo begun; sleep 3600"],
        "env": {"TOKEN": "s3cr3t"}, "network": "none", "labels": mine, "volumes": ["data:/d"],
    });
    let old = json!({
        "image": image, "name": "old", "command": ["true"], "network": "none", "labels": mine,
    });
    let only = || json!({"label": "mine"});
    go(
        &podman,
        &[
            ("create_volume", json!({"name": "data", "labels": mine}), Ok(()), "Created data"),
            ("create_network", json!({"name": "lan", "labels": mine}), Ok(()), "Created the"),
            ("run_container", new, Ok(()), "Now: running"),
            ("run_container", old, Ok(()), "Made old"),
            ("list_events", json!({"since": "1h", "type": "container"}), Ok(()), "  start "),
            ("prune_volumes", only(), Err(Reason::NotFound), "nothing to prune"),
            ("prune_containers", only(), Ok(()), "Removed 1 stopped container"),
            ("prune_networks", only(), Ok(()), "Removed 1 unused network"),
        ],
    )
    .await;
    let env = podman.docker(&["inspect", "--format", "{{.Config.Env}}", "web"]);
    assert!(env.contains("TOKEN=s3cr3t"), "{env}");
    go(
        &podman,
        &[
            ("remove_container", json!({"container": "web", "force": true}), Ok(()), "It is gone"),
            ("prune_volumes", only(), Ok(()), "Removed 1 unused volume"),
            ("prune_images", json!({}), Err(Reason::NotFound), "nothing to prune"),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_done_to_one_container() {
    let podman = Podman::start();
    podman.run("web", &KILLED, "touch /made; sleep 3600");
    podman.create("old", &[], "true");
    let web = || json!({"container": "web"});
    let w2 = || json!({"container": "w2"});
    let limits = json!({"container": "web", "memory": "64m"});
    let (refused, impossible) = (Err(Reason::EngineError), Err(Reason::InvalidArgument));
    go(
        &podman,
        &[
            ("get_container_stats", web(), Ok(()), "KiB / "),
            ("get_container_processes", web(), refused, "not what its API promises"),
            ("get_container_changes", web(), Ok(()), "A /made"),
            ("update_container", limits, refused, "(404), so it did not happen"),
            ("pause_container", web(), Ok(()), "Now: paused"),
            ("unpause_container", web(), Ok(()), "Now: running"),
            ("rename_container", json!({"container": "web", "newName": "w2"}), Ok(()), "called w2"),
            ("remove_container", w2(), impossible, "only by force"),
            ("kill_container", w2(), Ok(()), "Now: exited, exit code 137"),
            ("kill_container", w2(), impossible, "w2 does not run"),
            ("remove_container", w2(), Ok(()), "It is gone."),
            ("remove_container", w2(), Err(Reason::NotFound), ""),
        ],
    )
    .await;
    assert_eq!(podman.docker(&["ps", "-a", "--format", "{{.Names}}"]).trim(), "old");
}
