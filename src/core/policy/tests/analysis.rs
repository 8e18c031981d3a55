//! Tables of what is said of rules without a request.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use super::random::{policy, request, sealed};
use super::reference::Request;
use super::support::{fits, rule, vocabulary};
use crate::core::plan::Target;
use crate::core::policy::{Match, Policy, Rule, never_matches, operations_of, shadowed_by};

#[test]
fn operations_by_what_is_declared() {
    for (text, expected) in [
        ("deny op = ping", "ping read"),
        ("deny op = stop", "stop mutate+destroy"),
        ("deny toolset = core", "ping read, run escalate"),
        ("deny kind = unit, class = read", "list read"),
        ("deny class = mutate", "stop mutate+destroy, rename mutate, attach mutate+destroy"),
        ("allow class = mutate", "stop mutate, rename mutate, attach mutate"),
        ("deny class = destroy", "stop destroy, attach destroy, remove destroy"),
        ("allow class = destroy, op = rename", ""),
        ("confirm toolset = core", "run escalate"),
        ("approve op = ping", ""),
        ("deny label.env = prod, class = read", "list read"),
        ("deny name = web*, toolset = core", ""),
        ("deny label.env = prod, toolset = core", ""),
        ("deny arg.force = true", "remove destroy"),
        ("deny arg.force = maybe", ""),
        (
            "deny id = 0123abcd",
            "list read, show sensitive, stop mutate+destroy, \
            rename mutate, attach mutate+destroy, remove destroy",
        ),
        ("deny kind = link", "attach mutate+destroy"),
        ("deny kind = unit, class = mutate unless kind = unit", ""),
        ("deny class = mutate unless kind = unit", "attach mutate+destroy"),
        ("deny kind = link, driver = a", "attach mutate+destroy"),
        ("deny kind = link, privileged = true", ""),
        ("deny driver = local, privileged = true", ""),
        ("deny op = attach, kind = link unless kind = link", ""),
        ("deny driver = local", "attach mutate+destroy"),
        ("deny id = 0123abcdef", ""),
        ("deny privileged = yes", ""),
        ("deny privileged = t*, class = read", "list read"),
        ("deny client = x, op = ping", "ping read"),
        ("deny class = mutate unless op = stop", "rename mutate, attach mutate+destroy"),
        ("deny class = mutate unless class = mutate", "stop destroy, attach destroy"),
        ("allow class = mutate | destroy unless class = mutate", "remove destroy"),
        ("deny op = stop unless name = web", "stop mutate+destroy"),
        ("deny op = ping unless name = web", "ping read"),
    ] {
        assert_eq!(fits(text), expected, "{text}");
    }
}

#[test]
fn a_rule_that_never_matches_is_explained() {
    for (text, why) in [
        ("deny op = nothing", "no operation fits `op = \"nothing\"`"),
        (
            "deny op = ping, label.env = prod",
            "no operation fits `op = \"ping\"` and `label.env = \"prod\"` together",
        ),
        ("deny class = read, op = stop, arg.x = 1", "no operation fits `arg.x = \"1\"`"),
        (
            "allow class = destroy, op = rename",
            "no operation fits `class = \"destroy\"` and `op = \"rename\"` together \
             (`allow` goes by the effective class)",
        ),
        (
            "confirm class = read",
            "every operation that fits is a read, and `confirm` says nothing of reads",
        ),
        (
            "approve op = ping | list",
            "every operation that fits is a read, and `approve` says nothing of reads",
        ),
        (
            "deny op = stop unless toolset = units",
            "`unless` holds for every operation that `match` fits",
        ),
        (
            "deny name = web-* unless name = web*",
            "`unless` holds for every request that `match` fits",
        ),
        (
            "deny name = web-a | web-b, op = stop unless name = web*, kind = unit",
            "`unless` holds for every request that `match` fits",
        ),
        ("deny privileged = yes", "no operation fits `privileged = \"yes\"`"),
        ("deny name = a b", "no operation fits `name = \"a b\"`"),
    ] {
        assert_eq!(never_matches(&rule(text), vocabulary()).as_deref(), Some(why), "{text}");
    }
    for text in [
        "deny",
        "allow",
        "confirm class = mutate | read",
        "deny name = web* unless name = web-*",
        "deny name = web* | db unless name = web*",
        "deny name = web unless name = web, label.env = dev",
        "deny name = web unless name = web, toolset = core",
        "deny op = remove, arg.tags = a unless arg.tags = a",
        "deny class = destroy unless class = mutate",
        "deny op = attach unless kind = link | unit",
    ] {
        assert_eq!(never_matches(&rule(text), vocabulary()), None, "{text}");
    }
}

