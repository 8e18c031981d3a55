//! The log under cuts, flips, crashes, full disks, links and crowds.

mod chain;
mod crowd;
mod full;
mod life;
mod place;
mod support;
mod torn;
