//! What changes under a running program, and what that comes to.

use std::fs::{self, File};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use tempfile::TempDir;
use time::OffsetDateTime;

use super::*;
use crate::config::Environment;
use crate::core::grant::Tick;
use crate::core::operation::{Class, Spec};
use crate::core::policy::{Effect, Known, Query, Vocabulary};

/// A clock far behind everything that the tests write. It goes on by a second each time that it is
/// looked at, unless it is stopped.
#[derive(Debug, Default)]
struct Later {
    ticks: AtomicU64,
    stopped: AtomicBool,
}

impl Clock for Later {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(4_000_000_000).unwrap()
    }

    fn tick(&self) -> Tick {
        let step = u64::from(!self.stopped.load(Ordering::SeqCst));
        Tick(Duration::from_secs(self.ticks.fetch_add(step, Ordering::SeqCst) + step))
    }
}

struct Place {
    root: TempDir,
    spec: Spec,
    clock: Arc<Later>,
}

impl Place {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        fs::create_dir_all(root.path().join("home/.config/countersign")).unwrap();
        fs::create_dir(root.path().join("work")).unwrap();
        let read = Spec::read("poke", "Poke", "Pokes.", "core");
        let spec = Spec { class: Class::Mutate, ceiling: Class::Mutate, ..read };
        Self { root, spec, clock: Arc::default() }
    }

    fn user(&self) -> PathBuf {
        self.root.path().join("home/.config/countersign/policy.toml")
    }

    fn project(&self) -> PathBuf {
        self.root.path().join("work/countersign.toml")
    }

    fn files(&self) -> Files {
        let home = Some(self.root.path().join("home"));
        let poke = Known { spec: self.spec.clone(), arguments: Default::default() };
        let origin = Origin {
            env: Environment { home, ..Environment::default() },
            cwd: self.root.path().join("work"),
            vocabulary: Vocabulary::new(vec![poke]),
            ..Origin::default()
        };
        let config = Config::load(&origin).unwrap();
        Files::new(&config, origin, self.clock.clone())
    }

    fn effect(&self, policy: &Policy) -> Effect {
        policy.decide(&Query::unknown(&self.spec)).effect()
    }
}

fn rule(effect: &str) -> String {
    format!(
        "version = 1\n[[rule]]\nid = \"a\"\neffect = \"{effect}\"\nmatch = {{ op = \"poke\" }}\n"
    )
}

fn replaced(effect: &str) -> String {
    rule(effect).replacen('\n', "\nbase = \"replace\"\n", 1)
}

#[test]
fn nothing_is_new_while_nothing_changes() {
    let place = Place::new();
    fs::write(place.user(), rule("deny")).unwrap();
    let files = place.files();
    assert!(files.news().is_none());
    assert_eq!(place.effect(&files.current()), Effect::Deny);
}

#[test]
fn a_changed_file_is_in_force_once_it_is_on_record() {
    let place = Place::new();
    fs::write(place.user(), rule("deny")).unwrap();
    let files = place.files();
    for (text, effect, wider) in [
        (rule("approve"), Effect::Approve, true),
        (replaced("allow"), Effect::Allow, true),
        (rule("deny"), Effect::Deny, false),
    ] {
        let before = files.current();
        fs::write(place.user(), text).unwrap();
        for _ in 0..2 {
            let Some(News::Loaded { policy, widened }) = files.news() else { panic!("no news") };
            assert_eq!((place.effect(&policy), widened), (effect, wider));
            assert_eq!(files.current().digest(), before.digest(), "it is not on record yet");
        }
        files.settle();
        assert_eq!(place.effect(&files.current()), effect);
        assert!(files.news().is_none());
    }
}

#[test]
fn a_file_that_comes_or_goes_is_a_change() {
    let place = Place::new();
    let files = place.files();
    assert_eq!(place.effect(&files.current()), Effect::Confirm);
    for path in [place.user(), place.project()] {
        fs::write(&path, rule("deny")).unwrap();
        assert!(matches!(files.news(), Some(News::Loaded { widened: false, .. })), "{path:?}");
        files.settle();
        assert_eq!(place.effect(&files.current()), Effect::Deny);
        fs::remove_file(&path).unwrap();
        assert!(matches!(files.news(), Some(News::Loaded { widened: true, .. })), "{path:?}");
        files.settle();
        assert_eq!(place.effect(&files.current()), Effect::Confirm);
    }
}

