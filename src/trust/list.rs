//! The files of signers, and who could change what they say.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{Known, Places, Seen, is_us, shown, unavailable};
use crate::core::reason::Fault;
use crate::core::signers::{self, FILE_BYTES_MAX, Listed, OWN};
use crate::way::{self, Passed, What};

/// The system's file of signers.
pub const SYSTEM: &str = "/etc/countersign/allowed_signers";

/// The time zone of this host. That of the environment does not count: whoever starts a process sets it,
/// and could so prolong what has expired.
const ZONE: &str = "/etc/localtime";

/// How long a description of a zone is at most, in bytes.
const ZONE_BYTES_MAX: u64 = 64 * 1024;

/// Reads both files, for what this account asks for.
pub(super) fn read(places: &Places, requester: u32) -> Result<Known, Fault> {
    let mut known = Known::default();
    let (zone, namespace) = (zone(), namespace());
    let user = places.user.as_deref().map(|path| (path, true));
    for (path, is_own) in [(places.system.as_path(), false)].into_iter().chain(user) {
        let mut changer = None;
        let found = contents(path, &mut |passed| {
            changer = changer.take().or_else(|| changes(passed, requester));
        })?;
        let weak = match requester {
            0 => Some("user 0 can write every file".to_owned()),
            _ if is_own => Some(format!("{} is a file of the account itself", shown(path))),
            _ => namespace.map(str::to_owned).or(changer),
        };
        let is_there = found.is_some();
        let file: Arc<str> = path.display().to_string().into();
        let Listed { signers, left_out } =
            found.map(|bytes| signers::read(&bytes, &file, zone.as_ref())).unwrap_or_default();
        known.signers.0.extend(signers.into_iter().map(|mut signer| {
            signer.weak.clone_from(&weak);
            // Whoever writes it may call themselves what another is called in the system's file.
            if is_own {
                signer.name = format!("{}{OWN}", signer.name).into();
            }
            signer
        }));
        known.left_out.extend(left_out);
        known.files.push(Seen { path: path.to_owned(), is_there, weak });
    }
    Ok(known)
}

/// Why owners mean nothing here: in a user namespace, which every account can make, a file can seem to
/// be root's that is not.
pub(super) fn namespace() -> Option<&'static str> {
    #[cfg(not(target_os = "linux"))]
    return None;
    #[cfg(target_os = "linux")]
    {
        let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        (!is_whole(&map)).then_some(
            "Countersign runs in a user namespace, where a file can seem to be root's that is not",
        )
    }
}

/// Whether a map of user ids is that of no namespace: each id is itself.
fn is_whole(map: &str) -> bool {
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// What a file of signers holds; none if it is missing.
pub(super) fn contents(
    path: &Path,
    see: &mut dyn FnMut(&Passed<'_>),
) -> Result<Option<Vec<u8>>, Fault> {
    let refuse = |why: String| {
        let message = format!(
            "The signers of {} cannot be read, so no signature counts: {why}. Mend or remove it.",
            shown(path)
        );
        Err(unavailable(message, why))
    };
    let file = match way::open(path, see) {
        Ok(file) => file,
        Err(lost) if lost.error.kind() == ErrorKind::NotFound && !lost.behind_a_link => {
            return Ok(None);
        }
        Err(lost) => return refuse(lost.to_string()),
    };
    match bounded(&file, FILE_BYTES_MAX as u64) {
        Ok(Some(bytes)) => Ok(Some(bytes)),
        Ok(None) => refuse(format!("it is no regular file of at most {FILE_BYTES_MAX} bytes")),
        Err(error) => refuse(error.to_string()),
    }
}

/// All of a regular file that is not longer.
pub(super) fn bounded(file: &File, bytes_max: u64) -> std::io::Result<Option<Vec<u8>>> {
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= bytes_max).then_some(bytes))
}

/// How an account could change a file by what is passed on the way to it, in a clause.
pub(super) fn changes(passed: &Passed<'_>, uid: u32) -> Option<String> {
    let at = shown(passed.at);
    let what = if passed.what == What::Folder { "the folder " } else { "" };
    if passed.owner() == uid {
        return Some(format!("{what}{at} belongs to user {uid}, who asks"));
    }
    if passed.is_open_to_others() {
        return Some(format!("others than its owner can write {what}{at}"));
    }
    (is_us(uid) && passed.is_open_to_us())
        .then(|| format!("user {uid}, who asks, can write {what}{at}"))
}

/// The time zone of this host; none if it cannot be read.
fn zone() -> Option<TimeZone> {
    let file = match File::open(ZONE) {
        Ok(file) => file,
        Err(error) => return (error.kind() == ErrorKind::NotFound).then_some(TimeZone::UTC),
    };
    let bytes = bounded(&file, ZONE_BYTES_MAX).ok().flatten()?;
    TimeZone::tzif("Local", &bytes).ok()
}

#[cfg(test)]
mod tests;
