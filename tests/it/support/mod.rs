//! What the tests stand on: fakes of every port, small operations to send through the gate, a real
//! engine, a socket that watches or plays one, permits, the real program with a client, a server within the test and its client, and an ordinary
//! account with its keys.

pub(crate) mod account;
mod chance;
pub(crate) mod door;
pub(crate) mod engine;
pub(crate) mod fakes;
pub(crate) mod keys;
pub(crate) mod odd_operations;
pub(crate) mod operations;
pub(crate) mod page;
pub(crate) mod people;
pub(crate) mod permit;
pub(crate) mod play;
pub(crate) mod podman;
pub(crate) mod policies;
pub(crate) mod program;
pub(crate) mod real;
pub(crate) mod registry;
pub(crate) mod talk;
