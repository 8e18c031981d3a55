//! What a container leads to beside its own configuration: its volumes, and the containers that it
//! shares something with. What could not be looked at is said to lead to the host, perhaps.

use std::collections::BTreeMap;

use futures_util::future::{join, join_all};
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use super::reach::{HOST, PERHAPS, Way, configured, disguised, joined, line, of_paths, through};
use crate::core::ids::{FullId, Reference};
use crate::core::text;
use crate::gate::Context;
use crate::ops::beside::{AT_ONCE, UNCHECKED, WAIT};
use crate::ports::engine::{Container, Mount, Network, NetworkFilter, Volume};

/// Volumes of a container that are looked at, at most.
const VOLUMES_MAX: usize = 64;

/// Containers in a row of which each shares something with the next, at most.
const ROW_MAX: usize = 4;

/// What could be looked at.
#[derive(Debug, Default)]
pub(super) struct Around {
    volumes: BTreeMap<String, Volume>,
    others: Others,
    /// The engine's socket that this program uses.
    socket: Option<String>,
}

/// Containers that share something with a container, or with one that does, by their ids.
#[derive(Debug, Default)]
struct Others {
    seen: BTreeMap<String, Container>,
    /// All networks, where one of theirs can lead elsewhere than usual.
    networks: Vec<Network>,
}

/// Networks that engines have by themselves: what these lead to is known, or told as a namespace.
const ENGINES_OWN: [&str; 3] = ["bridge", "host", "none"];

impl Others {
    /// Looks at those that a container shares something with, and in turn at those that these share
    /// the same with.
    async fn look(cx: Context<'_>, container: &Container, until: Instant) -> Self {
        let mut seen = Self::default();
        let owned = |(what, id): (&'static str, &str)| (what, id.to_owned());
        let mut next: Vec<_> = joined(container).map(owned).collect();
        for _ in 0..ROW_MAX {
            let looks = next.iter().map(|(what, id)| async move {
                let id = FullId::parse(id)?;
                let other = timeout_at(until, cx.look.container(&id)).await.ok()?.ok()?;
                Some((*what, other))
            });
            let found: Vec<_> = join_all(looks).await.into_iter().flatten().collect();
            next.clear();
            for (what, other) in found {
                next.extend(joined(&other).filter(|(also, _)| *also == what).map(owned));
                seen.seen.insert(other.id.to_string(), other);
            }
        }
        seen.with_networks(cx, container, until).await
    }

    /// Lists the networks, if what was seen of one of these is not enough to say where it leads.
    async fn with_networks(mut self, cx: Context<'_>, first: &Container, until: Instant) -> Self {
        let all = || self.seen.values().chain([first]).flat_map(|one| one.networks.keys());
        if all().any(|name| !ENGINES_OWN.contains(&name.as_str())) {
            let everything = NetworkFilter::default();
            let listed = timeout_at(until, cx.look.networks(&everything)).await;
            self.networks = listed.ok().and_then(Result::ok).unwrap_or_default();
        }
        self
    }

    /// Where the networks of a container lead, unless it is as usual.
    fn lines(&self, container: &Container) -> Vec<Way> {
        let mut out = Vec::new();
        for name in container.networks.keys().filter(|one| !ENGINES_OWN.contains(&one.as_str())) {
            // Podman lists its own network, which containers call `podman`, as `bridge`.
            let listed = |called: &str| -> Vec<&Network> {
                self.networks.iter().filter(|one| one.name == called || one.id == called).collect()
            };
            let mut found = listed(name);
            if found.is_empty() && name == "podman" {
                found = listed("bridge");
            }
            if found.is_empty() {
                out.push((PERHAPS, format!("the network {} {UNCHECKED}", text::name(name))));
            }
            // Two networks can have one name, and either can be the one.
            out.extend(found.into_iter().filter_map(line));
        }
        out
    }

    /// What sharing this with the container of this id gives.
    fn way(&self, what: &str, id: &str, left: usize) -> Way {
        let Some(other) = self.seen.get(id).filter(|_| left > 0) else {
            let other = text::name(id.get(..12).unwrap_or(id));
            return (PERHAPS, format!("the {what} of {other}, which {UNCHECKED}"));
        };
        let third = joined(other).find(|(also, _)| *also == what);
        let third = third.map(|(_, third)| self.way(what, third, left - 1));
        let lines = if what == "network" { self.lines(other) } else { Vec::new() };
        through(what, other, third, lines)
    }
}

/// What joining the network of a container gives.
pub(super) async fn network_of(cx: Context<'_>, container: &Container) -> Way {
    let mut others = Others::look(cx, container, Instant::now() + WAIT).await;
    others.seen.insert(container.id.to_string(), container.clone());
    others.way("network", container.id.as_str(), ROW_MAX)
}

impl Around {
    /// Looks around a container.
    pub(super) async fn look(cx: Context<'_>, container: &Container) -> Self {
        let until = Instant::now() + WAIT;
        let names = container.mounts.iter().filter_map(|mount| mount.name.as_deref());
        let asked: Vec<Reference> =
            names.filter_map(|name| Reference::parse(name).ok()).take(VOLUMES_MAX).collect();
        let volumes = asked
            .iter()
            .map(|name| async move { timeout_at(until, cx.look.volume(name)).await.ok()?.ok() });
        let volumes: Vec<_> = volumes.collect();
        let (volumes, others): (Vec<Option<Volume>>, Others) = join(
            stream::iter(volumes).buffered(AT_ONCE).collect(),
            Others::look(cx, container, until),
        )
        .await;
        Self {
            volumes: volumes.into_iter().flatten().map(|one| (one.name.clone(), one)).collect(),
            others,
            socket: cx.look.own_socket().map(str::to_owned),
        }
    }

