//! Images: what is known of one, and what can be done to it.

use std::fmt;

use crate::core::reason::Fault;
use crate::ports::BoxFuture;

/// Asking about images.
pub trait LookImages: Send + Sync + fmt::Debug {
    /// The id of the image that a reference points to now, if the engine has it.
    fn image_id<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Option<String>, Fault>>;
}

/// Changing images.
pub trait ActImages: Send + Sync + fmt::Debug {}
