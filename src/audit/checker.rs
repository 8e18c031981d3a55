//! The rules of the chain, one line after the other. Pure: it is fed lines and says what is wrong.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::core::plan::Digest;

use super::line::Head;
use super::read::Spot;
use super::verify::{OpenIntent, Problem, Report};

/// Problems that are told in full; the rest is counted.
const PROBLEMS_SHOWN: usize = 20;

/// Torn lines in a row that one `recovered` may close.
const TORN_MAX: usize = 64;

/// What a verifier was told to hold the log to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Demand {
    /// The first line must be the first ever.
    pub(super) from_start: bool,
    /// This line must be there.
    pub(super) anchor: Option<(u64, Digest)>,
}

/// A line that is no record, waiting for the `recovered` that closes it.
#[derive(Clone, Copy, Debug)]
struct Torn {
    spot: Spot,
    bytes: u64,
    digest: Digest,
}

/// How far the chain was followed.
#[derive(Clone, Debug)]
pub(super) struct Checker {
    demand: Demand,
    report: Report,
    /// The last whole line: where it stands, its number and its digest.
    last: Option<(Spot, u64, Digest)>,
    torn: Vec<Torn>,
    /// The line before, if it had no newline.
    unended: Option<(Spot, u64)>,
    open: BTreeMap<(String, String), (u64, Vec<u8>)>,
    anchored: bool,
}

impl Checker {
    /// Nothing seen yet.
    pub(super) fn new(demand: Demand) -> Self {
        let (report, open, torn) = (Report::default(), BTreeMap::new(), Vec::new());
        Self { demand, report, last: None, torn, unended: None, open, anchored: false }
    }

    /// How many problems were found so far.
    #[cfg(test)]
    pub(super) fn problems(&self) -> u64 {
        self.report.problems_total
    }

    /// Takes the next line, without its newline.
    pub(super) fn feed(&mut self, spot: Spot, raw: &[u8], digest: Digest) {
        self.report.lines += 1;
        self.report.bytes += raw.len() as u64 + u64::from(spot.ended);
        if let Some((before, _)) = self.unended.take() {
            self.problem(before, "its newline is missing".into());
        }
        let head = Head::parse(raw);
        if !spot.ended {
            self.unended = Some((spot, raw.len() as u64));
            if head.is_none() {
                return;
            }
        }
        let Some(head) = head else {
            if self.torn.len() < TORN_MAX {
                self.torn.push(Torn { spot, bytes: raw.len() as u64, digest });
            } else {
                self.problem(spot, "it is no record".into());
            }
            return;
        };
        self.link(spot, &head, raw);
        self.note(&head, raw);
        self.last = Some((spot, head.seq, digest));
        self.anchored |= self.demand.anchor == Some((head.seq, digest));
    }

    /// Holds a whole line to the one before it.
    fn link(&mut self, spot: Spot, head: &Head<'_>, raw: &[u8]) {
        let torn = std::mem::take(&mut self.torn);
        if self.report.first.is_none() {
            self.report.first = head.prev().map(|prev| (head.seq, prev));
        }
        if head.event == "recovered" {
            self.report.tears += 1;
            if !torn.is_empty() {
                return self.recovered(spot, head, raw, &torn);
            }
        }
        for piece in &torn {
            let text = "it is no record, and no `recovered` record follows that accounts for it";
            self.problem(piece.spot, text.into());
        }
        let Some((before, seq, digest)) = self.last else {
            return self.first(spot, head, torn.is_empty());
        };
        // A line that is no record may stand where one was.
        let next = seq.saturating_add(1);
        let expected = next.saturating_add(torn.len() as u64);
        if head.seq == next && torn.is_empty() {
            if !head.follows(&digest) {
                let text =
                    format!("the line after it (seq {}) was written after another", head.seq);
                self.problem(before, text);
            }
        } else if head.seq != expected && head.seq != next {
            self.problem(spot, order(head.seq, expected));
        }
    }

    /// Holds the first whole line to what a log may begin with.
    fn first(&mut self, spot: Spot, head: &Head<'_>, really: bool) {
        if !really {
            return;
        }
        let zero = head.follows(&Digest::ZERO);
        if self.demand.from_start && head.seq != 1 {
            let text = format!("the log begins with seq {}: what came before is gone", head.seq);
            self.problem(spot, text);
        } else if (head.seq == 1) != zero {
            self.problem(spot, format!("its prev does not go with its seq {}", head.seq));
        }
    }

