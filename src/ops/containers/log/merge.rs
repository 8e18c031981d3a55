//! Logs of several containers as one: by the moments of their lines, with one limit for all. Only
//! what can still be shown is kept, however many logs there are.

use std::sync::Arc;

use super::page::{Page, Placed, Shape, Summary};
use super::scan::{Found, Reach};

/// Takes in one log after the other.
#[derive(Debug)]
pub(in crate::ops) struct Merge {
    shape: Shape,
    /// By their moments; those of the same moment as they came.
    lines: Vec<Placed>,
    sum: Summary,
}

impl Merge {
    /// Of no log yet.
    pub(in crate::ops) const fn new(shape: Shape) -> Self {
        let reach = Reach::All;
        let sum = Summary { searched: 0, bytes: 0, hits: 0, reach, limited: false, overlong: 0 };
        Self { shape, lines: Vec::new(), sum }
    }

    /// Takes in a log. Each of its lines will say whose it is; that text is sanitised.
    pub(in crate::ops) fn add(&mut self, whose: &str, found: Found) {
        let Summary { searched, bytes, hits, reach, limited, overlong } = Summary::of(&found);
        let sum = &mut self.sum;
        sum.searched += searched;
        sum.bytes += bytes;
        sum.hits += hits;
        sum.reach = worse(sum.reach, reach);
        sum.limited |= limited;
        sum.overlong += overlong;
        let whose: Arc<str> = whose.into();
        let mut moment = None;
        self.lines.extend(found.lines.into_iter().map(|kept| {
            // A line without a readable moment stays behind the one before it.
            moment = kept.at.or(moment);
            Placed { group: 0, at: moment, whose: Some(Arc::clone(&whose)), kept }
        }));
        self.lines.sort_by_key(|line| line.at);
        self.trim();
    }

    /// Lets those lines go that are too old to be shown.
    fn trim(&mut self) {
        let tail = usize::try_from(self.shape.tail).unwrap_or(usize::MAX);
        let (mut bytes, mut keep) = (0, 0);
        for line in self.lines.iter().rev().take(tail) {
            bytes += line.kept.bytes.len();
            if bytes > self.shape.lines_bytes_max() && keep > 0 {
                break;
            }
            keep += 1;
        }
        self.lines.drain(..self.lines.len() - keep);
    }

    /// The page of all logs. `missing` says of which there is none, and why.
    pub(in crate::ops) fn page(self, title: &str, missing: Option<&str>, nonce: &str) -> Page {
        let mut page = Page::of(title, &self.lines, &self.sum, self.shape, nonce);
        if let Some(missing) = missing {
            page.add(missing);
        }
        page
    }
}

/// What is so of two logs if this is so of each.
const fn worse(one: Reach, other: Reach) -> Reach {
    match (one, other) {
        (Reach::Oldest, _) | (_, Reach::Oldest) => Reach::Oldest,
        (Reach::Newest, _) | (_, Reach::Newest) => Reach::Newest,
        (Reach::All, Reach::All) => Reach::All,
    }
}
