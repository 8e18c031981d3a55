//! Signals, pauses, names, limits and removal of containers.

use std::time::Duration;

use countersign::core::policy::Policy;
use countersign::core::reason::Reason;
use countersign::gate::Status;
use serde_json::{Value, json};

use crate::support::engine::{Engine, LABEL, Made, docker, try_docker};
use crate::support::real::{Real, Trial};

/// What stands nowhere in a path: of docker-facts 4.2, and ids that are none.
const INJECTED: [&str; 6] = [
    "../info?",
    "../images/prune?filters=...&",
    "../volumes/vol",
    "%2e%2e/info",
    "a/../../info",
    "",
];

pub(super) fn in_the_end(met: impl Fn() -> bool) -> bool {
    (0..50).any(|_| {
        let met = met();
        if !met {
            std::thread::sleep(Duration::from_millis(100));
        }
        met
    })
}

/// Stops it and starts it: the state that a plan saw is no more.
fn turn_over(made: &Made) {
    docker(&["restart", "-t", "0", made.id.as_str()]);
}

pub(super) fn two(engine: &Engine) -> (Made, Made) {
    (engine.container("sleep 3600").start(), engine.container("sleep 3600").start())
}

#[tokio::test]
async fn a_kill_holds_to_its_plan() {
    let engine = Engine::connect();
    let (made, other) = two(&engine);
    docker(&["update", "--restart", "always", made.id.as_str()]);
    let real = Real::new(engine.adapter());
    let (preview, done) = real
        .holds_to_its_plan(Trial {
            operation: "kill_container",
            arguments: json!({"container": made.name}),
            elsewhere: json!({"container": other.name}),
            otherwise: Some(json!({"container": made.name, "signal": "SIGTERM"})),
            drift: &|| turn_over(&made),
        })
        .await;
    assert!(preview.contains("(SIGKILL, at once)"), "{preview}");
    assert!(preview.contains("when the engine itself restarts"), "{preview}");
    assert!(done.text.contains("Now: exited, exit code 137, killed."), "{}", done.text);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(made.inspect("{{.State.Status}} {{.RestartCount}}"), "exited 0");

    let refused = real.impossible("kill_container", json!({"container": made.name})).await;
    assert!(refused.contains("does not run"), "{refused}");
    assert_eq!(try_docker(&["kill", &made.name]), None, "the engine says so too");
    assert_eq!(other.inspect("{{.State.Running}}"), "true");
}

#[tokio::test]
async fn a_signal_arrives_and_the_restart_policy_is_as_the_preview_says() {
    let engine = Engine::connect();
    let script = "trap 'echo got it' USR1; trap '' HUP; i=0; while [ $i -lt 30 ]; do sleep 0.1; \
                  i=$((i+1)); done; exit 1";
    let always = |stop: &str| {
        engine.script(script).option(&["--restart", "always", "--stop-signal", stop]).start()
    };
    let real = Real::new(engine.adapter());
    let arguments = |made: &Made| json!({"container": made.name, "signal": "usr1"});
    let (suspended, kept) = (always("USR1"), always("TERM"));
    let (preview, done) = real.confirm("kill_container", arguments(&suspended)).await;
    assert!(preview.contains("Whether it ends by that is unknown"), "{preview}");
    assert!(preview.contains("it stays down"), "{preview}");
    assert!(done.text.contains(&format!("Sent SIGUSR1 to {}. Now: running", suspended.name)));
    let (preview, _) = real.confirm("kill_container", arguments(&kept)).await;
    assert!(preview.contains("the engine starts it again"), "{preview}");
    assert!(in_the_end(|| docker(&["logs", suspended.id.as_str()]).contains("got it")));
    assert!(in_the_end(|| suspended.inspect("{{.State.Status}}") == "exited"));
    assert!(in_the_end(|| kept.inspect("{{.RestartCount}}") != "0"));
    assert_eq!(suspended.inspect("{{.RestartCount}}"), "0");
}

