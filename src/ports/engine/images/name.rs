//! What images are called: references taken apart by their grammar, ids, and which image of several
//! one means. Nothing else is ever sent to an engine as the name of an image.

use std::fmt;

use serde::Serialize;

use super::ImageRow;
use crate::core::hex;
use crate::core::ids::{FullId, PREFIX_DIGITS_MIN};
use crate::core::reason::{Fault, Reason};
use crate::core::text;

/// The length of a name without tag and digest in characters, at most.
const PATH_CHARS_MAX: usize = 255;

/// The length of a tag in characters, at most.
const TAG_CHARS_MAX: usize = 128;

/// The registry that a name without one means, its folder, and its other host name.
const DEFAULT_REGISTRY: &str = "docker.io";
const DEFAULT_FOLDER: &str = "library/";
const DEFAULT_ALIAS: &str = "index.docker.io";

/// What ids and digests start with.
const ALGORITHM: &str = "sha256:";

/// An image's full immutable id: `sha256:` and 64 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ImageId(String);

impl ImageId {
    /// Takes 64 lower-case hex digits, with or without `sha256:`.
    pub fn parse(given: &str) -> Option<Self> {
        let digits = FullId::parse(given.strip_prefix(ALGORITHM).unwrap_or(given))?;
        Some(Self(format!("{ALGORITHM}{digits}")))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits alone.
    pub fn digits(&self) -> &str {
        self.0.strip_prefix(ALGORITHM).unwrap_or(&self.0)
    }

    /// The first 12 digits, as people know it.
    pub fn short(&self) -> &str {
        self.digits().get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name of an image, taken apart: registry, path, and a tag or a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName {
    registry: String,
    /// The path on the registry, with the default folder.
    path: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl ImageName {
    /// Takes a name apart: `[registry[:port]/]path[:tag][@sha256:digest]`.
    ///
    /// # Errors
    /// `invalid_argument` for what the grammar does not hold, which is never sent anywhere.
    pub fn parse(given: &str) -> Result<Self, Fault> {
        Self::read(given).ok_or_else(|| {
            Fault::invalid(format!(
                "`{}` is not the name of an image: use `[registry[:port]/]path[:tag]` or \
                 `path@sha256:<64 hex digits>`; a path is of lower-case letters and digits with \
                 `.`, `_`, `-` or `/` between them.",
                text::name(given)
            ))
        })
    }

    /// A name in the one spelling that it has here; as it is, if it is none.
    pub fn spelt(given: &str) -> String {
        Self::read(given).map_or_else(|| given.to_owned(), |name| name.to_string())
    }

    /// What a container says that it was made from, in the one spelling if that is a whole name:
    /// Podman writes the default registry and folder out, and so can whoever makes a container.
    /// Without a tag it may be the beginning of an id.
    pub fn respelt(given: String) -> String {
        let Some(name) = Self::read(&given).filter(Self::is_complete) else { return given };
        let part = |sign: &str, part: &Option<String>| {
            part.as_ref().map(|part| format!("{sign}{part}")).unwrap_or_default()
        };
        format!("{}{}{}", name.repository(), part(":", &name.tag), part("@", &name.digest))
    }

    fn read(given: &str) -> Option<Self> {
        let (named, digest) = match given.split_once('@') {
            Some((named, digest)) => {
                (named, Some(ImageId::parse(digest.strip_prefix(ALGORITHM)?)?))
            }
            None => (given, None),
        };
        // A colon before the last slash is that of a registry's port.
        let slash = named.rfind('/').unwrap_or_default();
        let (named, tag) = match named.rfind(':').filter(|at| *at >= slash) {
            Some(at) => (named.get(..at)?, Some(named.get(at + 1..)?)),
            None => (named, None),
        };
        let (registry, path) = match named.split_once('/') {
            Some((first, rest)) if means_registry(first) => (first, rest.to_owned()),
            _ => (DEFAULT_REGISTRY, named.to_owned()),
        };
        let registry = if registry == DEFAULT_ALIAS { DEFAULT_REGISTRY } else { registry };
        let alone = registry == DEFAULT_REGISTRY && !path.contains('/');
        let is_id = alone && FullId::parse(&path).is_some();
        let is_algorithm = alone && ALGORITHM.strip_suffix(':') == Some(&path);
        let path = if alone { format!("{DEFAULT_FOLDER}{path}") } else { path };
        let fits = is_registry(registry)
            && path.split('/').all(is_component)
            && tag.is_none_or(is_tag)
            && registry.len() + 1 + path.len() <= PATH_CHARS_MAX
            && !is_id
            && !is_algorithm;
        let digest = digest.map(|digest| digest.to_string());
        fits.then(|| Self { registry: registry.into(), path, tag: tag.map(str::to_owned), digest })
    }

    /// The registry's host, with its port if one was said.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The name without tag and digest, in the form in which engines list it: without the default
    /// registry and folder.
    pub fn repository(&self) -> String {
        if self.registry != DEFAULT_REGISTRY {
            return format!("{}/{}", self.registry, self.path);
        }
        let short = self.path.strip_prefix(DEFAULT_FOLDER).filter(|rest| !rest.contains('/'));
        short.unwrap_or(&self.path).to_owned()
    }

    /// The name without tag and digest, with the registry that is asked. Nothing is left to what an
    /// engine adds to short names.
    pub fn located(&self) -> String {
        format!("{}/{}", self.registry, self.path)
    }

    /// The tag that is meant: `latest` where neither a tag nor a digest is said, none where a digest
    /// is, which makes a tag beside it moot.
    pub fn tag(&self) -> Option<&str> {
        self.digest.is_none().then(|| self.tag.as_deref().unwrap_or("latest"))
    }

    /// Whether a tag or a digest was said.
    pub const fn is_complete(&self) -> bool {
        self.tag.is_some() || self.digest.is_some()
    }

    /// The digest, `sha256:` and 64 hex digits, if one was said.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// The name whole, with the registry that is asked: `docker.io/library/busybox:1`.
    pub fn whole(&self) -> String {
        format!("{}{}", self.located(), self.end())
    }

    fn end(&self) -> String {
        match (&self.digest, self.tag()) {
            (Some(digest), _) => format!("@{digest}"),
            (None, Some(tag)) => format!(":{tag}"),
            (None, None) => String::new(),
        }
    }

    /// Whether engines could take it for the beginning of an id.
    pub fn looks_like_an_id(&self) -> bool {
        let name = self.repository();
        (12..=FullId::DIGITS).contains(&name.len()) && hex::is_lower(&name)
    }
}

/// The form in which engines list it: `busybox:1`, `example.com/a/b:1`, `busybox@sha256:…`.
impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.repository(), self.end())
    }
}

/// Whether the first part of a name stands for a registry and not for a folder.
fn means_registry(part: &str) -> bool {
    part == "localhost" || part.contains(['.', ':'])
}

/// A host name or IPv4 address, and perhaps a port.
fn is_registry(part: &str) -> bool {
    let (host, port) = match part.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (part, None),
    };
    let ends = |c: char| c.is_ascii_alphanumeric();
    let label = |label: &str| {
        label.starts_with(ends)
            && label.ends_with(ends)
            && label.chars().all(|c| ends(c) || c == '-')
    };
    let is_port = |port: &str| port.chars().all(ends) && port.parse::<u16>().is_ok();
    host.split('.').all(label) && port.is_none_or(is_port)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_component(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut separators = part.split(plain).filter(|separator| !separator.is_empty());
    part.starts_with(plain)
        && part.ends_with(plain)
        && separators.all(|s| [".", "_", "__"].contains(&s) || s.bytes().all(|b| b == b'-'))
}

/// `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`, and no two dots in a row.
fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || b".-".contains(&b))
        && !tag.contains("..")
        && tag.len() <= TAG_CHARS_MAX
}

