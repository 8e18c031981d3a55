//! Images of the fake engine.

use super::{Answered, Fake, NOW, ready};
use crate::core::reason::{Fault, Reason};
use crate::ports::engine::{
    ActImages, Image, ImageId, ImageReference, ImageRow, LookImages, image_called,
};

/// An image with nothing special.
pub(in crate::ops) fn image(digit: char, name: &str) -> Image {
    Image {
        id: ImageId::parse(&digit.to_string().repeat(64)).unwrap(),
        tags: vec![name.into()],
        digests: Vec::new(),
        created: Some(NOW),
        size: 1 << 20,
        platform: "linux/amd64".into(),
        layers: 1,
        author: String::new(),
        entrypoint: Vec::new(),
        command: vec!["app".into()],
        env: Vec::new(),
        labels: Default::default(),
        user: String::new(),
        workdir: String::new(),
        ports: Vec::new(),
        volumes: Vec::new(),
        stop_signal: None,
        healthcheck: Vec::new(),
    }
}

fn row(image: &Image) -> ImageRow {
    ImageRow {
        id: image.id.clone(),
        tags: image.tags.clone(),
        digests: image.digests.clone(),
        parent: None,
        created: NOW,
        size: image.size,
        labels: image.labels.clone(),
    }
}

impl LookImages for Fake {
    fn image_id<'a>(&'a self, reference: &'a str) -> Answered<'a, Option<String>> {
        let answer = self.call("image_id", reference);
        self.later("image_id", answer.map(|()| self.images.get(reference).cloned()))
    }

    fn image_candidates<'a>(
        &'a self,
        reference: &'a ImageReference,
    ) -> Answered<'a, Vec<ImageRow>> {
        let rows: Vec<ImageRow> = self.whole_images.lock().unwrap().iter().map(row).collect();
        let found = image_called(reference, &rows).ok().cloned();
        let answer = self.call("image_candidates", &reference.to_string());
        ready(answer.map(|()| found.into_iter().collect()))
    }

    fn image<'a>(&'a self, id: &'a ImageId) -> Answered<'a, Image> {
        let found = self.whole_images.lock().unwrap().iter().find(|one| one.id == *id).cloned();
        let gone = || Fault::new(Reason::NotFound, "There is no such image.");
        ready(self.call("image", id.short()).and_then(|()| found.ok_or_else(gone)))
    }
}

impl ActImages for Fake {}
