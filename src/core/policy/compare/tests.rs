//! What a comparison is built on: no text, no list and no moment that matters is overlooked.

use jiff::civil::Weekday;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use time::{Duration, OffsetDateTime};

use super::moments::Moments;
use super::texts::{Domain, Need};
use super::{Budget, Spent};
use crate::core::operation::{Attribute, Class, Form, Kind, Spec};
use crate::core::policy::condition::Condition;
use crate::core::policy::values::Texts;
use crate::core::policy::{Argument, Glob, Key, Known, Match, Schedule, Window, Zone};

const KIND: Kind = Kind {
    name: "thing",
    names: Form::Word { upper: false, beside: "-" },
    ids: Form::Hex(3),
    attributes: &[
        Attribute { name: "label.*", form: Form::Text, always: false },
        Attribute { name: "image", form: Form::Text, always: true },
        Attribute { name: "privileged", form: Form::Flag, always: true },
    ],
};

fn known() -> Known {
    let spec = Spec { kinds: &[&KIND], class: Class::Mutate, ..Spec::read("o", "O", "O.", "t") };
    let list = Argument { many: true, ..Argument::default() };
    let few = Argument { possible: Some(vec!["a".into(), "bb".into()]), ..Argument::default() };
    let arguments = [("list".to_owned(), list), ("few".to_owned(), few)].into();
    Known { spec, arguments }
}

fn condition(key: &Key, globs: &[String]) -> Condition {
    Condition::new(key.clone(), globs.iter().map(|glob| Glob::parse(glob).unwrap()).collect())
}

fn needs() -> impl Strategy<Value = Vec<(Vec<String>, Need)>> {
    let need = select(vec![Need::SURE, Need::CANNOT, Need::CANNOT, Need::POSSIBLE, Need::NOT_SURE]);
    vec((vec("[ab*?]{0,3}", 1..=2), need), 1..=4)
}

/// What is found, having checked that it does what is needed.
fn find(key: &Key, needs: &[(Vec<String>, Need)]) -> Option<Texts<'static>> {
    let known = known();
    let conditions: Vec<(Condition, Need)> =
        needs.iter().map(|(globs, need)| (condition(key, globs), *need)).collect();
    let asked: Vec<(&Condition, Need)> =
        conditions.iter().map(|(condition, need)| (condition, *need)).collect();
    let mut budget = Budget { left: 10_000_000 };
    let found = Domain::of(key, &known, Some(&KIND)).find(&asked, &mut budget).unwrap();
    if let Some(found) = &found {
        assert!(does(found, &asked), "{found} {needs:?}");
    }
    found
}

fn does(texts: &Texts<'_>, needs: &[(&Condition, Need)]) -> bool {
    needs.iter().all(|(condition, need)| need.admits(texts.stand_to(&condition.any)))
}

/// Every text of these letters up to a length.
fn texts(letters: &[char], longest: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut last = all.clone();
    for _ in 0..longest {
        let longer =
            |text: &String| letters.iter().map(|c| format!("{text}{c}")).collect::<Vec<_>>();
        last = last.iter().flat_map(longer).collect();
        all.extend(last.clone());
    }
    all
}

fn exists(
    key: &Key,
    needs: &[(Vec<String>, Need)],
    mut all: impl Iterator<Item = Texts<'static>>,
) -> bool {
    let conditions: Vec<(Condition, Need)> =
        needs.iter().map(|(globs, need)| (condition(key, globs), *need)).collect();
    let asked: Vec<(&Condition, Need)> =
        conditions.iter().map(|(condition, need)| (condition, *need)).collect();
    all.any(|texts| does(&texts, &asked))
}

