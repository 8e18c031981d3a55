//! What changes between the preview of a prune and the removal of each.

use super::*;

/// Before the so-manieth look from now at one container, this happens to the one of that name.
fn meanwhile(bench: &Bench, looks: usize, name: &'static str, started: bool) {
    *bench.engine.meanwhile.lock().unwrap() = Some((
        looks,
        Box::new(move |containers| {
            containers.retain(|one| started || one.name != name);
            for one in containers.iter_mut().filter(|one| one.name == name) {
                (one.state.status, one.state.running) = ("running".into(), true);
            }
            Ok(())
        }),
    ));
}

fn two() -> Bench {
    Bench::of(Fake::of(vec![ended("a1", "web", 5), ended("a2", "job", 50)]))
}

#[tokio::test]
async fn what_came_into_use_is_left_alone_and_said_so() {
    let bench = Bench::of(Fake::of(some()));
    let shown = bench.ask(json!({})).await;
    bench.change("web", |c| {
        (c.state.status, c.state.running) = ("running".into(), true);
    });
    bench.change("job", |c| c.state.started_at = hours_ago(1));
    let done = bench.confirm(shown).await;
    assert_eq!(
        done.text,
        "Removed 2 stopped containers: new, dead\n\
         Left alone, since they changed after the preview: job, web"
    );
    assert!(bench.names().contains(&"web".to_owned()) && bench.names().contains(&"job".to_owned()));
}

#[tokio::test]
async fn what_was_not_shown_is_not_taken() {
    let bench = Bench::of(Fake::of(vec![ended("a1", "web", 5)]));
    let shown = bench.ask(json!({})).await;
    bench.engine.containers.lock().unwrap().push(ended("a2", "later", 1));
    let done = bench.confirm(shown).await;
    assert_eq!(done.text, "Removed 1 stopped container: web");
    assert_eq!(bench.names(), ["later"]);
}

#[tokio::test]
async fn a_container_that_a_swarm_took_over_is_left_alone() {
    let bench = Bench::of(Fake::of(vec![ended("a1", "web", 5), ended("a2", "job", 50)]));
    let shown = bench.ask(json!({})).await;
    bench.change("web", |c| drop(c.labels.insert("com.docker.swarm.task".into(), "t".into())));
    let done = bench.confirm(shown).await;
    assert!(done.text.ends_with("changed after the preview: web"), "{}", done.text);
    assert_eq!(bench.names(), ["web"]);
}

#[tokio::test]
async fn what_is_gone_or_used_at_any_moment_is_left_alone_and_the_rest_removed() {
    // A confirmation looks at both when it finds them, when it observes them, and at each in its
    // turn: `job` first, since it is older.
    for (looks, name) in [(1, "web"), (2, "web"), (3, "web"), (4, "job"), (5, "job"), (6, "web")] {
        for started in [false, true] {
            let bench = two();
            let shown = bench.ask(json!({})).await;
            meanwhile(&bench, looks, name, started);
            let done = bench.confirm(shown).await;
            let other = if name == "web" { "job" } else { "web" };
            assert_eq!(done.status, Status::Ok, "{looks} {name}: {}", done.text);
            let left = match started {
                true => format!("\nLeft alone, since they changed after the preview: {name}"),
                false => format!("\nGone already: {name}"),
            };
            assert!(done.text.contains(&format!(": {other}\n")), "{looks} {name}: {}", done.text);
            assert!(done.text.ends_with(&left), "{looks} {name}: {}", done.text);
            assert_eq!(bench.names(), if started { vec![name] } else { vec![] });
            let last = bench.world.records.lock().unwrap().last().cloned().unwrap();
            let kept = if started { "left_alone" } else { "gone_already" };
            assert_eq!(last.result.unwrap()[kept], json!([name]), "{looks}");
        }
    }
}

