//! A token cannot be copied; what it hashes to can.

use countersign::core::grant::Token;

fn copy<T: Clone>(_: &T) {}

fn copies(of: &Token) {
    copy(&of.hash());
}

fn main() {}
