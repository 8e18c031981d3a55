//! Globs: `*` stands for any run of characters, `?` for exactly one, `\` takes the next character
//! as it is. Nothing else means anything, and matching takes no more than length times length.

use std::fmt;

use serde::Serialize;

/// The longest glob, in characters.
pub const GLOB_CHARS_MAX: usize = 200;

/// A pattern for one text. Case counts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glob {
    text: String,
    pieces: Vec<Piece>,
    /// The only text that it matches, if there is just one.
    literal: Option<String>,
    /// What every text has that it matches.
    letters: Letters,
}

/// Which bytes a text has, where some bytes are taken for one another. A glob matches no text that
/// lacks one of its own, and this is seen at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Letters(u64);

impl Letters {
    pub(super) fn of(text: &str) -> Self {
        // Small letters, digits and most marks of names keep apart.
        let bit = |byte: u8| 1 << ((byte & 0x1f) | (byte & 0x40) >> 1);
        Self(text.bytes().fold(0, |set, byte| set | bit(byte)))
    }

    pub(super) const fn hold(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }
}

/// A part of a glob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    /// This character.
    Char(char),
    /// Any one character.
    One,
    /// Any run of characters, also none.
    Many,
}

/// Why a text is no glob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// It has more than [`GLOB_CHARS_MAX`] characters.
    #[error("it is longer than {GLOB_CHARS_MAX} characters")]
    TooLong,
    /// A character that other dialects give a meaning, and this one does not.
    #[error("`{0}` has no meaning in a glob here; write `\\{0}` for the character itself")]
    Foreign(char),
    /// A backslash at its end.
    #[error("it ends in a `\\`, which takes the next character as it is")]
    Unfinished,
}

impl Glob {
    /// Reads a glob.
    ///
    /// # Errors
    /// For one that is too long, or that would mean something else elsewhere.
    pub fn parse(text: &str) -> Result<Self, GlobError> {
        if text.chars().count() > GLOB_CHARS_MAX {
            return Err(GlobError::TooLong);
        }
        let mut pieces = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                // Several in a row say no more than one.
                '*' if pieces.last() == Some(&Piece::Many) => {}
                '*' => pieces.push(Piece::Many),
                '?' => pieces.push(Piece::One),
                '\\' => pieces.push(Piece::Char(chars.next().ok_or(GlobError::Unfinished)?)),
                '[' | ']' | '{' | '}' => return Err(GlobError::Foreign(c)),
                c => pieces.push(Piece::Char(c)),
            }
        }
        Ok(Self::of(text.to_owned(), pieces))
    }

    /// The glob that matches this text only.
    pub fn literal(text: &str) -> Self {
        let special = |c| matches!(c, '*' | '?' | '\\' | '[' | ']' | '{' | '}');
        let mut written = String::with_capacity(text.len());
        for c in text.chars() {
            if special(c) {
                written.push('\\');
            }
            written.push(c);
        }
        Self::of(written, text.chars().map(Piece::Char).collect())
    }

    fn of(text: String, pieces: Vec<Piece>) -> Self {
        let chars = pieces.iter().map(|piece| match piece {
            Piece::Char(c) => Some(*c),
            Piece::One | Piece::Many => None,
        });
        let letters = Letters::of(&chars.clone().flatten().collect::<String>());
        let literal = chars.collect();
        Self { text, pieces, literal, letters }
    }

    /// The glob as it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) const fn letters(&self) -> Letters {
        self.letters
    }

    /// Its parts.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The only text that it matches, if there is just one.
    pub fn as_literal(&self) -> Option<&str> {
        self.literal.as_deref()
    }

    /// Whether it matches the whole of a text.
    pub fn matches(&self, text: &str) -> bool {
        match &self.literal {
            Some(literal) => literal == text,
            None => matches_pieces(&self.pieces, text),
        }
    }

    /// Whether it is sure to match whatever `other` matches.
    pub fn covers(&self, other: &Self) -> bool {
        match other.as_literal() {
            Some(literal) => self.matches(literal),
            None => covers_pieces(&self.pieces, &other.pieces),
        }
    }

    /// Whether there is a text that both match.
    pub fn meets(&self, other: &Self) -> bool {
        match (self.as_literal(), other.as_literal()) {
            (Some(literal), _) => other.matches(literal),
            (None, Some(literal)) => self.matches(literal),
            (None, None) => pieces_meet(&self.pieces, &other.pieces),
        }
    }
}

