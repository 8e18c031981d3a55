//! What a name of an image points to: what a pull or a tag takes away from it.

use serde::Serialize;

use super::target;
use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::Context;
use crate::ops::beside::UNCHECKED;
use crate::ops::users;
use crate::ports::engine::{Image, ImageName};

/// What a name points to, as a grant is bound to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The image's id; none if the engine has no image of that name.
    pub(in crate::ops) image: Option<String>,
    /// The names with digest under which registries know that image.
    pub(in crate::ops) digests: Vec<String>,
}

impl Held {
    /// Looks at what the target's name points to now.
    pub(in crate::ops) async fn look(
        cx: Context<'_>,
        target: &Target,
    ) -> Result<(Self, Option<Image>), Fault> {
        let (_, image) = target::named(cx, &ImageName::parse(&target.name)?).await?;
        Ok((Self::of(image.as_ref()), image))
    }

    fn of(image: Option<&Image>) -> Self {
        Self {
            image: image.map(|image| image.id.to_string()),
            digests: image.map(|image| image.digests.clone()).unwrap_or_default(),
        }
    }

    /// In words: the id, and the digest under which the name's registry knows it.
    pub(in crate::ops) fn shown(&self, name: &str) -> String {
        match &self.image {
            None => "nothing: there is no image of that name here".to_owned(),
            Some(id) => match digest_at(name, &self.digests) {
                Some(digest) => format!("{id}, there known as {}", text::name(digest)),
                None => format!("{id}, which no registry of that name knows"),
            },
        }
    }
}

/// The digest under which the registry of a name knows an image with these digests.
pub(in crate::ops) fn digest_at<'a>(name: &str, digests: &'a [String]) -> Option<&'a str> {
    let repository = ImageName::parse(name).ok()?.repository();
    let mut of_it = digests.iter().filter_map(|known| known.split_once('@'));
    of_it.find(|(known, _)| *known == repository).map(|(_, digest)| digest)
}

/// What losing a name leaves of an image.
pub(in crate::ops) fn left_of(image: &Image, name: &str) -> String {
    let others: Vec<&String> = image.tags.iter().filter(|tag| *tag != name).collect();
    match others.as_slice() {
        [] => format!(
            "{} stays until it is removed, but then no tag points to it: only by its id can it be \
             used or found, and a prune takes it if no container uses it",
            image.id
        ),
        [other, rest @ ..] => {
            let more =
                if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            format!("{} stays under {}{more}", image.id, text::name(other))
        }
    }
}

/// Which containers keep running an image that loses a name.
pub(in crate::ops) async fn users_of(cx: Context<'_>, image: &Image) -> String {
    match users::in_time(cx).await {
        Some(rows) => match users::of_image(&image.id, &rows).as_slice() {
            [] => "no container uses the image that it points to now".to_owned(),
            found => format!("they keep the image that they have: {}", users::named(found)),
        },
        None => UNCHECKED.to_owned(),
    }
}

/// The target at this place of a plan that always has it.
pub(in crate::ops) fn at(targets: &[Target], place: usize) -> Result<&Target, Fault> {
    targets.get(place).ok_or_else(|| Fault::new(Reason::NotFound, "There is no image to act on."))
}
