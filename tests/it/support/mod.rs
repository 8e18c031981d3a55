//! What the tests stand on: a real engine, a socket that watches or plays one, and permits.

pub(crate) mod door;
pub(crate) mod engine;
pub(crate) mod permit;
