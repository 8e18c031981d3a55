//! What is a name of an image, and which image it means.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

fn row(digit: char, tags: &[&str], digests: &[&str]) -> ImageRow {
    let own = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
    ImageRow {
        id: ImageId::parse(&digest(digit)).unwrap(),
        tags: own(tags),
        digests: own(digests),
        parent: None,
        created: time::OffsetDateTime::UNIX_EPOCH,
        size: 0,
        labels: BTreeMap::new(),
    }
}

fn find(reference: &str) -> Result<char, Reason> {
    let by_digest = format!("busybox@{}", digest('9'));
    let rows = [
        row('a', &["busybox:1", "busybox:latest"], &[&by_digest]),
        row('b', &["example.com:5000/x/y:2", "library/deep/z:latest"], &[]),
        row('c', &[], &["<none>@<none>"]),
        row('d', &["cccccccccccc:latest", "eeeeeee:1"], &[]),
    ];
    let reference = ImageReference::parse(reference).map_err(|fault| fault.reason)?;
    let found = image_called(&reference, &rows).map_err(|fault| fault.reason)?;
    Ok(found.id.short().chars().next().unwrap())
}

#[test]
fn a_reference_means_the_image_that_exactly_has_it() {
    let by_digest = format!("busybox@{}", digest('9'));
    for (reference, expected) in [
        ("busybox:1", Ok('a')),
        ("busybox", Ok('a')),
        ("docker.io/library/busybox", Ok('a')),
        ("index.docker.io/library/busybox:1", Ok('a')),
        ("library/busybox:1", Ok('a')),
        (by_digest.as_str(), Ok('a')),
        (&by_digest.replace('@', ":7@"), Ok('a')),
        ("example.com:5000/x/y:2", Ok('b')),
        ("example.com:5000/x/y", Err(Reason::NotFound)),
        ("x/y:2", Err(Reason::NotFound)),
        ("library/deep/z", Ok('b')),
        ("deep/z", Err(Reason::NotFound)),
        ("busybox:2", Err(Reason::NotFound)),
        ("busy", Err(Reason::NotFound)),
        ("b", Err(Reason::NotFound)),
        (&digest('c'), Ok('c')),
        (&"c".repeat(64), Ok('c')),
        (&digest('f'), Err(Reason::NotFound)),
        ("sha256:cccccccccccc", Ok('c')),
        ("sha256:cccccc", Ok('c')),
        ("sha256:ccccc", Err(Reason::InvalidArgument)),
        ("sha256:busybox", Err(Reason::InvalidArgument)),
        ("ccccccccccccc", Ok('c')),
        ("cccccc", Ok('c')),
        ("ccccc", Err(Reason::NotFound)),
        // A name that is the beginning of another's id.
        ("cccccccccccc", Err(Reason::Ambiguous)),
        ("cccccccccccc:latest", Ok('d')),
        ("eeeeeee:1", Ok('d')),
        ("none", Err(Reason::NotFound)),
    ] {
        assert_eq!(find(reference), expected, "{reference}");
    }
    let rows = [row('a', &["x:1"], &[]), row('a', &["x:2"], &[])];
    let prefix = ImageReference::parse("aaaaaa").unwrap();
    let fault = image_called(&prefix, &rows).unwrap_err();
    assert!(fault.message.contains("x:1") && fault.message.contains("x:2"), "{}", fault.message);
}

