//! A target may be changed only as one of a permit's.

use countersign::core::grant::{Granted, Permit};

fn granted(permit: &Permit) -> Option<Granted<'_>> {
    permit.plan().targets().first().map(|target| Granted { target })
}

fn main() {}
