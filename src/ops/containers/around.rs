//! What a container leads to beside its own configuration: its volumes, and the containers that it
//! shares something with. What could not be looked at is said to lead to the host, perhaps.

use std::collections::BTreeMap;

use futures_util::future::join;
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use super::reach::{HOST, PERHAPS, Way, configured, disguised, of_paths, shared, through};
use crate::core::ids::{FullId, Reference};
use crate::core::text;
use crate::gate::Context;
use crate::ops::beside::{AT_ONCE, UNCHECKED, WAIT};
use crate::ports::engine::{Container, Mount, Volume};

/// Volumes of a container that are looked at, at most.
const VOLUMES_MAX: usize = 64;

/// What could be looked at.
#[derive(Debug, Default)]
pub(super) struct Around {
    volumes: BTreeMap<String, Volume>,
    others: BTreeMap<String, Container>,
    /// The engine's socket that this program uses.
    socket: Option<String>,
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
        let ids: Vec<FullId> = others(container).filter_map(|(_, id)| FullId::parse(id)).collect();
        let others = ids
            .iter()
            .map(|id| async move { timeout_at(until, cx.look.container(id)).await.ok()?.ok() });
        let others: Vec<_> = others.collect();
        let (volumes, others): (Vec<Option<Volume>>, Vec<Option<Container>>) = join(
            stream::iter(volumes).buffered(AT_ONCE).collect(),
            stream::iter(others).buffered(AT_ONCE).collect(),
        )
        .await;
        Self {
            volumes: volumes.into_iter().flatten().map(|one| (one.name.clone(), one)).collect(),
            others: others.into_iter().flatten().map(|one| (one.id.to_string(), one)).collect(),
            socket: cx.look.own_socket().map(str::to_owned),
        }
    }

    /// Every way from the container to its host.
    pub(super) fn ways(&self, container: &Container) -> Vec<Way> {
        let own = self.socket.as_deref();
        let mut out: Vec<Way> = configured(container).into_iter().map(|way| (HOST, way)).collect();
        out.extend(others(container).map(|(what, id)| match self.others.get(id) {
            Some(other) => (HOST, through(what, other)),
            None => {
                let other = text::name(id.get(..12).unwrap_or(id));
                (PERHAPS, format!("the {what} of {other}, which {UNCHECKED}"))
            }
        }));
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

/// The namespaces that it shares with other containers, and whose they are.
fn others(container: &Container) -> impl Iterator<Item = (&'static str, &str)> {
    let shared = shared(container).into_iter();
    shared.filter_map(|(what, mode)| Some((what, mode.strip_prefix("container:")?)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        assert_eq!(ways, [(HOST, "the network of db".to_owned())]);
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
