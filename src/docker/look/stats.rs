//! What a container uses: from the engine's counters to shares and sums.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::core::ids::FullId;
use crate::core::reason::Fault;
use crate::docker::DockerEngine;
use crate::docker::model::answers;
use crate::ports::engine::Stats;

/// Between two samples, where the engine gives one at a time.
const PAUSE: Duration = Duration::from_secs(1);

answers! {
    /// `GET /containers/{id}/stats`.
    Sample {
        cpu: Cpu = "cpu_stats",
        cpu_before: Cpu = "precpu_stats",
        memory: Memory = "memory_stats",
        networks: Option<BTreeMap<String, Traffic>> = "networks",
        block: Block = "blkio_stats",
        pids: Pids = "pids_stats",
    }

    /// Nanoseconds of this container, and of the whole host.
    Cpu {
        usage: CpuUsage = "cpu_usage",
        system: u64 = "system_cpu_usage",
        online: u64 = "online_cpus",
    }

    CpuUsage {
        total: u64 = "total_usage",
        each: Vec<u64> = "percpu_usage",
    }

    Memory {
        usage: Option<u64> = "usage",
        limit: Option<u64> = "limit",
        stats: BTreeMap<String, Value> = "stats",
    }

    Traffic {
        received: u64 = "rx_bytes",
        sent: u64 = "tx_bytes",
    }

    Block {
        bytes: Option<Vec<BlockBytes>> = "io_service_bytes_recursive",
    }

    BlockBytes {
        what: String = "op",
        count: u64 = "value",
    }

    Pids {
        current: Option<u64> = "current",
    }
}

impl DockerEngine {
    /// Takes a sample, and a second one where the first tells nothing of the time before it.
    pub(super) async fn measure(&self, id: &FullId) -> Result<Stats, Fault> {
        let path = format!("/containers/{id}/stats?stream=false");
        let mut sample: Sample = self.ask("use", &path).await?;
        if sample.cpu_before.system == 0 {
            tokio::time::sleep(PAUSE).await;
            let before = sample.cpu;
            sample = self.ask("use", &path).await?;
            sample.cpu_before = before;
        }
        Ok(stats(sample))
    }
}

fn stats(sample: Sample) -> Stats {
    let Sample { cpu, cpu_before, memory, networks, block, pids } = sample;
    // cgroup version 1 counts the cache of what is below as well; version 2 always does.
    let stat = |name| memory.stats.get(name).and_then(Value::as_u64);
    let idle = stat("total_inactive_file").or(stat("inactive_file")).unwrap_or_default();
    let traffic = |networks: BTreeMap<String, Traffic>| {
        networks.values().fold((0_u64, 0_u64), |(received, sent), one| {
            (received.saturating_add(one.received), sent.saturating_add(one.sent))
        })
    };
    let moved = |entries: Vec<BlockBytes>| {
        let sum = |what: &str| {
            let fitting = entries.iter().filter(|entry| entry.what.eq_ignore_ascii_case(what));
            fitting.fold(0_u64, |sum, entry| sum.saturating_add(entry.count))
        };
        (sum("read"), sum("write"))
    };
    Stats {
        cpu_hundredths: share(&cpu, &cpu_before),
        memory_bytes: memory.usage.map(|used| used.saturating_sub(idle)),
        memory_limit_bytes: memory.limit.filter(|limit| *limit > 0),
        network_bytes: networks.map(traffic),
        block_bytes: block.bytes.map(moved),
        pids: pids.current,
    }
}

/// The share of one processor between two moments, in hundredths of a percent.
fn share(now: &Cpu, before: &Cpu) -> Option<u64> {
    let used = now.usage.total.checked_sub(before.usage.total)?;
    let passed = now.system.checked_sub(before.system).filter(|passed| *passed > 0)?;
    let processors = match now.online {
        0 => u64::try_from(now.usage.each.len()).ok().filter(|count| *count > 0)?,
        online => online,
    };
    let hundredths = u128::from(used) * u128::from(processors) * 10_000 / u128::from(passed);
    u64::try_from(hundredths).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(sample: Value) -> Stats {
        stats(serde_json::from_value(sample).unwrap())
    }

    fn cpu(total: u64, system: u64) -> Value {
        json!({"cpu_usage": {"total_usage": total}, "system_cpu_usage": system, "online_cpus": 2})
    }

    #[test]
    fn a_sample_becomes_shares_and_sums() {
        let seen = of(json!({
            "cpu_stats": cpu(1_750_000_000, 22_000_000_000),
            "precpu_stats": cpu(1_000_000_000, 20_000_000_000),
            "memory_stats": {"usage": 1000, "limit": 4096,
                "stats": {"total_inactive_file": 300, "inactive_file": 9}},
            "networks": {"eth0": {"rx_bytes": 5, "tx_bytes": 7}, "eth1": {"rx_bytes": 1}},
            "blkio_stats": {"io_service_bytes_recursive": [
                {"op": "Read", "value": 4}, {"op": "read", "value": 1},
                {"op": "Write", "value": 2}, {"op": "Total", "value": 99}]},
            "pids_stats": {"current": 3},
        }));
        let expected = Stats {
            cpu_hundredths: Some(7500),
            memory_bytes: Some(700),
            memory_limit_bytes: Some(4096),
            network_bytes: Some((6, 7)),
            block_bytes: Some((5, 2)),
            pids: Some(3),
        };
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_is_not_told_is_not_guessed() {
        let unknown = Stats { block_bytes: None, ..Stats::default() };
        assert_eq!(of(json!({})), unknown);
        let null = json!({"networks": null, "blkio_stats": {"io_service_bytes_recursive": null}});
        assert_eq!(of(null), unknown);
        // Counters that went back, as after a restart between two samples, say nothing.
        let back = json!({"cpu_stats": cpu(1, 3), "precpu_stats": cpu(2, 2)});
        assert_eq!(of(back).cpu_hundredths, None);
        let version_2 = json!({"memory_stats": {"usage": 10, "stats": {"inactive_file": 4}}});
        assert_eq!(of(version_2).memory_bytes, Some(6));
        let each = json!({"cpu_usage": {"total_usage": 4, "percpu_usage": [1, 1, 1, 1]},
            "system_cpu_usage": 8});
        assert_eq!(of(json!({"cpu_stats": each})).cpu_hundredths, Some(20_000));
    }
}
