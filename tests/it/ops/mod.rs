//! The operations on a real engine, through the gate.

mod containers;
mod containers_admin;
mod images;
mod lifecycle;
mod projects;
mod prune;
mod system;
