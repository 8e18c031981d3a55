//! Lines of signers that count, and the nearest ones that do not.

use proptest::prelude::*;
use time::OffsetDateTime;
use time::macros::datetime;

use super::*;

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAID2LFbc/mn1XsBnX3HfHlU6tPKAR4649YPKMKHRqnh9T";
const RSA_2048: &str = include_str!("../approval/signed/rsa2048.pub");
const RSA_1024: &str = include_str!("../approval/signed/rsa1024.pub");
const P384: &str = include_str!("../approval/signed/ecdsa384.pub");

/// A zone whose clocks are set to another time twice a year.
fn zone() -> TimeZone {
    jiff::tz::TimeZoneDatabase::bundled().get("Europe/Berlin").unwrap()
}

fn listed(text: &str) -> Listed {
    read(text.as_bytes(), &"signers".into(), Some(&zone()))
}

fn names(text: &str) -> Vec<String> {
    listed(text).signers.iter().map(|signer| signer.name.to_string()).collect()
}

/// The only thing that does not count.
fn why(text: &str) -> String {
    let Listed { signers, left_out } = listed(text);
    assert!(signers.is_empty(), "{text} counts");
    assert_eq!(left_out.len(), 1, "{text}: {left_out:?}");
    left_out[0].why.clone()
}

fn times(options: &str) -> (Option<OffsetDateTime>, Option<OffsetDateTime>) {
    let listed = listed(&format!("alice {options} {KEY}"));
    assert_eq!(listed.left_out, [], "{options}");
    (listed.signers[0].valid_after, listed.signers[0].valid_before)
}

#[test]
fn each_line_names_its_signers() {
    let text = format!(
        "# people\n\nalice {KEY}\n  bob@example.com,carol\t{KEY} a comment # and more\r\n\
         dave namespaces=\"file,countersign-approval\",valid-after=\"20260101Z\"  {KEY}\n{RSA}",
        RSA = format_args!("erin+work {RSA_2048}"),
    );
    assert_eq!(names(&text), ["alice", "bob@example.com", "carol", "dave", "erin+work"]);
    let listed = listed(&text);
    assert_eq!(listed.left_out, []);
    assert_eq!(listed.signers.iter().map(|it| it.line).collect::<Vec<_>>(), [3, 4, 4, 5, 6]);
    assert!(listed.signers.iter().all(|it| &*it.file == "signers" && it.weak.is_none()));
    assert_eq!(listed.signers[3].valid_after, Some(datetime!(2026-01-01 0:00 UTC)));
}

#[test]
fn what_is_no_plain_name_does_not_count_and_what_stands_beside_it_does() {
    for (principals, left) in [
        ("*", 1),
        ("*@example.com", 1),
        ("a?ice", 1),
        ("\"alice\"", 1),
        ("al/ice", 1),
        ("älice", 1),
        (&"a".repeat(65), 1),
        ("*,,?", 1),
    ] {
        let listed = listed(&format!("{principals} {KEY}"));
        assert_eq!((listed.signers.len(), listed.left_out.len()), (0, left), "{principals}");
    }
    let some = listed(&format!("alice,*,bob {KEY}\ncarol {KEY}"));
    assert_eq!(some.signers.len(), 3);
    assert!(some.left_out[0].why.contains("`*` is a pattern"), "{:?}", some.left_out);
    assert_eq!(some.left_out[0].line, 1);
    // An exception may be of a plain name beside it.
    for principals in ["alice,!alice", "!alice", "alice,!*"] {
        assert!(why(&format!("{principals} {KEY}")).contains("excepts signers"), "{principals}");
    }
    assert_eq!(names(&format!("{} {KEY}", "a".repeat(64))).len(), 1);
}

