//! What else this account can do: the groups that it is in, and whether sudo asks for a password.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::accounts;

/// Groups whose members can become root or reach an engine, on one system or another.
const POWERFUL: [&str; 9] =
    ["root", "sudo", "wheel", "admin", "docker", "podman", "lxd", "incus-admin", "disk"];

/// The system's list of groups, and how much of it is read, in bytes.
const GROUPS: &str = "/etc/group";
const GROUPS_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Where sudo is looked for. Not along PATH, which whoever runs under this account can set.
const SUDO: [&str; 3] = ["/usr/bin/sudo", "/usr/local/bin/sudo", "/run/wrappers/bin/sudo"];

/// How long sudo has for its answer, in steps.
const STEP: Duration = Duration::from_millis(20);
const STEPS_MAX: u32 = 100;

/// The groups of this account that lead to root or to an engine: those of a name that says so, and that
/// of the engine's socket.
pub(super) fn powerful_groups(socket: Option<&Path>) -> Vec<String> {
    let uid = rustix::process::geteuid().as_raw();
    // An account that owns the socket needs no group for it.
    let group = |socket: &Path| {
        let found = std::fs::metadata(socket).ok()?;
        (found.uid() != uid && found.mode() & 0o020 != 0).then_some(found.gid())
    };
    let engine = socket.and_then(group);
    let mut gids = rustix::process::getgroups().unwrap_or_default();
    gids.push(rustix::process::getegid());
    let gids: Vec<u32> = gids.into_iter().map(rustix::process::Gid::as_raw).collect();
    let names: Vec<String> = accounts::of(uid).into_iter().map(|account| account.name).collect();
    powerful(&names, &groups(), &gids, engine)
}

fn groups() -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(GROUPS) {
        // Without a list there are the numbers that the process has.
        drop(file.take(GROUPS_BYTES_MAX).read_to_end(&mut bytes));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Who is listed in a group can enter it at any time, whether this process has it or not.
fn powerful(names: &[String], groups: &str, gids: &[u32], engine: Option<u32>) -> Vec<String> {
    let of = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, gid, members] = fields[..] else { return None };
        let gid: u32 = gid.parse().ok()?;
        let is_in = gids.contains(&gid)
            || members.split(',').any(|member| names.iter().any(|name| name == member));
        let leads = POWERFUL.contains(&name) || engine == Some(gid);
        (is_in && leads).then(|| name.to_owned())
    };
    groups.lines().filter_map(of).collect()
}

/// Whether sudo runs something for this account without a password. It is asked to list, never to run,
/// and never to prompt. Where it does not answer in time, that counts as no.
#[expect(clippy::disallowed_methods, reason = "only sudo itself can say whom it asks")]
pub(super) fn can_sudo() -> bool {
    let program = SUDO.into_iter().find(|program| Path::new(program).is_file());
    let command = program.map(|program| {
        let mut command = Command::new(program);
        command.args(["-n", "-l"]);
        command
    });
    command.is_some_and(|command| succeeds(command, STEPS_MAX))
}

/// Whether a command ends well within so many steps. It is told nothing, and what it says stays unread.
fn succeeds(mut command: Command, steps_max: u32) -> bool {
    command.env_clear().current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return false };
    for _ in 0..steps_max {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => thread::sleep(STEP),
            Err(_) => break,
        }
    }
    // What runs as root cannot be ended by us, and is not waited for.
    drop(child.kill());
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_counts_by_its_name_or_as_the_engines_for_whoever_is_or_could_be_in_it() {
        let groups = "root:x:0:\nsudo:x:27:bob,alice\ndocker:x:999:\nengine:x:77:carol\n\
                      alice:x:1000:\nwheel:x:10:alicex\nlxd:x:bad:alice\nbroken\n:::\n";
        let alice = ["alice".to_owned()];
        let of = |names: &[String], gids: &[u32], engine| powerful(names, groups, gids, engine);
        assert_eq!(of(&alice, &[1000], None), ["sudo"], "listed, and not yet entered");
        assert_eq!(of(&alice, &[1000, 999], None), ["sudo", "docker"]);
        assert_eq!(of(&alice, &[1000, 77], Some(77)), ["sudo", "engine"]);
        assert_eq!(of(&[], &[1001, 77], None), Vec::<String>::new(), "any other group");
        assert_eq!(of(&[], &[1001], Some(77)), Vec::<String>::new());
        assert_eq!(powerful(&[], "", &[0], Some(0)), Vec::<String>::new());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "programs that answer as sudo could")]
    fn a_program_that_asks_fails_or_hangs_says_no() {
        let says = |script: &str, steps| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]);
            succeeds(command, steps)
        };
        assert!(says("exit 0", 500));
        for script in ["exit 1", "echo Password:; read -r password", "kill -9 $$"] {
            assert!(!says(script, 500), "{script}");
        }
        assert!(says("test \"$(pwd)\" = / && test -z \"${HOME:-}\"", 500), "nothing is handed on");
        assert!(!says("exec sleep 5", 3), "nobody waits for it");
        assert!(!succeeds(Command::new("/no/such/program"), 3));
    }
}
