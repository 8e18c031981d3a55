//! Reading a file's text: the one place where it is opened, with all that has to be so before it is
//! believed.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};

use super::Error;
use super::found::{Candidate, project_of};
use super::guard::{self, Refused};
use super::stamp::Stamp;
use crate::core::policy::Level;
use crate::core::text;

/// A file's size in bytes, at most.
const BYTES_MAX: u64 = 1024 * 1024;

/// What a file says, and what it looked like just before it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    /// What it says.
    pub(super) text: String,
    /// What it looked like.
    pub(super) stamp: Stamp,
}

/// Reads a file; none if there is none and nobody named it.
///
/// # Errors
/// If it cannot be read, is no text, is too long, or could be changed by someone who may not say
/// what it says.
pub(super) fn read(candidate: &Candidate, cwd: &Path) -> Result<Option<Text>, Error> {
    let Candidate { path, level, named } = candidate;
    let stamp = Stamp::of(path);
    let opened = match level {
        Level::Builtin | Level::Project => plainly(path),
        Level::System | Level::User => guard::open(path),
    };
    let shown = text::line(&path.display().to_string(), text::LINE_CHARS_MAX);
    let refused = |why: &dyn std::fmt::Display| Error(format!("{shown}: {why}."));
    let file = match opened {
        Ok(file) => file,
        Err(Refused::Io(error)) if error.kind() == ErrorKind::NotFound && !named => {
            return Ok(None);
        }
        Err(Refused::Io(error)) => {
            let mend = "Mend its permissions or name another file";
            return Err(refused(&format_args!("cannot be read: {error}. {mend}")));
        }
        Err(error @ Refused::Open(_)) => return Err(refused(&error)),
    };
    if *level == Level::User
        && let Some(project) = project_of(path, cwd)
    {
        return Err(refused(&format_args!(
            "it lies in the project {}, so whoever edits the project could widen what is allowed. \
             Move it to the user's own ~/.config/countersign/policy.toml, or see why HOME or \
             XDG_CONFIG_HOME points there",
            project.display()
        )));
    }
    let text = all_of(file).map_err(|error| refused(&error))?;
    Ok(Some(Text { text, stamp }))
}

fn plainly(path: &Path) -> Result<File, Refused> {
    // Without NONBLOCK, opening a pipe would wait for its writer.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(open(path, flags, Mode::empty())?))
}

fn all_of(file: File) -> std::io::Result<String> {
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(std::io::Error::other("it is longer than 1 MiB; split or shorten it"));
    }
    String::from_utf8(bytes)
        .map_err(|error| std::io::Error::other(format!("it is no UTF-8 text: {error}")))
}
