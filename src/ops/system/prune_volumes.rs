//! `prune_volumes`: removes volumes that no container uses, not even one that has ended. A volume
//! that somebody named is somebody's data: only a label selects it.

use super::prune::{self, Among, Prunable, Unused, Words};
use crate::core::grant::Granted;
use crate::core::ids::Reference;
use crate::core::operation::{Kind, Spec};
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::gate::Context;
use crate::ops::users;
use crate::ops::volumes::storage::Storage;
use crate::ops::volumes::target::{self, Facts};
use crate::ops::when;
use crate::ports::engine::{
    Act, Asked, ContainerFilter, ContainerRow, DiskUsage, Share, VOLUME, Volume, VolumeFilter,
};

/// The driver whose volumes lie in the engine's own storage.
const LOCAL: &str = "local";

/// The label that engines give to volumes that nobody named, and the API version of the first that
/// do so.
const UNNAMED: &str = "com.docker.volume.anonymous";
const UNNAMED_SINCE: (u32, u32) = (1, 42);

/// The operation.
#[derive(Debug)]
pub struct PruneVolumes;

impl Prunable for PruneVolumes {
    type Facts = Facts;

    const KIND: &'static Kind = &VOLUME;
    const WORDS: Words = Words {
        one: "unused volume",
        none: "Volumes with a name are taken only with label=; remove_volume takes one by its name.",
        lost: "ALL THAT IS IN THEM, except where the line of one says otherwise",
        kept: "volumes that any container uses, also a stopped one",
        undo: "no; whether there is a backup is not known here",
    };
    const SHARE: Option<fn(&DiskUsage) -> &Share> = Some(|usage| &usage.volumes);

    fn spec() -> Spec {
        prune::spec(
            "prune_volumes",
            "Prune volumes",
            "Removes volumes that no container uses, with all that is in them, as the preview lists \
             them. Only unnamed ones, unless `label` selects named ones too.",
            &[&VOLUME],
        )
    }

    async fn unused(
        cx: Context<'_>,
        engine: &str,
        among: Among<'_>,
    ) -> Result<Vec<Unused<Facts>>, Fault> {
        // Before its step each is looked at alone, and there may be thousands.
        let one = match among {
            Among::These([one]) => Reference::parse(&one.id).ok(),
            Among::These(_) | Among::All(_) => None,
        };
        let volumes = match &one {
            Some(name) => prune::there(vec![cx.look.volume(name)]).await?,
            None => cx.look.volumes(&VolumeFilter { label: among.label() }).await?,
        };
        let labels_its_own = match among {
            Among::All(None) => labels_unnamed(&cx.look.engine().await?.api),
            Among::All(Some(_)) | Among::These(_) => false,
        };
        // Whoever makes a container makes its volumes first: the containers are asked for last.
        let volume = one.map(|name| name.to_string());
        let users = ContainerFilter { all: true, volume, ..ContainerFilter::default() };
        let containers = cx.look.containers(&users).await?;
        let fits = |volume: &&Volume| is_unused(volume, &containers, among, labels_its_own);
        volumes.iter().filter(fits).map(|volume| unused(cx, volume, engine)).collect()
    }

    fn look<'a>(cx: Context<'a>, target: &'a Target) -> Asked<'a, ()> {
        Box::pin(async move { cx.look.volume(&Reference::parse(&target.id)?).await.map(drop) })
    }

    fn remove<'a>(act: &'a dyn Act, target: &'a Granted<'a>) -> Asked<'a, ()> {
        Box::pin(async move { act.remove_volume(target).await.map(drop) })
    }

    async fn notes(_: Context<'_>, _: &[Target]) -> Vec<(&'static str, String)> {
        vec![("last use", "NOT KNOWN: what is old may have been in use until just now".into())]
    }
}

/// Whether an engine of this API version gives its label to volumes that nobody names.
fn labels_unnamed(api: &str) -> bool {
    let version = api.split_once('.').and_then(|(major, minor)| {
        let both: (u32, u32) = (major.parse().ok()?, minor.parse().ok()?);
        Some(both)
    });
    // Of what cannot be read, the stricter of the two is taken.
    version.is_none_or(|version| version >= UNNAMED_SINCE)
}

fn is_unused(
    volume: &Volume,
    containers: &[ContainerRow],
    among: Among<'_>,
    labels_its_own: bool,
) -> bool {
    let unnamed = volume.is_anonymous() && (!labels_its_own || volume.labels.contains_key(UNNAMED));
    let meant = match among {
        Among::All(None) => unnamed,
        Among::All(Some(_)) | Among::These(_) => among.holds(&volume.name),
    };
    meant && volume.driver == LOCAL && users::of_volume(&volume.name, containers).is_empty()
}

