//! Reads the text of a configuration file. Every file is read here and nowhere else.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

use super::document::{Document, Error, shown};
use crate::core::policy::Level;

/// A file's size in bytes, at most.
const BYTES_MAX: u64 = 1024 * 1024;

/// The text of a file; none if there is no such file.
///
/// # Errors
/// For a file that cannot be read, that is no regular file or too large, or that is no UTF-8.
pub(super) fn read_text(path: &Path, _level: Level) -> Result<Option<String>, Error> {
    let refuse = |why: String| Error::new(format!("{}: {why}", shown(path)));
    let bytes = match read(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(refuse("it is no regular file of at most 1 MiB.".into())),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(refuse(format!(
                "cannot be read: {error}. Mend its permissions or name another file."
            )));
        }
    };
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let sound = error.utf8_error().valid_up_to();
        let document = Document::new(path, String::from_utf8_lossy(error.as_bytes()).into_owned());
        let message = "This byte is no part of any character. The file must be UTF-8: save it so.";
        Error { problems: vec![document.problem(&(sound..sound + 1), message)], more: 0 }
    })
}

/// The bytes of a regular file of a size that is accepted; none for another file.
fn read(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    // A pipe would be waited for.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|size| size <= BYTES_MAX);
    Ok(fits.then_some(bytes))
}
