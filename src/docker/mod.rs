//! The Docker engine behind the `Look` and `Act` ports, over its unix socket.
//!
//! `endpoint` says which engine, `wire` holds its connections, `look` asks and `map` puts the
//! answers into the ports' shapes, `logs` streams, `act` changes. Only full ids, and
//! names that were checked against their grammar, ever stand in a path; all else goes into encoded
//! query parameters. Requests carry no API version, so the engine answers in its newest dialect.

mod act;
pub mod deadline;
pub mod endpoint;
mod fault;
mod identity;
mod logs;
mod look;
mod map;
mod model;
mod own;
mod wire;

use self::deadline::Deadlines;
use self::endpoint::Endpoint;
use self::fault::odd;
use self::wire::Wire;
use crate::core::ids::FullId;
use crate::core::reason::Fault;

/// A Docker engine. It connects when it is asked something, and again whenever it has to.
#[derive(Debug)]
pub struct DockerEngine {
    wire: Result<Wire, Fault>,
    deadlines: Deadlines,
    own: Option<FullId>,
}

impl DockerEngine {
    /// The engine at an endpoint. Where none could be found, every call gives the fault that says
    /// why, so that a server can start all the same.
    pub fn new(endpoint: Result<Endpoint, Fault>) -> Self {
        let (wire, own) = (endpoint.map(Wire::new), own::container());
        Self { wire, deadlines: Deadlines::default(), own }
    }

    /// The same engine with other deadlines.
    #[must_use]
    pub fn with_deadlines(mut self, deadlines: Deadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// Where it is reached, or why nowhere.
    ///
    /// # Errors
    /// What [`endpoint::resolve`] gave.
    pub fn endpoint(&self) -> Result<&Endpoint, Fault> {
        Ok(&self.wire()?.endpoint)
    }

    fn wire(&self) -> Result<&Wire, Fault> {
        self.wire.as_ref().map_err(Clone::clone)
    }
}
