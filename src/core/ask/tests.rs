//! The turns of asks, and what is signed.

use proptest::prelude::*;
use serde_json::json;
use time::Duration;
use time::macros::datetime;

use super::*;
use crate::core::operation::Class;
use crate::core::plan::{Plan, tests::parts};
use crate::core::policy::{Effect, Requirement};

const KIND: fn(&str) -> Option<&'static str> = |name| (name == "container").then_some("container");

fn document() -> Document {
    let plan = Plan::new(parts("a1", json!({"status": "running"}))).unwrap();
    Document {
        v: Document::VERSION,
        ask: AskId::from_random([1, 2, 3, 4, 5]),
        plan: plan.to_value().unwrap(),
        class: Class::Destroy,
        rule: "builtin-destroy".into(),
        why: None,
        takes: Requirement::usual(Effect::Approve),
        preview: "Preview: it would be gone.\n".into(),
        client: Some("a client".into()),
        log: "/home/somebody/audit".into(),
        written: serde_json::Map::new(),
        nonce: "00".repeat(16),
        not_before: datetime!(2026-01-02 03:04:05 UTC),
        expires: datetime!(2026-01-02 03:14:05 UTC),
    }
}

#[test]
fn the_turns_are_those_of_the_table_and_no_others() {
    use State::*;
    let turns = [
        (Pending, vec![Approved, Denied, Expired, Cancelled, Superseded]),
        (Approved, vec![Executing, Revoked, Expired, Cancelled, Superseded]),
        (Executing, vec![Done, Failed, State::Unknown]),
    ];
    for from in State::ALL {
        let possible = turns.iter().find(|(state, _)| *state == from).map(|(_, to)| to.clone());
        for to in State::ALL {
            let possible = possible.iter().flatten().any(|state| *state == to);
            assert_eq!(from.may_become(to), possible, "{from} → {to}");
            let turn = Turn::new(from, to, datetime!(2026-01-01 0:00 UTC));
            assert_eq!(turn.err().map(|f| f.reason), (!possible).then_some(Reason::AskClosed));
        }
        assert_eq!(State::parse(from.as_str()), Some(from));
        assert_eq!(from.is_open(), from.may_become(Expired));
        let closes = matches!(from, Denied | Expired | Cancelled | Superseded | Revoked);
        assert_eq!(from.event().closes_ask(), closes, "{from}");
    }
}

#[test]
fn a_document_is_read_as_it_was_written_and_in_no_other_form() {
    let document = document();
    let text = document.text().unwrap();
    assert!(text.ends_with("}\n"));
    assert_eq!(Document::read(&text).unwrap(), document);
    for other in [
        text.trim_end().to_owned(),
        format!(" {text}"),
        text.replace("\"v\":1", "\"v\":2"),
        text.replace("\"v\":1", "\"v\":1,\"w\":1"),
        text.replace("\"v\":1", "\"v\":1,\"v\":1"),
        String::new(),
    ] {
        assert_eq!(Document::read(&other).unwrap_err().reason, Reason::StateUnavailable, "{other}");
    }
}

#[test]
fn what_its_approver_was_shown_is_what_holds() {
    let document = document();
    let (takes, written) = (document.takes.clone(), document.written.clone());
    let now = Shown {
        class: Class::Destroy,
        rule: "builtin-destroy",
        why: None,
        takes: &takes,
        written: &written,
        most: Duration::minutes(10),
    };
    assert_eq!(document.showed(&now).map_err(|f| f.reason), Ok(()));
    let less = Duration::minutes(10) - Duration::MICROSECOND;
    let confirm = Requirement::usual(Effect::Confirm);
    let command = serde_json::Map::from_iter([("command".to_owned(), json!(["ls"]))]);
    for (other, now) in [
        ("class", Shown { class: Class::Escalate, ..now.clone() }),
        ("rule", Shown { rule: "another", ..now.clone() }),
        ("rule", Shown { why: Some(""), ..now.clone() }),
        ("requirement", Shown { takes: &confirm, ..now.clone() }),
        ("command", Shown { written: &command, ..now.clone() }),
        ("time", Shown { most: less, ..now.clone() }),
    ] {
        let refused = document.showed(&now).unwrap_err();
        assert_eq!(refused.reason, Reason::PlanChanged);
        assert!(refused.message.contains(&format!("another {other} ")), "{refused}");
    }
}

#[test]
fn the_plan_of_a_document_is_the_one_that_went_in() {
    let plan = Plan::new(parts("a1", json!({"status": "running"}))).unwrap();
    assert_eq!(document().restore(KIND).unwrap().digest(), plan.digest());
    let refused = |change: fn(&mut Document)| {
        let mut document = document();
        change(&mut document);
        document.restore(KIND).unwrap_err().reason
    };
    assert_eq!(refused(|d| d.plan["v"] = json!(2)), Reason::StateUnavailable);
    assert_eq!(refused(|d| d.plan["more"] = json!(1)), Reason::StateUnavailable);
    assert_eq!(
        refused(|d| d.plan["targets"][0]["kind"] = json!("rocket")),
        Reason::StateUnavailable
    );
    assert_eq!(refused(|d| d.plan = json!([])), Reason::StateUnavailable);
}

#[test]
fn ids_are_read_as_people_write_them() {
    let id = AskId::from_random([0, 0, 0, 0, 33]);
    assert_eq!(id.to_string(), "0000-0011");
    for text in ["0000-0011", "00000011", " oooo-ooiL ", "0000-00l1"] {
        assert_eq!(AskId::parse(text), Some(id), "{text}");
    }
    for bad in ["", "0000-001", "0000-00111", "0000-001U", "0000-001é", "0000 0011"] {
        assert_eq!(AskId::parse(bad), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn every_id_is_read_back(bits in any::<[u8; 5]>()) {
        let id = AskId::from_random(bits);
        prop_assert_eq!(AskId::parse(&id.to_string()), Some(id));
        prop_assert_eq!(AskId::parse(&id.to_string().to_lowercase()), Some(id));
    }
}
