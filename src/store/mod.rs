//! Where grants wait. Today in this process's memory; what processes share comes in here later,
//! and has to pass the same contract test.

mod memory;

pub use memory::MemoryGrants;

#[cfg(test)]
mod contract;
