//! Operations on containers, through the gate and over an engine of memory.

mod changes;
mod previews;
mod reads;
