//! Many at once: a long list, the logs of many services, parallel calls, and memory through a soak.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{self, Server};
use super::fixture::Fixture;
use super::raw::Raw;
use super::stats::{Samples, bar};
use super::{ratio, timed};

/// Containers of the long list.
const LISTED: usize = 500;

/// Services of the project.
const SERVICES: usize = 20;

/// Calls that are on their way at the same time.
const PARALLEL: usize = 64;

/// Calls of the soak.
const SOAK: usize = 2000;

pub(crate) fn scale(fixture: &Fixture, quick: bool) {
    let (listed, samples) = if quick { (50, 10) } else { (LISTED, 200) };
    println!();
    project_logs(fixture, samples);
    parallel(fixture, if quick { 4 } else { 100 });
    soak(fixture, if quick { 200 } else { SOAK });
    long_list(fixture, listed, samples);
}

/// A list of very many containers beside the engine's own.
fn long_list(fixture: &Fixture, listed: usize, samples: usize) {
    let label = fixture.many(listed);
    let path = format!("/containers/json?all=1&filters={}", Fixture::filter("label", &label));
    let arguments = json!({"all": true, "label": label, "limit": 1000});
    let (mut server, mut engine) = (Server::start(&fixture.audit_dir), Raw::connect());
    let (mut ours, mut raw) = (Samples::new("list_containers, all of many"), Samples::new("raw"));
    for n in 0..samples + 3 {
        if n == 3 {
            ours.clear();
            raw.clear();
        }
        timed(&mut raw, || engine.get(&path));
        let line = timed(&mut ours, || server.call_line("list_containers", &arguments));
        assert!(client::text(&line).lines().count() > listed, "a row for each, and a heading");
    }
    compared(&format!("{listed} containers"), &ours, &raw, 1.3);
}

/// The logs of a project beside those of its containers, one after the other.
fn project_logs(fixture: &Fixture, samples: usize) {
    let (project, ids) = fixture.project(SERVICES);
    let label = format!("com.docker.compose.project={project}");
    let find = format!("/containers/json?all=1&filters={}", Fixture::filter("label", &label));
    let log = |id: &String| format!("/containers/{id}/logs?stdout=1&stderr=1&timestamps=1&tail=50");
    let logs: Vec<String> = ids.iter().map(log).collect();
    let arguments = json!({"project": project, "tail": 50});
    let (mut server, mut engine) = (Server::start(&fixture.audit_dir), Raw::connect());
    let (mut ours, mut raw) = (Samples::new("get_project_logs"), Samples::new("raw, one by one"));
    for n in 0..samples + 3 {
        if n == 3 {
            ours.clear();
            raw.clear();
        }
        timed(&mut raw, || {
            engine.get(&find);
            logs.iter().for_each(|log| drop(engine.get(log)));
        });
        let line = timed(&mut ours, || server.call_line("get_project_logs", &arguments));
        assert!(client::text(&line).lines().count() > 50, "fifty lines and a fence");
    }
    compared(&format!("{SERVICES} services"), &ours, &raw, 1.5);
}

fn compared(what: &str, ours: &Samples, raw: &Samples, most: f64) {
    let times = ratio(ours.p50(), raw.p50());
    println!(
        "{what}\n{ours}\n{raw}\n  p50 {times:.2} x raw, at most {most}{}\n",
        bar(times <= most)
    );
}

/// So many calls at once, again and again, beside as many connections to the engine.
fn parallel(fixture: &Fixture, rounds: usize) {
    let path = format!("/containers/json?filters={}", Fixture::filter("label", &fixture.label));
    let mut server = Server::start(&fixture.audit_dir);
    let mut engines: Vec<Raw> = (0..PARALLEL).map(|_| Raw::connect()).collect();
    let arguments = json!({"label": fixture.label});
    let (mut ours, mut raw) = (Duration::ZERO, Duration::ZERO);
    for round in 0..rounds + 1 {
        let begun = Instant::now();
        thread::scope(|scope| {
            for engine in &mut engines {
                scope.spawn(|| engine.get(&path));
            }
        });
        let raw_took = begun.elapsed();
        let begun = Instant::now();
        let lines = server.call_at_once("list_containers", &arguments, PARALLEL);
        let ours_took = begun.elapsed();
        assert!(lines.iter().all(|line| client::text(line).lines().count() > 10));
        if round > 0 {
            raw += raw_took;
            ours += ours_took;
        }
    }
    let per_second = |took: Duration| (rounds * PARALLEL) as f64 / took.as_secs_f64();
    let part = per_second(ours) / per_second(raw);
    println!(
        "{PARALLEL} reads at once: {:.0} a second, raw {:.0}: {part:.2} of it{}\n",
        per_second(ours),
        per_second(raw),
        bar(part >= 0.7)
    );
}

/// Memory through many mixed calls, one after the other and at once.
fn soak(fixture: &Fixture, calls: usize) {
    let mut server = Server::start(&fixture.audit_dir);
    let named = |name: &str| json!({"container": name});
    let mix: [(&str, Value); 7] = [
        ("list_containers", json!({"all": true})),
        ("inspect_container", named(&fixture.chatty_name)),
        ("get_container_logs", named(&fixture.chatty_name)),
        ("engine_info", json!({})),
        ("restart_container", named(&fixture.chatty_name)),
        ("list_projects", json!({})),
        ("check_policy", json!({"operation": "ping"})),
    ];
    let (mut made, mut peak) = (0, 0);
    while made < calls {
        for (tool, arguments) in &mix {
            let lines = server.call_at_once(tool, arguments, 8);
            made += lines.len();
            peak = peak.max(server.pss_kib());
        }
    }
    println!("memory (PSS) through {made} mixed calls: {peak} KiB{}\n", bar(peak <= 20 * 1024));
}