#[tokio::test]
async fn a_signal_that_freezes_does_what_the_preview_says() {
    let engine = Engine::connect();
    let made = engine.script("while :; do echo on; sleep 0.05; done").start();
    let real = Real::new(engine.adapter());
    let arguments = |signal: &str| json!({"container": made.name, "signal": signal});
    let (preview, done) = real.confirm("kill_container", arguments("19")).await;
    assert!(preview.contains("it stops answering, and the engine still says that it runs"));
    assert!(done.text.contains("Engines call running what it froze"), "{}", done.text);
    assert!(done.text.contains("Now: running since"), "{}", done.text);
    let said = || docker(&["logs", made.id.as_str()]).len();
    let grows = || {
        let before = said();
        std::thread::sleep(Duration::from_millis(400));
        said() > before
    };
    assert_eq!((made.inspect("{{.State.Status}}").as_str(), grows()), ("running", false));
    let (preview, _) = real.confirm("kill_container", arguments("CONT")).await;
    assert!(!preview.contains("stops answering, and"), "{preview}");
    assert!(grows());
}

#[tokio::test]
async fn a_kill_of_what_was_run_with_rm_removes_it() {
    let engine = Engine::connect();
    let made = engine.container("sleep 3600").auto_remove().start();
    let asking = Real::with(engine.adapter(), Policy::builtin());
    let arguments = json!({"container": made.name, "signal": "9"});
    let asked = asking.call("kill_container", arguments.clone()).await;
    assert_eq!(asked.reason, Some(Reason::ApprovalUnavailable), "{}", asked.text);
    let real = Real::new(engine.adapter());
    let (preview, done) = real.confirm("kill_container", arguments).await;
    assert!(preview.contains("and so REMOVE it"), "{preview}");
    assert!(done.text.ends_with("was removed with that (--rm)."), "{}", done.text);
    assert!(!made.exists());
}

#[tokio::test]
async fn a_pause_and_its_end_hold_to_their_plans() {
    let engine = Engine::connect();
    let (made, other) = two(&engine);
    let real = Real::new(engine.adapter());
    let over = || turn_over(&made);
    let again = || {
        turn_over(&made);
        docker(&["pause", made.id.as_str()]);
    };
    let trial = |operation, drift| Trial {
        operation,
        arguments: json!({"container": made.name}),
        elsewhere: json!({"container": other.name}),
        otherwise: None,
        drift,
    };
    let (preview, done) = real.holds_to_its_plan(trial("pause_container", &over)).await;
    assert!(preview.contains("frozen where they are"), "{preview}");
    assert!(done.text.contains("Now: paused, started"), "{}", done.text);
    assert_eq!(made.inspect("{{.State.Status}}"), "paused");
    let refused = real.impossible("pause_container", json!({"container": made.name})).await;
    assert!(refused.contains("is paused already"), "{refused}");
    assert_eq!(try_docker(&["pause", &made.name]), None, "the engine says so too");
    let refused = real.impossible("start_container", json!({"container": made.name})).await;
    assert!(refused.contains("unpause_container"), "{refused}");
    assert_eq!(try_docker(&["start", &made.name]), None, "the engine says so too");

    let real = Real::new(engine.adapter());
    let (preview, done) = real.holds_to_its_plan(trial("unpause_container", &again)).await;
    assert!(preview.contains("go on where they were"), "{preview}");
    assert!(done.text.contains("Now: running since"), "{}", done.text);
    let refused = real.impossible("unpause_container", json!({"container": made.name})).await;
    assert!(refused.contains("is not paused"), "{refused}");
    assert_eq!(try_docker(&["unpause", &made.name]), None, "the engine says so too");
}

#[tokio::test]
async fn a_pause_makes_a_healthy_container_count_as_unhealthy() {
    let engine = Engine::connect();
    let made = engine.container("sleep 3600");
    let made = made.option(&["--health-cmd", "true", "--health-interval", "1s"]).start();
    assert!(in_the_end(|| made.inspect("{{.State.Health.Status}}") == "healthy"));
    let real = Real::new(engine.adapter());
    let (preview, _) = real.confirm("pause_container", json!({"container": made.name})).await;
    assert!(preview.contains("healthy; its checks do not run meanwhile"), "{preview}");
    assert_eq!(made.inspect("{{.State.Health.Status}}"), "unhealthy");
}

