//! What the audit log costs, beside what the disk itself costs, in one run:
//! `cargo bench --bench audit [-- FOLDER]`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a measurement reads the clock, prints, and fails loudly"
)]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::audit::{AuditLog, Settings, verify};
use countersign::core::grant::Tick;
use countersign::core::plan::{Digest, Target};
use countersign::core::record::{Event, Record, TargetRefs};
use countersign::ports::{Audit, Clock, Durability};
use time::OffsetDateTime;

const SAMPLES: usize = 2000;
const CALLERS: usize = 64;
const EACH: usize = 500;
const LOG_BYTES: usize = 512 * 1024 * 1024;

#[derive(Debug)]
struct System;

impl Clock for System {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    fn tick(&self) -> Tick {
        Tick(Duration::ZERO)
    }
}

fn main() {
    let base = std::env::args().nth(1).filter(|arg| !arg.starts_with("--"));
    let base = base.map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let top = tempfile::tempdir_in(base).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    one_caller(&runtime, top.path());
    many_callers(&runtime, top.path());
    verifying(top.path());
}

fn log(dir: PathBuf) -> AuditLog {
    let settings = Settings { dir, sync_all: false, session: "bench".into() };
    AuditLog::new(settings, Arc::new(System))
}

fn record(event: Event, req: String) -> Record {
    let target = Target {
        kind: "container",
        id: "c".repeat(64),
        name: "web".into(),
        engine: "ENGINE".into(),
        attributes: Default::default(),
    };
    Record {
        op: Some("restart_container".into()),
        session: Some("bench".into()),
        req: Some(req),
        target: TargetRefs::of(&[target]),
        plan: Some(Digest::of(&[b"plan"])),
        rule: Some("builtin-mutate".into()),
        ..Record::new(event)
    }
}

fn percentile(samples: &mut [Duration], percent: usize) -> Duration {
    samples.sort_unstable();
    samples[(samples.len() - 1) * percent / 100]
}

/// A raw append with fdatasync and a synced append through the log, call by call.
fn one_caller(runtime: &tokio::runtime::Runtime, top: &Path) {
    let line = record(Event::Allowed, "r".into()).line(1, System.now(), Digest::ZERO);
    let mut raw = OpenOptions::new().append(true).create(true).open(top.join("raw")).unwrap();
    let log = log(top.join("one"));
    let (mut plain, mut ours) = (Vec::new(), Vec::new());
    for n in 0..SAMPLES {
        let start = Instant::now();
        raw.write_all(&line).unwrap();
        raw.sync_data().unwrap();
        plain.push(start.elapsed());
        let event = if n % 2 == 0 { Event::Allowed } else { Event::Done };
        let next = record(event, format!("r{}", n / 2));
        let start = Instant::now();
        runtime.block_on(log.append(next, Durability::Synced)).unwrap();
        ours.push(start.elapsed());
    }
    let (p50, q50) = (percentile(&mut plain, 50), percentile(&mut ours, 50));
    let (p99, q99) = (percentile(&mut plain, 99), percentile(&mut ours, 99));
    println!("one caller, {SAMPLES} samples, interleaved");
    println!("  write + fdatasync   p50 {p50:>10.1?}  p99 {p99:>10.1?}");
    println!("  synced append       p50 {q50:>10.1?}  p99 {q99:>10.1?}");
    println!("  over the disk's own p50 {:>10.1?}  (bar: 500 µs)", q50.saturating_sub(p50));
}

fn many_callers(runtime: &tokio::runtime::Runtime, top: &Path) {
    let log = Arc::new(log(top.join("many")));
    let start = Instant::now();
    runtime.block_on(async {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let log = Arc::clone(&log);
                tokio::spawn(async move {
                    for n in 0..EACH {
                        let event = if n % 2 == 0 { Event::Allowed } else { Event::Done };
                        let next = record(event, format!("{caller}-{}", n / 2));
                        log.append(next, Durability::Synced).await.unwrap();
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
    });
    let rate = (CALLERS * EACH) as f64 / start.elapsed().as_secs_f64();
    println!("{CALLERS} callers: {rate:.0} synced records/s  (bar: 10000)");
}

/// A log as it would be written, made here so that it is large at once.
fn verifying(top: &Path) {
    let dir = top.join("large");
    fs::DirBuilder::new().mode(0o700).create(&dir).unwrap();
    let path = dir.join("audit-20261121.jsonl");
    let mut options = OpenOptions::new();
    let mut file: File = options.write(true).create(true).mode(0o600).open(&path).unwrap();
    let (mut seq, mut prev, mut size) = (0, Digest::ZERO, 0);
    let mut chunk = Vec::new();
    while size < LOG_BYTES {
        seq += 1;
        let event = if seq % 2 == 1 { Event::Allowed } else { Event::Done };
        let line = record(event, format!("r{}", (seq - 1) / 2)).line(seq, System.now(), prev);
        prev = Digest::of(&[line.strip_suffix(b"\n").unwrap()]);
        size += line.len();
        chunk.extend_from_slice(&line);
        if chunk.len() > 1 << 20 {
            file.write_all(&chunk).unwrap();
            chunk.clear();
        }
    }
    file.write_all(&chunk).unwrap();
    for _ in 0..3 {
        let start = Instant::now();
        let report = verify(&dir, true, Some((seq, prev))).unwrap();
        let rate = report.bytes as f64 / 1e6 / start.elapsed().as_secs_f64();
        assert!(report.is_sound() && report.open.len() <= 1, "{:?}", report.problems);
        println!("verify: {rate:.0} MB/s over {} lines  (bar: 300)", report.lines);
    }
}
