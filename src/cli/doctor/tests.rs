//! What is said of what was found: a table of installations.

use std::path::PathBuf;

use time::OffsetDateTime;
use time::macros::datetime;

use super::clients::Hint;
use super::facts::{Asks, Facts};
use super::tier::Tier;
use super::trust::findings;
use super::ways::Changers;
use super::{Finding, Mark};
use crate::core::grant::Assurance;
use crate::core::reason::{Fault, Reason};
use crate::core::signers;
use crate::trust::{Known, Seen};

const NOW: OffsetDateTime = datetime!(2026-03-10 12:00 UTC);
const SYSTEM: &str = "/etc/countersign/allowed_signers";
const OWN: &str = "/home/me/.config/countersign/allowed_signers";

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE5ccUqO6BXtSHJtWGTQmtZoH0nBRbOKhVtcqrEMdd2U";
const TOUCHED: &str = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIE5cc\
                       UqO6BXtSHJtWGTQmtZoH0nBRbOKhVtcqrEMdd2UAAAABHNzaDo=";

/// A host of which nothing is to be said.
fn facts() -> Facts {
    Facts {
        uid: 1000,
        direct: None,
        groups: Vec::new(),
        sudo: false,
        trusted: Ok(known(&[])),
        now: NOW,
        asks: Ok(Asks { file: "/home/me/state.db".into(), is_there: true, open: 3 }),
        kept: Vec::new(),
        clients: Vec::new(),
        ptrace: None,
    }
}

/// Files with these lines: which file, the line, and why it is worth no more.
fn known(lines: &[(&str, &str, Option<&str>)]) -> Known {
    let files = [SYSTEM, OWN].map(|path| {
        let own = path == OWN;
        let weak = own.then(|| format!("{OWN} is a file of the account itself"));
        Seen { path: path.into(), is_there: true, weak }
    });
    let mut known = Known { files: files.into(), ..Known::default() };
    for (file, line, weak) in lines {
        let listed = signers::read(line.as_bytes(), &(*file).into(), None);
        known.left_out.extend(listed.left_out);
        known.signers.0.extend(listed.signers.into_iter().map(|mut signer| {
            signer.weak = weak.map(str::to_owned);
            signer
        }));
        if let (Some(why), true) =
            (weak, *file == SYSTEM && weak.is_some_and(|w| w.contains("folder")))
        {
            known.files[0].weak = Some((*why).into());
        }
    }
    known
}

fn trusting(lines: &[(&str, &str, Option<&str>)]) -> Facts {
    Facts { trusted: Ok(known(lines)), ..facts() }
}

fn of<'a>(findings: &'a [Finding], about: &str) -> Vec<(Mark, &'a str)> {
    let all = findings.iter().filter(|finding| finding.about == about);
    all.map(|finding| (finding.mark, &*finding.found)).collect()
}

#[test]
fn what_approvals_are_worth_and_what_raises_it() {
    let (alice, touch) = (format!("alice {KEY}"), format!("alice-sk {TOUCHED}"));
    let past = format!("alice valid-before=\"20260101Z\" {KEY}");
    let own = format!("{OWN} is a file of the account itself");
    let root = "user 0 can write every file";
    let phrase = "/home/me/.ssh/id holds the key without a passphrase";
    let folder = "the folder /etc/countersign belongs to user 1000, who asks";
    let at = |uid, lines: &[(&str, &str, Option<&str>)]| Facts { uid, ..trusting(lines) };
    for (facts, worth, words) in [
        (at(1000, &[]), Assurance::Tty, "sudo countersign trust add KEY.pub --name NAME"),
        (at(1000, &[(SYSTEM, &alice, None)]), Assurance::Secret, "ed25519-sk"),
        (at(1000, &[(SYSTEM, &touch, None)]), Assurance::Hardware, "outside of this account"),
        (at(1000, &[(OWN, &alice, Some(&own))]), Assurance::Tty, "let root trust the key (sudo"),
        (at(1000, &[(SYSTEM, &past, None)]), Assurance::Tty, "sudo countersign trust add"),
        (at(1000, &[(SYSTEM, &alice, Some(phrase))]), Assurance::Tty, "ssh-keygen -p -f KEY"),
        (at(1000, &[(SYSTEM, &alice, Some(folder))]), Assurance::Tty, "and each folder above it"),
        (at(0, &[(SYSTEM, &touch, Some(root))]), Assurance::Tty, "an ordinary account"),
        (at(0, &[]), Assurance::Tty, "an ordinary account"),
    ] {
        let tier = Tier::of(&facts);
        let found = findings(&facts);
        let [(mark, approval)] = of(&found, "approval")[..] else { panic!("{found:?}") };
        let text = tier.text();
        assert!(text.contains(&format!("real here: `{worth}`")), "{text}");
        assert!(text.contains(words), "{words}: {text}");
        let real = worth > Assurance::Tty;
        assert_eq!(mark, if real { Mark::Ok } else { Mark::Warn }, "{approval}");
        assert!(approval.contains(if real { "can approve" } else { words }), "{words}: {approval}");
        assert!(!found.iter().any(|finding| finding.mark == Mark::Bad), "{found:?}");
    }
}

