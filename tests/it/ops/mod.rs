//! The operations on a real engine, through the gate.

mod containers;
mod projects;
mod prune;
mod system;
