//! The integration tests: one binary over the public interface, the real program and a real engine.
//!
//! The modules are marked as tests, which they are, so that the lints treat their helpers as such.

#[cfg(test)]
mod account;
#[cfg(test)]
mod approvals;
#[cfg(test)]
mod attackers;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod counts;
#[cfg(test)]
mod docker_act;
#[cfg(test)]
mod docker_images;
#[cfg(test)]
mod docker_logs;
#[cfg(test)]
mod docker_look;
#[cfg(test)]
mod docker_wire;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod incidents;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod mcp;
#[cfg(test)]
mod ops;
#[cfg(test)]
mod ourselves;
#[cfg(test)]
mod podman;
#[cfg(test)]
mod registry;
#[cfg(test)]
mod soak;
#[cfg(test)]
mod support;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod ui;