/// An image as asked for: by name, by full id, or by the beginning of an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageReference {
    name: Option<ImageName>,
    /// The digits, if it may be the beginning of an id or a whole one.
    digits: Option<String>,
}

impl ImageReference {
    /// Checks what was asked for.
    ///
    /// # Errors
    /// `invalid_argument` for what is neither a name nor an id.
    pub fn parse(given: &str) -> Result<Self, Fault> {
        let bare = given.strip_prefix(ALGORITHM);
        let digits = bare.unwrap_or(given);
        let may_be_id =
            (PREFIX_DIGITS_MIN..=FullId::DIGITS).contains(&digits.len()) && hex::is_lower(digits);
        let digits = may_be_id.then(|| digits.to_owned());
        let name = if bare.is_none() { ImageName::read(given) } else { None };
        if name.is_none() && digits.is_none() {
            return Err(match ImageName::parse(given) {
                Err(fault) => fault,
                Ok(_) => Fault::invalid("An id has `sha256:` and 6 to 64 lower-case hex digits."),
            });
        }
        Ok(Self { name, digits })
    }

    /// A name, and never an id.
    pub const fn of(name: ImageName) -> Self {
        Self { name: Some(name), digits: None }
    }

    /// The name, if it may be one.
    pub const fn name(&self) -> Option<&ImageName> {
        self.name.as_ref()
    }

