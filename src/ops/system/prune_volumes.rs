//! `prune_volumes`: removes volumes that no container uses, not even one that has ended. A volume
//! that somebody named is somebody's data: only a label selects it.

use super::prune::{self, Among, Prunable, Unused, Words};
use crate::core::grant::Granted;
use crate::core::operation::{Kind, Spec};
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::Context;
use crate::ops::volumes::target::{self, Facts};
use crate::ops::volumes::users;
use crate::ops::when;
use crate::ports::engine::{
    Act, Asked, ContainerRow, DiskUsage, Share, VOLUME, Volume, VolumeFilter,
};

/// The driver whose volumes lie in the engine's own storage.
const LOCAL: &str = "local";

/// The operation.
#[derive(Debug)]
pub struct PruneVolumes;

impl Prunable for PruneVolumes {
    type Facts = Facts;

    const KIND: &'static Kind = &VOLUME;
    const WORDS: Words = Words {
        one: "unused volume",
        none: "Volumes with a name are taken only with label=; remove_volume takes one by its name.",
        lost: "ALL THAT IS IN THEM",
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
        let filter = VolumeFilter { label: among.label() };
        let volumes = cx.look.volumes(&filter).await?;
        // Whoever makes a container makes its volumes first: the containers are asked for last.
        let containers = users::all(cx).await?;
        let fits = |volume: &&Volume| is_unused(volume, &containers, among);
        volumes.iter().filter(fits).map(|volume| unused(cx, volume, engine)).collect()
    }

    fn remove<'a>(act: &'a dyn Act, target: &'a Granted<'a>) -> Asked<'a, ()> {
        Box::pin(async move { act.remove_volume(target).await.map(drop) })
    }
}

fn is_unused(volume: &Volume, containers: &[ContainerRow], among: Among<'_>) -> bool {
    let meant = match among {
        Among::All(None) => volume.is_anonymous(),
        Among::All(Some(_)) | Among::These(_) => among.holds(&volume.name),
    };
    meant && volume.driver == LOCAL && users::of(&volume.name, containers).is_empty()
}

fn unused(cx: Context<'_>, volume: &Volume, engine: &str) -> Result<Unused<Facts>, Fault> {
    let kind = if volume.is_anonymous() { "without a name" } else { "NAMED" };
    let made = when::aged(&volume.created_at, cx.clock.now());
    let place = match volume.host_path() {
        Some(path) => format!("; what is in it stays, at {} of the host", text::name(&path)),
        None => String::new(),
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
}
