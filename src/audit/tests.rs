//! The log under cuts, flips, crashes, full disks, links and crowds.
#![expect(
    clippy::disallowed_methods,
    reason = "tests start children, mount disks and hand them folders"
)]

mod chain;
mod crowd;
mod full;
mod life;
mod place;
mod support;
mod torn;