#[test]
fn a_name_is_taken_apart() {
    let full = format!("r.example:5000/a/b:1@{}", digest('1'));
    for (given, registry, repository, tag, whole) in [
        ("busybox", "docker.io", "busybox", Some("latest"), "docker.io/library/busybox:latest"),
        ("a/b:V1_x-y.z", "docker.io", "a/b", Some("V1_x-y.z"), "docker.io/a/b:V1_x-y.z"),
        ("localhost/a", "localhost", "localhost/a", Some("latest"), "localhost/a:latest"),
        ("host:1/a:2", "host:1", "host:1/a", Some("2"), "host:1/a:2"),
        (
            "Host.example/a",
            "Host.example",
            "Host.example/a",
            Some("latest"),
            "Host.example/a:latest",
        ),
        ("a:5000", "docker.io", "a", Some("5000"), "docker.io/library/a:5000"),
        (
            "a__b/c---d.e_f",
            "docker.io",
            "a__b/c---d.e_f",
            Some("latest"),
            "docker.io/a__b/c---d.e_f:latest",
        ),
        (&full, "r.example:5000", "r.example:5000/a/b", None, &full.replace(":1@", "@")),
    ] {
        let name = ImageName::parse(given).unwrap();
        assert_eq!(name.registry(), registry, "{given}");
        assert_eq!(name.repository(), repository, "{given}");
        assert_eq!(name.tag(), tag, "{given}");
        assert_eq!(name.whole(), whole, "{given}");
        assert_eq!(ImageName::parse(&name.to_string()).unwrap().to_string(), name.to_string());
    }
    assert!(!ImageName::parse("busybox").unwrap().is_complete());
    assert!(ImageName::parse("busybox:1").unwrap().is_complete());
    assert!(ImageName::parse("deadbeef1234:1").unwrap().looks_like_an_id());
    assert!(!ImageName::parse("deadbeef:1").unwrap().looks_like_an_id());
    assert!(!ImageName::parse("x/deadbeef1234:1").unwrap().looks_like_an_id());
}

#[test]
fn what_is_no_name_is_refused() {
    let long_tag = format!("a:{}", "t".repeat(129));
    let long = format!("a/{}", "b".repeat(250));
    for bad in [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        ":1",
        "a:",
        "@",
        "a@",
        "a@sha256:12",
        "a@md5:12",
        "..",
        "../info?",
        "a/../b",
        "a..b",
        "a.",
        ".a",
        "-a",
        "a-",
        "a___b",
        "_a",
        "A",
        "Library/a",
        "a/B",
        "a?b",
        "a#b",
        "a%b",
        "%2e%2e/info",
        "a\\b",
        "a b",
        "a\n",
        "a\u{0}",
        "a\u{1b}",
        "ä",
        "a:b:c",
        "a/b:1/c",
        "a:1..2",
        "a:-1",
        "a:.1",
        "host:/a",
        "host:99999/a",
        "ho_st.x/a",
        "-h.x/a",
        "h..x/a",
        "[::1]:5000/a",
        "http://x/a",
        "../images/prune?filters=...&",
        "../volumes/vol",
        "a*",
        "sha256:1",
        "sha256",
        &"a".repeat(64),
        &long_tag,
        &long,
    ] {
        let fault = ImageName::parse(bad).map_err(|fault| fault.reason);
        assert_eq!(fault, Err(Reason::InvalidArgument), "{bad}");
        let may_be_id = FullId::parse(bad).is_some();
        assert_eq!(ImageReference::parse(bad).is_ok(), may_be_id, "{bad}");
    }
    assert!(ImageName::parse(&format!("a:{}", "t".repeat(128))).is_ok());
    assert!(ImageName::parse(&format!("a/{}", "b".repeat(243))).is_ok());
    assert!(ImageReference::parse(&digest('A').to_uppercase()).is_err());
}

#[test]
fn what_a_container_was_made_from_keeps_all_but_the_usual_registry() {
    let digest = digest('a');
    for (given, expected) in [
        ("docker.io/library/a:1", "a:1"),
        ("index.docker.io/b/a:1", "b/a:1"),
        ("localhost/a:1", "localhost/a:1"),
        ("a:1", "a:1"),
        ("a", "a"),
        ("c9a730c230c8", "c9a730c230c8"),
        (&digest, &digest),
        (&format!("docker.io/library/a:1@{digest}"), &format!("a:1@{digest}")),
        ("No Name", "No Name"),
    ] {
        assert_eq!(ImageName::respelt(given.to_owned()), expected);
    }
}

proptest! {
    /// Whatever passes consists of characters that end no path and no query, and is read back.
    #[test]
    fn nothing_passes_that_could_leave_its_place(given in "[a-zA-Z0-9./:@_?#%\\\\ -]{1,40}") {
        if let Ok(name) = ImageName::parse(&given) {
            for text in [name.whole(), name.to_string()] {
                prop_assert!(super::super::IMAGE.ids.is(&text), "{}", text);
                prop_assert!(!text.contains("..") && !text.contains("//"), "{}", text);
                prop_assert_eq!(ImageName::parse(&text).map(|n| n.whole()), Ok(name.whole()));
            }
        }
    }
}