#[tokio::test]
async fn where_nothing_is_left_there_is_a_new_preview() {
    for (looks, listed) in [(1, "job"), (2, "web")] {
        let bench = Bench::of(Fake::of(vec![ended("a1", "web", 5)]));
        let shown = bench.ask(json!({})).await;
        bench.engine.containers.lock().unwrap().push(ended("a2", "job", 50));
        meanwhile(&bench, looks, "web", true);
        let again = bench.confirm(shown).await;
        let status = (again.status, again.reason);
        assert_eq!(status, (Status::Denied, Some(Reason::PlanChanged)), "{}", again.text);
        assert!(again.text.contains(&format!("container    {listed} (id a")), "{}", again.text);
        assert_eq!(bench.names(), ["web", "job"]);
        // What was not there to be shown is not agreed to, though it can be had again.
        bench.change("web", |one| {
            (one.state.status, one.state.running) = ("exited".into(), false);
        });
        let last = bench.confirm(again).await;
        let left = if listed == "job" { vec!["web"] } else { vec!["web", "job"] };
        assert_eq!(bench.names(), left, "{}", last.text);
    }
}

#[tokio::test]
async fn what_was_gone_or_used_when_it_was_shown_is_never_removed() {
    // Two looks find them, and the third sees that `web` runs.
    let bench = two();
    meanwhile(&bench, 3, "web", true);
    let shown = bench.ask(json!({})).await;
    assert!(shown.text.contains("Remove 1 stopped container for good"), "{}", shown.text);
    assert!(shown.text.contains("gone or in use by now, and left alone\n"), "{}", shown.text);
    bench.change("web", |one| {
        (one.state.status, one.state.running) = ("exited".into(), false);
    });
    // It is found, and runs again when it is observed: as it was shown.
    meanwhile(&bench, 3, "web", true);
    let done = bench.confirm(shown).await;
    assert!(done.text.ends_with("changed after the preview: web"), "{}", done.text);
    assert_eq!(bench.names(), ["web"]);
    assert!(!bench.engine.called().contains(&"remove_container web".to_owned()));
}

#[tokio::test]
async fn what_came_since_does_not_stand_in_the_way() {
    let many = (0..200).map(|i| ended(&format!("{i:04x}"), &format!("c{i}"), i + 1)).collect();
    let bench = Bench::of(Fake::of(many));
    let shown = bench.ask(json!({})).await;
    let later = ended("ff", "later", 5);
    bench.engine.containers.lock().unwrap().push(later);
    let done = bench.confirm(shown).await;
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    assert_eq!(bench.names(), ["later"]);
}

#[tokio::test]
async fn a_grant_narrows_what_is_looked_for() {
    let bench = two();
    let found = async |granted: Option<&[Target]>, arguments: Value| {
        let params: Params = serde_json::from_value(arguments).unwrap();
        let cx = Context { granted, ..context(&bench.engine) };
        <Prune<PruneContainers>>::resolve(cx, &params).await
    };
    let both = found(None, json!({})).await.unwrap();
    let [job, web] = both.as_slice() else { panic!("{both:?}") };
    let other = Target { kind: "volume", ..job.clone() };
    let gone = Target { id: "b".repeat(64), ..job.clone() };
    for (granted, arguments, expected) in [
        (vec![job.clone()], json!({}), vec![job.clone()]),
        (vec![web.clone(), other.clone()], json!({}), vec![web.clone()]),
        // What a grant on something else is presented for is looked for whole.
        (vec![other], json!({}), both.clone()),
        (vec![gone], json!({}), both.clone()),
        (vec![web.clone()], json!({"olderThan": "1d"}), vec![job.clone()]),
    ] {
        assert_eq!(found(Some(&granted), arguments).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_look_that_fails_under_way_ends_it_with_its_own_reason() {
    let bench = two();
    let shown = bench.ask(json!({})).await;
    let unseen = || Err(Fault::new(Reason::EngineUnavailable, "The engine does not answer."));
    *bench.engine.meanwhile.lock().unwrap() = Some((6, Box::new(move |_| unseen())));
    let ended = bench.confirm(shown).await;
    assert_eq!(ended.reason, Some(Reason::EngineUnavailable), "{}", ended.text);
    assert!(ended.text.contains("The engine does not answer."), "{}", ended.text);
    assert!(ended.text.contains("\nDone before that: job\nNot touched: web"), "{}", ended.text);
    assert!(!ended.text.contains("Left alone"), "{}", ended.text);
    assert_eq!(bench.names(), ["web"]);
}
