//! SSH keys of the people and of the agent, made and used by OpenSSH's own programs.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::account::{Who, World};
use super::program::PATIENCE;

/// A key pair, in a file of whoever it belongs to.
pub(crate) struct Key {
    who: Who,
    /// The private key's file; the public key's name is this and `.pub`.
    pub(crate) path: PathBuf,
    passphrase: Option<&'static str>,
}

impl Key {
    /// Makes a pair of this name. A passphrase is of letters and digits.
    pub(crate) fn new(
        world: &World,
        who: Who,
        name: &str,
        passphrase: Option<&'static str>,
    ) -> Self {
        let path = world.own(who).join(name);
        let words = ["-q", "-t", "ed25519", "-a", "1", "-C", name];
        let mut make = world.command(who, "ssh-keygen");
        make.args(words).args(["-N", passphrase.unwrap_or_default(), "-f"]).arg(&path);
        assert!(make.status().unwrap().success(), "ssh-keygen (package openssh-client)");
        Self { who, path, passphrase }
    }

    /// The public key, without its comment.
    pub(crate) fn public(&self) -> String {
        let line = fs::read_to_string(self.path.with_extension("pub")).unwrap();
        line.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    /// A line of a signers file for it, with these options.
    pub(crate) fn line(&self, principal: &str, options: &str) -> String {
        let options = if options.is_empty() { String::new() } else { format!("{options} ") };
        format!("{principal} {options}{}\n", self.public())
    }

    /// Lets whatever OpenSSH asks in this command be answered with the passphrase, as its owner would.
    pub(crate) fn unlocks(&self, command: &mut Command) {
        let Some(passphrase) = self.passphrase else { return };
        let script = self.path.with_extension("askpass");
        fs::write(&script, format!("#!/bin/sh\necho {passphrase}\n")).unwrap();
        fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
        command.env("SSH_ASKPASS", script).env("SSH_ASKPASS_REQUIRE", "force");
    }

    /// Its owner's signature of this file under this namespace, in OpenSSH's armour.
    pub(crate) fn sign(&self, world: &World, namespace: &str, file: &Path) -> Option<String> {
        let mut sign = world.command(self.who, "sh");
        sign.args(["-c", "exec ssh-keygen -q -Y sign -n \"$1\" -f \"$2\" <\"$3\"", "sign"]);
        sign.arg(namespace).arg(&self.path).arg(file);
        self.unlocks(&mut sign);
        let output = sign.stderr(Stdio::null()).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }
}

/// A running `ssh-agent`. It ends on drop.
pub(crate) struct SshAgent {
    who: Who,
    child: Child,
    /// What `SSH_AUTH_SOCK` has to be.
    pub(crate) socket: PathBuf,
}

impl SshAgent {
    /// Starts one for the keys of this one, and waits until it answers.
    pub(crate) fn start(world: &World, who: Who) -> Self {
        Self::of(world, who, world.command(who, "ssh-agent"))
    }

    /// One whose dialogs this program is.
    pub(crate) fn asking(world: &World, who: Who, dialog: &Path) -> Self {
        let mut start = world.command(who, "ssh-agent");
        start.env("SSH_ASKPASS", dialog).env("SSH_ASKPASS_REQUIRE", "force");
        Self::of(world, who, start)
    }

    fn of(world: &World, who: Who, mut start: Command) -> Self {
        let socket = world.own(who).join("agent.sock");
        start.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null());
        let child = start.spawn().unwrap();
        let step = Duration::from_millis(10);
        let mut left = PATIENCE;
        while !socket.exists() {
            left = left.checked_sub(step).expect("no ssh-agent");
            thread::sleep(step);
        }
        Self { who, child, socket }
    }

    /// Adds a key, with these options of `ssh-add`.
    pub(crate) fn add(&self, world: &World, key: &Key, options: &[&str]) {
        let mut add = world.command(self.who, "ssh-add");
        add.arg("-q").args(options).arg(&key.path).env("SSH_AUTH_SOCK", &self.socket);
        key.unlocks(&mut add);
        assert!(add.status().unwrap().success(), "ssh-add");
    }
}

impl Drop for SshAgent {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().ok();
    }
}
