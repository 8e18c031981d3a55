//! What a request may name under a key so that some conditions hold and others do not: a text that
//! some globs match and others do not. A likely one is tried first; then every text is, by walking
//! the globs in step, so that none is overlooked.

use std::collections::{BTreeSet, VecDeque};

use super::{Budget, Spent};
use crate::core::operation::{Form, Kind};
use crate::core::policy::condition::Condition;
use crate::core::policy::values::Texts;
use crate::core::policy::{Glob, Key, Known, Match, Piece};

/// How a condition has to stand, so that something else holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Need(&'static [Match]);

impl Need {
    pub(super) const CANNOT: Self = Self(&[Match::Cannot]);
    pub(super) const NOT_SURE: Self = Self(&[Match::Cannot, Match::May]);
    pub(super) const POSSIBLE: Self = Self(&[Match::May, Match::Matches]);
    pub(super) const SURE: Self = Self(&[Match::Matches]);

    pub(super) fn admits(self, stands: Match) -> bool {
        self.0.contains(&stands)
    }
}

/// What requests of one operation can name under a key.
#[derive(Clone, Debug)]
pub(super) struct Domain<'v> {
    form: Form,
    /// All that it can be, where that is a short list.
    possible: Option<&'v [String]>,
    absent: bool,
    unknown: bool,
    many: bool,
}

impl<'v> Domain<'v> {
    /// What it can be with a target or without one.
    pub(super) fn of(key: &Key, known: &'v Known, kind: Option<&'static Kind>) -> Self {
        let text = |form| Self { form, possible: None, absent: false, unknown: false, many: false };
        let none = || Self { possible: Some(&[]), absent: true, ..text(Form::Text) };
        let (argument, attribute) = match key {
            Key::Argument(name) => (known.arguments.get(name), None),
            Key::Attribute(name) => (None, kind.and_then(|kind| kind.attribute(name))),
            _ => (None, None),
        };
        match (key, kind) {
            (Key::Client, _) => Self { absent: true, ..text(Form::Text) },
            (Key::Name, Some(kind)) => text(kind.names),
            (Key::Id, Some(kind)) => text(kind.ids),
            (Key::Engine, Some(_)) => text(Form::Text),
            _ => match (argument, attribute) {
                (Some(argument), _) => Self {
                    possible: argument.possible.as_deref(),
                    absent: !argument.required && argument.default.is_none(),
                    many: argument.many,
                    ..text(Form::Text)
                },
                (_, Some(found)) => {
                    Self { absent: !found.always, unknown: found.always, ..text(found.form) }
                }
                _ => none(),
            },
        }
    }

