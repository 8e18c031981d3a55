//! One running change per target, across processes: a locked file for each target in `.live`.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;

use crate::core::plan::{Digest, Target};
use crate::core::reason::{Fault, Reason};
use crate::core::text;

use super::live::{self, TARGET};
use super::lock::try_hold;
use super::place::Place;

/// The name of the lock under which changes are counted. No target's lock is called so: these end
/// in a digest.
const COUNT: &str = "target-count";

/// The locks of the targets of one change. Dropped, they are removed while still held.
#[derive(Debug)]
pub(super) struct Locks {
    folder: Option<OwnedFd>,
    held: Vec<(String, File)>,
}

impl Locks {
    /// The locks of no target.
    pub(super) const fn none() -> Self {
        Self { folder: None, held: Vec::new() }
    }

    /// Takes all of them or none, in one order for all callers.
    ///
    /// # Errors
    /// `busy` at the first that is taken, `audit_unavailable` if the locks cannot be kept.
    pub(super) fn take(place: &Place, targets: &[Target]) -> Result<Self, Fault> {
        let folder = place.live()?;
        let names: BTreeMap<String, &Target> =
            targets.iter().map(|target| (lock_name(target), target)).collect();
        let mut locks = Self { folder: None, held: Vec::new() };
        for (name, target) in names {
            let shown = place.path().join(".live").join(&name);
            match try_hold(&folder, &name) {
                Ok(Some(lock)) => locks.held.push((name, lock)),
                Ok(None) => {
                    locks.folder = Some(folder);
                    return Err(busy(target));
                }
                Err(error) => {
                    locks.folder = Some(folder);
                    return Err(error.fault(shown.display()));
                }
            }
        }
        locks.folder = Some(folder);
        Ok(locks)
    }
}

impl Locks {
    /// Takes the lock under which changes are counted; none while another has it.
    pub(super) fn count(place: &Place) -> Result<Option<Self>, Fault> {
        let folder = place.live()?;
        match try_hold(&folder, COUNT) {
            Ok(Some(lock)) => {
                let held = vec![(COUNT.to_owned(), lock)];
                Ok(Some(Self { folder: Some(folder), held }))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error.fault(place.path().join(".live").join(COUNT).display())),
        }
    }
}

impl Drop for Locks {
    fn drop(&mut self) {
        for (name, lock) in self.held.drain(..) {
            if let Some(folder) = &self.folder {
                live::remove(folder, &name);
            }
            drop(lock);
        }
    }
}

fn lock_name(target: &Target) -> String {
    let parts: [&[u8]; 5] =
        [target.kind.as_bytes(), b"\0", target.engine.as_bytes(), b"\0", target.id.as_bytes()];
    let digest = Digest::of(&parts).to_string();
    format!("{TARGET}{}", digest.trim_start_matches("sha256:"))
}

fn busy(target: &Target) -> Fault {
    Fault::new(
        Reason::Busy,
        format!(
            "Another change of `{}` is running. Nothing was done; wait until it has ended, look at \
             the target again, then ask anew.",
            text::name(&target.name)
        ),
    )
}
