//! The ids in what an engine says.

use crate::core::ids::short;

/// What stands before an id where an engine names something by it.
const NAMED_BY_ID: [&str; 11] = [
    "container",
    "containers",
    "id",
    "image",
    "images",
    "instance",
    "network",
    "networks",
    "pod",
    "sha256",
    "volume",
];
const NAMED_BY_ID_BEHIND: [[&str; 2]; 3] = [["in", "use"], ["used", "by"], ["before", "it"]];

/// A text of an engine with its ids as people know them: those that stand behind the word for what
/// they name, or behind another such. Whatever else has their form, such as a value, may be a secret
/// and stays whole.
pub(super) fn with_short_ids(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    let (mut named, mut before) = (false, "");
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let (gap, tail) = rest.split_at(start);
        let end = tail.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tail.len());
        let (word, tail) = tail.split_at(end);
        let cut = if named && !gap.ends_with('=') { short(word) } else { word };
        named = cut != word
            || NAMED_BY_ID.iter().any(|kind| word.eq_ignore_ascii_case(kind))
            || NAMED_BY_ID_BEHIND.contains(&[before, word]);
        before = word;
        out.push_str(gap);
        out.push_str(cut);
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_a_text_are_shortened_and_nothing_else() {
        let id = format!("{}0123", "0123456789ab".repeat(5));
        let less = id.strip_prefix('0').unwrap();
        for (text, expected) in [
            (format!("in use by container \"{id}\""), "in use by container \"0123456789ab\""),
            (format!("in use - [{id}, {id}]"), "in use - [0123456789ab, 0123456789ab]"),
            (format!("sha256:{id} is"), "sha256:0123456789ab is"),
            (format!("No such container: {id}"), "No such container: 0123456789ab"),
            (format!("network x id {id} has"), "network x id 0123456789ab has"),
            (format!("Container {id} is"), "Container 0123456789ab is"),
            (format!("image used by {id}: image"), "image used by 0123456789ab: image"),
            (format!("identified by {id}"), &format!("identified by {id}")),
            (format!("exec: \"{id}\": {id}"), &format!("exec: \"{id}\": {id}")),
            (format!("container web {id}"), &format!("container web {id}")),
            (format!("container={id} {id}"), &format!("container={id} {id}")),
            (format!("/{id}/x \u{e4}"), &format!("/{id}/x \u{e4}")),
            (format!("KEY={id}"), &format!("KEY={id}")),
            (format!("{id}0"), &format!("{id}0")),
            (less.to_owned(), less),
            (id.replace('0', "g"), &id.replace('0', "g")),
            (String::new(), ""),
        ] {
            assert_eq!(with_short_ids(&text), expected);
        }
    }
}