fn unused(cx: Context<'_>, volume: &Volume, engine: &str) -> Result<Unused<Facts>, Fault> {
    let kind = match (volume.is_anonymous(), volume.labels.contains_key(UNNAMED)) {
        (true, true) => "without a name",
        (true, false) => "named by 64 hex digits, so taken for unnamed",
        (false, _) => "NAMED",
    };
    let made = when::aged(&volume.created_at, cx.clock.now());
    let storage = Storage::of(volume);
    let place = match storage {
        Storage::Own => String::new(),
        _ => format!("; {}; lost: {}", storage.place(volume), storage.lost()),
    };
    Ok(Unused {
        since: when::read(&volume.created_at),
        about: format!("{kind}, made or last changed at {made}{place}"),
        facts: Facts::of(volume)?,
        target: target::of(volume, engine.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::reason::Reason;
    use crate::ops::fake::{Fake, container, context, id, stopped, volume};
    use crate::ports::engine::{Container, Mount};

    fn user(volume: &str) -> Container {
        let mount = Mount {
            kind: "volume".into(),
            name: Some(volume.into()),
            source: String::new(),
            destination: "/data".into(),
            writable: true,
        };
        Container { mounts: vec![mount], ..stopped(container("c1", "web")) }
    }

    #[tokio::test]
    async fn a_name_protects_from_all_but_a_label_and_a_user_from_everything() {
        let unnamed = || volume(id("a1").as_str());
        let labelled = |mut volume: Volume| {
            volume.labels.insert("env".into(), "dev".into());
            volume
        };
        for (case, volume, containers, label, taken) in [
            ("unnamed", unnamed(), vec![], None, true),
            ("named", volume("data"), vec![], None, false),
            ("named, with a label", labelled(volume("data")), vec![], None, false),
            ("named, by its label", labelled(volume("data")), vec![], Some("env=dev"), true),
            ("named, by another's", labelled(volume("data")), vec![], Some("env=prod"), false),
            ("unnamed and used", unnamed(), vec![user(id("a1").as_str())], None, false),
            ("labelled and used", labelled(volume("data")), vec![user("data")], Some("env"), false),
            ("of a plugin", Volume { driver: "nfs".into(), ..unnamed() }, vec![], None, false),
        ] {
            let engine = Fake::of(containers);
            engine.volumes.lock().unwrap().push(volume);
            let found = PruneVolumes::unused(context(&engine), "E", Among::All(label)).await;
            assert_eq!(found.unwrap().len(), usize::from(taken), "{case}");
        }
    }

    #[tokio::test]
    async fn alone_it_is_asked_for_by_its_name_and_nothing_else_is() {
        let target = |name: &str| target::of(&volume(name), "E".into());
        for (name, containers, free) in [
            ("data", vec![], true),
            ("data", vec![user("data")], false),
            ("data", vec![user("other")], true),
            ("gone", vec![], false),
        ] {
            let engine = Fake::of(containers);
            *engine.volumes.lock().unwrap() = vec![volume("data"), volume("other")];
            let alone = [target(name)];
            let found = PruneVolumes::unused(context(&engine), "E", Among::These(&alone)).await;
            assert_eq!(found.unwrap().len(), usize::from(free), "{name}");
            let asked = [format!("volume {name}"), format!("containers {name}")];
            assert_eq!(engine.called(), asked);
        }
        let engine = Fake::default();
        *engine.volumes.lock().unwrap() = vec![volume("data"), volume("other")];
        let both = [target("data"), target("gone")];
        let found = PruneVolumes::unused(context(&engine), "E", Among::These(&both)).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(engine.called(), ["volumes", "containers"]);
        let broken = Fake { broken: vec!["volume"], ..Fake::default() };
        let alone = [target("data")];
        let found = PruneVolumes::unused(context(&broken), "E", Among::These(&alone)).await;
        assert_eq!(found.unwrap_err().reason, Reason::EngineError, "unseen is not gone");
    }

    #[tokio::test]
    async fn an_engine_that_labels_what_nobody_named_is_believed() {
        let labelled = |mut volume: Volume| {
            volume.labels.insert(UNNAMED.into(), String::new());
            volume
        };
        let digits = || volume(id("a1").as_str());
        for (api, volume, label, taken) in [
            ("1.41", digits(), None, true),
            ("1.41", labelled(digits()), None, true),
            ("1.42", digits(), None, false),
            ("1.42", labelled(digits()), None, true),
            // Anybody can give that label, and it makes no name into none.
            ("1.42", labelled(volume("data")), None, false),
            ("1.42", labelled(volume("data")), Some(UNNAMED), true),
            ("1.42", digits(), Some(UNNAMED), false),
            ("2.0", digits(), None, false),
            ("1.9", digits(), None, true),
            ("odd", digits(), None, false),
        ] {
            let engine = Fake { api, ..Fake::default() };
            engine.volumes.lock().unwrap().push(volume);
            let found = PruneVolumes::unused(context(&engine), "E", Among::All(label)).await;
            assert_eq!(found.unwrap().len(), usize::from(taken), "{api} {label:?}");
        }
        let engine = Fake { broken: vec!["engine"], ..Fake::default() };
        let unknown = PruneVolumes::unused(context(&engine), "E", Among::All(None)).await;
        assert_eq!(unknown.unwrap_err().reason, Reason::EngineError);
    }

    #[tokio::test]
    async fn each_says_what_it_is_and_what_is_lost_with_it() {
        let with = |options: &[(&str, &str)]| Volume {
            options: options.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            ..volume("data")
        };
        let own = "NAMED, made or last changed at 2026-01-30T12:00:00Z (24 h ago)";
        for (volume, more) in [
            (with(&[]), ""),
            (
                with(&[("type", "none"), ("o", "bind"), ("device", "/srv")]),
                "; HOST /srv: not the engine's own, but a path of the host; lost: nothing of what \
                 lies on the host",
            ),
            (
                with(&[("type", "nfs"), ("o", "addr=10.0.0.1"), ("device", ":/x")]),
                "; elsewhere: :/x (nfs); lost: nothing of what lies elsewhere",
            ),
        ] {
            let engine = Fake::default();
            assert_eq!(
                unused(context(&engine), &volume, "E").unwrap().about,
                format!("{own}{more}")
            );
        }
        let (engine, digits) = (Fake::default(), volume(id("a1").as_str()));
        let about = unused(context(&engine), &digits, "E").unwrap().about;
        assert!(about.starts_with("named by 64 hex digits, so taken for unnamed, "), "{about}");
    }
}
