//! The one sanitiser. Names, labels, logs and upstream answers are data: before they reach a
//! model, a terminal or the audit log, whatever could hide, reorder or forge text is made visible.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The longest single line of outside text in an answer, in characters.
pub const LINE_CHARS_MAX: usize = 4096;

/// The smallest limit that leaves room for the mark of a cut.
const LIMIT_MIN: usize = 32;

/// What a confirm token's line starts with, in lower case.
const TOKEN_WORD: &str = "confirmtoken";

/// Outside text as one line of at most `chars_max` characters (at least 32): what is hidden
/// becomes `\u{..}`, whatever looks like a confirm token's line is broken up.
pub fn line(text: &str, chars_max: usize) -> String {
    cut(break_tokens(escape(text, false)), chars_max)
}

/// As [`line()`], with a limit that suits a name, a label or an image reference.
pub fn name(text: &str) -> String {
    line(text, 160)
}

/// Outside text of several lines: line feeds stay, a tab becomes two spaces.
pub fn block(text: &str, chars_max: usize) -> String {
    cut(break_tokens(escape(text, true)), chars_max)
}

/// Text of several lines that is ours and may hold outside text: whatever is hidden is made visible
/// and nothing else is changed.
pub fn visible(text: &str) -> String {
    escape(text, true).into_owned()
}

/// Whether a character would be invisible, reorder what stands around it, or drive a terminal.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

fn escape(text: &str, keep_lines: bool) -> Cow<'_, str> {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' if keep_lines => out.push('\n'),
            '\t' => out.push_str("  "),
            c if is_hidden(c) => {
                // Writing to a String cannot fail.
                write!(out, "\\u{{{:x}}}", u32::from(c)).unwrap_or_default();
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Puts a visible break into every `confirmToken`, in any case, so that text from outside cannot
/// pass for the line that a preview ends with.
fn break_tokens(text: Cow<'_, str>) -> Cow<'_, str> {
    // Most texts have no such word, and few have its rarest letter: no copy is made of those.
    if !text.bytes().any(|byte| matches!(byte, b'k' | b'K')) {
        return text;
    }
    let lower = text.to_ascii_lowercase();
    if !lower.contains(TOKEN_WORD) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = &*text;
    for before in lower.split(TOKEN_WORD) {
        let (kept, tail) = rest.split_at(before.len());
        out.push_str(kept);
        if tail.is_empty() {
            break;
        }
        let (word, tail) = tail.split_at(TOKEN_WORD.len());
        let (confirm, token) = word.split_at("confirm".len());
        out.push_str(confirm);
        out.push_str("[outside text]");
        out.push_str(token);
        rest = tail;
    }
    Cow::Owned(out)
}

fn cut(text: Cow<'_, str>, chars_max: usize) -> String {
    let chars_max = chars_max.max(LIMIT_MIN);
    if text.len() <= chars_max {
        return text.into_owned();
    }
    let count = text.chars().count();
    if count <= chars_max {
        return text.into_owned();
    }
    let room = chars_max.saturating_sub("… (+ more characters)".chars().count() + digits(count));
    let mut out: String = text.chars().take(room).collect();
    write!(out, "… (+{} more characters)", count - room).unwrap_or_default();
    out
}

fn digits(n: usize) -> usize {
    n.checked_ilog10().map_or(1, |log| log as usize + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shows_what_would_hide() {
        for (given, expected) in [
            ("web", "web"),
            ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("a\u{200b}b", "a\\u{200b}b"),
            ("a\u{e0041}b", "a\\u{e0041}b"),
            ("a\nb", "a\\u{a}b"),
            ("a\tb", "a  b"),
            ("a\u{85}b\u{7f}", "a\\u{85}b\\u{7f}"),
            ("grüße 日本", "grüße 日本"),
        ] {
            assert_eq!(line(given, 100), expected);
        }
        assert_eq!(block("a\nb\r", 100), "a\nb\\u{d}");
        assert_eq!(visible("confirmToken\n\u{9b}31m"), "confirmToken\n\\u{9b}31m");
    }

    #[test]
    fn breaks_up_what_looks_like_a_token() {
        assert_eq!(
            line("confirmToken=9f3a0c and ConfirmTOKEN=1", 200),
            "confirm[outside text]Token=9f3a0c and Confirm[outside text]TOKEN=1"
        );
        assert_eq!(line("confirm the token", 200), "confirm the token");
        assert_eq!(line("confirmToken", 200), "confirm[outside text]Token");
        assert_eq!(line("ÄconfirmTokenÄ", 200), "Äconfirm[outside text]TokenÄ");
    }

    #[test]
    fn cuts_and_says_how_much() {
        let long = "x".repeat(1000);
        let cut = line(&long, 50);
        assert!((48..=50).contains(&cut.chars().count()), "{cut}");
        assert!(cut.ends_with("more characters)"), "{cut}");
        assert_eq!(line(&"y".repeat(50), 50), "y".repeat(50));
    }

    proptest! {
        #[test]
        fn is_idempotent_clean_and_bounded(
            text in proptest::collection::vec(any::<char>(), 0..400),
            hidden in "[\u{0}-\u{9f}\u{200b}-\u{202e}\u{2060}-\u{206f}\u{e0000}-\u{e007f}]{0,40}",
            max in 32_usize..200,
        ) {
            let text: String = text.into_iter().collect::<String>() + &hidden + "confirmToken=ab";
            let once = line(&text, max);
            prop_assert_eq!(&line(&once, max), &once);
            prop_assert!(!once.chars().any(is_hidden));
            prop_assert!(once.chars().count() <= max);
            prop_assert!(!once.to_lowercase().contains("confirmtoken="));
            let several = block(&text, max);
            prop_assert_eq!(&block(&several, max), &several);
            prop_assert!(!several.chars().any(|c| c != '\n' && is_hidden(c)));
        }
    }
}
