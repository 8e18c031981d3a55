//! Settings of MCP clients that take a person out of the client's own questions. Only hints: whoever
//! runs a client can set it up in other ways as well.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};
use serde_json::Value;

/// A file of settings that is longer is not read, in bytes.
const SETTINGS_BYTES_MAX: u64 = 1024 * 1024;

/// The hooks that can answer a dialog in a person's place.
const HOOKS: [&str; 2] = ["Elicitation", "ElicitationResult"];

/// Something that was found in a file of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hint {
    /// The file.
    pub(super) file: PathBuf,
    /// What it says, in a clause.
    pub(super) says: String,
}

/// Looks at the settings of Claude Code: the account's, those of the folder that is worked in, and the
/// system's.
pub(super) fn look(home: Option<&Path>, cwd: &Path) -> Vec<Hint> {
    let folders = home.into_iter().chain([cwd]).map(|folder| folder.join(".claude"));
    let files =
        folders.flat_map(|at| ["settings.json", "settings.local.json"].map(|name| at.join(name)));
    let system = PathBuf::from("/etc/claude-code/managed-settings.json");
    let mut files: Vec<PathBuf> = files.chain([system]).collect();
    files.dedup();
    let hints = files.into_iter().flat_map(|file| {
        let says = match contents(&file) {
            Ok(None) => Vec::new(),
            Ok(Some(bytes)) => read(&bytes),
            Err(error) => vec![format!("it cannot be read ({error}), so it may say anything")],
        };
        says.into_iter().map(move |says| Hint { file: file.clone(), says })
    });
    hints.collect()
}

/// What a file holds; none if it is missing.
fn contents(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    // Without NONBLOCK, opening a pipe would wait for its writer.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = match open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    let mut bytes = Vec::new();
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    file.take(SETTINGS_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SETTINGS_BYTES_MAX {
        return Err(std::io::Error::other(format!("it is over {SETTINGS_BYTES_MAX} bytes long")));
    }
    Ok(Some(bytes))
}

/// What settings say that matters here, each in a clause.
fn read(bytes: &[u8]) -> Vec<String> {
    let Ok(settings) = serde_json::from_slice::<Value>(bytes) else {
        return vec!["it is no JSON, so it may say anything".into()];
    };
    let at = |pointer: &str| settings.pointer(pointer).unwrap_or(&Value::Null);
    let is_set = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(all) => !all.is_empty(),
        Value::Object(all) => !all.is_empty(),
        _ => true,
    };
    let hooks = HOOKS.into_iter().filter(|name| is_set(at(&format!("/hooks/{name}"))));
    let mut says: Vec<String> = hooks
        .map(|name| {
            format!("a hook `{name}` can answer dialogs, so `elicit` is worth what it says")
        })
        .collect();
    if at("/permissions/defaultMode") == "bypassPermissions" {
        says.push("the client asks nobody before a call (`bypassPermissions`)".into());
    }
    says
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn what_answers_in_a_persons_place_is_found_and_nothing_else() {
        let hook = r#"[{"hooks": [{"type": "command", "command": "yes"}]}]"#;
        for (text, words) in [
            (format!(r#"{{"hooks": {{"Elicitation": {hook}}}}}"#), vec!["`Elicitation`"]),
            (
                format!(r#"{{"hooks": {{"ElicitationResult": {hook}}}}}"#),
                vec!["`ElicitationResult`"],
            ),
            (
                format!(
                    r#"{{"hooks": {{"Elicitation": {hook}}}, "permissions": {{"defaultMode": "bypassPermissions"}}}}"#
                ),
                vec!["`Elicitation`", "`bypassPermissions`"],
            ),
            (r#"{"hooks": {"Elicitation": "odd"}}"#.into(), vec!["`Elicitation`"]),
            (format!(r#"{{"hooks": {{"PreToolUse": {hook}, "Elicitation": []}}}}"#), vec![]),
            (r#"{"permissions": {"defaultMode": "default"}}"#.into(), vec![]),
            (r#"{"hooks": 7, "permissions": [1]}"#.into(), vec![]),
            ("[]".into(), vec![]),
            ("{".into(), vec!["no JSON"]),
            (String::new(), vec!["no JSON"]),
            ("[".repeat(100_000), vec!["no JSON"]),
            ("\0\u{fffd}".into(), vec!["no JSON"]),
        ] {
            let says = read(text.as_bytes());
            assert_eq!(says.len(), words.len(), "{text:.60}: {says:?}");
            for (says, word) in says.iter().zip(words) {
                assert!(says.contains(word), "{text:.60}: {says}");
            }
        }
    }

    #[test]
    fn each_place_is_looked_at_and_what_is_no_plain_file_is_said() {
        let (home, cwd) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let look = || look(Some(home.path()), cwd.path());
        assert_eq!(look(), Vec::new());
        let text = r#"{"permissions": {"defaultMode": "bypassPermissions"}}"#;
        for folder in [&home, &cwd] {
            fs::create_dir(folder.path().join(".claude")).unwrap();
            for name in ["settings.json", "settings.local.json"] {
                fs::write(folder.path().join(".claude").join(name), text).unwrap();
            }
        }
        assert_eq!(look().len(), 4);
        let file = cwd.path().join(".claude/settings.json");
        let says =
            |word: &str| look().iter().any(|hint| hint.file == file && hint.says.contains(word));
        fs::write(&file, " ".repeat(1024 * 1024 + 1)).unwrap();
        assert!(says("bytes long"));
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(says("no regular file"));
        fs::remove_dir(&file).unwrap();
        symlink(&file, &file).unwrap();
        assert!(says("cannot be read"));
    }
}
