//! Operations on containers, through the gate and over an engine of memory.

mod admin;
mod changes;
mod exec;
mod previews;
mod reads;
mod run;
mod usage;
