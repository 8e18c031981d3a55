//! Identifiers: what may be asked for, what an engine is called with, and how the one becomes the
//! other. Nothing else ever reaches an engine client.

use std::fmt;

use serde::Serialize;

use super::hex;
use super::reason::{Fault, Reason};
use super::text;

/// The length of a reference in characters, at most.
pub const REFERENCE_CHARS_MAX: usize = 128;

/// The shortest id prefix that is taken for one, in hex digits.
pub const PREFIX_DIGITS_MIN: usize = 6;

/// The digits of an id that people go by.
const SHORT_DIGITS: usize = 12;

/// A name, a full id or an id prefix, as asked for: `[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference(String);

impl Reference {
    /// Checks what was asked for. One leading slash is dropped, as engines print names with it.
    pub fn parse(given: &str) -> Result<Self, Fault> {
        let bare = given.strip_prefix('/').unwrap_or(given);
        let first = bare.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        let rest = bare.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        if first && rest && bare.len() <= REFERENCE_CHARS_MAX {
            return Ok(Self(bare.to_owned()));
        }
        Err(Fault::invalid(format!(
            "`{}` is not a name or id: use letters, digits, `_`, `.` and `-`, starting with a \
             letter or digit, at most {REFERENCE_CHARS_MAX} characters. Ask for the list to see \
             the names.",
            text::name(given)
        )))
    }

    /// Checks a name for something new: none that is short, and none that could be an id's
    /// beginning as people know it, so that it would stand in another's way.
    pub fn parse_new(given: &str) -> Result<Self, Fault> {
        let name = Self::parse(given)?;
        if name.0 != given || name.0.len() < 2 {
            return Err(Fault::invalid(format!(
                "`{}` is no name for something new: use at least two letters, digits, `_`, `.` or \
                 `-`, starting with a letter or digit.",
                text::name(given)
            )));
        }
        if name.0.len() >= SHORT_DIGITS && name.may_be_id() {
            return Err(Fault::invalid(format!(
                "`{name}` looks like an id, and would be taken for one. Use another name."
            )));
        }
        Ok(name)
    }

    /// The reference as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it could be the beginning of an id, or a whole one.
    pub fn may_be_id(&self) -> bool {
        may_be_id(&self.0)
    }
}

