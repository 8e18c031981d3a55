//! What is refused where nobody can give it, word for word, beside what somebody can.

use std::fmt::Write as _;
use std::path::Path;

use ssh_key::PublicKey;
use ssh_key::public::{Ed25519PublicKey, KeyData, SkEd25519};
use time::{Duration, OffsetDateTime};

use super::super::{Source, stack::build};
use super::*;
use crate::config::tests::vocabulary::vocabulary;
use crate::core::approval::{Signer, Signers};
use crate::core::policy::Level;
use crate::core::reason::Reason;

const NOW: OffsetDateTime = time::macros::datetime!(2026-03-01 12:00 UTC);

/// Signers from words: a name, then `sk`, `weak`, `early` or `late`.
fn signers(words: &[&str]) -> Signers {
    let signer = |(number, words): (usize, &&str)| {
        let words: Vec<&str> = words.split(' ').collect();
        let key = Ed25519PublicKey([u8::try_from(number).unwrap(); 32]);
        let key = if words.contains(&"sk") {
            KeyData::SkEd25519(SkEd25519::new(key, "ssh:"))
        } else {
            KeyData::Ed25519(key)
        };
        let day = Duration::days(1);
        Signer {
            name: words[0].into(),
            key: PublicKey::new(key, ""),
            file: "signers".into(),
            line: 1,
            valid_after: words.contains(&"early").then_some(NOW + day),
            valid_before: words.contains(&"late").then_some(NOW - day),
            weak: words.contains(&"weak").then(|| "this account can write the file".into()),
        }
    };
    Signers(words.iter().enumerate().map(signer).collect())
}

fn trusted(requester: u32, words: &[&str]) -> Trusted {
    let apart = Err("the folder /approvals is missing".to_owned());
    Trusted { signers: signers(words), requester, apart, now: NOW }
}

fn file(takes: &str) -> File {
    let text = format!(
        "version = 1\n[[rule]]\nid = \"a\"\neffect = \"approve\"\n\
         match = {{ op = \"remove_container\" }}\n{takes}\n"
    );
    let source = Source { path: Path::new("x.toml").into(), level: Level::User, named: true };
    File::parse(&source, text, &vocabulary()).unwrap_or_else(|error| panic!("{error}"))
}

fn why(takes: &str, trusted: &Trusted) -> Option<String> {
    let file = file(takes);
    let (rule, _) = file.rules.first().unwrap();
    unmet(rule, trusted)
}

#[test]
fn what_nobody_can_give_is_told() {
    let mut golden = String::new();
    for (takes, enough, lacking) in [
        ("accept = \"secret\"", &["alice"][..], &[][..]),
        ("accept = \"secret\"", &["alice", "bob weak"], &["alice weak"]),
        ("accept = \"secret\"", &["alice sk"], &["alice late", "bob early"]),
        ("accept = \"hardware\"", &["bob sk"], &["bob"]),
        ("accept = \"hardware\"", &["bob sk"], &["bob sk weak"]),
        ("by = [\"alice\", \"bob\"]", &["bob"], &["alicia", "carol"]),
        ("by = [\"alice\", \"bob\"]", &["bob"], &["carol"]),
        ("by = \"bob\", accept = \"hardware\"", &["bob sk"], &["bob", "alice sk"]),
        ("accept = [\"uid\", \"hardware\"]", &["alice sk"], &["alice"]),
    ] {
        let takes = format!("approve = {{ {takes} }}");
        assert_eq!(why(&takes, &trusted(1000, enough)), None, "{takes} {enough:?}");
        let told = why(&takes, &trusted(1000, lacking)).unwrap();
        writeln!(golden, "{lacking:?}\n{told}\n").unwrap();
    }
    let apart = "approve = { accept = \"uid\" }";
    for signer in ["alice", "alice sk"] {
        let told = why(apart, &trusted(1000, &[signer])).unwrap();
        writeln!(golden, "[{signer:?}]\n{told}\n").unwrap();
        let enough = Trusted { apart: Ok(()), ..trusted(1000, &[signer]) };
        assert_eq!(why(apart, &enough), None, "{signer}");
    }
    let weak = Trusted { apart: Ok(()), ..trusted(1000, &["alice weak"]) };
    writeln!(golden, "weak\n{}\n", why(apart, &weak).unwrap()).unwrap();
    let told = why("approve = { accept = \"secret\" }", &trusted(0, &["alice weak"])).unwrap();
    writeln!(golden, "root\n{told}").unwrap();
    insta::assert_snapshot!(golden);
}

#[test]
fn what_a_rule_does_not_say_is_refused_by_nobody() {
    assert_eq!(why("", &trusted(1000, &[])), None);
    assert_eq!(why("", &trusted(0, &[])), None);
    for rule in crate::core::policy::builtin() {
        assert_eq!(unmet(&rule, &trusted(1000, &[])), None);
    }
}

#[test]
fn a_file_is_refused_with_its_place_and_only_where_somebody_can_say() {
    let files = [file("approve = { by = \"bob\" }")];
    let origin = |trust| Origin { trust, ..Origin::default() };
    let look = |words: &'static [&'static str]| TrustLook::new(move || Ok(trusted(1000, words)));
    assert!(build(&files, &vocabulary()).is_ok(), "a file by itself wants nobody");
    assert!(check(&files, &origin(None)).is_ok());
    assert!(check(&files, &origin(Some(look(&["bob"])))).is_ok());
    let error = check(&files, &origin(Some(look(&["alice"])))).unwrap_err().to_string();
    assert!(
        error.starts_with("x.toml:3:6: Nobody here can give what the rule `a` takes"),
        "{error}"
    );
    let broken = || Err(Fault::new(Reason::StateUnavailable, "The file cannot be read."));
    let error = check(&files, &origin(Some(TrustLook::new(broken)))).unwrap_err().to_string();
    assert!(error.contains("cannot be read"), "{error}");
    // Nobody is asked where no rule says what it takes.
    assert!(check(&[file("")], &origin(Some(TrustLook::new(broken)))).is_ok());
}
