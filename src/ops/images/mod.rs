//! Operations on images.

mod inspect_image;
mod list_images;
pub(super) mod target;
pub(super) mod users;

pub use inspect_image::InspectImage;
pub use list_images::ListImages;
