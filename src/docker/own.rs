//! Which container this program itself runs in, if it runs in one: nothing is changed about it.
//!
//! The control group names it (`docker-<id>.scope`, `libpod-<id>`), unless the container has a
//! group namespace of its own, which then begins at it. What is left are the files that engines lay
//! over a container's own: they lie in a folder that bears its id. A container that shares another's
//! network has that one's files, so the control group is asked first, and first of the files the one
//! of Podman that is nobody else's.

use std::fs;

use crate::core::ids::FullId;

/// Files that engines mount from the container's own folder, the surest first.
const MOUNTED: [&str; 4] =
    ["/run/.containerenv", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];

/// The container that this process runs in.
pub(super) fn container() -> Option<FullId> {
    // Where there is no such file, there are no such containers.
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    find(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"))
}

fn find(cgroup: &str, mountinfo: &str) -> Option<FullId> {
    cgroup.lines().find_map(of_group).or_else(|| {
        let mounts: Vec<(&str, &str)> = mountinfo.lines().filter_map(mount).collect();
        let from = |file: &&str| {
            let here = mounts.iter().filter(move |(_, point)| point == file);
            here.filter_map(|(root, _)| of_folder(root)).next_back()
        };
        MOUNTED.iter().find_map(from)
    })
}

/// `hierarchy:controllers:path`. In the path the innermost container counts.
fn of_group(line: &str) -> Option<FullId> {
    let path = line.splitn(3, ':').nth(2)?;
    path.rsplit('/').find_map(|part| {
        let part = part.strip_suffix(".scope").unwrap_or(part);
        match part.rsplit_once('-') {
            // conmon watches a container from outside.
            Some((engine, id)) => FullId::parse(id).filter(|_| !engine.ends_with("conmon")),
            None => FullId::parse(part),
        }
    })
}

/// What is mounted, as a path in its file system, and where.
fn mount(line: &str) -> Option<(&str, &str)> {
    let mut fields = line.split(' ').skip(3);
    Some((fields.next()?, fields.next()?))
}

/// `…/containers/<id>/hostname`, `…/overlay-containers/<id>/userdata/hostname`.
fn of_folder(root: &str) -> Option<FullId> {
    let mut parts = root.rsplit('/');
    while let Some(part) = parts.next() {
        if let Some(id) = FullId::parse(part) {
            return parts.next().filter(|folder| folder.ends_with("containers")).map(|_| id);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS_OF_A_HOST: &str = "22 27 0:21 / /proc rw,relatime - proc proc rw
47 42 0:39 / /var/lib/docker/overlay2/eac3f1d761c948ba52a0542a4f567a7c48ca2f52913c96049a2152262e56fac1/merged rw - overlay overlay rw
48 42 254:0 /etc/hostname /etc/hostname rw - ext4 /dev/vda rw";

    fn id(digit: char) -> String {
        digit.to_string().repeat(64)
    }

    /// Mounts of these files from a container's own folder.
    fn mounts(folder: &str, digit: char, files: &[&str]) -> String {
        let root = folder.replace("ID", &id(digit));
        let line = |file: &&str| {
            let name = file.rsplit('/').next().unwrap();
            format!("9 1 254:0 {root}/{name} {file} rw,relatime - ext4 /dev/vda rw,discard\n")
        };
        files.iter().map(line).collect()
    }

    #[test]
    fn the_control_group_names_it() {
        let own = Some(id('a'));
        for (group, expected) in [
            ("9:name=systemd:/docker/ID\n8:pids:/docker/ID\n0::/docker/ID", &own),
            ("0::/system.slice/docker-ID.scope", &own),
            ("0::/system.slice/docker-ID.scope/init", &own),
            ("1:cpu:/libpod_parent/libpod-ID", &own),
            ("0::/machine.slice/libpod-ID.scope/container", &own),
            ("0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope", &own),
            ("0::/custom/parent/ID", &own),
            ("2:memory:/\n1:cpu:/docker/OTHER/docker/ID", &own),
            ("0::/libpod_parent/conmon\n", &None),
            ("0::/machine.slice/libpod-conmon-ID.scope", &None),
            ("0::/", &None),
            ("0::/user.slice/user-1000.slice/session-3.scope", &None),
            ("4:memory:/process_api/08b513c687793799cb3ab27948f79de8", &None),
            ("", &None),
            ("no such form", &None),
        ] {
            let text = group.replace("ID", &id('a')).replace("OTHER", &id('b'));
            let found = find(&text, MOUNTS_OF_A_HOST).map(|id| id.as_str().to_owned());
            assert_eq!(&found, expected, "{group}");
        }
    }

    #[test]
    fn the_mounted_files_name_it_where_the_group_does_not() {
        let docker = "/var/lib/docker/containers/ID";
        let podman = "/run/containers/storage/overlay-containers/ID/userdata";
        let files = ["/etc/resolv.conf", "/etc/hostname", "/etc/hosts"];
        let in_group = |group: &str, mounts: &str| {
            find(group, &[MOUNTS_OF_A_HOST, mounts].join("\n")).map(|id| id.as_str().to_owned())
        };
        let found = |mounts: &str| in_group("0::/\n", mounts);
        assert_eq!(found(&mounts(docker, 'a', &files)), Some(id('a')));
        assert_eq!(found(&mounts(docker, 'a', &["/etc/resolv.conf"])), Some(id('a')));
        assert_eq!(found(&mounts(podman, 'a', &files[..1])), Some(id('a')));
        let shared = [mounts(podman, 'b', &files), mounts(podman, 'a', &["/run/.containerenv"])];
        assert_eq!(found(&shared.concat()), Some(id('a')));
        let group = format!("0::/docker/{}", id('a'));
        assert_eq!(in_group(&group, &mounts(docker, 'b', &files)), Some(id('a')));
    }

    #[test]
    fn what_merely_looks_like_it_is_none() {
        for text in [
            MOUNTS_OF_A_HOST.to_owned(),
            mounts("/var/lib/docker/volumes/ID", 'a', &["/etc/hostname"]),
            mounts("/var/lib/docker/containers/ID", 'a', &["/data/hostname"]),
            mounts("/var/lib/docker/containers/ID", 'A', &["/etc/hostname"]),
            "1 2".to_owned(),
            String::new(),
        ] {
            assert_eq!(find("0::/", &text), None, "{text}");
        }
    }
}