#[test]
fn each_signer_is_told_with_its_worth_and_lines_that_do_not_count_are() {
    let (alice, odd) = (format!("alice {KEY}"), format!("!bob {KEY}"));
    let facts = trusting(&[(SYSTEM, &alice, None), (SYSTEM, &odd, None)]);
    let found = findings(&facts);
    let signers = of(&found, "signers");
    let [(Mark::Ok, first), (Mark::Warn, second)] = signers[..] else { panic!("{signers:?}") };
    assert!(first.starts_with("alice (SHA256:") && first.contains("worth `secret` to uid 1000"));
    assert!(second.contains(":1 does not count: it excepts signers"), "{second}");
    let data =
        found.iter().find_map(|finding| finding.data.as_ref().filter(|d| d["name"] == "alice"));
    assert_eq!(data.unwrap()["worth"], "secret");

    let past = format!("alice valid-before=\"20260101Z\" {KEY}");
    let found = findings(&trusting(&[(SYSTEM, &past, None)]));
    assert!(of(&found, "signers")[0].1.ends_with("does not count at this time"));

    let many: Vec<String> = (0..30).map(|n| format!("alice{n} {KEY}")).collect();
    let many: Vec<(&str, &str, Option<&str>)> =
        many.iter().map(|line| (SYSTEM, line.as_str(), None)).collect();
    let found = findings(&trusting(&many));
    let signers = of(&found, "signers");
    assert_eq!((signers.len(), signers[20].1), (21, "10 more: countersign trust list"));
    assert!(of(&found, "approval")[0].1.contains("and 10 more can approve"), "{found:?}");
}

#[test]
fn what_cannot_be_read_is_bad_and_approves_nothing() {
    let fault = || Fault::new(Reason::StateUnavailable, "It cannot be read.");
    let facts = Facts { trusted: Err(fault()), asks: Err(fault()), ..facts() };
    let found = findings(&facts);
    for about in ["signers", "asks"] {
        assert_eq!(of(&found, about), [(Mark::Bad, "It cannot be read.")]);
    }
    assert!(Tier::of(&facts).text().contains("real here: `tty`"));
}

#[test]
fn ways_around_make_the_tier_and_are_named() {
    let direct = Some("it can open /var/run/docker.sock".to_owned());
    let groups = vec!["sudo".to_owned(), "docker".to_owned()];
    for (facts, tier, words) in [
        (facts(), None, "has no way to an engine that was found"),
        (
            Facts { direct: direct.clone(), ..facts() },
            Some("T0"),
            "it can open /var/run/docker.sock",
        ),
        (Facts { sudo: true, ..facts() }, Some("T0"), "sudo asks it for no password"),
        (Facts { groups: groups.clone(), ..facts() }, Some("T0"), "it is in sudo, docker"),
        (Facts { uid: 0, direct, ..facts() }, Some("T0"), "(uid 0)"),
    ] {
        let found = Tier::of(&facts);
        let text = found.text();
        let said = text.matches("approve rule is real at T0 only for calls").count();
        assert_eq!(said, usize::from(tier.is_some()), "{text}");
        assert!(text.contains(words), "{words}: {text}");
        for (row, is) in [("T0", tier.is_some()), ("T1", false), ("T2", false), ("T3", false)] {
            let row = text.lines().find(|line| line.starts_with(row)).unwrap();
            assert_eq!(row.ends_with("yes"), is, "{row}");
        }
        assert_eq!(found.finding().data.unwrap()["tier"].as_str(), tier);
    }
    let found = findings(&Facts { groups, sudo: true, ..facts() });
    let rights = of(&found, "rights");
    assert!(rights[0].1.contains("in the groups sudo, docker"), "{rights:?}");
    assert!(rights[1].1.contains("without a password"), "{rights:?}");
    let found = findings(&Facts { uid: 0, ..facts() });
    assert!(of(&found, "rights")[0].1.contains("uid 0 can write every file of signers"));
    assert_eq!(of(&findings(&facts()), "rights"), []);
}

#[test]
fn places_clients_asks_and_the_kernel_are_told() {
    let ours = Changers { us: Some("it can change /home/me".into()), others: None };
    let open = Changers { us: None, others: Some("others than its owner can write /srv".into()) };
    let hint =
        Hint { file: "/home/me/.claude/settings.json".into(), says: "a hook answers".into() };
    let facts = Facts {
        kept: vec![("state", "/home/me/s".into(), ours), ("log", "/srv/log".into(), open)],
        clients: vec![hint],
        ptrace: Some(0),
        ..facts()
    };
    let found = findings(&facts);
    let kept = of(&found, "kept");
    let [(Mark::Warn, others), (Mark::Ok, us)] = kept[..] else { panic!("{kept:?}") };
    assert!(others.contains("the log in /srv/log can be replaced by others than uid 1000"));
    assert!(us.contains("can change the state in /home/me/s, as it must"), "{us}");
    let client = "/home/me/.claude/settings.json: a hook answers";
    assert_eq!(of(&found, "client"), [(Mark::Warn, client)]);
    assert_eq!(of(&found, "ptrace")[0].0, Mark::Warn);
    assert!(of(&found, "asks")[0].1.starts_with("3 open in /home/me/state.db"));
    let found = findings(&Facts { ptrace: Some(1), ..facts });
    assert_eq!(of(&found, "ptrace")[0].0, Mark::Ok);
    let asks = Asks { file: PathBuf::from("/home/me/state.db"), is_there: false, open: 0 };
    let found = findings(&Facts { asks: Ok(asks), ..self::facts() });
    assert!(of(&found, "asks")[0].1.starts_with("no asks yet"));
}
