//! docker
pub mod endpoint;
