//! Asking about images.

use serde_json::json;

use super::path;
use crate::core::reason::Fault;
use crate::docker::DockerEngine;
use crate::docker::image::{self, Wanted};
use crate::docker::model::Image;
use crate::ports::BoxFuture;
use crate::ports::engine::LookImages;

impl LookImages for DockerEngine {
    fn image_id<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Option<String>, Fault>> {
        Box::pin(async move {
            let (name, digits) = match image::parse(reference) {
                None => return Ok(None),
                Some(Wanted::Id(id)) => return Ok(Some(id)),
                Some(Wanted::Name { name, digits }) => (name, digits),
            };
            // The beginning of an id is nothing that the engine filters by.
            let parameters = match digits {
                Some(_) => vec![],
                None => vec![("filters", json!({ "reference": [name] }).to_string())],
            };
            let images: Vec<Image> = self.ask("image", &path("/images/json", &parameters)).await?;
            Ok(image::pick(&name, digits.as_deref(), &images))
        })
    }
}