fn may_be_id(wanted: &str) -> bool {
    (PREFIX_DIGITS_MIN..=FullId::DIGITS).contains(&wanted.len()) && hex::is_lower(wanted)
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A full immutable id: 64 lower-case hex digits. The only thing that engine calls are made with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FullId(String);

impl FullId {
    /// The number of hex digits.
    pub const DIGITS: usize = 64;

    /// Takes exactly 64 lower-case hex digits.
    pub fn parse(given: &str) -> Option<Self> {
        (given.len() == Self::DIGITS && hex::is_lower(given)).then(|| Self(given.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 digits, as people know it.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for FullId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An id as people know it: the first 12 of 64 digits, without its algorithm. What has no such form
/// is a name, and stays whole.
pub fn short(id: &str) -> &str {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    let is_id = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.get(..12).filter(|_| is_id).unwrap_or(id)
}

/// Something that a reference may mean.
pub trait Named {
    /// What it is, for messages.
    const KIND: &'static str;
    /// What lists all of them.
    const LIST: &'static str;
    /// Its full id.
    fn id(&self) -> &FullId;
    /// Its name, without a leading slash.
    fn name(&self) -> &str;
}

/// Finds the one candidate that `reference` means: the full id, else the exact name, else a unique
/// id prefix. What could mean two things is refused with the candidates: a name that is also the
/// beginning of another's id, and a name that looks like a full id.
pub fn resolve<'a, T: Named>(reference: &Reference, candidates: &'a [T]) -> Result<&'a T, Fault> {
    pick(reference.as_str(), candidates)
}

/// As [`resolve`], among things whose names may hold anything: what is asked for is compared here,
/// and reaches no engine.
pub fn pick<'a, T: Named>(wanted: &str, candidates: &'a [T]) -> Result<&'a T, Fault> {
    let fits =
        |c: &&T| c.name() == wanted || (may_be_id(wanted) && c.id().as_str().starts_with(wanted));
    let found: Vec<&T> = candidates.iter().filter(fits).collect();
    match found.as_slice() {
        [one] if wanted.len() == FullId::DIGITS && one.id().as_str() != wanted => {
            // An id that is gone can be taken over as a name.
            if FullId::parse(wanted).is_some() { Err(taken_over(*one)) } else { Ok(one) }
        }
        [one] => Ok(one),
        [] => Err(Fault::new(
            Reason::NotFound,
            format!(
                "No {} is called `{}` here, and no id of one starts with it (at least \
                 {PREFIX_DIGITS_MIN} digits of it count). Ask {} for what there is.",
                T::KIND,
                text::name(wanted),
                T::LIST
            ),
        )),
        _ => Err(ambiguous(wanted, &found)),
    }
}

fn taken_over<T: Named>(named: &T) -> Fault {
    Fault::new(
        Reason::Ambiguous,
        format!(
            "This has the form of a full id, and nothing has that id; something is only named so. \
             If that is meant, use its own id, {}.",
            named.id()
        ),
    )
}

fn ambiguous<T: Named>(wanted: &str, found: &[&T]) -> Fault {
    let shown: Vec<String> = found
        .iter()
        .take(10)
        .map(|c| format!("{} (id {})", text::name(c.name()), c.id()))
        .collect();
    let more = if found.len() > shown.len() { ", and more" } else { "" };
    Fault::new(
        Reason::Ambiguous,
        format!(
            "`{}` can mean more than one thing: {}{more}. Use the full id.",
            text::name(wanted),
            shown.join(", ")
        ),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Thing(FullId, String);

    impl Named for Thing {
        const KIND: &'static str = "thing";
        const LIST: &'static str = "list_things";
        fn id(&self) -> &FullId {
            &self.0
        }
        fn name(&self) -> &str {
            &self.1
        }
    }

    fn thing(id_start: &str, name: &str) -> Thing {
        Thing(FullId::parse(&format!("{id_start:0<64}")).unwrap(), name.to_owned())
    }

    fn find(reference: &str, things: &[Thing]) -> Result<String, Reason> {
        let reference = Reference::parse(reference).map_err(|f| f.reason)?;
        resolve(&reference, things).map(|t| t.1.clone()).map_err(|f| f.reason)
    }

    #[test]
    fn takes_names_and_ids_only() {
        for good in ["web", "/web", "a", "A.b_c-d", "0", &"x".repeat(128)] {
            assert!(Reference::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/",
            "//web",
            "..",
            "../info?",
            "%2e%2e/info",
            "a/b",
            "a?b",
            "a#b",
            "a%b",
            "a\\b",
            "-a",
            ".a",
            "_a",
            "a b",
            "a\n",
            "a\u{0}",
            "ä",
            &"x".repeat(129),
            "../images/prune?filters=...&",
            "../volumes/vol",
        ] {
            assert_eq!(Reference::parse(bad).map_err(|f| f.reason), Err(Reason::InvalidArgument));
        }
    }

    #[test]
    fn new_names_look_like_no_id() {
        for good in ["ab", "data", "A.b_c-d", "abcdef01234", &"z".repeat(64), &"x".repeat(128)] {
            assert!(Reference::parse_new(good).is_ok(), "{good}");
        }
        for bad in ["a", "/ab", "", "..", "a/b", "abcdef012345", &"a".repeat(64), &"x".repeat(129)]
        {
            let refused = Reference::parse_new(bad).map_err(|fault| fault.reason);
            assert_eq!(refused, Err(Reason::InvalidArgument), "{bad}");
        }
    }

    #[test]
    fn resolves_as_the_table_says() {
        let things = [thing("64009a58b66f", "web"), thing("64009a58bfff", "db")];
        assert_eq!(find("web", &things), Ok("web".into()));
        assert_eq!(find("64009a58b66f", &things), Ok("web".into()));
        assert_eq!(find("64009a", &things), Err(Reason::Ambiguous));
        assert_eq!(find("64009", &things), Err(Reason::NotFound));
        assert_eq!(find("WEB", &things), Err(Reason::NotFound));
        assert_eq!(find("cache", &things), Err(Reason::NotFound));
        assert_eq!(find(&format!("{:0<64}", "64009a58b66f"), &things), Ok("web".into()));
    }

    #[test]
    fn what_is_not_there_is_called_what_it_is() {
        let reference = Reference::parse("cache").unwrap();
        let fault = resolve::<Thing>(&reference, &[]).map(|_| ()).unwrap_err();
        assert_eq!(
            fault.message,
            "No thing is called `cache` here, and no id of one starts with it (at least 6 digits of \
             it count). Ask list_things for what there is."
        );
    }

    #[test]
    fn only_ids_are_cut() {
        let id = "0123456789ab".repeat(6);
        let id = id.get(..64).unwrap();
        assert_eq!(short(id), "0123456789ab");
        assert_eq!(short(&format!("sha256:{id}")), "0123456789ab");
        let less = id.get(1..).unwrap();
        for name in ["data", "a-name-of-more-than-twelve", less, &format!("sha256:{less}")] {
            assert_eq!(short(name), name);
        }
    }

    #[test]
    fn a_name_that_is_anothers_id_prefix_is_ambiguous() {
        let things = [thing("64009a58b66f", "web"), thing("aaaa", "64009a58b66f")];
        assert_eq!(find("64009a58b66f", &things), Err(Reason::Ambiguous));
        let alone = [thing("64009a58b66f", "64009a58b66f")];
        assert_eq!(find("64009a58b66f", &alone), Ok("64009a58b66f".into()));
    }

    #[test]
    fn a_dead_full_id_reused_as_a_name_is_not_followed() {
        let dead = "d".repeat(64);
        assert_eq!(find(&dead, &[thing("aaaa", &dead)]), Err(Reason::Ambiguous));
        assert_eq!(find(&dead, &[thing(&dead, "web")]), Ok("web".into()));
        assert_eq!(find(&dead, &[thing(&dead, "web"), thing("aa", &dead)]), Err(Reason::Ambiguous));
        let long_name = "z".repeat(64);
        assert_eq!(find(&long_name, &[thing("aaaa", &long_name)]), Ok(long_name.clone()));
    }

    /// The same rule written as a plain enumeration.
    fn naive(reference: &str, things: &[Thing]) -> Result<String, Reason> {
        let hex = reference.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
        let mut hits = Vec::new();
        for t in things {
            let by_name = t.1 == reference;
            let by_id = hex && reference.len() >= 6 && t.0.as_str().starts_with(reference);
            if by_name || by_id {
                hits.push((t.1.clone(), by_id));
            }
        }
        match hits.len() {
            0 => Err(Reason::NotFound),
            1 if hex && reference.len() == 64 && !hits[0].1 => Err(Reason::Ambiguous),
            1 => Ok(hits[0].0.clone()),
            _ => Err(Reason::Ambiguous),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_naive_reference(
            ids in proptest::collection::btree_set("[ab]{8}", 1..6),
            names in proptest::collection::btree_set("[ab]{5,8}|web|db", 6),
            reference in "[ab]{4,9}|web|db",
        ) {
            let things: Vec<Thing> =
                ids.iter().zip(&names).map(|(id, name)| thing(id, name)).collect();
            prop_assert_eq!(find(&reference, &things), naive(&reference, &things));
        }
    }
}