    /// Holds a `recovered` record to the torn lines before it.
    fn recovered(&mut self, spot: Spot, head: &Head<'_>, raw: &[u8], torn: &[Torn]) {
        let (seq, digest) = self.last.map_or((0, Digest::ZERO), |(_, seq, digest)| (seq, digest));
        let mut chain: Vec<Digest> = vec![digest];
        chain.extend(torn.iter().map(|piece| piece.digest));
        let follows = chain.pop().is_some_and(|prev| head.follows(&prev));
        let bytes = torn.iter().map(|piece| piece.bytes).sum::<u64>() + torn.len() as u64 - 1;
        let said: Value = serde_json::from_slice(raw).unwrap_or_default();
        let after: Vec<Option<Digest>> = match said.get("after") {
            Some(Value::Array(list)) => {
                list.iter().map(|d| d.as_str().and_then(Digest::parse)).collect()
            }
            _ => Vec::new(),
        };
        let covered = after.iter().copied().eq(chain.into_iter().map(Some));
        let torn_bytes = said.get("torn_bytes").and_then(Value::as_u64);
        if !follows || torn_bytes != Some(bytes) || !covered {
            let at = torn.last().map_or(spot, |piece| piece.spot);
            self.problem(at, "it, or a line before it, is not what `recovered` says".into());
        } else if head.seq != seq.saturating_add(1) {
            self.problem(spot, order(head.seq, seq.saturating_add(1)));
        }
    }

    /// Remembers which intents are open.
    fn note(&mut self, head: &Head<'_>, raw: &[u8]) {
        if head.event == "allowed" {
            if let Some(key) = head.key() {
                self.open.insert(key, (head.seq, raw.to_vec()));
            }
        } else if head.is_outcome()
            && let Some(key) = head.key()
        {
            self.open.remove(&key);
        }
    }

    /// What was found, when there are no more lines. `live` says whether a session is.
    pub(super) fn finish(mut self, live: impl Fn(&str) -> bool) -> Report {
        for piece in std::mem::take(&mut self.torn) {
            let text = "it is no record, and no `recovered` record follows that accounts for it";
            self.problem(piece.spot, text.into());
        }
        self.report.unfinished_bytes = self.unended.map(|(_, bytes)| bytes);
        self.report.last = self.last.map(|(_, seq, digest)| (seq, digest));
        if self.demand.from_start && self.report.first.is_none() {
            self.at_end("the log holds no first record".into());
        }
        if let Some((seq, digest)) = self.demand.anchor {
            self.report.anchored = Some(self.anchored);
            if !self.anchored {
                self.at_end(format!("the log does not hold the anchor {seq}:{}", hex(digest)));
            }
        }
        let mut open: Vec<OpenIntent> = self
            .open
            .into_iter()
            .map(|((session, req), (seq, raw))| {
                let in_flight = live(&session);
                OpenIntent::of(seq, session, req, in_flight, &raw)
            })
            .collect();
        open.sort_by_key(|intent| intent.seq);
        self.report.open = open;
        self.report
    }

    /// Tells what is wrong with the log as a whole, at its last record.
    fn at_end(&mut self, what: String) {
        let at = self.last.map(|(spot, _, _)| spot);
        let file = at.map(|spot| spot.day.to_string()).unwrap_or_default();
        self.report.problems_total += 1;
        self.report.problems.push(Problem { file, line: at.map_or(0, |spot| spot.line), what });
    }

    fn problem(&mut self, spot: Spot, what: String) {
        self.report.problems_total += 1;
        if self.report.problems.len() < PROBLEMS_SHOWN {
            let file = spot.day.to_string();
            self.report.problems.push(Problem { file, line: spot.line, what });
        }
    }
}

/// A digest as an anchor writes it.
pub(super) fn hex(digest: Digest) -> String {
    digest.to_string().trim_start_matches("sha256:").to_owned()
}

fn order(found: u64, expected: u64) -> String {
    if found > expected {
        let missing = found - expected;
        format!("it is seq {found} where {expected} is due: {missing} missing before it")
    } else {
        format!("it is seq {found} where {expected} is due: doubled or out of order")
    }
}
