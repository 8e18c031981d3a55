//! Image references: which of the engine's images one points to.

use super::model::Image;
use crate::core::hex;
use crate::core::ids::FullId;

/// Hex digits from which on a reference may be the beginning of an image's id.
const PREFIX_DIGITS_MIN: usize = 12;

/// The registry that a reference without one means, and its folder.
const DEFAULT_REGISTRY: &str = "docker.io/";
const DEFAULT_FOLDER: &str = "library/";

/// A reference, taken apart as far as it takes to look it up.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A full id, which needs no looking up.
    Id(String),
    /// A name with a tag or a digest, in its short form; perhaps the beginning of an id as well.
    Name {
        /// `busybox:1`, `example.com/a/b:1`, `busybox@sha256:…`.
        name: String,
        /// The digits, if it may be an id's beginning.
        digits: Option<String>,
    },
}

/// Takes a reference apart; none if it cannot be one.
pub(super) fn parse(reference: &str) -> Option<Wanted> {
    let digits = reference.strip_prefix("sha256:").unwrap_or(reference);
    if FullId::parse(digits).is_some() {
        return Some(Wanted::Id(format!("sha256:{digits}")));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/:@".contains(&b);
    if reference.is_empty() || !reference.bytes().all(plain) {
        return None;
    }
    let digits =
        (digits.len() >= PREFIX_DIGITS_MIN && hex::is_lower(digits)).then(|| digits.to_owned());
    Some(Wanted::Name { name: short_form(reference), digits })
}

/// The id of the image that is wanted, among those listed.
pub(super) fn pick(name: &str, digits: Option<&str>, images: &[Image]) -> Option<String> {
    let is_named = |image: &&Image| {
        image.tags.iter().chain(&image.digests).any(|known| short_form(known) == name)
    };
    if let Some(image) = images.iter().find(is_named) {
        return Some(image.id.clone());
    }
    let start = format!("sha256:{}", digits?);
    let mut fitting = images.iter().filter(|image| image.id.starts_with(&start));
    let only = fitting.next().filter(|_| fitting.next().is_none());
    only.map(|image| image.id.clone())
}

/// The form in which engines list a reference: without the default registry and folder, with
/// `:latest` where neither a tag nor a digest is said. A digest makes a tag beside it moot.
fn short_form(reference: &str) -> String {
    let (named, digest) = match reference.split_once('@') {
        Some((named, digest)) => (named, Some(digest)),
        None => (reference, None),
    };
    // A colon before the last slash is that of a registry's port.
    let tag_at = named.rfind(':').filter(|at| named.rfind('/').is_none_or(|slash| slash < *at));
    let (path, tag) = match tag_at {
        Some(at) => (named.get(..at).unwrap_or(named), named.get(at + 1..).unwrap_or_default()),
        None => (named, "latest"),
    };
    let path =
        path.strip_prefix("index.").filter(|p| p.starts_with(DEFAULT_REGISTRY)).unwrap_or(path);
    let path = path.strip_prefix(DEFAULT_REGISTRY).unwrap_or(path);
    let path = path.strip_prefix(DEFAULT_FOLDER).filter(|p| !p.contains('/')).unwrap_or(path);
    match digest {
        Some(digest) => format!("{path}@{digest}"),
        None => format!("{path}:{tag}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(digit: char, tags: &[&str], digests: &[&str]) -> Image {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        Image {
            id: format!("sha256:{}", digit.to_string().repeat(64)),
            tags: own(tags),
            digests: own(digests),
        }
    }

    fn find(reference: &str) -> Option<String> {
        let digest = format!("busybox@sha256:{}", "9".repeat(64));
        let images = [
            image('a', &["busybox:1", "busybox:latest"], &[&digest]),
            image('b', &["example.com:5000/x/y:2", "library/deep/z:latest"], &[]),
            image('c', &[], &[]),
            image('d', &["cccccccccccc:latest"], &[]),
        ];
        match parse(reference)? {
            Wanted::Id(id) => Some(id),
            Wanted::Name { name, digits } => pick(&name, digits.as_deref(), &images),
        }
    }

    #[test]
    fn a_reference_points_to_the_image_that_exactly_has_it() {
        let id = |digit: char| Some(format!("sha256:{}", digit.to_string().repeat(64)));
        let by_digest = format!("busybox@sha256:{}", "9".repeat(64));
        for (reference, expected) in [
            ("busybox:1", id('a')),
            ("busybox", id('a')),
            ("docker.io/library/busybox", id('a')),
            ("index.docker.io/library/busybox:1", id('a')),
            ("library/busybox:1", id('a')),
            (by_digest.as_str(), id('a')),
            (&by_digest.replace('@', ":7@"), id('a')),
            ("example.com:5000/x/y:2", id('b')),
            ("example.com:5000/x/y", None),
            ("x/y:2", None),
            ("library/deep/z", id('b')),
            ("deep/z", None),
            ("busybox:2", None),
            ("busy", None),
            ("b", None),
            (&"f".repeat(64), id('f')),
            (&format!("sha256:{}", "f".repeat(64)), id('f')),
            (&format!("sha256:{}", "c".repeat(12)), id('c')),
            ("cccccccccccc", id('d')),
            ("ccccccccccccc", id('c')),
            ("ccccccccccc", None),
            ("", None),
            ("busy*", None),
            ("busybox:1?x", None),
            ("../info?", None),
        ] {
            assert_eq!(find(reference), expected, "{reference}");
        }
    }
}