#[test]
fn a_bad_file_changes_nothing_and_is_told_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    fs::write(place.user(), rule("deny")).unwrap();
    let files = place.files();
    let digest = files.current().digest();
    let refused = |says: &str| {
        let Some(News::Rejected { error }) = files.news() else { panic!("it is accepted: {says}") };
        assert!(error.contains(says), "{error}");
        assert!(
            !error.contains("hunter2"),
            "what stands in a file is not told to the log: {error}"
        );
        files.settle();
        assert_eq!(files.current().digest(), digest);
        assert!(files.news().is_none(), "it was told");
    };
    for (text, says) in [
        ("version = 1\n[", "policy.toml:2:"),
        ("", "policy.toml:1:1"),
        ("version = 1\nbase = \"hunter2\"", "policy.toml:2:8"),
    ] {
        fs::write(place.user(), text).unwrap();
        refused(says);
    }
    let failing = "[[test]]\nname = \"t\"\ngiven = { op = \"poke\" }\nexpect = \"allow\"\n";
    fs::write(place.user(), rule("approve") + failing).unwrap();
    refused("policy.toml:7:");
    fs::write(place.user(), replaced("allow")).unwrap();
    fs::set_permissions(place.user(), fs::Permissions::from_mode(0o666)).unwrap();
    refused("others can write");
    fs::set_permissions(place.user(), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(place.user(), rule("deny")).unwrap();
    assert!(files.news().is_none(), "what is in force is there again");
}

#[test]
fn what_never_came_into_force_is_forgotten_when_the_file_is_mended() {
    let place = Place::new();
    fs::write(place.user(), rule("deny")).unwrap();
    let files = place.files();
    fs::write(place.user(), replaced("allow")).unwrap();
    assert!(matches!(files.news(), Some(News::Loaded { .. })));
    fs::write(place.user(), rule("deny")).unwrap();
    assert!(files.news().is_none());
    files.settle();
    assert_eq!(place.effect(&files.current()), Effect::Deny);
}

#[test]
fn a_change_of_words_only_is_no_news() {
    let place = Place::new();
    fs::write(place.user(), rule("deny")).unwrap();
    let files = place.files();
    fs::write(place.user(), format!("# why\n{}", rule("deny"))).unwrap();
    assert!(files.news().is_none());
}

#[test]
fn a_change_is_seen_whatever_the_file_says_of_its_times() {
    let place = Place::new();
    fs::write(place.user(), rule("deny")).unwrap();
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
    let age =
        || File::options().write(true).open(place.user()).unwrap().set_modified(then).unwrap();
    age();
    let files = place.files();
    fs::write(place.user(), rule("deny")).unwrap();
    assert!(files.news().is_none());
    fs::write(place.user(), replaced("allow")).unwrap();
    age();
    assert!(matches!(files.news(), Some(News::Loaded { .. })));
}

#[test]
fn what_may_permit_more_waits_until_the_files_are_still() {
    let place = Place::new();
    fs::write(place.user(), rule("approve")).unwrap();
    let files = place.files();
    place.clock.stopped.store(true, Ordering::SeqCst);
    fs::remove_file(place.user()).unwrap();
    assert!(files.news().is_none() && !files.is_current(), "it may be about to be replaced");
    fs::write(place.user(), "version = 1\n[[ru").unwrap();
    assert!(files.news().is_none(), "it may be half written");
    fs::write(place.user(), rule("deny")).unwrap();
    assert!(matches!(files.news(), Some(News::Loaded { widened: false, .. })), "less, at once");
    files.settle();
    fs::write(place.user(), rule("approve")).unwrap();
    assert!(files.news().is_none());
    place.clock.ticks.fetch_add(1, Ordering::SeqCst);
    assert!(matches!(files.news(), Some(News::Loaded { widened: true, .. })));
}

#[test]
fn a_bad_project_file_holds_up_nothing_of_the_users() {
    let place = Place::new();
    fs::write(place.project(), rule("approve").replace("id = \"a\"", "id = \"p\"")).unwrap();
    let files = place.files();
    fs::write(place.project(), "broken").unwrap();
    assert!(matches!(files.news(), Some(News::Rejected { .. })));
    files.settle();
    fs::write(place.user(), rule("deny")).unwrap();
    assert!(matches!(files.news(), Some(News::Loaded { widened: false, .. })));
    files.settle();
    assert_eq!(place.effect(&files.current()), Effect::Deny);
    assert!(matches!(files.news(), Some(News::Rejected { .. })));
    files.settle();
    fs::remove_file(place.user()).unwrap();
    assert!(matches!(files.news(), Some(News::Loaded { widened: true, .. })));
    files.settle();
    assert_eq!(place.effect(&files.current()), Effect::Approve, "the project's rules stay");
}

#[test]
fn a_rule_that_counts_another_log_is_refused_until_the_program_starts_again() {
    let place = Place::new();
    fs::write(place.user(), rule("deny")).unwrap();
    let files = place.files();
    let rate = "when = { at_least = \"3 per 1h\", scope = \"host\" }\n";
    let elsewhere = (rule("deny") + rate).replacen('\n', "\naudit.dir = \"/elsewhere\"\n", 1);
    fs::write(place.user(), elsewhere).unwrap();
    let Some(News::Rejected { error }) = files.news() else { panic!("it is accepted") };
    assert!(error.contains("Start it again"), "{error}");
    files.settle();
    fs::write(place.user(), rule("deny") + rate).unwrap();
    assert!(matches!(files.news(), Some(News::Loaded { widened: true, .. })));
}
