//! Precedence, defaults and what each layer may say.

mod broken;
mod policies;
pub(super) mod vocabulary;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

struct Place {
    root: TempDir,
    flags: Flags,
    env: Environment,
}

impl Place {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        for folder in ["project", "home/.config/countersign"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let env = Environment { home: Some(root.path().join("home")), ..Environment::default() };
        Self { root, flags: Flags::default(), env }
    }

    fn project(self, text: &str) -> Self {
        fs::write(self.root.path().join("project/countersign.toml"), text).unwrap();
        self
    }

    fn user(self, text: &str) -> Self {
        let path = self.root.path().join("home/.config/countersign/policy.toml");
        fs::write(path, text).unwrap();
        self
    }

    fn load(&self) -> Result<Config, Error> {
        Config::load(&Origin {
            flags: self.flags.clone(),
            env: self.env.clone(),
            cwd: self.root.path().join("project"),
            vocabulary: vocabulary::vocabulary(),
            trust: None,
        })
    }
}

#[test]
fn defaults_name_themselves() {
    let config = Place::new().load().unwrap();
    assert_eq!(config.toolsets.value, ["core", "containers", "projects"]);
    assert_eq!(config.token_ttl.value, Duration::from_secs(120));
    assert_eq!(config.concurrent_calls.value, 32);
    assert_eq!(config.audit_sync.value, Sync::Mutate);
    assert!(!config.read_only.value);
    assert!(config.audit_dir.value.ends_with("home/.local/state/countersign/audit"));
    assert_eq!(config.read_only.source, "default");
}

#[test]
fn a_project_keeps_its_log_beside_it() {
    for marker in [".mcp.json", "countersign.toml"] {
        let place = Place::new();
        fs::write(place.root.path().join("project").join(marker), "version = 1").unwrap();
        assert!(place.load().unwrap().audit_dir.value.ends_with("project/audit"), "{marker}");
    }
    let place = Place::new();
    fs::create_dir(place.root.path().join("project/audit")).unwrap();
    assert!(place.load().unwrap().audit_dir.value.ends_with("project/audit"));
}

#[test]
fn flag_over_environment_over_file_over_default() {
    let mut place = Place::new()
        .user("version = 1\n[audit]\ndir = \"/user\"\n[mcp]\ntoolsets = [\"core\"]")
        .project("version = 1\n[audit]\ndir = \"mine\"");
    assert_eq!(place.load().unwrap().audit_dir.value, Path::new("/user"));
    place.env.audit_dir = Some("/env".into());
    place.env.toolsets = Some("images, core".into());
    let config = place.load().unwrap();
    assert_eq!(config.audit_dir.value, Path::new("/env"));
    assert_eq!(config.toolsets.value, ["core", "images"]);
    place.flags.audit_dir = Some("/flag".into());
    place.flags.toolsets = vec!["all".into()];
    let config = place.load().unwrap();
    assert_eq!(
        (config.audit_dir.value.as_path(), &*config.audit_dir.source),
        (Path::new("/flag"), "--audit-dir")
    );
    assert_eq!(config.toolsets.value, TOOLSETS);
}

#[test]
fn read_only_is_sticky() {
    let on = "version = 1\n[mcp]\nread_only = true";
    let off = "version = 1\n[mcp]\nread_only = false";
    assert!(Place::new().project(on).load().unwrap().read_only.value);
    assert!(Place::new().user(on).project(off).load().unwrap().read_only.value);
    let mut place = Place::new().project(on);
    place.env.read_only = Some("false".into());
    assert!(place.load().unwrap().read_only.value);
    place.env.read_only = Some("perhaps".into());
    assert!(place.load().is_err());
    let mut place = Place::new();
    place.flags.read_only = true;
    assert!(place.load().unwrap().read_only.value);
}

#[test]
fn a_project_never_widens() {
    for text in [
        "[engine]\nhost = \"unix:///x\"",
        "[audit]\nsync = \"mutate\"",
        "[limits]\ntoken_ttl_seconds = 10",
    ] {
        let text = format!("version = 1\n{text}");
        let error = Place::new().project(&text).load().unwrap_err().to_string();
        assert!(error.contains("A project's file may not set"), "{error}");
        assert!(Place::new().user(&text).load().is_ok(), "{text}");
    }
    let narrowed = Place::new()
        .user("version = 1\n[mcp]\ntoolsets = [\"core\"]")
        .project("version = 1\n[mcp]\ntoolsets = [\"all\"]")
        .load()
        .unwrap();
    assert_eq!(narrowed.toolsets.value, ["core"]);
    let alone = Place::new().project("version = 1\n[mcp]\ntoolsets = [\"all\"]").load().unwrap();
    assert_eq!(alone.toolsets.value, TOOLSETS_DEFAULT, "what nobody set is the default");
    let relative = Place::new().project("version = 1\n[audit]\ndir = \"log\"").load().unwrap();
    assert!(relative.audit_dir.value.ends_with("project/log"));
}

