//! Reading a file's text: the one place where it is opened, with all that has to be so before it is
//! believed.

use std::fmt::Display;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};

use super::document::{Document, Error, shown};
use super::found::{Source, project_of};
use super::guard::{self, Refused};
use super::stamp::Stamp;
use crate::core::policy::Level;

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
pub(super) fn read(source: &Source, cwd: &Path) -> Result<Option<Text>, Error> {
    let Source { path, level, named } = source;
    let stamp = Stamp::of(path);
    let opened = match level {
        Level::Builtin | Level::Project => plainly(path),
        Level::System | Level::User => guard::open(path),
    };
    let file = match opened {
        Err(Refused::Io(error)) if error.kind() == ErrorKind::NotFound && !named => {
            return Ok(None);
        }
        opened => opened.map_err(|refusal| refused(path, &refusal))?,
    };
    if *level == Level::User
        && let Some(project) = project_of(path, cwd)
    {
        return Err(because(
            path,
            &format_args!(
                "it lies in the project {}, so whoever edits the project could widen what is allowed. \
             Move it to the user's own ~/.config/countersign/policy.toml, or see why HOME or \
             XDG_CONFIG_HOME points there",
                project.display()
            ),
        ));
    }
    Ok(Some(Text { text: whole(path, file)?, stamp }))
}

/// Reads a file that is not to be believed but looked at, whoever can change it.
///
/// # Errors
/// If it cannot be read, is no text or is too long.
pub(super) fn read_any(path: &Path) -> Result<String, Error> {
    whole(path, plainly(path).map_err(|refusal| refused(path, &refusal))?)
}

fn refused(path: &Path, refusal: &Refused) -> Error {
    match refusal {
        Refused::Open(why) => because(path, why),
        Refused::Io(error) => because(
            path,
            &format_args!("cannot be read: {error}. Mend its permissions or name another file"),
        ),
    }
}

fn because(path: &Path, why: &dyn Display) -> Error {
    Error::new(format!("{}: {why}.", shown(path)))
}

fn whole(path: &Path, file: File) -> Result<String, Error> {
    utf8(path, all_of(file).map_err(|error| because(path, &error))?)
}

fn plainly(path: &Path) -> Result<File, Refused> {
    // Without NONBLOCK, opening a pipe would wait for its writer.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(open(path, flags, Mode::empty())?))
}

fn all_of(file: File) -> std::io::Result<Vec<u8>> {
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(std::io::Error::other("it is longer than 1 MiB; shorten it"));
    }
    Ok(bytes)
}

fn utf8(path: &Path, bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|error| {
        let sound = error.utf8_error().valid_up_to();
        let document = Document::new(path, String::from_utf8_lossy(error.as_bytes()).into_owned());
        let message = "This byte is no part of any character. The file must be UTF-8: save it so.";
        Error { problems: vec![document.problem(&(sound..sound + 1), message)], more: 0 }
    })
}
