//! Where what is in a volume lies, and so what is lost with it.

use std::borrow::Cow;

use crate::core::text;
use crate::ports::engine::Volume;

/// Where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Storage<'a> {
    /// In a folder of the engine's own.
    Own,
    /// At a path of the host: the volume is only another name for that.
    Host(Cow<'a, str>),
    /// In memory.
    Memory,
    /// In a file system of another host: its type, and what it is there.
    Elsewhere(&'a str, &'a str),
    /// Where its driver keeps it.
    Driver(&'a str),
}

impl<'a> Storage<'a> {
    /// That of a volume, as its options have it.
    pub(in crate::ops) fn of(volume: &'a Volume) -> Self {
        let option = |key| volume.options.get(key).map_or("", String::as_str);
        match (volume.driver.as_str(), volume.host_path(), option("type")) {
            ("local", Some(path), _) => Self::Host(path),
            ("local", None, "tmpfs" | "ramfs") => Self::Memory,
            ("local", None, "") => Self::Own,
            ("local", None, fs) => Self::Elsewhere(fs, option("device")),
            (driver, ..) => Self::Driver(driver),
        }
    }

    /// In words.
    pub(in crate::ops) fn place(&self, volume: &Volume) -> String {
        match self {
            Self::Own => text::name(&volume.mountpoint),
            Self::Host(path) => {
                format!("HOST {}: not the engine's own, but a path of the host", text::name(path))
            }
            Self::Memory => "in the host's memory, while a container uses it".to_owned(),
            Self::Elsewhere(fs, what) => {
                format!("elsewhere: {} ({})", text::name(what), text::name(fs))
            }
            Self::Driver(driver) => format!("where the driver {} keeps it", text::name(driver)),
        }
    }

    /// What a removal loses for good.
    pub(in crate::ops) fn lost(&self) -> String {
        match self {
            Self::Own => "all that is in it".to_owned(),
            Self::Host(_) => "nothing of what lies on the host".to_owned(),
            Self::Memory => "all that is in it, if anything still is".to_owned(),
            Self::Elsewhere(..) => "nothing of what lies elsewhere".to_owned(),
            Self::Driver(driver) => {
                format!("all that is in it, unless the driver {} keeps it", text::name(driver))
            }
        }
    }

    /// Whether a removal can lose any of it.
    pub(in crate::ops) fn is_lost(&self) -> bool {
        matches!(self, Self::Own | Self::Memory | Self::Driver(_))
    }

    /// What a removal comes to, after `Remove the volume x`.
    pub(in crate::ops) fn removal(&self) -> &'static str {
        match self {
            Self::Own | Self::Memory | Self::Driver(_) => {
                " with EVERYTHING in it. This CANNOT BE UNDONE."
            }
            Self::Host(_) => {
                ", which is a path of the host in disguise: what is there stays, the name and its \
                 options go."
            }
            Self::Elsewhere(..) => {
                ", which lies elsewhere: what is there stays, the name and its options go."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::fake;

    #[test]
    fn where_a_volume_lies_is_read_from_its_options() {
        let volume = |driver: &str, options: &[(&str, &str)]| Volume {
            driver: driver.to_owned(),
            options: options.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            ..fake::volume("data")
        };
        let overlay = "lowerdir=/etc,upperdir=/tmp/u,workdir=/tmp/w";
        for (driver, options, expected) in [
            ("local", vec![], Storage::Own),
            ("local", vec![("size", "10G")], Storage::Own),
            (
                "local",
                vec![("type", "none"), ("o", "bind"), ("device", "/srv")],
                Storage::Host("/srv".into()),
            ),
            ("local", vec![("o", "rw,rbind"), ("device", "/")], Storage::Host("/".into())),
            // The kernel looks at no type where a bind is asked for.
            (
                "local",
                vec![("type", "nfs"), ("o", "bind"), ("device", "/srv")],
                Storage::Host("/srv".into()),
            ),
            (
                "local",
                vec![("type", "ext4"), ("device", "/dev/sda1")],
                Storage::Host("/dev/sda1".into()),
            ),
            (
                "local",
                vec![("type", "overlay"), ("device", "overlay"), ("o", overlay)],
                Storage::Host(overlay.into()),
            ),
            (
                "local",
                vec![("type", "overlay"), ("device", "overlay"), ("o", "lowerdir=/a,pw=s3cr3t")],
                Storage::Host("lowerdir=/a".into()),
            ),
            // What words mean that nobody knows is not shown, and they may well lead to the host.
            (
                "local",
                vec![("type", "fuse.x"), ("device", "LABEL=x"), ("o", "file=/etc/x,password=a/b")],
                Storage::Host("LABEL=x".into()),
            ),
            (
                "local",
                vec![("type", "fuse.x"), ("o", "file=/etc/x,password=a/b")],
                Storage::Host("fuse.x".into()),
            ),
            (
                "local",
                vec![("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=1m")],
                Storage::Memory,
            ),
            (
                "local",
                vec![("type", "nfs"), ("o", "addr=10.0.0.1,rw"), ("device", ":/x")],
                Storage::Elsewhere("nfs", ":/x"),
            ),
            (
                "local",
                vec![("type", "cifs"), ("device", "//srv/share")],
                Storage::Elsewhere("cifs", "//srv/share"),
            ),
            (
                "rexray",
                vec![("type", "none"), ("o", "bind"), ("device", "/srv")],
                Storage::Driver("rexray"),
            ),
        ] {
            let volume = volume(driver, &options);
            assert_eq!(Storage::of(&volume), expected, "{driver} {options:?}");
        }
    }
    #[test]
    fn file_systems_of_the_kernel_and_shares_of_a_machine_are_of_the_host() {
        for (options, expected) in [
            (vec![("type", "proc"), ("device", "proc")], Storage::Host("proc".into())),
            (vec![("type", "sysfs"), ("device", "x")], Storage::Host("x".into())),
            (vec![("type", "devtmpfs")], Storage::Host("devtmpfs".into())),
            (vec![("type", "9p"), ("device", "share")], Storage::Host("share".into())),
            (vec![("type", "tmpfs"), ("device", "tmpfs")], Storage::Memory),
        ] {
            let options = options.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
            let volume = Volume { options, ..fake::volume("data") };
            assert_eq!(Storage::of(&volume), expected);
        }
    }
}
