//! Which containers use an image. An engine removes none that a running one uses, nor, unless it is
//! forced to, one that an ended one uses.

use crate::ports::engine::{ContainerRow, ImageId};

pub(in crate::ops) use crate::ops::volumes::users::{all, data, named, named_or_nobody};

/// Those containers that were made from an image.
pub(in crate::ops) fn of<'a>(image: &ImageId, rows: &'a [ContainerRow]) -> Vec<&'a ContainerRow> {
    rows.iter().filter(|row| row.image_id == image.as_str()).collect()
}
