//! Which containers use an image.

use crate::core::reason::Fault;
use crate::gate::Context;
use crate::ports::engine::{ContainerFilter, ContainerRow, ImageId};

/// Every container there is, running or not.
#[derive(Debug, Default)]
pub(in crate::ops) struct Users(Vec<ContainerRow>);

impl Users {
    /// Looks at all of them, by one list.
    pub(in crate::ops) async fn look(cx: Context<'_>) -> Result<Self, Fault> {
        let filter = ContainerFilter { all: true, ..ContainerFilter::default() };
        Ok(Self(cx.look.containers(&filter).await?))
    }

    /// Those made from this image.
    pub(in crate::ops) fn of(&self, image: &ImageId) -> impl Iterator<Item = &ContainerRow> {
        self.0.iter().filter(move |row| row.image_id == image.as_str())
    }
}
