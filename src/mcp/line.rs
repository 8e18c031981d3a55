//! Lines of bounded length from a byte stream, and the id of a request whose line was too long to
//! be kept.

/// The longest line that is kept, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The longest id that is looked for in a line that is not kept, in bytes.
const ID_BYTES_MAX: usize = 128;

/// One line as it came in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Its bytes, without the line feed.
    Whole(Vec<u8>),
    /// It was longer than what is kept: the JSON text of its top-level `id`, if it has one.
    TooLong(Option<Vec<u8>>),
}

/// Collects bytes into lines. Whatever it was fed is kept between calls.
#[derive(Debug)]
pub(super) struct Lines {
    limit: usize,
    kept: Vec<u8>,
    overflow: Option<IdScanner>,
}

impl Lines {
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, kept: Vec::new(), overflow: None }
    }

    /// Takes bytes up to and including the next line feed: how many, and the line if it ended.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> (usize, Option<Line>) {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or(bytes);
        match &mut self.overflow {
            Some(scanner) => scanner.feed(part),
            None if self.kept.len() + part.len() > self.limit => {
                let mut scanner = IdScanner::default();
                scanner.feed(&std::mem::take(&mut self.kept));
                scanner.feed(part);
                self.overflow = Some(scanner);
            }
            None => self.kept.extend_from_slice(part),
        }
        match end {
            Some(end) => (end + 1, Some(self.finish())),
            None => (bytes.len(), None),
        }
    }

    /// The line that the stream's end leaves behind, if any.
    pub(super) fn rest(&mut self) -> Option<Line> {
        (self.overflow.is_some() || !self.kept.is_empty()).then(|| self.finish())
    }

    fn finish(&mut self) -> Line {
        match self.overflow.take() {
            Some(scanner) => Line::TooLong(scanner.id),
            None => Line::Whole(std::mem::take(&mut self.kept)),
        }
    }
}

/// The JSON text of the top-level `id` of a line that cannot be parsed, if it has one.
pub(super) fn id_of(line: &[u8]) -> Option<Vec<u8>> {
    let mut scanner = IdScanner::default();
    scanner.feed(line);
    scanner.id
}

/// Finds the value of the top-level key `id` in JSON that streams by, without keeping the JSON.
#[derive(Debug, Default)]
struct IdScanner {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The string or scalar that is being read at depth one.
    token: Vec<u8>,
    /// Whether the last complete string at depth one was `"id"` and a colon followed it.
    at_id: bool,
    id: Option<Vec<u8>>,
}

impl IdScanner {
    fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.byte(*byte);
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.in_string {
            self.keep(byte);
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.token.clear();
                self.keep(byte);
            }
            b'{' | b'[' => {
                self.depth += 1;
                self.token.clear();
                self.at_id = false;
            }
            b'}' | b']' | b',' => {
                if self.depth == 1 && self.at_id && self.id.is_none() {
                    self.id = Some(std::mem::take(&mut self.token));
                }
                if byte != b',' {
                    self.depth = self.depth.saturating_sub(1);
                }
                self.at_id = false;
                self.token.clear();
            }
            b':' => {
                self.at_id = self.depth == 1 && self.token == b"\"id\"";
                self.token.clear();
            }
            byte if byte.is_ascii_whitespace() => {}
            byte => self.keep(byte),
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.depth == 1 && self.token.len() < ID_BYTES_MAX {
            self.token.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn all(limit: usize, chunks: &[&[u8]]) -> Vec<Line> {
        let mut lines = Lines::new(limit);
        let mut out = Vec::new();
        for chunk in chunks {
            let mut rest = *chunk;
            while !rest.is_empty() {
                let (used, line) = lines.feed(rest);
                rest = &rest[used..];
                out.extend(line);
            }
        }
        out.extend(lines.rest());
        out
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let whole = |text: &str| Line::Whole(text.as_bytes().to_vec());
        assert_eq!(
            all(9, &[b"ab", b"c\nde", b"\n\nx"]),
            [whole("abc"), whole("de"), whole(""), whole("x")]
        );
        assert_eq!(all(3, &[b"abc\nabcd\nab"]), [whole("abc"), Line::TooLong(None), whole("ab")]);
    }

    #[test]
    fn the_id_of_a_long_line_is_found() {
        for (line, id) in [
            (r#"{"jsonrpc":"2.0","id":17,"method":"x","params":{"id":3}}"#, Some("17")),
            (r#"{"params":{"id":3,"a":["id",{"id":4}]},"id":"a\"b"}"#, Some(r#""a\"b""#)),
            (r#"{"params":"\"id\":5,","method":"id"}"#, None),
            (r#"{"id" : 7 }"#, Some("7")),
            (r#"["id",3]"#, None),
            ("garbage \" { id : 3", None),
        ] {
            let expected = Line::TooLong(id.map(|id| id.as_bytes().to_vec()));
            assert_eq!(all(5, &[line.as_bytes()]), [expected], "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_request_is_answered_by_its_id(
            id in any::<u32>(),
            text in ".{0,40}",
            cut in 1_usize..40,
            before in any::<bool>(),
        ) {
            let params = json!({"id": 1, "name": text, "list": [{"id": text}, text]});
            let line = if before {
                format!(r#"{{"id":{id},"params":{params}}}"#)
            } else {
                format!(r#"{{"params":{params},"id":{id}}}"#)
            };
            let chunks: Vec<&[u8]> = line.as_bytes().chunks(cut).collect();
            let found = all(8, &chunks);
            let [Line::TooLong(Some(found))] = found.as_slice() else {
                return Err(TestCaseError::fail("no id"));
            };
            prop_assert_eq!(serde_json::from_slice::<Value>(found).unwrap(), json!(id));
        }
    }
}
