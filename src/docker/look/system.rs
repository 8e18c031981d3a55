//! Asking about the engine itself.

use crate::core::ids::FullId;
use crate::core::reason::Fault;
use crate::docker::model::{Info, Version};
use crate::docker::{DockerEngine, map};
use crate::ports::BoxFuture;
use crate::ports::engine::{Asked, DiskUsage, Engine, EventQuery, Happening, LookSystem};

impl LookSystem for DockerEngine {
    fn engine_id(&self) -> BoxFuture<'_, Result<String, Fault>> {
        Box::pin(async {
            let wire = self.wire()?;
            match wire.engine(wire.identity()) {
                Some(id) => Ok(id),
                None => self.info().await?.engine(),
            }
        })
    }

    fn engine(&self) -> BoxFuture<'_, Result<Engine, Fault>> {
        Box::pin(async {
            let (info, version) =
                tokio::try_join!(self.info(), self.ask::<Version>("engine", "/version"))?;
            map::engine(info, version.api, &self.wire()?.endpoint.address)
        })
    }

    fn own_container(&self) -> Option<&FullId> {
        self.own.as_ref()
    }

    fn own_socket(&self) -> Option<&str> {
        self.wire().ok()?.endpoint.socket.to_str()
    }

    fn disk_usage(&self) -> Asked<'_, DiskUsage> {
        Box::pin(self.usage())
    }

    fn events<'a>(
        &'a self,
        query: &'a EventQuery,
        each: &'a mut (dyn FnMut(Happening) + Send),
    ) -> Asked<'a, ()> {
        Box::pin(self.happenings(query, each))
    }
}

impl DockerEngine {
    /// What the engine says of itself now, from which its id is kept.
    async fn info(&self) -> Result<Info, Fault> {
        let wire = self.wire()?;
        let identity = wire.identity();
        let info: Info = self.ask("engine", "/info").await?;
        wire.learn(identity, &info.engine()?);
        Ok(info)
    }
}