#[test]
fn files_are_refused_with_their_place() {
    for (text, says) in [
        ("", ":1:1: `version` is missing in the file"),
        ("version = 2", ":1:11: `version` is the number 2"),
        ("version = 1\nfoo = 1", ":2:1: There is no key `foo`"),
        ("version = 1\n[mcp]\nreadonly = true", "Did you mean `read_only`?"),
        (
            "version = 1\n[mcp]\ntoolsets = [\"cores\"]",
            ":3:13: There is no toolset `cores`. Did you mean `core`?",
        ),
        ("version = 1\n[[rule]]\nid = \"x\"", ":2:1: `match` is missing in `[[rule]]`"),
        ("version =", ":1:10: This is no TOML"),
    ] {
        let error = Place::new().project(text).load().unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("countersign.toml"), "{text}: {error}");
    }
    for text in [
        "[limits]\ntoken_ttl_seconds = 9",
        "[limits]\ntoken_ttl_seconds = 121",
        "[limits]\nconcurrent_calls = 0",
    ] {
        assert!(Place::new().user(&format!("version = 1\n{text}")).load().is_err(), "{text}");
    }
    let mut place = Place::new();
    place.flags.config = Some("missing.toml".into());
    assert!(place.load().unwrap_err().to_string().contains("missing.toml"));
}

#[test]
fn the_users_file_names_an_engine() {
    let place = Place::new().user("version = 1\n[engine]\ncontext = \"mine\"");
    let config = place.load().unwrap();
    assert_eq!(config.engine_context.unwrap().value, "mine");
    assert_eq!(config.engine_host, None);
    let both = "version = 1\n[engine]\ncontext = \"mine\"\nhost = \"unix:///x\"";
    assert!(Place::new().user(both).load().is_err());
}

#[test]
fn rules_that_count_keep_the_log_that_their_file_names() {
    let rule =
        "[[rule]]\nid = \"few\"\neffect = \"deny\"\nmatch = { op = \"restart_container\" }\n";
    let rate = "when = { at_least = \"3 per 1h\", scope = \"host\" }\n";
    let counting = format!("version = 1\n[audit]\ndir = \"/log\"\n{rule}{rate}");
    let mut place = Place::new().user(&counting);
    assert_eq!(place.load().unwrap().audit_dir.value, Path::new("/log"));
    for same in ["/log", "/log/"] {
        place.env.audit_dir = Some(same.into());
        assert!(place.load().is_ok(), "{same}");
    }
    place.env.audit_dir = Some("/elsewhere".into());
    let error = place.load().unwrap_err().to_string();
    assert!(error.contains("`few`") && error.contains("AUDIT_DIR"), "{error}");
    place.env.audit_dir = None;
    place.flags.audit_dir = Some("/elsewhere".into());
    assert!(place.load().unwrap_err().to_string().contains("--audit-dir"));
    for free in [
        format!("version = 1\n[audit]\ndir = \"/log\"\n{rule}"),
        format!("version = 1\n{rule}{rate}"),
    ] {
        let mut place = Place::new().user(&free);
        place.flags.audit_dir = Some("/elsewhere".into());
        assert_eq!(place.load().unwrap().audit_dir.value, Path::new("/elsewhere"), "{free}");
    }
    let mut project = Place::new().project(&counting);
    project.flags.audit_dir = Some("/elsewhere".into());
    assert!(project.load().is_ok(), "a project's file holds nobody to a log");
}

#[test]
fn tests_see_their_own_file_only() {
    let rule = |id: &str, effect: &str| {
        let op = "match = { op = \"restart_container\" }";
        format!("version = 1\n[[rule]]\nid = \"{id}\"\neffect = \"{effect}\"\n{op}\n")
    };
    let test = |expect: &str| {
        let given = "given = { op = \"restart_container\" }";
        format!("[[test]]\nname = \"t\"\n{given}\nexpect = \"{expect}\"\n")
    };
    let stack = |expect: &str| {
        Place::new().user(&rule("u", "deny")).project(&(rule("p", "approve") + &test(expect)))
    };
    let config = stack("approve").load().unwrap();
    assert_eq!((config.tests.len(), config.policy.rules().len()), (1, 6));
    assert!(stack("deny").load().unwrap_err().to_string().contains("approve"));
}
