//! A permit cannot be copied; its plan can be shared.

use countersign::core::grant::Permit;

fn copy<T: Clone>(_: &T) {}

fn copies(of: &Permit) {
    copy(of);
}

fn main() {}
