//! Operations on images.

pub(super) mod held;
mod inspect_image;
mod list_images;
mod pull_image;
pub(super) mod removal;
mod remove_image;
mod tag_image;
pub(super) mod target;

pub use inspect_image::InspectImage;
pub use list_images::ListImages;
pub use pull_image::PullImage;
pub use remove_image::RemoveImage;
pub use tag_image::TagImage;
