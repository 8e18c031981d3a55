//! `[[rule]]`: what a rule says, and whether it says anything.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use toml::de::DeTable;

use super::conditions::{self, Within, Written, leaves};
use super::document::{Document, Problems, Span};
use super::found::{SYSTEM_FILE, USER_FILE};
use super::table::{Keys, list, meant};
use super::{forms, schedule, takes};
use crate::core::operation::Class;
use crate::core::policy::{
    BUILTIN_PREFIX, Effect, Key, Known, Level, NO_MATCH, Rule, Vocabulary, never_matches,
    operations_of, shadowed_by,
};
use crate::core::text;

/// Rules of one file, at most.
pub(super) const RULES_MAX: usize = 10_000;

/// The longest id of a rule.
const ID_CHARS_MAX: usize = 64;

/// The longest reason, in characters.
const REASON_CHARS_MAX: usize = 300;

/// How long shadows are looked for: some tenths of a second. Only a file that is made to take longer
/// does.
const SHADOW_STEPS_MAX: usize = 50_000_000;

/// The keys of a rule.
const KEYS: [&str; 8] = ["id", "effect", "match", "unless", "when", "reason", "confirm", "approve"];

/// What there is beside the rule's own table.
#[derive(Clone, Copy)]
struct Scope<'a> {
    level: Level,
    document: &'a Document,
    vocabulary: &'a Vocabulary,
}

/// The rules of a file, each with the place of its id.
pub(super) fn read(
    top: &mut Keys<'_, '_>,
    level: Level,
    document: &Document,
    vocabulary: &Vocabulary,
) -> Vec<(Rule, Span)> {
    let scope = Scope { level, document, vocabulary };
    let tables = top.tables("rule", RULES_MAX);
    let problems = top.problems();
    let mut seen: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    let mut rules = Vec::new();
    for (span, table) in tables {
        let mut keys = Keys::new("`[[rule]]`", table, span, &KEYS, problems);
        let id = id(&mut keys);
        if let Some((id, span)) = &id {
            let line = document.place(span).line;
            let first = *seen.entry(Arc::clone(id)).or_insert(line);
            if first != line {
                keys.problems().add(span, || {
                    format!(
                        "The id `{id}` is also that of the rule in line {first}. Ids are unique: \
                         rename one of the two."
                    )
                });
            }
        }
        rules.extend(scope.rule(&mut keys, id));
    }
    scope.shadows(&rules, problems);
    rules
}

fn id(keys: &mut Keys<'_, '_>) -> Option<(Arc<str>, Span)> {
    if keys.get("id").is_none() {
        keys.missing(
            "id",
            "Name it, such as id = \"prod-asks\": it is what decisions are told by.",
        );
    }
    let id = keys.text("id")?;
    let shown = text::name(&id.text);
    let why = if !is_id(&id.text) {
        format!(
            "`{shown}` is no id. It is of lower-case letters, digits, `-`, `_` and `.`, and has 1 \
             to {ID_CHARS_MAX} characters."
        )
    } else if *id.text == *NO_MATCH || id.text.starts_with(BUILTIN_PREFIX) {
        format!(
            "The id `{shown}` is not free: `{NO_MATCH}` and what begins with `{BUILTIN_PREFIX}` are \
             the program's own. Take another."
        )
    } else {
        return Some((id.text.into(), id.span));
    };
    keys.problems().add(&id.span, || why);
    None
}

