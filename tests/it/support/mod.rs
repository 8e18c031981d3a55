//! What the tests share: fakes of every port, and small operations to send through the gate.

pub(crate) mod fakes;
pub(crate) mod operations;
