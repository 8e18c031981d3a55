//! The parts of the tests' support by which an ordinary account, its keys and the real engine are at
//! hand.

#[path = "../../tests/it/support/account.rs"]
pub(crate) mod account;
#[path = "../../tests/it/support/door.rs"]
mod door;
#[path = "../../tests/it/support/engine.rs"]
pub(crate) mod engine;
#[path = "../../tests/it/support/keys.rs"]
pub(crate) mod keys;
#[path = "../../tests/it/support/play.rs"]
mod play;
#[path = "../../tests/it/support/program.rs"]
pub(crate) mod program;
#[path = "../../tests/it/support/registry.rs"]
mod registry;