    /// Something to which every condition stands as needed, if there is such a thing.
    pub(super) fn find(
        &self,
        needs: &[(&Condition, Need)],
        budget: &mut Budget,
    ) -> Result<Option<Texts<'static>>, Spent> {
        let all = |stands| needs.iter().all(|(_, need)| need.admits(stands));
        if self.absent && all(Match::Cannot) {
            return Ok(Some(Texts::None));
        }
        let found = if self.many { self.several(needs, budget)? } else { self.one(needs, budget)? };
        let empty = || (self.many && all(Match::Cannot)).then(|| Texts::Many(Vec::new()));
        let unknown = || (self.unknown && all(Match::May)).then_some(Texts::Unknown);
        Ok(found.or_else(empty).or_else(unknown))
    }

    fn one(
        &self,
        needs: &[(&Condition, Need)],
        budget: &mut Budget,
    ) -> Result<Option<Texts<'static>>, Spent> {
        let mut wanted = Wanted::default();
        for (condition, need) in needs {
            wanted.add(condition, need.admits(Match::Matches), need.admits(Match::Cannot));
        }
        Ok(self.text(&wanted, budget)?.map(|text| Texts::one(text.into())))
    }

    /// A list: some conditions say of all its elements whether they match, each of the others that
    /// there is one that does or does not.
    fn several(
        &self,
        needs: &[(&Condition, Need)],
        budget: &mut Budget,
    ) -> Result<Option<Texts<'static>>, Spent> {
        let mut each = Wanted::default();
        for (condition, need) in needs.iter().filter(|(_, need)| !need.admits(Match::May)) {
            each.add(condition, need.admits(Match::Matches), need.admits(Match::Cannot));
        }
        let mut elements = Vec::new();
        for (condition, need) in needs.iter().filter(|(_, need)| need.admits(Match::May)) {
            let mut some = each.clone();
            some.add(condition, need.admits(Match::Matches), need.admits(Match::Cannot));
            let Some(text) = self.text(&some, budget)? else { return Ok(None) };
            elements.push(text.into());
        }
        if elements.is_empty() {
            let Some(text) = self.text(&each, budget)? else { return Ok(None) };
            elements.push(text.into());
        }
        Ok(Some(Texts::Many(elements)))
    }

    fn text(&self, wanted: &Wanted<'_>, budget: &mut Budget) -> Result<Option<String>, Spent> {
        let flags = ["false".to_owned(), "true".to_owned()];
        let few = match self.form {
            Form::Flag => Some(flags.as_slice()),
            _ => self.possible,
        };
        budget.spend(wanted.miss.len() + wanted.hit.len())?;
        if let Some(few) = few {
            return Ok(few.iter().find(|text| wanted.fits(text)).cloned());
        }
        let literals = |any: &&&[Glob]| any.iter().all(|glob| glob.as_literal().is_some());
        if let Some(any) = wanted.hit.iter().find(literals) {
            budget.spend(any.len() * wanted.miss.len())?;
            let mut texts = any.iter().filter_map(Glob::as_literal);
            let found = texts.find(|text| is_of(text, self.form) && wanted.fits(text));
            return Ok(found.map(str::to_owned));
        }
        let covered =
            |any: &&[Glob]| any.iter().all(|glob| wanted.miss.iter().any(|m| m.covers(glob)));
        if wanted.hit.iter().any(covered) {
            return Ok(None);
        }
        let letters = Letters::of(wanted, self.form);
        let likely = letters.likely(wanted, self.form);
        budget.spend(likely.len() * wanted.miss.len())?;
        let fits = |text: &String| is_of(text, self.form) && wanted.fits(text);
        match likely.into_iter().find(fits) {
            Some(text) => Ok(Some(text)),
            None => walk(wanted, self.form, &letters.all, budget),
        }
    }
}

/// What is wanted of a text.
#[derive(Clone, Debug, Default)]
struct Wanted<'g> {
    /// Of each of these, one glob matches.
    hit: Vec<&'g [Glob]>,
    /// None of these matches.
    miss: Vec<&'g Glob>,
}

impl<'g> Wanted<'g> {
    fn add(&mut self, condition: &'g Condition, may_hit: bool, may_miss: bool) {
        match (may_hit, may_miss) {
            (true, false) => self.hit.push(&condition.any),
            (false, true) => self.miss.extend(&condition.any),
            _ => {}
        }
    }

    fn fits(&self, text: &str) -> bool {
        self.hit.iter().all(|any| any.iter().any(|glob| glob.matches(text)))
            && !self.miss.iter().any(|glob| glob.matches(text))
    }

    fn globs(&self) -> impl Iterator<Item = &'g Glob> {
        self.hit.iter().copied().flatten().chain(self.miss.iter().copied())
    }
}

fn is_of(text: &str, form: Form) -> bool {
    text.chars().all(|c| form.has(c))
        && match form {
            Form::Text => true,
            Form::Flag => ["true", "false"].contains(&text),
            // An engine may leave a name out.
            Form::Word { .. } => true,
            Form::Hex(digits) => text.len() == digits,
        }
}

/// The characters that make a difference: those that stand in globs, and one for all others.
struct Letters {
    all: Vec<char>,
    other: Option<char>,
}

impl Letters {
    fn of(wanted: &Wanted<'_>, form: Form) -> Self {
        let pieces = wanted.globs().flat_map(Glob::pieces);
        let named: BTreeSet<char> = pieces
            .filter_map(|piece| match piece {
                Piece::Char(c) if form.has(*c) => Some(*c),
                _ => None,
            })
            .collect();
        let last = if form == Form::Text { char::MAX } else { '~' };
        let mut plain = ('a'..='z').rev().chain('0'..='9').chain('A'..='Z').chain('!'..=last);
        let other = plain.find(|c| form.has(*c) && !named.contains(c));
        Self { all: other.into_iter().chain(named).collect(), other }
    }

