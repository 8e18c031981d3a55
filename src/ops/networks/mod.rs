//! Operations on networks.
