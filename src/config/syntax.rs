//! From text to TOML: what is no TOML, what cannot be seen, and what nests without end is refused
//! before anything is read.

use toml::de::DeTable;
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

use super::document::{Problems, Span};
use crate::core::text;

/// The parts of one dotted key, at most. A table is made of each, one within the other.
const KEY_PARTS_MAX: usize = 16;

/// What is told of the parser's words, in characters.
const WORDS_CHARS_MAX: usize = 300;

/// The document's table; none if there are problems, which are noted.
pub(super) fn parse<'a>(text: &'a str, problems: &mut Problems) -> Option<DeTable<'a>> {
    look(text, problems);
    if !problems.is_empty() {
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().unwrap_or(text.len()..text.len());
        problems.add(&span, || words(error.message()));
    }
    errors.is_empty().then(|| table.into_inner())
}

/// Looks at the tokens: at characters that are not seen, and at keys of too many parts.
fn look(text: &str, problems: &mut Problems) {
    let mut parts = 0;
    for token in Source::new(text).lex() {
        let span = token.span().start()..token.span().end();
        match token.kind() {
            TokenKind::Dot => {
                parts += 1;
                if parts == KEY_PARTS_MAX {
                    problems.add(&span, || {
                        format!("A key has at most {KEY_PARTS_MAX} parts. Shorten it.")
                    });
                }
            }
            TokenKind::Atom
            | TokenKind::Whitespace
            | TokenKind::BasicString
            | TokenKind::LiteralString => {}
            _ => parts = 0,
        }
        let comment = token.kind() == TokenKind::Comment;
        hidden(text, span, comment, problems);
    }
}

/// Notes each character that is not seen, or changes how what stands around it is seen: whoever
/// looks at the file must see what it says.
fn hidden(text: &str, span: Span, comment: bool, problems: &mut Problems) {
    let part = text.get(span.clone()).unwrap_or_default();
    if part.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return;
    }
    let mut chars = part.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let line_ends = c == '\n' || (c == '\r' && chars.peek().is_some_and(|(_, c)| *c == '\n'));
        if line_ends || c == '\t' {
            continue;
        }
        // Emoji are made with these two, and a comment is only read.
        let emoji = comment && matches!(c, '\u{200d}' | '\u{fe0f}');
        if text::is_hidden(c) && !emoji {
            let start = span.start + at;
            let code = u32::from(c);
            problems.add(&(start..start + c.len_utf8()), || {
                let escape =
                    if code > 0xffff { format!("U{code:08x}") } else { format!("u{code:04x}") };
                format!(
                    "The character U+{code:04X} cannot be seen, or changes how others are seen. \
                     Remove it; within \"…\" it can be written as \\{escape} if it is meant."
                )
            });
        }
    }
}

/// The parser's words as a sentence, with a mend where one is known.
fn words(message: &str) -> String {
    let mend = match message {
        m if m.starts_with("duplicate key") => {
            " The same key or table stands further up in this table: keep one of the two."
        }
        m if m.starts_with("cannot extend value") => {
            " A dot makes a table of what stands before it, and that is a value already. Put the \
              parts of a name that has dots of its own in quotes, as in label.\"com.example.team\"."
        }
        m if m.starts_with("missing escaped value") => {
            " Write the backslash twice, or the text in single quotes."
        }
        m if m.starts_with("invalid basic string") || m.starts_with("invalid literal string") => {
            " A text ends on its line, with the quote that it began with."
        }
        m if m.starts_with("unclosed") => " Close it.",
        m if m.starts_with("key with no value") => " Write key = value.",
        m if m.starts_with("string values must be quoted") => {
            " A text stands in quotes; numbers, true and false do not."
        }
        m if m.starts_with("cannot recurse further") => " Nothing here needs such nesting.",
        _ => "",
    };
    let words = text::line(message, WORDS_CHARS_MAX);
    format!("This is no TOML: {words}.{mend}")
}
