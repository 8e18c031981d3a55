//! Operations: one file each, and the list of all. Adding one is a file and a line here.

pub mod system;
pub(crate) mod when;

use crate::gate::{Erased, Reads};

/// Every operation, in the order in which faces show them.
pub static ALL: &[&dyn Erased] = &[
    &Reads::<system::Ping>::NEW,
    &Reads::<system::EngineInfo>::NEW,
    &Reads::<system::CheckPolicy>::NEW,
];