    /// Every way from the container to its host.
    pub(super) fn ways(&self, container: &Container) -> Vec<Way> {
        let own = self.socket.as_deref();
        let mut out: Vec<Way> = configured(container).into_iter().map(|way| (HOST, way)).collect();
        out.extend(joined(container).map(|(what, id)| self.others.way(what, id, ROW_MAX)));
        out.extend(self.others.lines(container));
        let binds = container.mounts.iter().filter(|mount| mount.kind == "bind");
        let binds = binds.map(|m| (m.source.as_str(), m.destination.as_str(), m.writable));
        out.extend(of_paths(binds, own));
        let unknown = |m: &&Mount| !["bind", "volume", "tmpfs"].contains(&m.kind.as_str());
        for mount in container.mounts.iter().filter(unknown) {
            let (kind, source) = (text::name(&mount.kind), text::name(&mount.source));
            out.push((PERHAPS, format!("a mount of the kind {kind}, {source}, {UNCHECKED}")));
        }
        for name in container.mounts.iter().filter_map(|mount| mount.name.as_ref()) {
            match self.volumes.get(name) {
                Some(volume) => out.extend(disguised(volume, own)),
                None => out.push((PERHAPS, format!("volume {} {UNCHECKED}", text::name(name)))),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::reach::SHARES;
    use super::*;
    use crate::ops::fake::{self, Fake};

    fn mount(kind: &str, name: Option<&str>, source: &str) -> Mount {
        Mount {
            kind: kind.into(),
            name: name.map(Into::into),
            source: source.into(),
            destination: "/x".into(),
            writable: true,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_looked_at_is_never_said_to_be_harmless() {
        let mut web = fake::container("ab", "web");
        web.mounts = vec![mount("volume", Some("data"), "/var/lib/docker/volumes/data/_data")];
        web.network_mode = format!("container:{}", fake::id("cd"));
        let volumes = || std::sync::Mutex::new(vec![fake::volume("data")]);
        let mut slow = Fake { volumes: volumes(), ..Fake::of(vec![]) };
        slow.slow.insert("volume", Duration::from_secs(60));
        let mut broken = Fake { volumes: volumes(), ..Fake::of(vec![]) };
        broken.broken = vec!["volume", "container"];
        for engine in [slow, broken] {
            let ways = Around::look(fake::context(&engine), &web).await.ways(&web);
            for words in ["volume data could not be", "cd0000000000, which could not be"] {
                let found = ways.iter().find(|(_, way)| way.contains(words));
                assert_eq!(found.map(|(flag, _)| *flag), Some(PERHAPS), "{words}: {ways:?}");
            }
        }
        let seen = Fake { volumes: volumes(), ..Fake::of(vec![fake::container("cd", "db")]) };
        let ways = Around::look(fake::context(&seen), &web).await.ways(&web);
        assert_eq!(ways, [(SHARES, "the network of db".to_owned())]);
    }

    #[tokio::test]
    async fn a_row_of_containers_is_followed_to_its_end() {
        let on = |start: &str, name: &str, network: String| Container {
            network_mode: network,
            ..fake::container(start, name)
        };
        let of = |start: &str| format!("container:{}", fake::id(start));
        let web = on("ab", "web", of("c1"));
        for (last, expected) in [("host", HOST), ("bridge", SHARES), ("ns:/proc/1/ns/net", HOST)] {
            let row = [on("c1", "one", of("c2")), on("c2", "two", last.to_owned())];
            let engine = Fake::of(row.to_vec());
            let ways = Around::look(fake::context(&engine), &web).await.ways(&web);
            assert_eq!((ways.len(), ways[0].0), (1, expected), "{ways:?}");
            let way = network_of(fake::context(&engine), &row[0]).await;
            assert_eq!(way, ways[0]);
        }
        let around = on("c2", "two", of("c1"));
        let engine = Fake::of(vec![on("c1", "one", of("c2")), around]);
        let ways = Around::look(fake::context(&engine), &web).await.ways(&web);
        assert_eq!(ways[0].0, PERHAPS, "{ways:?}");
        assert!(engine.called().len() <= ROW_MAX, "{:?}", engine.called());
    }

    #[tokio::test]
    async fn a_network_of_another_driver_is_a_way_also_through_another_container() {
        let on = |networks: &[&str]| Container {
            networks: networks.iter().map(|name| ((*name).into(), String::new())).collect(),
            ..fake::container("cd", "db")
        };
        let mut web = fake::container("ab", "web");
        web.networks.clear();
        web.network_mode = format!("container:{}", fake::id("cd"));
        let direct = "it may lead straight to the host's own networks";
        for (networks, flag, words) in [
            (&["lan"][..], HOST, direct),
            (&["shop", "lan"], HOST, direct),
            (&["twice"], HOST, direct),
            (&["shop"], SHARES, "the network of db"),
            (&["bridge"], SHARES, "the network of db"),
            (&["podman"], SHARES, "the network of db"),
            (&["unlisted"], PERHAPS, "unlisted could not be checked"),
        ] {
            let db = on(networks);
            let engine = Fake::of(vec![db.clone()]);
            let driven = |start: &str, name: &str, driver: &str| Network {
                driver: driver.into(),
                ..fake::network(start, name)
            };
            *engine.networks.lock().unwrap() = vec![
                fake::network("a1", "shop"),
                driven("a2", "lan", "macvlan"),
                fake::network("a3", "twice"),
                driven("a4", "twice", "ipvlan"),
                fake::network("a5", "bridge"),
            ];
            let cx = fake::context(&engine);
            let way = network_of(cx, &db).await;
            assert!(way.0 == flag && way.1.contains(words), "{networks:?}: {way:?}");
            assert_eq!(Around::look(cx, &web).await.ways(&web), [way], "{networks:?}");
            let own = Around::look(cx, &db).await.ways(&db);
            let flags: Vec<&str> = own.iter().map(|(flag, _)| *flag).collect();
            let expected = if flag == SHARES { vec![] } else { vec![flag] };
            assert_eq!(flags, expected, "{networks:?}: {own:?}");
        }
    }

    #[tokio::test]
    async fn mounts_of_a_kind_that_is_new_and_paths_are_ways() {
        let mut web = fake::container("ab", "web");
        web.mounts = vec![mount("bind", None, "/srv/x"), mount("rbd", None, "pool/x")];
        let engine = Fake::of(vec![]);
        let ways = Around::look(fake::context(&engine), &web).await.ways(&web);
        let flags: Vec<&str> = ways.iter().map(|(flag, _)| *flag).collect();
        assert_eq!(flags, [HOST, PERHAPS, PERHAPS], "{ways:?}");
        assert!(ways[1].1.contains("links"), "{ways:?}");
    }
}
