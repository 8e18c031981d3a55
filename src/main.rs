//! Parses, wires the concrete parts, runs.
fn main() {}
