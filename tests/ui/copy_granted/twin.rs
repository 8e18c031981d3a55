//! What may be changed cannot be copied; the target can.

use countersign::core::grant::Granted;

fn copy<T: Clone>(_: &T) {}

fn copies(of: &Granted<'_>) {
    copy(of.target());
}

fn main() {}
