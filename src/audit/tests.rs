//! The log under cuts, flips, crashes, full disks, links and crowds.
#![expect(
    clippy::disallowed_methods,
    reason = "tests start children, mount disks and hand them folders"
)]

mod chain;
mod count;
mod crowd;
mod full;
mod life;
mod place;
mod recent;
mod support;
mod torn;