proptest! {
    #[test]
    fn a_text_is_found_if_there_is_one(needs in needs()) {
        for key in [Key::Name, Key::Engine, Key::Attribute("image".into())] {
            let all = texts(&['a', 'b', 'c'], 6).into_iter();
            let all = all.filter(|text| key != Key::Name || !text.is_empty());
            let one = exists(&key, &needs, all.map(|text| Texts::one(text.into())));
            prop_assert!(!one || find(&key, &needs).is_some(), "{:?}", key);
        }
    }

    #[test]
    fn a_text_of_few_is_found_and_no_other(needs in needs()) {
        let ids = texts(&['a', 'b', '0'], 3).into_iter().filter(|text| text.len() == 3).collect();
        let few = vec!["a".to_owned(), "bb".to_owned()];
        for (key, all, none) in [
            (Key::Id, ids, false),
            (Key::Argument("few".into()), few, true),
            (Key::Attribute("privileged".into()), vec!["true".into(), "false".into()], false),
        ] {
            let unknown = key == Key::Attribute("privileged".into());
            let beside = [none.then_some(Texts::None), unknown.then_some(Texts::Unknown)];
            let all = all.into_iter().map(|text: String| Texts::one(text.into()));
            let one = exists(&key, &needs, all.chain(beside.into_iter().flatten()));
            prop_assert_eq!(one, find(&key, &needs).is_some(), "{:?}", key);
        }
    }

    #[test]
    fn a_list_is_found_if_there_is_one(needs in needs()) {
        let key = Key::Argument("list".into());
        let all = texts(&['a', 'b', 'c'], 3);
        let three = all.iter().flat_map(|one| {
            all.iter().map(move |two| Texts::Many(vec![one.clone().into(), two.clone().into()]))
        });
        let one = all.iter().map(|one| Texts::Many(vec![one.clone().into()]));
        let found = exists(&key, &needs, three.chain(one).chain([Texts::None]));
        prop_assert!(!found || find(&key, &needs).is_some());
    }

    #[test]
    fn every_moment_has_its_like(
        drawn in vec((0..5_usize, 0..6_usize, 0..8_usize), 1..=4),
        minutes in vec(0..2 * 365 * 24 * 60_i64, 40),
    ) {
        let schedules: Vec<Schedule> = drawn.into_iter().map(schedule).collect();
        let all: Vec<&Schedule> = schedules.iter().collect();
        let since = OffsetDateTime::from_unix_timestamp(1_768_212_345).unwrap();
        let moments = Moments::of(&all, since, &mut Budget { left: 100_000_000 }).unwrap();
        for minute in minutes {
            let at = since + Duration::minutes(minute);
            let holds = all.iter().map(|schedule| schedule.holds(at) == Match::Matches);
            let needs: Vec<(usize, bool)> = holds.enumerate().collect();
            let like = moments.find(&needs);
            prop_assert!(like.is_some(), "{} {:?}", at, needs);
            let like = moments.at(like.unwrap()).unwrap();
            for (schedule, holds) in needs {
                prop_assert_eq!(all[schedule].holds(like) == Match::Matches, holds);
            }
        }
    }
}

fn schedule((zone, window, day): (usize, usize, usize)) -> Schedule {
    let zones =
        ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"];
    let windows =
        ["09:00-17:00", "22:00-06:00", "02:15-02:45", "00:00-24:00", "01:30-02:00", "12:00-12:01"];
    let days =
        [vec![Weekday::Monday], vec![Weekday::Saturday, Weekday::Sunday], vec![Weekday::Sunday]];
    let window = Window::parse(windows[window]);
    Schedule {
        zone: Zone::parse(zones[zone]).unwrap(),
        inside: window.filter(|_| day % 2 == 0),
        outside: window.filter(|_| day % 2 == 1),
        days: days.get(day / 2).cloned().unwrap_or_default(),
    }
}

#[test]
fn what_costs_too_much_is_given_up() {
    let globs: Vec<String> = (0..30).map(|n| format!("*{n}*x*{n}*")).collect();
    let key = Key::Engine;
    let conditions: Vec<Condition> =
        globs.iter().map(|glob| condition(&key, std::slice::from_ref(glob))).collect();
    let needs: Vec<(&Condition, Need)> = conditions.iter().map(|one| (one, Need::SURE)).collect();
    let known = known();
    let domain = Domain::of(&key, &known, Some(&KIND));
    assert!(matches!(domain.find(&needs, &mut Budget { left: 100_000 }), Err(Spent)));
    let one = schedule((1, 0, 0));
    let moments = |left| Moments::of(&[&one], OffsetDateTime::UNIX_EPOCH, &mut Budget { left });
    assert!(matches!(moments(5), Err(Spent)));
    assert_eq!(moments(1000).unwrap().len(), 2, "one at which it holds, one at which it does not");
}
