//! The integration tests: one binary over the public interface and the real program.

mod faults;
mod gate;
mod support;
