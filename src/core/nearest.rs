//! The word that was probably meant.

/// The longest word that is compared, in characters.
const WORD_CHARS_MAX: usize = 64;

/// The beginning that two words must share to be taken for one, in characters; it must also be two
/// thirds of the shorter one.
const PREFIX_CHARS_MIN: usize = 3;

/// The word that is least far from what was found, if one is near: each letter that is missing,
/// too many, another or swapped with its neighbour counts, and a third of them may be wrong.
pub fn nearest<'a>(found: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let found: Vec<char> = lower(found);
    if found.is_empty() || found.len() > WORD_CHARS_MAX {
        return None;
    }
    let far = |word: &'a str| {
        let letters = lower(word);
        let (shorter, longer) =
            if letters.len() < found.len() { (&letters, &found) } else { (&found, &letters) };
        let most = (longer.len() / 3).max(1);
        if longer.len() > WORD_CHARS_MAX {
            return None;
        }
        if longer.len() - shorter.len() <= most {
            let distance = distance(&found, &letters);
            if distance <= most {
                return Some((distance, word));
            }
        }
        let shared = shorter.iter().zip(longer).take_while(|(one, other)| one == other).count();
        let near = shared >= PREFIX_CHARS_MIN && shared * 3 >= shorter.len() * 2;
        near.then_some((WORD_CHARS_MAX + longer.len() - shared, word))
    };
    words.into_iter().filter_map(far).min_by_key(|(distance, _)| *distance).map(|(_, word)| word)
}

fn lower(word: &str) -> Vec<char> {
    // One more than is compared is enough to see that it is too long.
    word.chars().take(WORD_CHARS_MAX + 1).flat_map(char::to_lowercase).collect()
}

/// How many letters are missing, too many, other ones or swapped with their neighbours.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    let mut last_letter = None;
    for (number, letter) in one.iter().enumerate() {
        let mut next = vec![number + 1];
        let mut last_other = None;
        for (column, (second, pair)) in other.iter().zip(row.windows(2)).enumerate() {
            let [diagonal, above] = *pair else { continue };
            let left = next.last().copied().unwrap_or(above);
            let mut least = (diagonal + usize::from(letter != second)).min(above + 1).min(left + 1);
            if last_letter == Some(second) && last_other == Some(letter) {
                let swapped = column.checked_sub(1).and_then(|column| before.get(column));
                least = swapped.map_or(least, |swapped| least.min(swapped + 1));
            }
            next.push(least);
            last_other = Some(second);
        }
        before = std::mem::replace(&mut row, next);
        last_letter = Some(letter);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_meant_is_found() {
        let words = ["id", "effect", "match", "unless", "when", "reason", "mon", "privileged"];
        for (found, meant) in [
            ("efect", Some("effect")),
            ("mathc", Some("match")),
            ("Reason", Some("reason")),
            ("unles", Some("unless")),
            ("monday", Some("mon")),
            ("matching", Some("match")),
            ("colour", None),
            ("priv", Some("privileged")),
            ("di", Some("id")),
            ("xyz", None),
            ("", None),
            ("m", None),
        ] {
            assert_eq!(nearest(found, words), meant, "{found}");
        }
        assert_eq!(nearest(&"effect".repeat(1000), words), None);
    }

    #[test]
    fn distances_are_counted() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("abc", "ab", 1),
            ("abc", "axc", 1),
            ("abc", "xabc", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(&lower(one), &lower(other)), expected, "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn a_distance_is_the_same_both_ways(one in "[abc]{0,6}", other in "[abc]{0,6}") {
            let (one, other) = (lower(&one), lower(&other));
            let found = distance(&one, &other);
            prop_assert_eq!(found, distance(&other, &one));
            prop_assert_eq!(found == 0, one == other);
            prop_assert!(found <= one.len().max(other.len()));
            prop_assert!(found >= one.len().abs_diff(other.len()));
        }
    }
}
