//! Images: what is known of one, and what can be done to it.

mod name;

use std::collections::BTreeMap;
use std::fmt;

use time::OffsetDateTime;

pub use name::{ImageId, ImageName, ImageReference, image_called, image_names};

use super::{Asked, not_offered};
use crate::core::grant::Granted;
use crate::core::operation::{Attribute, Form, Kind};
use crate::core::reason::Fault;
use crate::ports::BoxFuture;

/// Characters of references beside letters and digits.
const REFERENCE: Form = Form::Word { upper: true, beside: "._-/:@" };

/// Images, as policy knows them. The id is `sha256:` and 64 hex digits; what is still to be pulled
/// has its name as id.
pub const IMAGE: Kind = Kind {
    name: "image",
    names: REFERENCE,
    ids: REFERENCE,
    attributes: &[
        Attribute { name: "label.*", form: Form::Text, always: false },
        Attribute { name: "image", form: Form::Text, always: true },
        Attribute { name: "project", form: Form::Text, always: false },
    ],
};

/// Asking about images.
pub trait LookImages: Send + Sync + fmt::Debug {
    /// The id of the image that a reference points to now, if the engine has it. What cannot be a
    /// reference points to nothing.
    fn image_id<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Option<String>, Fault>>;

    /// The images that fit the filter, in the engine's order (newest first).
    fn images<'a>(&'a self, _: &'a ImageFilter) -> Asked<'a, Vec<ImageRow>> {
        not_offered("images")
    }

    /// The images that `reference` may mean: a superset of what [`image_called`] needs. A row may
    /// hold only those of its tags and digests that fit.
    fn image_candidates<'a>(&'a self, _: &'a ImageReference) -> Asked<'a, Vec<ImageRow>> {
        not_offered("images")
    }

    /// Everything about one image. The answer is that of exactly this id.
    fn image<'a>(&'a self, _: &'a ImageId) -> Asked<'a, Image> {
        not_offered("images")
    }

    /// How an image was made, newest step first.
    fn image_history<'a>(&'a self, _: &'a ImageId) -> Asked<'a, Vec<ImageStep>> {
        not_offered("the history of images")
    }
}

/// Changing images.
pub trait ActImages: Send + Sync + fmt::Debug {
    /// Pulls what the target's name says, and tells on the way how far it has come, in bytes.
    fn pull<'a>(&'a self, _: &'a Granted<'a>, _: Report<'a>) -> Asked<'a, ()> {
        not_offered("a pull")
    }

    /// Gives the image the name of the other target, which is taken from whatever has it.
    fn tag<'a>(&'a self, _: &'a Granted<'a>, _: &'a Granted<'a>) -> Asked<'a, ()> {
        not_offered("a tag")
    }

    /// Takes the target's name off, or removes the image with the target's id.
    fn remove_image<'a>(&'a self, _: &'a Granted<'a>, _: ImageRemoval) -> Asked<'a, Removed> {
        not_offered("the removal of images")
    }
}

/// Hears how far something has come: done, of how much, doing what.
pub type Report<'a> = &'a mut (dyn FnMut(u64, Option<u64>, &str) + Send);

/// Which images to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageFilter {
    /// Also those that are only layers of others.
    pub all: bool,
    /// Whether no tag points to them; none for both.
    pub dangling: Option<bool>,
    /// `key` or `key=value`.
    pub label: Option<String>,
}

/// An image in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRow {
    /// Its full id.
    pub id: ImageId,
    /// The names that point to it, sorted.
    pub tags: Vec<String>,
    /// The names with digest under which registries know it, sorted.
    pub digests: Vec<String>,
    /// The image that it was made from, if that was made here as well.
    pub parent: Option<ImageId>,
    /// When it was made.
    pub created: OffsetDateTime,
    /// Its size in bytes, with what it shares with others.
    pub size: u64,
    /// Labels. Their values can hold secrets.
    pub labels: BTreeMap<String, String>,
}

/// Everything about one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its full id.
    pub id: ImageId,
    /// The names that point to it, sorted.
    pub tags: Vec<String>,
    /// The names with digest under which registries know it, sorted.
    pub digests: Vec<String>,
    /// When it was made.
    pub created: Option<OffsetDateTime>,
    /// Its size in bytes, with what it shares with others.
    pub size: u64,
    /// Operating system and processor architecture.
    pub platform: String,
    /// Layers of its file system.
    pub layers: usize,
    /// Who made it, as it says itself.
    pub author: String,
    /// The program that its containers run.
    pub entrypoint: Vec<String>,
    /// The arguments of that program, or the program if there is none.
    pub command: Vec<String>,
    /// The environment, `NAME=value`. Values can hold secrets.
    pub env: Vec<String>,
    /// Labels. Their values can hold secrets.
    pub labels: BTreeMap<String, String>,
    /// The user; empty for root.
    pub user: String,
    /// The working folder.
    pub workdir: String,
    /// Ports that it declares, `80/tcp`.
    pub ports: Vec<String>,
    /// Paths for which its containers get a volume.
    pub volumes: Vec<String>,
    /// The stop signal; none for the default.
    pub stop_signal: Option<String>,
    /// The command of its health check.
    pub healthcheck: Vec<String>,
}

/// One step of how an image was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageStep {
    /// When.
    pub created: OffsetDateTime,
    /// By which command. It can hold secrets.
    pub command: String,
    /// Bytes that it added.
    pub size: u64,
    /// What its maker says of it.
    pub comment: String,
}

/// What to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageRemoval {
    /// The target's name, while the image keeps others.
    Tag,
    /// The image with the target's id, and every name of it.
    Image {
        /// Also where several tags point to it or ended containers use it.
        force: bool,
    },
    /// The image with the target's id, which has no name, and nothing that it was made from.
    Alone,
}

/// What the engine says that it removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Names that were taken off.
    pub untagged: Vec<String>,
    /// Ids of images and layers that are gone.
    pub deleted: Vec<String>,
}
