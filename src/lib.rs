//! Countersign lets agents operate local infrastructure: reads are free, nothing changes without a
//! countersignature, and every decision is on record. An operation is declared once in `ops`; every
//! face (`mcp`, `cli`) hands it to the one path in `gate`, which asks the pure `core` for decisions,
//! grants and records and reaches the world through `ports`.
//!
//! `core ← ports ← gate ← ops ← (mcp, cli)`; `docker`, `audit`, `store` and `trust` implement ports
//! and know only core and ports; `config` and `trust` go the same `way` to files; `main` wires. Start
//! reading at [`gate`].

pub mod accounts;
pub mod audit;
pub mod cli;
pub mod config;
pub mod core;
pub mod docker;
pub mod gate;
pub mod host;
pub mod mcp;
pub mod ops;
pub mod ports;
pub mod store;
pub mod trust;
pub mod way;
