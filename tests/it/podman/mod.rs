//! Podman: the same gate and adapter over another engine, and honest words where it cannot do what
//! Docker can. Each test starts a service of its own, which takes less than a second; all of them
//! together take about ten.

mod containers;
mod look;
mod surface;