#[test]
fn only_keys_of_the_kinds_that_are_read_count() {
    for (key, words) in [
        (P384, "keys of the kind `ecdsa-sha2-nistp384` are not read"),
        ("ssh-dss AAAAB3NzaC1kc3MAAACB", "keys of the kind `ssh-dss` are not read"),
        ("ssh-ed25519-cert-v01@openssh.com AAAA", "are not read"),
        ("sk-ssh-ed25519-cert-v01@openssh.com AAAA", "are not read"),
        ("webauthn-sk-ecdsa-sha2-nistp256@openssh.com AAAA", "are not read"),
        (RSA_1024, "has 1024 bits"),
        ("ssh-ed25519", "cannot be read"),
        ("ssh-ed25519 AAAA", "cannot be read"),
        ("ssh-ed25519 !!!!", "cannot be read"),
        (&KEY.replace("ssh-ed25519", "ssh-rsa"), "cannot be read"),
        (&format!("{KEY}AAAA"), "cannot be read"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "neither a key nor an option"),
        ("AAAAC3NzaC1lZDI1NTE5AAAAID2LFbc", "neither a key nor an option"),
        ("", "it has no key"),
    ] {
        let why = why(&format!("alice {}", key.trim()));
        assert!(why.contains(words), "{key}: {why}");
    }
    assert!(key(&format!("{KEY} a comment")).is_ok() && key(RSA_2048).is_ok());
}

#[test]
fn options_that_are_not_understood_or_not_for_approvals_leave_the_line_out() {
    for (options, words) in [
        ("cert-authority", "certificates are not read"),
        ("CERT-authority,namespaces=\"*\"", "certificates are not read"),
        ("cert-authority=\"x\"", "neither a key nor an option"),
        ("verify-required", "neither a key nor an option"),
        ("namespaces", "neither a key nor an option"),
        ("namespaces=", "has to be quoted"),
        ("namespaces=file", "has to be quoted"),
        ("namespaces=\"file", "does not end"),
        ("namespaces=\"file\"x", "something follows"),
        ("namespaces=\"*\",", "neither a key nor an option"),
        (",namespaces=\"*\"", "neither a key nor an option"),
        ("namespaces=\"*\",namespaces=\"*\"", "`namespaces` twice"),
        ("valid-after=\"20260101\",valid-after=\"20260101\"", "`valid-after` twice"),
        ("namespaces=\"\"", "do not admit"),
        ("namespaces=\"file,git\"", "do not admit"),
        ("namespaces=\"Countersign-approval\"", "do not admit"),
        ("namespaces=\"countersign-approval,!countersign-*\"", "do not admit"),
        ("namespaces=\"!file\"", "do not admit"),
        ("namespaces=\"countersign-approval \"", "do not admit"),
        ("namespaces=\"*,countersign-[a]*\"", "do not admit"),
        ("namespaces=\"*\\x\"", "do not admit"),
        ("namespaces=\"*\\\"\"", "do not admit"),
    ] {
        let why = why(&format!("alice {options} {KEY}"));
        assert!(why.contains(words), "{options}: {why}");
    }
    for options in [
        "namespaces=\"*\"",
        "NameSpaces=\"file,countersign-approval\"",
        "namespaces=\"countersign-?pproval,!file\"",
        "namespaces=\"a b\\\" c,*approval\"",
    ] {
        assert_eq!(names(&format!("alice {options} {KEY}")), ["alice"], "{options}");
    }
    assert!(why("alice namespaces=\"*\"").contains("it has no key"));
    assert!(why("alice").contains("it has no key"));
}

#[test]
fn times_are_of_the_zone_unless_they_say_utc() {
    let utc = |text: &str| times(&format!("valid-after=\"{text}\"")).0.unwrap();
    for (text, expected) in [
        ("20260301Z", datetime!(2026-03-01 0:00 UTC)),
        ("20260301z", datetime!(2026-03-01 0:00 UTC)),
        ("202603011230Z", datetime!(2026-03-01 12:30 UTC)),
        ("20260301123059Z", datetime!(2026-03-01 12:30:59 UTC)),
        ("20260301", datetime!(2026-02-28 23:00 UTC)),
        ("20260701", datetime!(2026-06-30 22:00 UTC)),
        ("202610250159", datetime!(2026-10-24 23:59 UTC)),
        ("20280229", datetime!(2028-02-28 23:00 UTC)),
    ] {
        assert_eq!(utc(text), expected, "{text}");
    }
    assert_eq!(
        times("valid-before=\"20270101Z\",valid-after=\"20260101Z\""),
        (Some(datetime!(2026-01-01 0:00 UTC)), Some(datetime!(2027-01-01 0:00 UTC)))
    );
}

