//! An ordinary account for the server and for whoever attacks it, each test in a world of its own.
//!
//! Root could write every signers file, so where the tests run as root, the program runs as a system
//! user that is in the engine's group and has no capability. A mount namespace gives each world its own
//! `/etc/countersign` and `/var/lib/countersign`, which belong to root: the machine's are neither read
//! nor written. Elsewhere the program runs as the account that the tests run as, and what only root can set up is skipped:
//! [`World::with_system`] gives none.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::engine::SOCKET;
use super::play::Played;
use super::program::{Ran, Sandbox, Session, command};

/// The system user. It is made once and stays.
const NAME: &str = "countersign-test";

/// Where the system's settings stand, in every world.
const SYSTEM: &str = "/etc/countersign";

/// Where the system keeps what accounts give each other, in every world.
const LIB: &str = "/var/lib/countersign";

/// Who runs something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The account of the server, and of whoever attacks it.
    Agent,
    /// Root, in the same world; without root, the account of the tests.
    Root,
}

/// A home, a state and a `/etc/countersign` that no other test has.
pub(crate) struct World {
    sandbox: Sandbox,
    engine: String,
    grouped: bool,
    apart: Option<Apart>,
}

/// What only root can set up.
struct Apart {
    /// Of root, and closed to everybody else: what stands at `/etc/countersign` and at
    /// `/var/lib/countersign`, and root's own files.
    folder: TempDir,
    /// Holds the namespace. It ends with its input, and so with the test.
    keeper: Child,
    uid: u32,
    gid: u32,
}

impl World {
    /// A world on the real engine, with nothing in its home and in `/etc/countersign`.
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::new();
        for folder in ["config", "state", "run"] {
            fs::create_dir(sandbox.path().join(folder)).unwrap();
        }
        let root = rustix::process::geteuid().is_root();
        let apart = root.then(|| Apart::new(&sandbox));
        Self { sandbox, engine: format!("unix://{SOCKET}"), grouped: true, apart }
    }

    /// As [`Self::new`], where the test can write `/etc/countersign` and the program cannot. None,
    /// which is said, where the tests do not run as root.
    pub(crate) fn with_system() -> Option<Self> {
        let world = Self::new();
        if world.apart.is_none() {
            eprintln!("SKIPPED: only root can make a folder that the account cannot touch");
        }
        world.apart.is_some().then_some(world)
    }

    /// On this engine, whose socket is the account's from now on.
    pub(crate) fn on(mut self, played: &Played) -> Self {
        self.give(played.socket().parent().unwrap());
        self.give(played.socket());
        self.engine = played.address();
        self
    }

    /// With an account that is not in the engine's group.
    pub(crate) fn out_of_the_engines_group(mut self) -> Self {
        self.grouped = false;
        self
    }

    /// Its folders: the home, the working folder and the log.
    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The account's `$XDG_CONFIG_HOME`.
    pub(crate) fn config(&self) -> PathBuf {
        self.sandbox.path().join("config")
    }

    /// The account's `$XDG_STATE_HOME`.
    pub(crate) fn state(&self) -> PathBuf {
        self.sandbox.path().join("state")
    }

    /// The account's number.
    pub(crate) fn uid(&self) -> u32 {
        self.apart.as_ref().map_or(rustix::process::geteuid().as_raw(), |apart| apart.uid)
    }

    /// What the world sees at `/etc/countersign`, by a path that the test can write.
    ///
    /// # Panics
    /// Where the tests do not run as root.
    pub(crate) fn system(&self) -> PathBuf {
        self.apart.as_ref().expect("World::with_system").folder.path().join("etc")
    }

    /// What the world sees at `/var/lib/countersign`, by a path that the test can write.
    ///
    /// # Panics
    /// Where the tests do not run as root.
    pub(crate) fn lib(&self) -> PathBuf {
        self.apart.as_ref().expect("World::with_system").folder.path().join("lib")
    }

    /// A folder for files of this one's own: the account's home, or one that it cannot enter.
    pub(crate) fn own(&self, who: Who) -> PathBuf {
        match &self.apart {
            Some(apart) if who == Who::Root => apart.folder.path().join("root"),
            _ => self.sandbox.path().join("home"),
        }
    }

    /// Makes this file or folder the account's.
    pub(crate) fn give(&self, path: &Path) {
        if let Some(apart) = &self.apart {
            chown(path, Some(apart.uid), Some(apart.gid)).unwrap();
        }
    }

    /// Writes a file of the account's, with the folders above it.
    pub(crate) fn write(&self, path: &Path, content: &str) {
        let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
        above.retain(|folder| !folder.exists());
        for folder in above.iter().rev() {
            fs::create_dir(folder).unwrap();
            self.give(folder);
        }
        fs::write(path, content).unwrap();
        self.give(path);
    }

    /// Any program as one of them, in this world, with nothing of this process's environment.
    pub(crate) fn command(&self, who: Who, program: impl AsRef<OsStr>) -> Command {
        let mut run = match &self.apart {
            None => command("env"),
            Some(apart) => {
                let mut run = command("nsenter");
                run.arg(format!("--mount=/proc/{}/ns/mnt", apart.keeper.id())).arg("--");
                if who == Who::Agent {
                    run.arg("setpriv").args(apart.privileges(self.grouped)).arg("--");
                }
                run.arg("env");
                run
            }
        };
        // Who enters a namespace stands in its root folder.
        run.arg("-C").arg(self.sandbox.work()).arg(program);
        self.sandbox.dress(&mut run);
        run.env("DOCKER_HOST", &self.engine).env("HOME", self.own(who));
        if who == Who::Agent || self.apart.is_none() {
            run.env("XDG_CONFIG_HOME", self.config())
                .env("XDG_STATE_HOME", self.state())
                .env("XDG_RUNTIME_DIR", self.sandbox.path().join("run"));
        }
        run
    }

    /// The program as one of them.
    pub(crate) fn program(&self, who: Who, args: &[&str]) -> Command {
        let mut run = match &self.apart {
            None => self.command(who, env!("CARGO_BIN_EXE_countersign")),
            Some(_) => self.command(who, self.sandbox.path().join("countersign")),
        };
        run.args(args);
        run
    }

    /// Runs the program as one of them to its end.
    pub(crate) fn run(&self, who: Who, args: &[&str]) -> Ran {
        Ran::of(self.program(who, args).output().unwrap())
    }

    /// Starts serving MCP as the account.
    pub(crate) fn serve(&self, args: &[&str]) -> Session {
        Session::start(self.program(Who::Agent, &["mcp"]).args(args))
    }

    /// Runs a script of bash as one of them to its end. `countersign` is on its path.
    pub(crate) fn script(&self, who: Who, text: &str) -> Ran {
        let program = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().unwrap();
        let folder = if self.apart.is_some() { self.sandbox.path() } else { program };
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", folder.display());
        Ran::of(self.command(who, "bash").args(["-euc", text]).env("PATH", path).output().unwrap())
    }
}