#[test]
fn windows_may_leave_nothing() {
    for (windows, never) in [
        ("outside = 00:00-24:00", true),
        ("inside = 09:00-17:00, outside = 09:00-17:00", true),
        ("inside = 09:00-17:00, outside = 08:00-18:00", true),
        ("inside = 09:00-17:00, outside = 09:00-16:59", false),
        ("inside = 09:00-17:00, outside = 09:01-17:00", false),
        ("inside = 22:00-06:00, outside = 21:00-06:00", true),
        ("inside = 22:00-06:00, outside = 00:00-06:00", false),
        ("inside = 00:00-24:00", false),
        ("days = sun", false),
    ] {
        let text = format!("deny op = stop when zone = Europe/Berlin, {windows}");
        assert_eq!(never_matches(&rule(&text), vocabulary()).is_some(), never, "{windows}");
    }
}

fn is_shadowed(one: &Rule, other: &Rule) -> bool {
    shadowed_by(one, [other].into_iter(), vocabulary()).is_some()
}

#[test]
fn a_stricter_rule_may_cover_another() {
    for (one, other, shadowed) in [
        ("allow op = stop", "deny op = stop", true),
        ("allow op = stop", "allow op = stop", false),
        ("deny op = stop", "approve op = stop", false),
        ("allow op = stop | rename", "deny op = stop", false),
        ("allow op = stop", "deny class = mutate", true),
        ("allow op = remove", "deny class = mutate", false),
        ("allow class = destroy", "deny class = mutate", false),
        ("allow class = destroy, op = stop", "deny class = mutate", true),
        ("confirm class = mutate", "deny class = mutate | destroy", true),
        ("confirm class = mutate", "deny class = destroy", false),
        ("allow class = read", "confirm", false),
        ("allow class = sensitive", "confirm", true),
        ("confirm op = stop takes accept = tty", "approve op = stop", true),
        ("confirm op = stop takes accept = tty+hardware", "approve op = stop", true),
        ("confirm op = stop takes accept = hardware", "approve op = stop", false),
        ("confirm op = stop takes accept = hardware", "deny op = stop", true),
        (
            "confirm op = stop takes accept = hardware",
            "approve op = stop takes accept = hardware",
            true,
        ),
        ("approve op = stop takes by = alice", "deny op = stop", true),
        ("approve op = stop takes by = alice", "approve op = stop", false),
        ("allow", "confirm", false),
        ("allow label.env = prod", "deny label.env = p*", true),
        ("allow label.env = p*", "deny label.env = prod", false),
        ("allow label.env = a | b", "deny label.env = b | a | c", true),
        ("allow label.env = a", "deny label.env = a, name = web", false),
        ("allow label.env = a, name = web", "deny label.env = a", true),
        ("allow op = stop", "deny op = stop unless name = web", false),
        ("allow op = stop unless name = web", "deny op = stop unless name = web", true),
        ("allow op = stop unless name = web*", "deny op = stop unless name = web", true),
        ("allow op = stop unless name = web", "deny op = stop unless name = web*", false),
        ("allow op = stop, name = db", "deny op = stop unless name = web*", true),
        ("allow op = stop, name = *b", "deny op = stop unless name = web*", false),
        ("allow op = stop", "deny unless toolset = core", true),
        ("allow op = stop", "deny unless toolset = core, name = web", true),
        ("allow op = stop", "deny unless toolset = units, name = web", false),
        ("allow op = stop unless name = w", "deny unless name = w, label.env = dev", true),
        ("allow op = stop unless name = w, label.env = dev", "deny unless name = w", false),
        ("allow class = destroy, op = stop", "deny op = stop unless class = mutate", true),
        ("allow op = stop", "deny op = stop unless class = destroy", false),
        ("allow op = stop unless class = mutate", "deny op = stop unless class = destroy", true),
        ("deny client = a", "deny client = a", false),
        ("confirm client = a*", "deny client = *", true),
        // What acts on several kinds may also be asked to act on nothing, which has no kind.
        ("allow op = attach", "confirm kind = link | unit", false),
        ("allow op = stop", "confirm kind = link | unit", true),
        ("allow op = attach, kind = link", "confirm kind = link | unit", true),
        ("allow op = attach, kind = link", "confirm kind = unit", false),
    ] {
        assert_eq!(is_shadowed(&rule(one), &rule(other)), shadowed, "{one} / {other}");
    }
}