    /// Texts that are likely to do and to be understood.
    fn likely(&self, wanted: &Wanted<'_>, form: Form) -> Vec<String> {
        let mut texts = vec!["example".to_owned()];
        for letter in ['x', '0'].into_iter().chain(self.other) {
            let digits = match form {
                Form::Hex(digits) => digits,
                _ => 1,
            };
            texts.push(String::from(letter).repeat(digits));
            for glob in wanted.hit.iter().copied().flatten() {
                let least = glob.pieces().iter().filter(|t| **t != Piece::Many).count();
                texts.push(fill(glob, letter, 0));
                texts.push(fill(glob, letter, digits.saturating_sub(least).max(1)));
            }
        }
        texts
    }
}

/// A text that the glob matches: its first `*` stands for `many` letters, the others for none.
fn fill(glob: &Glob, letter: char, mut many: usize) -> String {
    let mut text = String::new();
    for piece in glob.pieces() {
        match piece {
            Piece::Char(c) => text.push(*c),
            Piece::One => text.push(letter),
            Piece::Many => text.extend(std::iter::repeat_n(letter, std::mem::take(&mut many))),
        }
    }
    text
}

/// Where in each glob the text that was read so far can lead.
type Places = Vec<BTreeSet<usize>>;

/// The shortest text that fits, by reading all texts at once: those that lead to the same places go
/// on as one.
fn walk(
    wanted: &Wanted<'_>,
    form: Form,
    letters: &[char],
    budget: &mut Budget,
) -> Result<Option<String>, Spent> {
    let globs: Vec<&Glob> = wanted.globs().collect();
    let start: Places = globs.iter().map(|glob| open(glob, [0].into())).collect();
    let mut seen = BTreeSet::from([(0, start.clone())]);
    let mut queue = VecDeque::from([(String::new(), start)]);
    while let Some((text, places)) = queue.pop_front() {
        if is_of(&text, form) && wanted.fits(&text) {
            return Ok(Some(text));
        }
        for letter in letters {
            budget.spend(4 * (globs.len() + places.iter().map(BTreeSet::len).sum::<usize>()))?;
            let next: Places =
                globs.iter().zip(&places).map(|(glob, at)| read(glob, at, *letter)).collect();
            let length = match form {
                Form::Hex(digits) if text.len() >= digits => continue,
                Form::Hex(_) => text.len() + 1,
                _ => 1,
            };
            if can_fit(wanted, &globs, &next) && seen.insert((length, next.clone())) {
                let mut longer = text.clone();
                longer.push(*letter);
                queue.push_back((longer, next));
            }
        }
    }
    Ok(None)
}

/// With what a `*` leads to, since it may stand for nothing.
fn open(glob: &Glob, mut places: BTreeSet<usize>) -> BTreeSet<usize> {
    let many = |place: &usize| glob.pieces().get(*place) == Some(&Piece::Many);
    let after: Vec<usize> = places.iter().filter(|place| many(place)).map(|p| p + 1).collect();
    places.extend(after);
    places
}

fn read(glob: &Glob, places: &BTreeSet<usize>, letter: char) -> BTreeSet<usize> {
    let next = places.iter().filter_map(|place| match glob.pieces().get(*place)? {
        Piece::Many => Some(*place),
        Piece::One => Some(place + 1),
        Piece::Char(c) => (*c == letter).then_some(place + 1),
    });
    open(glob, next.collect())
}

/// Whether what is missed is not certain to match already, and what is hit still can.
fn can_fit(wanted: &Wanted<'_>, globs: &[&Glob], places: &Places) -> bool {
    let mut each = globs.iter().zip(places);
    for any in &wanted.hit {
        let mut alive = false;
        for (_, places) in each.by_ref().take(any.len()) {
            alive |= !places.is_empty();
        }
        if !alive {
            return false;
        }
    }
    each.all(|(glob, places)| {
        let ends = glob.pieces().len();
        glob.pieces().last() != Some(&Piece::Many) || !places.contains(&ends)
    })
}