impl Apart {
    fn new(sandbox: &Sandbox) -> Self {
        let (uid, gid) = account();
        let folder = TempDir::new().unwrap();
        let [etc, lib, own] = ["etc", "lib", "root"].map(|name| folder.path().join(name));
        for made in [&etc, &lib, &own] {
            fs::create_dir(made).unwrap();
            fs::set_permissions(made, Permissions::from_mode(0o755)).unwrap();
        }
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        let mut theirs = vec![sandbox.path().to_owned()];
        theirs.extend(fs::read_dir(sandbox.path()).unwrap().map(|entry| entry.unwrap().path()));
        for path in theirs {
            chown(path, Some(uid), Some(gid)).unwrap();
        }
        // The built program may lie where the account cannot go.
        let program = sandbox.path().join("countersign");
        File::create_new(&program).unwrap();
        let script =
            r#"while [ $# -gt 0 ]; do mount --bind "$1" "$2"; shift 2; done; echo ready; exec cat"#;
        let mut keeper = command("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-ec", script, "world"])
            .args([etc.as_os_str(), OsStr::new(SYSTEM), lib.as_os_str(), OsStr::new(LIB)])
            .args([OsStr::new(env!("CARGO_BIN_EXE_countersign")), program.as_os_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare (package util-linux)");
        let mut said = String::new();
        BufReader::new(keeper.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n", "no namespace of its own for {SYSTEM}");
        Self { folder, keeper, uid, gid }
    }

    /// How `setpriv` makes an ordinary process.
    fn privileges(&self, grouped: bool) -> Vec<String> {
        let groups = match grouped {
            true => format!("--groups={}", fs::metadata(SOCKET).unwrap().gid()),
            false => "--clear-groups".to_owned(),
        };
        let (uid, gid) = (format!("--reuid={}", self.uid), format!("--regid={}", self.gid));
        let fixed = ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"];
        [uid, gid, groups].into_iter().chain(fixed.map(str::to_owned)).collect()
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        self.keeper.kill().unwrap_or_default();
        self.keeper.wait().ok();
    }
}

/// Makes sure of the account and of the folder that worlds stand on, however many test processes want
/// them. Gives the account's user and group.
fn account() -> (u32, u32) {
    let lock = File::create(std::env::temp_dir().join("countersign-test-account.lock")).unwrap();
    lock.lock().unwrap();
    fs::create_dir_all(SYSTEM).unwrap();
    fs::create_dir_all(LIB).unwrap();
    let number = |option| {
        let output = command("id").args([option, NAME]).stderr(Stdio::null()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().ok()
    };
    if number("-u").is_none() {
        let words = ["--system", "--user-group", "--no-create-home", "--shell", "/bin/sh", NAME];
        let path = "/usr/sbin:/sbin:/usr/bin:/bin";
        let made = command("useradd").args(words).env("PATH", path).status();
        assert!(made.expect("useradd (package passwd)").success(), "there is no user {NAME}");
    }
    (number("-u").unwrap(), number("-g").unwrap())
}