#[tokio::test]
async fn a_rename_holds_to_its_plan() {
    let engine = Engine::connect();
    let (made, other) = two(&engine);
    let new = format!("{}-new", made.name);
    let real = Real::new(engine.adapter());
    let (preview, done) = real
        .holds_to_its_plan(Trial {
            operation: "rename_container",
            arguments: json!({"container": made.id.as_str(), "newName": new}),
            elsewhere: json!({"container": other.name, "newName": new}),
            otherwise: Some(json!({"container": made.id.as_str(), "newName": format!("{new}er")})),
            drift: &|| {
                docker(&["rename", &made.name, &format!("{}-meanwhile", made.name)]);
            },
        })
        .await;
    assert!(preview.contains(&format!("-meanwhile to {new}.")), "{preview}");
    assert!(done.text.contains(&format!("called {new}.")), "{}", done.text);
    assert_eq!(made.inspect("{{.Name}}"), format!("/{new}"));

    let taken = json!({"container": new, "newName": other.name});
    let refused = real.impossible("rename_container", taken).await;
    assert!(refused.contains(&format!("of the name {} already", other.name)), "{refused}");
    assert_eq!(try_docker(&["rename", &new, &other.name]), None, "the engine says so too");
    let same = json!({"container": new, "newName": new});
    real.impossible("rename_container", same).await;
    assert_eq!(try_docker(&["rename", &new, &new]), None, "the engine says so too");
    for bad in ["abcdefabcdef", "a", "../volumes/vol", "x?y", "_x", ""] {
        let arguments = json!({"container": new, "newName": bad});
        let answer = real.call("rename_container", arguments).await;
        assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{bad}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_rename_says_who_resolved_the_old_name() {
    let engine = Engine::connect();
    let network = format!("cs-{}-net", engine.run());
    let label = format!("{LABEL}={}", engine.run());
    docker(&["network", "create", "--label", &label, &network]);
    let on = |command: &str| engine.container(command).option(&["--network", &network]).start();
    let (made, peer) = (on("sleep 3600"), on("sleep 3600"));
    let finds = |name: &str| try_docker(&["exec", peer.id.as_str(), "nslookup", name]).is_some();
    assert!(finds(&made.name));
    let new = format!("{}-new", made.name);
    let real = Real::new(engine.adapter());
    let arguments = json!({"container": made.name, "newName": new});
    let (preview, done) = real.confirm("rename_container", arguments).await;
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    assert!(preview.contains(&format!("{}: they no longer resolve", peer.name)), "{preview}");
    assert!(!finds(&made.name) && finds(&new));
    docker(&["rm", "-fv", made.id.as_str(), peer.id.as_str()]);
    docker(&["network", "rm", &network]);
}

#[tokio::test]
async fn a_removal_holds_to_its_plan() {
    let engine = Engine::connect();
    let script = "head -c 300000 /dev/zero > /own; echo x > /named/x; echo y > /scratch/y";
    let volume = format!("cs-{}-named", engine.run());
    let label = format!("{LABEL}={}", engine.run());
    docker(&["volume", "create", "--label", &label, &volume]);
    let volumes = format!("{volume}:/named");
    let make = || {
        let made = engine.script(script).option(&["-v", &volumes, "-v", "/scratch"]).start();
        made.wait();
        made
    };
    let (made, other) = (make(), make());
    let unnamed = |made: &Made| {
        let each = "{{range .Mounts}}{{if eq .Destination \"/scratch\"}}{{.Name}}{{end}}{{end}}";
        made.inspect(each)
    };
    let scratch = unnamed(&made);
    let real = Real::new(engine.adapter());
    let of = |name: &str, volumes| json!({"container": name, "volumes": volumes});
    let (preview, done) = real
        .holds_to_its_plan(Trial {
            operation: "remove_container",
            arguments: of(&made.name, true),
            elsewhere: of(&other.name, true),
            otherwise: Some(of(&made.name, false)),
            drift: &|| {
                docker(&["start", made.id.as_str()]);
                made.wait();
            },
        })
        .await;
    assert!(preview.contains("This cannot be undone."), "{preview}");
    let size: u64 = made_size(&preview);
    assert!((290..300).contains(&size), "{preview}");
    assert!(preview.contains("1 volume without a name: /scratch"), "{preview}");
    assert!(preview.contains(&format!("volume {volume} -> /named (rw)")), "{preview}");
    assert!(preview.contains("exit code 0"), "{preview}");
    assert!(
        done.text.ends_with("It is gone. 1 volume without a name went with it."),
        "{}",
        done.text
    );
    let has = |volume: &str| try_docker(&["volume", "inspect", volume]).is_some();
    assert!(!made.exists() && !has(&scratch) && has(&volume) && other.exists());

    let scratch = unnamed(&other);
    let (preview, done) = real.confirm("remove_container", of(&other.name, false)).await;
    assert!(preview.contains("left over"), "{preview}");
    let left = format!("Still there: 1 volume without a name ({}).", scratch.get(..12).unwrap());
    assert!(done.text.ends_with(&left), "{}", done.text);
    assert!(!other.exists() && has(&scratch) && has(&volume));
    docker(&["volume", "rm", &scratch, &volume]);
}

/// The size of own files that a preview tells, in KiB.
fn made_size(preview: &str) -> u64 {
    let line = preview.lines().find(|line| line.contains("lost: own files")).unwrap();
    let size = line.split_whitespace().nth(3).unwrap();
    size.split('.').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_running_container_is_removed_by_force_only() {
    let engine = Engine::connect();
    let made = engine.container("sleep 3600").start();
    let sharer = engine.container("sleep 3600");
    let sharer = sharer.option(&["--network", &format!("container:{}", made.name)]).start();
    let real = Real::new(engine.adapter());
    let asked = json!({"container": made.name});
    for (turn, state) in [("unpause", "is running"), ("pause", "is paused")] {
        try_docker(&[turn, &made.name]);
        let refused = real.impossible("remove_container", asked.clone()).await;
        assert!(refused.contains(state) && refused.contains("force=true"), "{refused}");
        assert_eq!(try_docker(&["rm", &made.name]), None, "the engine says so too");
    }
    docker(&["unpause", &made.name]);
    let force = json!({"container": made.name, "force": true});
    let (preview, done) = real.confirm("remove_container", force.clone()).await;
    assert!(preview.contains("KILL and REMOVE"), "{preview}");
    assert!(preview.contains(&format!("{}: they lose their network for good", sharer.name)));
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    assert!(!made.exists());
    let again = real.call("remove_container", force).await;
    assert_eq!(again.reason, Some(Reason::NotFound));
    let asking = Real::with(engine.adapter(), Policy::builtin());
    let asked = asking.call("remove_container", json!({"container": sharer.name})).await;
    assert_eq!(asked.reason, Some(Reason::ApprovalUnavailable));
}

#[tokio::test]
async fn no_injected_identifier_reaches_the_engine() {
    let engine = Engine::connect();
    let hex = engine.container("sleep 3600").create();
    let twin = engine.container("sleep 3600").named(hex.id.as_str().get(..12).unwrap()).create();
    let real = Real::new(engine.adapter());
    for (operation, more) in [
        ("kill_container", json!({})),
        ("pause_container", json!({})),
        ("unpause_container", json!({})),
        ("rename_container", json!({"newName": "other-name"})),
        ("update_container", json!({"memory": "64m"})),
        ("remove_container", json!({"force": true})),
        ("get_container_stats", json!({})),
        ("get_container_processes", json!({})),
        ("get_container_changes", json!({})),
    ] {
        let call = async |container: &str| {
            let mut arguments: Value = more.clone();
            arguments["container"] = json!(container);
            real.call(operation, arguments).await
        };
        for injected in INJECTED {
            let answer = call(injected).await;
            assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{operation} {injected}");
        }
        let answer = call(&twin.name).await;
        assert_eq!(answer.reason, Some(Reason::Ambiguous), "{operation}: {}", answer.text);
    }
}
