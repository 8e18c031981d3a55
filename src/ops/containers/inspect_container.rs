//! `inspect_container`: everything about one container that is no secret.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::around::Around;
use super::notes::{mount, ports};
use super::reach::Way;
use super::target;
use crate::core::operation::{Class, Spec};
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::redact::Redactor;
use crate::core::text;
use crate::gate::{Context, Read, Render};
use crate::ops::table::{VALUE_CHARS_MAX, hidden, map_of, pairs_of, section};
use crate::ops::{units, when};
use crate::ports::engine::{CONTAINER, Container};

/// The operation.
#[derive(Debug)]
pub struct InspectContainer;

/// Which container.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Name, full id or id prefix (at least 6 hex digits).
    #[schemars(length(min = 1, max = 129))]
    container: String,
}

/// What may be shown of a container.
#[derive(Debug)]
pub struct Inspection {
    container: Container,
    now: OffsetDateTime,
    error: String,
    command: Vec<String>,
    labels: Vec<(String, String)>,
    env: Vec<(String, String)>,
    ways: Vec<Way>,
    hidden: usize,
}

impl Inspection {
    fn of(container: Container, ways: Vec<Way>, now: OffsetDateTime) -> Self {
        let mut redactor = Redactor::new(&container.env);
        let env = redactor.env(&container.env);
        let command = redactor.command(&container.command);
        let labels = redactor.labels(&container.labels);
        let error = redactor.text(&container.state.error);
        Self { container, now, error, command, labels, env, ways, hidden: redactor.hidden() }
    }

    fn identity(&self) -> Vec<(&str, String)> {
        let Container { id, name, image, image_id, created, .. } = &self.container;
        let created =
            created.map(|at| format!("{} ({})", when::second(at), when::ago(at, self.now)));
        vec![
            ("name", text::name(name)),
            ("id", id.as_str().to_owned()),
            ("image", text::name(image)),
            ("image id", text::name(image_id)),
            ("created", created.unwrap_or_default()),
        ]
    }

    fn state(&self) -> Vec<(&str, String)> {
        let state = &self.container.state;
        let moment = |written: &str| match written {
            "" => String::new(),
            written => when::aged(written, self.now),
        };
        let code = state.exit_code.filter(|_| !state.running).map(|code| code.to_string());
        let restarts = self.container.restart_count;
        vec![
            ("status", text::name(&state.status)),
            ("health", state.health.as_deref().map(text::name).unwrap_or_default()),
            ("started", moment(&state.started_at)),
            ("finished", moment(&state.finished_at)),
            ("exit code", code.unwrap_or_default()),
            ("out of memory", if state.oom_killed { "yes".into() } else { String::new() }),
            ("error", text::line(&self.error, VALUE_CHARS_MAX)),
            ("restarts", if restarts > 0 { restarts.to_string() } else { String::new() }),
        ]
    }

    fn configuration(&self) -> Vec<(&str, String)> {
        let c = &self.container;
        let words: Vec<String> =
            self.command.iter().map(|word| text::line(word, VALUE_CHARS_MAX)).collect();
        let grace = c.stop_timeout.map(|seconds| format!(", {seconds} s")).unwrap_or_default();
        let signal = text::name(c.stop_signal.as_deref().unwrap_or("SIGTERM"));
        let memory = u64::try_from(c.memory_bytes).ok().filter(|bytes| *bytes > 0);
        let mut rows = vec![
            ("command", text::line(&words.join(" "), VALUE_CHARS_MAX * 4)),
            ("folder", text::name(&c.workdir)),
            ("user", text::name(&c.user)),
            ("terminal", if c.tty { "yes".into() } else { String::new() }),
            ("stop", format!("{signal}{grace}")),
            ("restart policy", text::name(&c.restart_policy)),
            ("auto-remove", if c.auto_remove { "yes (--rm)".into() } else { String::new() }),
            ("memory limit", memory.map(units::bytes).unwrap_or_default()),
            ("log driver", text::name(&c.log_driver)),
        ];
        rows.extend(self.ways.iter().cloned());
        rows
    }

