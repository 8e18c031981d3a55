//! The sections of a file that hold settings, and what a project's file may not set.

use std::path::PathBuf;

use super::document::{Problems, Span};
use super::found::{SYSTEM_FILE, USER_FILE};
use super::table::{Keys, list, meant};
use super::{
    CONCURRENT_CALLS_MAX, Sync, TOKEN_TTL_SECONDS, TOKEN_TTL_SECONDS_MIN, TOOLSETS, Via, asks,
};
use crate::core::policy::Level;
use crate::core::text;

/// What a file sets; what it leaves out is none.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    pub(super) engine_host: Option<String>,
    pub(super) engine_context: Option<String>,
    pub(super) audit_dir: Option<PathBuf>,
    pub(super) audit_sync: Option<Sync>,
    /// Names of toolsets, `all` and `default`.
    pub(super) toolsets: Option<Vec<String>>,
    pub(super) read_only: Option<bool>,
    pub(super) token_ttl_seconds: Option<u32>,
    pub(super) concurrent_calls: Option<u32>,
    pub(super) asks: asks::Said,
    pub(super) confirm_via: Option<Via>,
}

impl Settings {
    /// Reads the sections of a file of this level.
    pub(super) fn read(top: &mut Keys<'_, '_>, level: Level) -> Self {
        let mut settings = Self::default();
        settings.engine(top, level);
        settings.audit(top, level);
        settings.mcp(top);
        settings.limits(top, level);
        settings.asks = asks::asks(top, level);
        settings.confirm_via = asks::confirm(top, level);
        settings
    }

    fn engine(&mut self, top: &mut Keys<'_, '_>, level: Level) {
        let Some((span, table)) = top.table("engine") else { return };
        if level == Level::Project {
            return refuse(&span, "`[engine]`", ", or by a flag or variable", top.problems());
        }
        let known = ["host", "context"];
        let mut keys = Keys::new("`[engine]`", table, span, &known, top.problems());
        self.engine_host = keys.text("host").map(|host| host.text.into_owned());
        self.engine_context = keys.text("context").map(|context| context.text.into_owned());
        if let (Some(_), Some((span, _))) = (keys.get("host"), keys.get("context")) {
            keys.problems().add(&span, || {
                "`host` and `context` name two engines. Leave one of them out.".to_owned()
            });
        }
    }

    fn audit(&mut self, top: &mut Keys<'_, '_>, level: Level) {
        let Some((span, table)) = top.table("audit") else { return };
        let mut keys = Keys::new("`[audit]`", table, span, &["dir", "sync"], top.problems());
        self.audit_dir = keys.text("dir").map(|dir| PathBuf::from(dir.text.into_owned()));
        let Some((span, _)) = keys.get("sync") else { return };
        if level == Level::Project {
            return refuse(&span, "`sync`", "", keys.problems());
        }
        let Some(sync) = keys.text("sync") else { return };
        self.audit_sync = match &*sync.text {
            "all" => Some(Sync::All),
            "mutate" => Some(Sync::Mutate),
            other => {
                let other = text::name(other);
                let meant = meant(&other, ["all", "mutate"]);
                keys.problems().add(&sync.span, || {
                    format!("`sync` is `{other}`.{meant} It can be `all` or `mutate`.")
                });
                None
            }
        };
    }

    fn mcp(&mut self, top: &mut Keys<'_, '_>) {
        let Some((span, table)) = top.table("mcp") else { return };
        let known = ["toolsets", "read_only"];
        let mut keys = Keys::new("`[mcp]`", table, span, &known, top.problems());
        self.read_only = keys.flag("read_only");
        let listed = keys.get("toolsets").and_then(|(_, node)| node.get_ref().as_array());
        if listed.is_some_and(|list| list.is_empty()) {
            self.toolsets = Some(Vec::new());
            return;
        }
        let Some(words) = keys.texts("toolsets") else { return };
        let known = || TOOLSETS.into_iter().chain(["all", "default"]);
        for word in &words {
            if !known().any(|known| known == word.text) {
                keys.problems().add(&word.span, || {
                    let found = text::name(&word.text);
                    let meant = meant(&found, known());
                    let all: Vec<&str> = known().collect();
                    format!("There is no toolset `{found}`.{meant} There are {}.", list(&all))
                });
            }
        }
        self.toolsets = Some(words.into_iter().map(|word| word.text.into_owned()).collect());
    }

    fn limits(&mut self, top: &mut Keys<'_, '_>, level: Level) {
        let Some((span, table)) = top.table("limits") else { return };
        if level == Level::Project {
            return refuse(&span, "`[limits]`", "", top.problems());
        }
        let known = ["token_ttl_seconds", "concurrent_calls"];
        let mut keys = Keys::new("`[limits]`", table, span, &known, top.problems());
        self.token_ttl_seconds =
            keys.number("token_ttl_seconds", TOKEN_TTL_SECONDS_MIN, TOKEN_TTL_SECONDS);
        self.concurrent_calls = keys.number("concurrent_calls", 1, CONCURRENT_CALLS_MAX);
    }
}

/// `or` is what sets it beside trusted files.
pub(super) fn refuse(span: &Span, what: &str, or: &str, problems: &mut Problems) {
    problems.add(span, || {
        format!(
            "A project's file may not set {what}: whoever can edit the project could widen what is \
             allowed. Set it in {SYSTEM_FILE} or {USER_FILE}{or}."
        )
    });
}