#[test]
fn a_rule_that_holds_at_times_covers_only_its_like() {
    let (day, night) = ("inside = 09:00-17:00", "outside = 09:00-17:00");
    for (one, other, shadowed) in [
        (Some(day), None, true),
        (Some(day), Some(day), true),
        (Some(day), Some(night), false),
        (None, Some(day), false),
    ] {
        let rule = |effect: &str, window: Option<&str>| {
            let when = window.map(|window| format!(" when zone = UTC, {window}"));
            rule(&format!("{effect} op = stop{}", when.unwrap_or_default()))
        };
        assert_eq!(is_shadowed(&rule("allow", one), &rule("deny", other)), shadowed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// No alarm about a rule that matters: what is said to match nothing matches nothing, what is
    /// said to be shadowed changes no verdict, and what is matched is said to be.
    #[test]
    fn there_are_no_false_alarms(
        drafts in policy(6),
        requests in vec(request(100), 40),
        number in any::<Index>(),
    ) {
        let whole = sealed(&drafts);
        let Some(rule) = (!drafts.is_empty()).then(|| number.get(whole.rules())) else {
            return Ok(());
        };
        let mut others = whole.rules().to_vec();
        others.retain(|other| other.id != rule.id);
        let shadow = shadowed_by(rule, others.iter(), vocabulary());
        // Where a project's rule shadows one, that one may still be what permits at all.
        let shadowed = shadow.is_some_and(|shadow| shadow.level.is_trusted());
        let never = never_matches(rule, vocabulary()).is_some();
        let (without, alone) = (Policy::new(others.clone()), Policy::new(vec![rule.clone()]));
        for asked in requests.iter().filter(|asked| is_looked_up(asked)) {
            let history = asked.history();
            let query = asked.query(history.as_ref());
            let decide = |policy: &Policy| policy.decide(&query).effect();
            if shadowed || never {
                prop_assert_eq!(decide(&whole), decide(&without), "{:?} {:?}", rule.id, asked);
            }
            let matched = alone.account(&query).iter().flatten().any(|part| part.stands != Match::Cannot);
            let told = operations_of(rule, vocabulary()).iter().any(|(known, classes)| {
                known.spec.name == asked.known.spec.name && classes.contains(asked.class.unwrap())
            });
            prop_assert!(!matched || (told && !never), "{:?} {:?}", rule.id, asked);
        }
    }
}

/// Whether its arguments are such as the operation has, and nobody failed to look anything up.
fn is_looked_up(request: &Request) -> bool {
    let mut targets = request.targets.iter().flatten();
    let complete = |target: &Target| {
        ["image", "privileged"].iter().all(|name| target.attributes.contains_key(*name))
    };
    let arguments = request.arguments.iter().flatten();
    let mut arguments = arguments.map(|(name, value)| (&request.known.arguments[name], value));
    targets.all(complete)
        && arguments.all(|(argument, value)| match value {
            Value::Array(_) | Value::Object(_) => argument.many,
            Value::String(text) => argument.possible.as_ref().is_none_or(|all| all.contains(text)),
            _ => true,
        })
}
