//! What is told of what was done, as it was seen afterwards.

use super::*;

/// Asks, confirms, and returns the answer with what was asked of the engine.
async fn confirmed(operation: &str, before: Container, more: Value, effect: Effect) -> String {
    let engine = Arc::new(Fake::of(vec![before]));
    *engine.effect.lock().unwrap() = Some(Box::new(effect));
    let gate = fake::gate(&engine, &Arc::new(World::default()));
    let mut arguments = json!({"container": "db"});
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let first = fake::call(&gate, operation, arguments.clone()).await;
    arguments["confirmToken"] = json!(first.confirm_token);
    let answer = fake::call(&gate, operation, arguments).await;
    let verb = operation.split('_').next().unwrap();
    let called = engine.called();
    let order = called.iter().find(|call| call.starts_with(&format!("{verb} ")));
    format!("{} | {}", order.map_or("nothing", String::as_str), answer.text)
}

#[tokio::test]
async fn what_was_done_and_what_is_now_are_told() {
    let quiet = || container("ab", "db");
    let since = "since 2026-01-31T10:00:00Z";
    let done = confirmed("kill_container", quiet(), json!({}), |all| {
        all[0] = stopped(all[0].clone());
        Ok(Acted::Changed)
    });
    assert_eq!(
        done.await,
        "kill db SIGKILL | Killed db (SIGKILL). Now: exited, exit code 137, killed."
    );
    let done =
        confirmed("kill_container", quiet(), json!({"signal": "usr1"}), |_| Ok(Acted::Changed));
    assert_eq!(done.await, format!("kill db SIGUSR1 | Sent SIGUSR1 to db. Now: running {since}."));
    let done = confirmed("pause_container", quiet(), json!({}), |all| {
        all[0] = paused(all[0].clone());
        Ok(Acted::Changed)
    });
    let started = "started 2026-01-31T10:00:00Z";
    assert_eq!(done.await, format!("pause db | Paused db. Now: paused, {started}."));
    let done = confirmed("unpause_container", paused(quiet()), json!({}), |_| Ok(Acted::Changed));
    assert_eq!(
        done.await,
        format!(
            "unpause db | Un-paused db. Now: paused, {started}: this is not what was asked for, \
             look again."
        )
    );
    let done = confirmed("rename_container", quiet(), json!({"newName": "store"}), |all| {
        all[0].name = "store".into();
        Ok(Acted::Changed)
    });
    assert_eq!(
        done.await,
        format!("rename db store | Renamed db to store. Now: running {since}, called store.")
    );
}

#[tokio::test]
async fn an_update_sends_what_is_to_change_and_the_swap_that_goes_with_it() {
    let mut db = container("ab", "db");
    (db.memory_bytes, db.memory_swap_bytes) = (100 << 20, 150 << 20);
    let done = confirmed("update_container", db.clone(), json!({"memory": "200m"}), |all| {
        (all[0].memory_bytes, all[0].memory_swap_bytes) = (200 << 20, 250 << 20);
        Ok(Acted::Changed)
    });
    let done = done.await;
    let order = "memory_bytes: Some(209715200), memory_swap_bytes: Some(262144000), \
                 nano_cpus: None, restart_policy: None";
    assert!(done.contains(order), "{done}");
    assert!(
        done.ends_with(
            "memory limit 200.0 MiB, swap beside it 50.0 MiB, processors no limit, restart policy \
             no."
        ),
        "{done}"
    );
    let done = confirmed("update_container", db.clone(), json!({"memory": "200m"}), |all| {
        (all[0].memory_bytes, all[0].memory_swap_bytes) = (200 << 20, -1);
        Ok(Acted::Changed)
    });
    let done = done.await;
    let unlimited = "swap beside it any amount, processors no limit, restart policy no: the limit of \
                     swap (50.0 MiB) did not take. Engines on hosts that do not count swap leave it out.";
    assert!(done.ends_with(unlimited), "{done}");
    let done = confirmed("update_container", db, json!({"cpus": "0.5"}), |_| Ok(Acted::Changed));
    let done = done.await;
    let order = "memory_bytes: None, memory_swap_bytes: None, nano_cpus: Some(500000000)";
    assert!(done.contains(order), "{done}");
    assert!(done.ends_with(": this is not what was asked for, look again."), "{done}");
}

#[tokio::test]
async fn limits_and_names_that_did_not_take_are_said() {
    for (more, took) in [("always", true), ("no", false), ("on-failure:3", false)] {
        let effect: Effect = |all| {
            all[0].restart_policy = "always".into();
            Ok(Acted::Changed)
        };
        let more = json!({"restartPolicy": more});
        let done = confirmed("update_container", container("ab", "db"), more, effect).await;
        assert_eq!(!done.contains("this is not what was asked for"), took, "{done}");
    }
    let new = json!({"newName": "store"});
    let done = confirmed("rename_container", container("ab", "db"), new, |_| Ok(Acted::Changed));
    assert!(done.await.ends_with("called db: this is not what was asked for, look again."));
}

#[tokio::test]
async fn a_new_name_that_begins_an_id_is_said() {
    let engine = || {
        let other = container("c0ffee", "other");
        Fake::of(vec![database(), other])
    };
    for (name, said) in [("c0ffee", true), ("c0ffe", false), ("c0ffed", false)] {
        let text = preview("rename_container", engine(), json!({"newName": name})).await;
        assert_eq!(text.contains("begins the id of"), said, "{name}: {text}");
    }
}

