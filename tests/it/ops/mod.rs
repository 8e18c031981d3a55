//! The operations on a real engine, through the gate.

mod containers;
mod containers_admin;
mod containers_limits;
mod containers_use;
mod exec;
mod images;
mod lifecycle;
mod networks;
mod projects;
mod prune;
mod run;
mod secrets;
mod system;
mod volumes;
