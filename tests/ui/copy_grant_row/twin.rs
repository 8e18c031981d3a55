//! A grant cannot be copied; what its token hashes to can.

use countersign::core::grant::GrantRow;

fn copy<T: Clone>(_: &T) {}

fn copies(of: &GrantRow) {
    copy(&of.hash());
}

fn main() {}