    fn connections(&self) -> Vec<(&str, String)> {
        let c = &self.container;
        let joined = |names: &[String]| text::line(&names.join(", "), VALUE_CHARS_MAX);
        let mut rows =
            vec![("mode", text::name(&c.network_mode)), ("ports", ports(c.ports.iter()))];
        for (network, address) in &c.networks {
            let address = if address.is_empty() { "no address" } else { address };
            rows.push(("network", format!("{} ({})", text::name(network), text::name(address))));
        }
        rows.push(("links", joined(&c.links)));
        rows
    }

    fn storage(&self) -> Vec<(&str, String)> {
        let c = &self.container;
        let mut rows: Vec<(&str, String)> =
            c.mounts.iter().map(|one| ("mount", mount(one))).collect();
        rows.extend(c.tmpfs.iter().map(|path| ("tmpfs", text::name(path))));
        rows.extend(c.volumes_from.iter().map(|from| ("mounts of", text::name(from))));
        rows
    }
}

impl Render for Inspection {
    fn text(&self) -> String {
        let mut out = String::new();
        for (title, rows) in [
            ("Identity", self.identity()),
            ("State", self.state()),
            ("Configuration", self.configuration()),
            ("Storage", self.storage()),
            ("Network", self.connections()),
        ] {
            section(&mut out, title, &rows);
        }
        for (title, pairs) in [("Labels", &self.labels), ("Environment", &self.env)] {
            section(&mut out, title, &pairs_of(pairs));
        }
        out.push_str(&hidden(self.hidden, "; the container's log may hold them"));
        out
    }

    fn data(&self) -> Value {
        let c = &self.container;
        let command: Vec<String> =
            self.command.iter().map(|word| text::line(word, VALUE_CHARS_MAX)).collect();
        json!({
            "id": c.id,
            "name": text::name(&c.name),
            "image": text::name(&c.image),
            "imageId": text::name(&c.image_id),
            "status": text::name(&c.state.status),
            "health": c.state.health.as_deref().map(text::name),
            "startedAt": text::line(&c.state.started_at, 64),
            "exitCode": c.state.exit_code.filter(|_| !c.state.running),
            "restartCount": c.restart_count,
            "restartPolicy": text::name(&c.restart_policy),
            "autoRemove": c.auto_remove,
            "privileged": c.privileged,
            "command": command,
            "ports": ports(c.ports.iter()),
            "mounts": c.mounts.iter().map(mount).collect::<Vec<_>>(),
            "reach": self.ways.iter().map(|(flag, way)| format!("{flag}: {way}")).collect::<Vec<_>>(),
            "labels": map_of(&self.labels),
            "env": map_of(&self.env),
            "hidden": self.hidden,
        })
    }

    fn record(&self) -> Value {
        json!({
            "status": text::name(&self.container.state.status),
            "hidden": self.hidden,
        })
    }
}

impl Read for InspectContainer {
    type Params = Params;
    type Output = Inspection;

    fn spec() -> Spec {
        let spec = Spec::read(
            "inspect_container",
            "Inspect a container",
            "Shows state, configuration, mounts, networks, ports, labels and environment \
             names of one container. Values that can be secret are hidden.",
            "containers",
        );
        Spec {
            class: Class::Sensitive,
            ceiling: Class::Sensitive,
            kinds: &[&CONTAINER],
            references: &["container"],
            since_api: Some("1.24"),
            ..spec
        }
    }

    async fn resolve(cx: Context<'_>, params: &Params) -> Result<Vec<Target>, Fault> {
        target::resolve(cx, &params.container).await
    }

    async fn read(cx: Context<'_>, _: &Params, targets: &[Target]) -> Result<Inspection, Fault> {
        let container = cx.look.container(&target::full_id(targets)?).await?;
        let ways = Around::look(cx, &container).await.ways(&container);
        Ok(Inspection::of(container, ways, cx.clock.now()))
    }
}
