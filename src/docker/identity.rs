//! Which engine it is that answers.
//!
//! Docker keeps an id of its own. Podman's answer carries another one every time, so its id is made
//! of what stays: the host's name, its architecture and the folder in which the engine keeps all.

use super::fault::odd;
use super::model::Info;
use crate::core::hex;
use crate::core::plan::Digest;
use crate::core::reason::Fault;
use crate::ports::engine::PODMAN;

impl Info {
    /// The engine's immutable id.
    pub(super) fn engine(&self) -> Result<String, Fault> {
        if self.is_podman() {
            if self.root.is_empty() {
                return Err(odd("engine", "it does not tell where it keeps its things"));
            }
            let stays = [&*self.name, &*self.arch, &*self.root].join("\n");
            return Ok(format!(
                "{PODMAN}{}",
                hex::encode(Digest::of(&[stays.as_bytes()]).as_bytes())
            ));
        }
        match self.id.as_str() {
            "" => Err(odd("engine", "its id is empty")),
            id => Ok(id.to_owned()),
        }
    }

    /// Whether it is Podman: no other engine tells which Buildah it is built with.
    fn is_podman(&self) -> bool {
        !self.buildah.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn id(info: Value) -> Option<String> {
        serde_json::from_value::<Info>(info).unwrap().engine().ok()
    }

    fn podman(id: &str, name: &str, arch: &str, root: &str) -> Value {
        json!({
            "ID": id, "Name": name, "Architecture": arch, "DockerRootDir": root,
            "BuildahVersion": "1.28.2",
        })
    }

    #[test]
    fn dockers_id_is_its_own() {
        let docker = json!({"ID": "ABCD:EFGH", "Name": "vm", "DockerRootDir": "/var/lib/docker"});
        assert_eq!(id(docker).as_deref(), Some("ABCD:EFGH"));
        assert_eq!(id(json!({"Name": "vm", "DockerRootDir": "/var/lib/docker"})), None);
    }

    #[test]
    fn podmans_id_is_made_of_what_stays() {
        let first = id(podman("1", "vm", "amd64", "/root")).unwrap();
        assert_eq!(id(podman("2", "vm", "amd64", "/root")), Some(first.clone()));
        assert!(first.starts_with("podman-") && first.len() == "podman-".len() + 64, "{first}");
        for other in [
            podman("1", "vm2", "amd64", "/root"),
            podman("1", "vm", "arm64", "/root"),
            podman("1", "vm", "amd64", "/home/a"),
        ] {
            assert_ne!(id(other.clone()).unwrap(), first, "{other}");
        }
        assert_eq!(id(podman("1", "vm", "amd64", "")), None);
    }
}