/// Whether a text has the form of an id.
pub(super) fn is_id(text: &str) -> bool {
    let fits =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    (1..=ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(fits)
}

/// The effect that a key names.
pub(super) fn effect(keys: &mut Keys<'_, '_>, key: &str) -> Option<(Effect, Span)> {
    let names = Effect::ALL.map(Effect::as_str);
    if keys.get(key).is_none() {
        keys.missing(key, &format!("It is one of {}.", list(&names)));
    }
    let found = keys.text(key)?;
    let effect = Effect::ALL.into_iter().find(|effect| effect.as_str() == found.text);
    if effect.is_none() {
        keys.problems().add(&found.span, || {
            let meant = meant(&found.text, names);
            let shown = text::name(&found.text);
            format!("`{key}` is `{shown}`.{meant} It is one of {}.", list(&names))
        });
    }
    effect.map(|effect| (effect, found.span))
}

fn reason(keys: &mut Keys<'_, '_>) -> Option<Arc<str>> {
    let reason = keys.text("reason")?;
    let count = reason.text.chars().count();
    if !(1..=REASON_CHARS_MAX).contains(&count) {
        keys.problems().add(&reason.span, || {
            format!("`reason` has {count} characters; it can have 1 to {REASON_CHARS_MAX}.")
        });
    }
    Some(text::line(&reason.text, REASON_CHARS_MAX).into())
}

impl Scope<'_> {
    /// One rule; none if anything about it is wrong, which is noted.
    fn rule(self, keys: &mut Keys<'_, '_>, id: Option<(Arc<str>, Span)>) -> Option<(Rule, Span)> {
        let before = keys.problems().count();
        let effect = effect(keys, "effect");
        if let Some((Effect::Allow, span)) = &effect
            && self.level == Level::Project
        {
            keys.problems().add(span, || {
                format!(
                    "A project's rule that allows would permit nothing: a project's file only \
                     restricts what others permit. Put the rule into {USER_FILE} or {SYSTEM_FILE}."
                )
            });
        }
        let reason = reason(keys);
        let effect = effect.map(|(effect, _)| effect);
        let takes = takes::read(keys, effect);
        let matches = self.matches(keys, effect);
        let unless = self.unless(keys);
        let written = |list: &[Written]| list.iter().map(|one| one.condition.clone()).collect();
        // Where the effect or `match` is wrong, `when` is read all the same, for what is wrong in it.
        let asked = matches.as_ref().map_or_else(Vec::new, |(_, matches)| written(matches));
        let mut rule = Rule::new("", effect.unwrap_or(Effect::Deny), self.level, asked);
        let declared = declared(&rule);
        rule.when = schedule::read(keys, rule.effect, &declared, self.vocabulary);
        let (_, (id, id_span), (span, matches), unless) = (effect?, id?, matches?, unless?);
        rule.id = Arc::clone(&id);
        rule.reason = reason;
        rule.takes = takes;
        rule.place = Some(self.document.place(&id_span));
        let operations = operations_of(&declared, self.vocabulary);
        let operations: Vec<&Known> = operations.into_iter().map(|(known, _)| known).collect();
        if !operations.is_empty() {
            for one in matches.iter().chain(&unless) {
                forms::check(one, &operations, self.vocabulary.operations(), keys.problems());
            }
        }
        rule.unless = written(&unless);
        if keys.problems().count() > before {
            return None;
        }
        if let Some(why) = never_matches(&rule, self.vocabulary) {
            keys.problems().add(&span, || {
                format!("The rule `{id}` can never match: {why}. Mend it or remove it.")
            });
            return None;
        }
        Some((rule, id_span))
    }

    fn matches(
        self,
        keys: &mut Keys<'_, '_>,
        effect: Option<Effect>,
    ) -> Option<(Span, Vec<Written>)> {
        if keys.get("match").is_none() {
            keys.missing("match", EMPTY_MATCH);
        }
        let (span, table) = keys.table("match")?;
        if table.is_empty() {
            keys.problems().add(&span, || format!("`match` is empty. {EMPTY_MATCH}"));
            return None;
        }
        let before = keys.problems().count();
        let written = self.conditions(Within::Match, table, keys.problems());
        for one in &written {
            note_for_effect(one, effect, keys.problems());
        }
        (keys.problems().count() == before).then_some((span, written))
    }

    /// The exceptions; empty where there are none.
    fn unless(self, keys: &mut Keys<'_, '_>) -> Option<Vec<Written>> {
        if keys.get("unless").is_none() {
            return Some(Vec::new());
        }
        let (span, table) = keys.table("unless")?;
        if table.is_empty() {
            keys.problems().add(&span, || {
                "`unless` is empty and excepts nothing. Leave it out, or say what is excepted."
                    .to_owned()
            });
            return None;
        }
        let before = keys.problems().count();
        let written = self.conditions(Within::Unless, table, keys.problems());
        for one in written.iter().filter(|one| one.condition.key == Key::Client) {
            keys.problems().add(&one.key, || {
                "`client` may not stand in `unless`: it is what the client calls itself, and \
                 whoever takes that name would be excepted. Use it in the `match` of a rule that \
                 restricts."
                    .to_owned()
            });
        }
        (keys.problems().count() == before).then_some(written)
    }

    fn conditions(
        self,
        within: Within,
        table: &DeTable<'_>,
        problems: &mut Problems,
    ) -> Vec<Written> {
        let mut written = Vec::new();
        for leaf in leaves(table, problems) {
            match conditions::key(&leaf.name, within, self.vocabulary) {
                Ok(key) => written.extend(conditions::read(&leaf, key, self.vocabulary, problems)),
                Err(why) => problems.add(&leaf.key, || why),
            }
        }
        written
    }

    /// Notes each rule that a single stricter one of the same file leaves nothing to say.
    fn shadows(self, rules: &[(Rule, Span)], problems: &mut Problems) {
        let mut strict: Vec<(&Rule, Size)> =
            rules.iter().map(|(rule, _)| (rule, Size::of(rule))).collect();
        strict.sort_by_key(|(rule, _)| Reverse(rule.effect));
        let mut steps = 0;
        for (rule, span) in rules {
            let size = Size::of(rule);
            let stricter = strict.partition_point(|(other, _)| other.effect > rule.effect);
            let near = strict.iter().take(stricter).take_while(|(_, other)| {
                steps += other.steps_to_cover(size);
                steps <= SHADOW_STEPS_MAX
            });
            let others = near.map(|(other, _)| *other);
            if let Some(other) = shadowed_by(rule, others, self.vocabulary) {
                let line = other.place.as_ref().map_or(0, |place| place.line);
                problems.add(span, || {
                    format!(
                        "The rule `{}` never decides: `{}` in line {line} always matches with it, \
                         and `{}` is stricter. Remove one of the two, or say `unless` there.",
                        rule.id,
                        other.id,
                        other.effect.as_str()
                    )
                });
            }
        }
    }
}

