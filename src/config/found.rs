//! Which files can say something here, whose each is, and what may not pass for a user's.

use std::path::{Path, PathBuf};

use crate::accounts;
use crate::core::policy::Level;

use super::{Environment, Error, Flags};

/// The system's file.
pub(super) const SYSTEM_FILE: &str = "/etc/countersign/policy.toml";

/// The user's file, as users know it.
pub(super) const USER_FILE: &str = "$XDG_CONFIG_HOME/countersign/policy.toml";

/// The user's file, from the user's folder of configuration on.
const USER_PATH: &str = "countersign/policy.toml";

/// What is found in the top folder of a project.
const PROJECT_MARKS: [&str; 3] = [".git", ".mcp.json", "countersign.toml"];

/// A file that may be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where.
    pub path: PathBuf,
    /// Whose it is.
    pub level: Level,
    /// Somebody named it, so it must exist.
    pub named: bool,
}

/// Every file that may be there: the system's, the user's, the project's.
///
/// # Errors
/// If the user's folder of configuration is not named from the root on: what it means would depend
/// on where the program was started.
pub(super) fn sources(flags: &Flags, env: &Environment, cwd: &Path) -> Result<Vec<Source>, Error> {
    let source = |path: PathBuf, level, named| Source { path: cwd.join(path), level, named };
    let mut found = vec![source(SYSTEM_FILE.into(), Level::System, false)];
    if let Some(home) = env.config_home() {
        if !home.is_absolute() {
            return Err(Error::new(format!(
                "The user's folder of configuration is {}, which is no absolute path. Set \
                 XDG_CONFIG_HOME or HOME to one.",
                home.display()
            )));
        }
        found.push(source(home.join(USER_PATH), Level::User, false));
    }
    // A client's configuration in a project sets variables too, and may not so drop the user's rules.
    if let Some(own) = account_home().map(|home| home.join(".config").join(USER_PATH))
        && found.iter().all(|source| source.path != own)
    {
        found.push(source(own, Level::User, false));
    }
    found.push(match flags.config.as_ref().or(env.config.as_ref()) {
        Some(named) => source(named.clone(), Level::Project, true),
        None => source("countersign.toml".into(), Level::Project, false),
    });
    if let Some(named) = flags.policy.as_ref().or(env.policy.as_ref()) {
        found.push(source(named.clone(), Level::Project, true));
    }
    Ok(found)
}

/// The project that a user's file lies in, if it lies in the one that is worked in: then whoever
/// edits the project could widen what is allowed. The account's own `~/.config` is the user's even
/// where the home folder is a project.
pub(super) fn project_of(path: &Path, cwd: &Path) -> Option<PathBuf> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (path, cwd) = (real(path), real(cwd));
    let own = account_home().map(|home| real(&home.join(".config")));
    if own.is_some_and(|own| path.starts_with(own)) {
        return None;
    }
    // Everything lies in the root folder, and nobody checks a project out into it.
    let marked = |folder: &&Path| {
        folder.parent().is_some() && PROJECT_MARKS.iter().any(|mark| folder.join(mark).exists())
    };
    let top = cwd.ancestors().filter(marked).last()?;
    path.starts_with(top).then(|| top.to_owned())
}

/// The home folder that the account itself has, whatever the environment says.
fn account_home() -> Option<PathBuf> {
    let own = accounts::of(rustix::process::geteuid().as_raw());
    own.into_iter().find_map(|account| account.home)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_users_file_in_the_project_is_the_projects() {
        let root = TempDir::new().unwrap();
        let root = root.path().canonicalize().unwrap();
        for folder in ["home/.config/countersign", "checkout/evil/countersign", "checkout/deep"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let (own, evil) = ("home/.config/countersign", "checkout/evil/countersign");
        for folder in [own, evil] {
            fs::write(root.join(folder).join("policy.toml"), "version = 1").unwrap();
        }
        let project = |file: &str, cwd: &str| {
            project_of(&root.join(file).join("policy.toml"), &root.join(cwd))
        };
        assert_eq!(project(own, "checkout"), None);
        for cwd in ["checkout", "checkout/deep"] {
            assert_eq!(project(evil, cwd), None, "nothing marks the checkout");
        }
        for mark in PROJECT_MARKS {
            fs::write(root.join("checkout").join(mark), "").unwrap();
            assert_eq!(project(evil, "checkout/deep"), Some(root.join("checkout")), "{mark}");
            fs::remove_file(root.join("checkout").join(mark)).unwrap();
        }
        fs::write(root.join("checkout/.mcp.json"), "").unwrap();
        std::os::unix::fs::symlink(root.join("checkout/evil"), root.join("link")).unwrap();
        assert_eq!(project("link/countersign", "checkout"), Some(root.join("checkout")));
    }

    #[test]
    fn the_accounts_own_folder_is_the_users_even_in_a_project() {
        let home = account_home().unwrap();
        assert_eq!(project_of(&home.join(".config/countersign/policy.toml"), &home), None);
        assert_eq!(project_of(&home.join(".config/countersign/policy.toml"), Path::new("/")), None);
    }

    #[test]
    fn a_relative_folder_of_configuration_is_refused() {
        let env =
            |home: &str| Environment { xdg_config_home: Some(home.into()), ..Default::default() };
        let (flags, cwd) = (Flags::default(), Path::new("/work"));
        assert!(sources(&flags, &env("evil"), cwd).is_err());
        let found = sources(&flags, &env("/home/me/.config"), cwd).unwrap();
        let own = account_home().unwrap().join(".config/countersign/policy.toml");
        let paths: Vec<_> = found.iter().map(|c| (c.path.as_path(), c.level)).collect();
        assert_eq!(
            paths,
            [
                (Path::new(SYSTEM_FILE), Level::System),
                (Path::new("/home/me/.config/countersign/policy.toml"), Level::User),
                (own.as_path(), Level::User),
                (Path::new("/work/countersign.toml"), Level::Project),
            ]
        );
    }
}