    /// The digits, if it may be an id or its beginning.
    pub fn digits(&self) -> Option<&str> {
        self.digits.as_deref()
    }

    /// The full id, if it is one.
    pub fn id(&self) -> Option<ImageId> {
        ImageId::parse(self.digits()?)
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.digits) {
            (Some(name), _) => write!(f, "{name}"),
            (None, digits) => f.write_str(digits.as_deref().unwrap_or_default()),
        }
    }
}

/// The names of an image, its tags and digests, that are names: engines also list `<none>:<none>`.
pub fn image_names(row: &ImageRow) -> impl Iterator<Item = ImageName> + '_ {
    row.tags.iter().chain(&row.digests).filter_map(|known| ImageName::read(known))
}

/// Finds the one image that `reference` means: the one with that name, or the only one whose id
/// starts with it. What could mean two images is refused with the candidates.
///
/// # Errors
/// `not_found`, `ambiguous`.
pub fn image_called<'a>(
    reference: &ImageReference,
    rows: &'a [ImageRow],
) -> Result<&'a ImageRow, Fault> {
    let named = |row: &ImageRow| {
        let wanted = reference.name().map(ToString::to_string);
        wanted.is_some_and(|wanted| image_names(row).any(|known| known.to_string() == wanted))
    };
    let identified = |row: &ImageRow| {
        reference.digits().is_some_and(|digits| row.id.digits().starts_with(digits))
    };
    let found: Vec<&ImageRow> = rows.iter().filter(|row| named(row) || identified(row)).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Fault::new(
            Reason::NotFound,
            format!(
                "There is no image `{reference}` here, and no id starts with it (of an id at least \
                 {PREFIX_DIGITS_MIN} digits count). Ask for the list (list_images) to see what there \
                 is."
            ),
        )),
        several => {
            let shown: Vec<String> = several
                .iter()
                .take(10)
                .map(|row| {
                    let name = row.tags.first().map_or("without a tag", String::as_str);
                    format!("{} ({})", row.id, text::name(name))
                })
                .collect();
            let more = if several.len() > shown.len() { ", and more" } else { "" };
            Err(Fault::new(
                Reason::Ambiguous,
                format!(
                    "`{reference}` can mean more than one image: {}{more}. Use the full id.",
                    shown.join(", ")
                ),
            ))
        }
    }
}

#[cfg(test)]
mod tests;