/// How much there is to compare of a rule with others.
#[derive(Clone, Copy)]
struct Size {
    globs: usize,
    /// The characters of all of them.
    chars: usize,
    /// The characters of those that match more than one text.
    wide: usize,
}

impl Size {
    fn of(rule: &Rule) -> Self {
        let mut size = Self { globs: 0, chars: 0, wide: 0 };
        for glob in rule.matches.iter().flat_map(|condition| &condition.any) {
            let chars = glob.pieces().len();
            size.globs += 1;
            size.chars += chars;
            size.wide += if glob.as_literal().is_none() { chars } else { 0 };
        }
        size
    }

    /// About how much it takes to see whether every glob of the other one is covered.
    const fn steps_to_cover(self, other: Self) -> usize {
        self.globs * other.globs + self.wide * other.chars / 8
    }
}

/// The mend for a rule that is about nothing.
const EMPTY_MATCH: &str = "Say what the rule is about, such as match = { class = \"destroy\" }; for \
                           everything, name every class.";

/// A rule with what `match` says of operations only.
fn declared(rule: &Rule) -> Rule {
    let mut declared = rule.clone();
    declared.matches.retain(|condition| condition.key.is_declared());
    declared
}

/// Notes what a rule of this effect may not ask in `match`.
fn note_for_effect(written: &Written, effect: Option<Effect>, problems: &mut Problems) {
    let key = &written.condition.key;
    match effect {
        Some(Effect::Allow) if *key == Key::Client => problems.add(&written.key, || {
            "`client` does not go with `allow`: it is what the client calls itself, and whoever \
             takes that name would be allowed. Use it in a rule that restricts."
                .to_owned()
        }),
        Some(effect @ (Effect::Confirm | Effect::Approve)) if *key == Key::Class => {
            let values = written.condition.any.iter().zip(&written.values);
            for (_, span) in values.filter(|(glob, _)| glob.matches(Class::Read.as_str())) {
                problems.add(span, || {
                    format!(
                        "`{}` says nothing of the class `read`: a read shows nothing that would \
                         have to be confirmed. Take it out, or deny it.",
                        effect.as_str()
                    )
                });
            }
        }
        _ => {}
    }
}
