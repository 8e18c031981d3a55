//! What the log itself needs to know of a line: its place in the chain, and which intent it opens
//! or closes.

use std::borrow::Cow;

use serde::Deserialize;

use crate::core::plan::Digest;

/// The part of a whole line that the chain rests on. A line that does not parse as one is torn.
#[derive(Debug, Deserialize)]
pub(super) struct Head<'a> {
    /// The line's number in the log.
    pub(super) seq: u64,
    /// When it was written.
    #[serde(borrow, rename = "ts")]
    _ts: Cow<'a, str>,
    /// What it reports.
    #[serde(borrow)]
    pub(super) event: Cow<'a, str>,
    /// The process that wrote it.
    #[serde(borrow, default)]
    pub(super) session: Option<Cow<'a, str>>,
    /// The request that it belongs to.
    #[serde(borrow, default)]
    pub(super) req: Option<Cow<'a, str>>,
    #[serde(borrow)]
    prev: Cow<'a, str>,
}

impl<'a> Head<'a> {
    /// Reads a line without its newline; none if it is not whole.
    pub(super) fn parse(raw: &'a [u8]) -> Option<Self> {
        let head: Self = serde_json::from_slice(raw).ok()?;
        head.prev.starts_with("sha256:").then_some(head)
    }

    /// Whether the line before has this digest, as this line says. There is one text for one
    /// digest: what looks different is different.
    pub(super) fn follows(&self, digest: &Digest) -> bool {
        let digit = |n: u8| if n < 10 { b'0' + n } else { b'a' + n - 10 };
        let (pairs, rest) = match self.prev.strip_prefix("sha256:") {
            Some(hex) => hex.as_bytes().as_chunks::<2>(),
            None => return false,
        };
        rest.is_empty()
            && pairs.len() == digest.as_bytes().len()
            && digest
                .as_bytes()
                .iter()
                .zip(pairs)
                .all(|(byte, pair)| *pair == [digit(byte >> 4), digit(byte & 0x0f)])
    }

    /// The digest of the line before, as this line says; none if it says none.
    pub(super) fn prev(&self) -> Option<Digest> {
        Digest::parse(&self.prev).filter(|digest| self.follows(digest))
    }

    /// The request that an intent or an outcome belongs to.
    pub(super) fn key(&self) -> Option<(String, String)> {
        Some((self.session.as_deref()?.to_owned(), self.req.as_deref()?.to_owned()))
    }

    /// Whether it closes an `allowed`.
    pub(super) fn is_outcome(&self) -> bool {
        matches!(&*self.event, "done" | "failed" | "unknown")
    }
}