#[test]
fn a_time_that_is_none_or_two_leaves_the_line_out() {
    for time in [
        "",
        "Z",
        "2026",
        "202603",
        "2026030",
        "2026-03-01",
        "20260229",
        "20260230Z",
        "20261301",
        "20260001",
        "202603012400",
        "202603011260",
        "20260301123060",
        "19700101Z",
        "19691231Z",
        "+2026030",
        "20260301+1",
        "20260301ZZ",
        "20260301 ",
        "２０２６０３０１",
        "20260301UTC",
        "202603011230591",
        "forever",
    ] {
        for option in ["valid-after", "valid-before"] {
            let why = why(&format!("alice {option}=\"{time}\" {KEY}"));
            assert!(why.contains("no time that exists"), "{time}: {why}");
        }
    }
    // Clocks there show half past two twice that night, and never in that of spring.
    for time in ["202610250230", "202603290230"] {
        let line = |end: &str| format!("alice valid-before=\"{time}{end}\" {KEY}");
        assert!(why(&line("")).contains("twice or never"));
        assert_eq!(names(&line("Z")), ["alice"]);
    }
    for (after, before) in [("20270101Z", "20260101Z"), ("20260101Z", "20260101Z")] {
        let line = format!("alice valid-after=\"{after}\",valid-before=\"{before}\" {KEY}");
        assert!(why(&line).contains("not after"));
    }
    let unknown = |time: &str| {
        let line = format!("alice valid-before=\"{time}\" {KEY}");
        read(line.as_bytes(), &"signers".into(), None).signers.len()
    };
    assert_eq!((unknown("20270101"), unknown("20270101Z")), (0, 1));
}

#[test]
fn what_is_too_long_or_does_not_show_does_not_count() {
    let file: Arc<str> = "signers".into();
    let long = format!("alice {KEY} {}", "c".repeat(LINE_BYTES_MAX));
    assert!(why(&long).contains("longer than"));
    for hidden in ["\u{202e}", "\u{200b}", "\u{1b}", "\0", "\r"] {
        assert!(why(&format!("alice{hidden} {KEY}")).contains("do not show"), "{hidden:?}");
    }
    let binary = [b"alice \xff ", KEY.as_bytes()].concat();
    assert!(read(&binary, &file, None).left_out[0].why.contains("UTF-8"));

    let many = format!("alice {KEY}\n").repeat(LINES_MAX + 5);
    let listed = listed(&many);
    assert_eq!((listed.signers.len(), listed.left_out.len()), (LINES_MAX, 1));
    assert_eq!(listed.left_out[0].line, LINES_MAX + 1);
    let crowd = vec!["a"; 5000].join(",");
    let listed = self::listed(&format!("{crowd} {KEY}"));
    assert_eq!((listed.signers.len(), listed.left_out.len()), (LINES_MAX, 1));
    let huge = vec![b'#'; FILE_BYTES_MAX + 1];
    let listed = read(&huge, &file, None);
    assert_eq!((listed.signers.len(), listed.left_out.len()), (0, 1));
}

proptest! {
    #[test]
    fn whatever_a_file_holds_is_answered(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        words in proptest::collection::vec(
            prop_oneof![
                Just("alice".to_owned()), Just(KEY.to_owned()), Just("cert-authority".to_owned()),
                Just("namespaces=\"".to_owned()), Just("\"".to_owned()), Just(",".to_owned()),
                Just(" ".to_owned()), Just("valid-after=\"2026".to_owned()), Just("\\".to_owned()),
                Just("\n".to_owned()), Just("!".to_owned()), "[ -~]{0,6}",
            ],
            0..12,
        ),
    ) {
        for bytes in [bytes, words.concat().into_bytes()] {
            let listed = read(&bytes, &"signers".into(), Some(&zone()));
            prop_assert!(listed.signers.iter().all(|signer| is_name(&signer.name)));
            for LeftOut { line, why, .. } in listed.left_out {
                prop_assert!(line > 0 && !why.contains(text::is_hidden));
            }
        }
    }

    #[test]
    fn one_line_never_changes_what_another_says(line in "[ -~]{0,80}") {
        let text = format!("alice {KEY}\n{line}\nbob {KEY}\n");
        let names = names(&text);
        prop_assert_eq!(names.first().map(String::as_str), Some("alice"));
        prop_assert_eq!(names.last().map(String::as_str), Some("bob"));
    }
}