/// Matches with one point to come back to: the last `*`, which takes one character more each time.
fn matches_pieces(pieces: &[Piece], text: &str) -> bool {
    let (mut rest, mut left) = (pieces, text.chars());
    let mut last: Option<(&[Piece], std::str::Chars<'_>)> = None;
    loop {
        match rest.split_first() {
            Some((Piece::Many, after)) => {
                last = Some((after, left.clone()));
                rest = after;
                continue;
            }
            Some((piece, after)) => {
                let mut ahead = left.clone();
                if ahead.next().is_some_and(|c| *piece == Piece::One || *piece == Piece::Char(c)) {
                    (rest, left) = (after, ahead);
                    continue;
                }
            }
            None if left.as_str().is_empty() => return true,
            None => {}
        }
        let Some((after, from)) = &mut last else { return false };
        if from.next().is_none() {
            return false;
        }
        (rest, left) = (after, from.clone());
    }
}

/// As matching, with a glob for a text: only `*` takes a `*`, and only `*` and `?` take a `?`.
/// Whatever is so covered is covered; not everything that is covered is found.
fn covers_pieces(wide: &[Piece], narrow: &[Piece]) -> bool {
    let (mut w, mut n) = (0, 0);
    let mut last: Option<(usize, usize)> = None;
    loop {
        match (wide.get(w), narrow.get(n)) {
            (Some(Piece::Many), _) => {
                last = Some((w + 1, n));
                w += 1;
                continue;
            }
            (Some(Piece::One), Some(Piece::One | Piece::Char(_))) => {
                (w, n) = (w + 1, n + 1);
                continue;
            }
            (Some(Piece::Char(a)), Some(Piece::Char(b))) if a == b => {
                (w, n) = (w + 1, n + 1);
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        match &mut last {
            Some((after, from)) if *from < narrow.len() => {
                *from += 1;
                (w, n) = (*after, *from);
            }
            _ => return false,
        }
    }
}

/// From the ends to the beginnings: `row` says of the rest of `one`, and of each rest of `other` from
/// the shortest to the longest, whether there is a text that both match.
fn pieces_meet(one: &[Piece], other: &[Piece]) -> bool {
    let ends = |piece: &Piece| *piece == Piece::Many;
    let many = other.iter().rev().take_while(|piece| ends(piece)).count();
    let mut row: Vec<bool> = (0..=other.len()).map(|rest| rest <= many).collect();
    for a in one.iter().rev() {
        let mut meet = ends(a) && row.first() == Some(&true);
        let mut next = vec![meet];
        for (b, old) in other.iter().rev().zip(row.windows(2)) {
            let [shorter, same] = *old else { continue };
            meet = match (a, b) {
                (Piece::Many, _) | (_, Piece::Many) => same || meet,
                (Piece::Char(x), Piece::Char(y)) => x == y && shorter,
                (Piece::One, _) | (_, Piece::One) => shorter,
            };
            next.push(meet);
        }
        row = next;
    }
    row.last() == Some(&true)
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glob({:?})", self.text)
    }
}

impl Serialize for Glob {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    fn glob(text: &str) -> Glob {
        Glob::parse(text).unwrap()
    }

    #[test]
    fn stars_and_question_marks() {
        for (pattern, yes, no) in [
            ("", "", "x"),
            ("*", "", "\u{0}no such\u{0}"),
            ("web", "web", "web1"),
            ("web-*", "web-1", "web"),
            ("*-db", "prod-db", "prod-db-1"),
            ("a*b*c", "aXbYbZc", "aXbYbZ"),
            ("?", "ü", "ab"),
            ("a?c", "abc", "ac"),
            (r"\*", "*", "x"),
            (r"a\?", "a?", "ab"),
            (r"\[1\]", "[1]", "1"),
            ("registry/*:latest", "registry/a/b:latest", "registry/a/b:1"),
        ] {
            assert!(glob(pattern).matches(yes), "{pattern} {yes}");
            assert!(pattern == "*" || !glob(pattern).matches(no), "{pattern} {no}");
        }
    }

    #[test]
    fn what_means_something_elsewhere_is_refused() {
        assert_eq!(Glob::parse("web-[0-9]"), Err(GlobError::Foreign('[')));
        assert_eq!(Glob::parse("{a,b}"), Err(GlobError::Foreign('{')));
        assert_eq!(Glob::parse(r"a\"), Err(GlobError::Unfinished));
        assert_eq!(Glob::parse(&"x".repeat(201)), Err(GlobError::TooLong));
        assert!(Glob::parse(&"ü".repeat(200)).is_ok());
    }

    #[test]
    fn one_glob_covers_another() {
        for (wide, narrow, covered) in [
            ("*", "a*", true),
            ("a*", "ab*", true),
            ("ab*", "a*", false),
            ("a?", "ab", true),
            ("a?", "a*", false),
            ("*b", "a*b", true),
            ("??*", "?a*", true),
            ("?", "?", true),
            ("*a*", "ba", true),
        ] {
            assert_eq!(glob(wide).covers(&glob(narrow)), covered, "{wide} {narrow}");
        }
    }

    #[test]
    fn many_stars_cost_little() {
        let pattern = "a*".repeat(100);
        assert!(!glob(&pattern).matches(&("a".repeat(5_000) + "b").replace('a', "b")));
        assert!(glob(&pattern).matches(&"a".repeat(5_000)));
    }

    proptest! {
        #[test]
        fn agrees_with_a_regular_expression(pattern in "[ab*?]{0,8}", text in "[abc]{0,8}") {
            let parts: String = pattern
                .chars()
                .map(|c| match c {
                    '*' => ".*".to_owned(),
                    '?' => ".".to_owned(),
                    c => regex::escape(&c.to_string()),
                })
                .collect();
            let reference = Regex::new(&format!("(?s)^{parts}$")).unwrap();
            prop_assert_eq!(glob(&pattern).matches(&text), reference.is_match(&text));
        }

        #[test]
        fn a_text_has_the_letters_of_what_it_matches(pattern in "[abP0*?]{0,6}", text in "[abpP0]{0,6}") {
            let glob = glob(&pattern);
            prop_assert!(!glob.matches(&text) || Letters::of(&text).hold(glob.letters()));
        }

        #[test]
        fn a_covered_glob_matches_nothing_more(
            wide in "[ab*?]{0,6}", narrow in "[ab*?]{0,6}", text in "[abc]{0,6}",
        ) {
            if glob(&wide).covers(&glob(&narrow)) && glob(&narrow).matches(&text) {
                prop_assert!(glob(&wide).matches(&text));
            }
        }

        #[test]
        fn globs_meet_in_a_text(one in "[ab*?]{0,5}", other in "[ab*?]{0,5}") {
            // No shortest text in both is longer than both globs together, and a letter that
            // stands in neither does for all others.
            let mut texts = vec![String::new()];
            let mut found = false;
            for _ in 0..=7 {
                found |= texts.iter().any(|t| glob(&one).matches(t) && glob(&other).matches(t));
                texts = texts.iter().flat_map(|t| ["a", "b", "c"].map(|c| t.clone() + c)).collect();
            }
            prop_assert_eq!(glob(&one).meets(&glob(&other)), found);
            prop_assert_eq!(glob(&other).meets(&glob(&one)), found);
        }

        #[test]
        fn a_literal_matches_itself_only(text in "[ab*?\\[{\\\\]{0,6}", other in "[ab*?]{0,6}") {
            let literal = Glob::literal(&text);
            prop_assert_eq!(literal.matches(&other), text == other);
            prop_assert_eq!(Glob::parse(literal.as_str()).unwrap(), literal);
        }
    }
}