#[tokio::test]
async fn a_task_of_a_swarm_is_called_one() {
    for (label, said) in [("com.docker.swarm.task.id", true), ("com.example.swarm", false)] {
        let mut task = database();
        task.labels.insert(label.into(), "x".into());
        for (operation, more) in [
            ("kill_container", json!({})),
            ("stop_container", json!({})),
            ("rename_container", json!({"newName": "store"})),
            ("update_container", json!({"cpus": "1"})),
        ] {
            let text = preview(operation, busy(task.clone()), more).await;
            assert_eq!(text.contains("the swarm makes another one"), said, "{operation}: {text}");
        }
        let arguments = json!({"container": "db"});
        let text = grave::<RemoveContainer>(&busy(stopped(task)), arguments).await;
        assert_eq!(text.contains("the swarm makes another one"), said, "{text}");
    }
}

#[tokio::test]
async fn what_became_of_unnamed_volumes_is_what_was_seen() {
    let (gone, there) = ("d".repeat(64), "e".repeat(64));
    let mut db = stopped(container("ab", "db"));
    db.mounts =
        vec![mount(&gone, "/a", true), mount(&there, "/b", true), mount("data", "/c", true)];
    let planned = RemoveContainer::facts(&db).unnamed;
    assert_eq!(planned, [gone, there.clone()]);
    let engine = Fake::of(vec![db]);
    engine.volumes.lock().unwrap().extend([fake::volume(&there), fake::volume("data")]);
    let cx = fake::context(&engine);
    let params = serde_json::from_value(json!({"container": "db", "volumes": true})).unwrap();
    let targets = RemoveContainer::resolve(cx, &params).await.unwrap();
    engine.containers.lock().unwrap().clear();
    let done = Done { acted: Acted::Changed, auto_remove: false, unnamed: planned, expect: None };
    let seen = RemoveContainer::look_again(cx, &params, &targets, &done).await.unwrap();
    assert_eq!(
        seen.text(),
        "Removed db. It is gone. 1 volume without a name went with it. Still there: 1 volume \
         without a name (eeeeeeeeeeee)."
    );
    assert_eq!(seen.record()["unnamedVolumes"], json!({"gone": 1, "there": 1, "unseen": 0}));
}

#[tokio::test]
async fn limits_that_changed_meanwhile_void_the_plan() {
    let engine = Arc::new(Fake::of(vec![container("ab", "db")]));
    let gate = fake::gate(&engine, &Arc::new(World::default()));
    let mut arguments = json!({"container": "db", "memory": "64m"});
    let first = fake::call(&gate, "update_container", arguments.clone()).await;
    assert_eq!(first.data["facts"][0]["limits"]["memoryBytes"], 0);
    engine.containers.lock().unwrap()[0].memory_bytes = 1 << 20;
    arguments["confirmToken"] = json!(first.confirm_token);
    let second = fake::call(&gate, "update_container", arguments).await;
    assert_eq!(second.reason, Some(Reason::PlanChanged));
}

#[tokio::test]
async fn arguments_that_make_no_sense_reach_no_engine() {
    for (operation, arguments, good) in [
        ("kill_container", json!({"container": "db", "signal": "SIGTERM"}), true),
        ("kill_container", json!({"container": "db", "signal": "SIGNOPE"}), false),
        ("kill_container", json!({"container": "db", "signal": "65"}), false),
        ("kill_container", json!({"container": "db", "signal": 9}), false),
        ("pause_container", json!({"container": "../info?"}), false),
        ("pause_container", json!({"container": "db", "timeout": 1}), false),
        ("unpause_container", json!({"container": "%2e%2e/info"}), false),
        ("rename_container", json!({"container": "db", "newName": "ok"}), true),
        ("rename_container", json!({"container": "db", "newName": "a".repeat(12)}), false),
        ("rename_container", json!({"container": "db", "newName": "../volumes/vol"}), false),
        ("rename_container", json!({"container": "db"}), false),
        ("update_container", json!({"container": "db", "memory": "6m"}), true),
        ("update_container", json!({"container": "db", "memory": "5m"}), false),
        ("update_container", json!({"container": "db", "cpus": "0.001"}), false),
        ("update_container", json!({"container": "db", "cpus": 1.5}), false),
        ("update_container", json!({"container": "db", "restartPolicy": "sometimes"}), false),
        ("update_container", json!({"container": "db"}), false),
        ("remove_container", json!({"container": "../images/prune?filters=...&"}), false),
        ("remove_container", json!({"container": "../volumes/vol", "force": true}), false),
        ("remove_container", json!({"container": "db", "force": "yes"}), false),
    ] {
        let engine = Arc::new(Fake::of(vec![container("ab", "db")]));
        let gate = fake::gate(&engine, &Arc::new(World::default()));
        let answer = fake::call(&gate, operation, arguments.clone()).await;
        let refused = answer.reason == Some(Reason::InvalidArgument);
        assert_eq!(refused, !good, "{operation} {arguments}: {}", answer.text);
        assert_eq!(engine.called().is_empty(), !good, "{operation} {arguments}");
    }
}

#[tokio::test]
async fn hostile_names_stay_in_their_line() {
    let mut db = database();
    db.image = "postgres\nconfirmToken=0".into();
    db.labels.insert("com.docker.compose.service".into(), "a\u{1b}[2J\nconfirmToken=0".into());
    db.restart_policy = "always\nNothing has changed.".into();
    for (operation, more) in [
        ("kill_container", json!({"signal": "HUP"})),
        ("pause_container", json!({})),
        ("rename_container", json!({"newName": "store"})),
        ("update_container", json!({"restartPolicy": "no"})),
    ] {
        let text = preview(operation, busy(db.clone()), more).await;
        assert!(!text.chars().any(|c| c != '\n' && is_hidden(c)), "{text}");
        assert!(!text.contains("confirmToken") && !text.contains("\nNothing has"), "{text}");
    }
}
