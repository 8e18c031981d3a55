//! `get_container_changes`: which paths of a container differ from its image.

use serde_json::{Value, json};

use super::lifecycle::OneContainer;
use super::target;
use crate::core::operation::Spec;
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::{Context, Read, Render};
use crate::ops::units::{counted, grouped};
use crate::ports::engine::{CONTAINER, ChangeKind, FileChange};

/// Paths in an answer, at most.
const PATHS_MAX: usize = 200;

/// The longest path, in characters.
const PATH_CHARS_MAX: usize = 400;

/// The operation.
#[derive(Debug)]
pub struct GetContainerChanges;

/// The paths that differ.
#[derive(Debug)]
pub struct Changes {
    name: String,
    shown: Vec<(char, String)>,
    /// How many are new, changed and gone, of all.
    counts: [usize; 3],
}

impl Changes {
    fn of(name: &str, changes: &[FileChange]) -> Self {
        let counts = [ChangeKind::Added, ChangeKind::Changed, ChangeKind::Deleted]
            .map(|kind| changes.iter().filter(|change| change.kind == kind).count());
        // A folder counts as changed when something in it does. What says more is kept first.
        let mut kept: Vec<&FileChange> = changes.iter().collect();
        kept.sort_by_key(|change| change.kind == ChangeKind::Changed);
        kept.truncate(PATHS_MAX);
        kept.sort_by(|one, other| one.path.cmp(&other.path));
        let shown = kept.iter().map(|change| {
            let mark = match change.kind {
                ChangeKind::Added => 'A',
                ChangeKind::Changed => 'C',
                ChangeKind::Deleted => 'D',
            };
            (mark, text::line(&change.path, PATH_CHARS_MAX))
        });
        Self { name: text::name(name), shown: shown.collect(), counts }
    }

    fn left_out(&self) -> usize {
        self.counts.iter().sum::<usize>() - self.shown.len()
    }
}

impl Render for Changes {
    fn text(&self) -> String {
        if self.shown.is_empty() {
            return format!("Nothing in {} differs from its image.", self.name);
        }
        let [added, changed, deleted] = self.counts.map(count);
        let mut out = String::new();
        for (mark, path) in &self.shown {
            out.push_str(&format!("{mark} {path}\n"));
        }
        out.push_str(&format!("{added} added (A), {changed} changed (C), {deleted} deleted (D)."));
        if self.left_out() > 0 {
            let more = counted(self.left_out(), "more path");
            out.push_str(&format!("\n… {more}; only `docker diff` shows all"));
        }
        out
    }

    fn data(&self) -> Value {
        let shown = self.shown.iter();
        let shown: Vec<Value> =
            shown.map(|(mark, path)| json!({"kind": mark, "path": path})).collect();
        let mut data = self.record();
        if let Value::Object(map) = &mut data {
            map.insert("changes".into(), json!(shown));
        }
        data
    }

    fn record(&self) -> Value {
        let [added, changed, deleted] = self.counts;
        let left_out = self.left_out();
        json!({"added": added, "changed": changed, "deleted": deleted, "leftOut": left_out})
    }
}

fn count(number: usize) -> String {
    grouped(u64::try_from(number).unwrap_or(u64::MAX))
}

impl Read for GetContainerChanges {
    type Params = OneContainer;
    type Output = Changes;

    fn spec() -> Spec {
        let spec = Spec::read(
            "get_container_changes",
            "List a container's changed files",
            "Lists the paths of a container that were added, changed or deleted since it was made \
             from its image. What lies in volumes and mounts does not count.",
            "containers",
        );
        Spec { kinds: &[&CONTAINER], references: &["container"], since_api: Some("1.24"), ..spec }
    }

    async fn resolve(cx: Context<'_>, params: &OneContainer) -> Result<Vec<Target>, Fault> {
        target::resolve(cx, &params.container).await
    }

    async fn read(cx: Context<'_>, _: &OneContainer, targets: &[Target]) -> Result<Changes, Fault> {
        let changes = cx.look.changes(&target::full_id(targets)?).await?;
        let name = targets.first().map(|target| target.name.as_str()).unwrap_or_default();
        Ok(Changes::of(name, &changes))
    }
}
