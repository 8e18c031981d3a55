//! Where permission waits: grants in this process's memory, and asks in a state that processes share.
//! Whatever comes in here later has to pass the same contract tests.

mod memory;
mod memory_asks;
mod rules;
mod sqlite;

pub use memory::MemoryGrants;
pub use memory_asks::MemoryAsks;
pub use sqlite::SqliteAsks;

#[cfg(test)]
mod contract;
