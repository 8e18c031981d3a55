//! Where the audit log is.

use std::path::{Path, PathBuf};

use super::{Error, File, Origin, Setting, from_file};
use crate::core::policy::Policy;

/// The log's folder.
///
/// # Errors
/// If there is no place for it, or if a flag or variable takes it away from the rules that count it.
pub(super) fn of(
    origin: &Origin,
    files: &[File],
    policy: &Policy,
) -> Result<Setting<PathBuf>, Error> {
    counted(wanted(origin, files)?, files, policy)
}

/// What a flag or a variable says.
pub(super) fn said(Origin { flags, env, cwd, .. }: &Origin) -> Option<Setting<PathBuf>> {
    match (&flags.audit_dir, &env.audit_dir) {
        (Some(dir), _) => Some(Setting::new(cwd.join(dir), "--audit-dir")),
        (None, Some(dir)) => Some(Setting::new(cwd.join(dir), "AUDIT_DIR")),
        (None, None) => None,
    }
}

fn wanted(origin: &Origin, files: &[File]) -> Result<Setting<PathBuf>, Error> {
    let Origin { env, cwd, .. } = origin;
    if let Some(dir) = said(origin) {
        return Ok(dir);
    }
    if let Some(dir) = named(files) {
        return Ok(dir);
    }
    let project = [".mcp.json", "countersign.toml"].iter().any(|name| cwd.join(name).is_file());
    if project || cwd.join("audit").is_dir() {
        return Ok(Setting::new(cwd.join("audit"), "default (this folder is a project)"));
    }
    let state = env.state_home().ok_or_else(|| {
        Error::new(
            "There is no place for the audit log: neither HOME nor XDG_STATE_HOME is set. Name a \
             folder with --audit-dir or AUDIT_DIR.",
        )
    })?;
    Ok(Setting::new(state.join("countersign").join("audit"), "default"))
}

/// The log's folder as the strongest file names it, from that file's folder on.
fn named(files: &[File]) -> Option<Setting<PathBuf>> {
    let dir = from_file(files, |settings| settings.audit_dir.clone())?;
    let folder = Path::new(&dir.source).parent().map(Path::to_owned).unwrap_or_default();
    Some(Setting { value: folder.join(dir.value), source: dir.source })
}

/// The log's folder, if no flag or variable takes the log away from the rules that count it: a
/// project's client configuration sets these, and would so begin to count anew.
fn counted(
    dir: Setting<PathBuf>,
    files: &[File],
    policy: &Policy,
) -> Result<Setting<PathBuf>, Error> {
    let Some(rule) = policy.trusted_count() else { return Ok(dir) };
    let trusted = files.partition_point(|file| file.source.level.is_trusted());
    match named(files.get(..trusted).unwrap_or_default()) {
        Some(set) if set.value != dir.value => Err(Error::new(format!(
            "{} sets audit.dir to {}, and the rule `{}` counts what the log there says; {} names \
             another folder. Leave it out.",
            set.source,
            set.value.display(),
            rule.id,
            dir.source
        ))),
        _ => Ok(dir),
    }
}
