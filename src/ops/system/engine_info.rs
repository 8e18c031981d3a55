//! `engine_info`: which engine this is, and how it is.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::core::operation::Spec;
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::{Context, Read, Render};
use crate::ports::engine::Engine;

/// Warnings that are shown, at most.
const WARNINGS_MAX: usize = 10;

/// The operation.
#[derive(Debug)]
pub struct EngineInfo;

/// It takes no arguments.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {}

impl Render for Engine {
    fn text(&self) -> String {
        let [running, paused, stopped] = self.containers;
        let rows = [
            ("engine", format!("{} (API {})", text::name(&self.version), text::name(&self.api))),
            ("id", text::name(&self.id)),
            ("host", text::name(&self.name)),
            ("reached at", text::name(&self.address)),
            ("system", format!("{}, kernel {}", text::name(&self.os), text::name(&self.kernel))),
            (
                "machine",
                format!(
                    "{}, {} CPUs, {}",
                    text::name(&self.arch),
                    self.cpus,
                    gib(self.memory_bytes)
                ),
            ),
            ("storage", text::name(&self.storage)),
            ("logging", text::name(&self.logging)),
            ("containers", format!("{running} running, {paused} paused, {stopped} stopped")),
            ("images", self.images.to_string()),
        ];
        let mut out = String::new();
        for (label, value) in rows {
            // Writing to a String cannot fail.
            writeln!(out, "{label:10}  {value}").unwrap_or_default();
        }
        for warning in self.warnings.iter().take(WARNINGS_MAX) {
            writeln!(out, "warning     {}", text::line(warning, 200)).unwrap_or_default();
        }
        out.truncate(out.trim_end().len());
        out
    }

    fn data(&self) -> Value {
        let clean: Vec<String> = self.warnings.iter().map(|w| text::line(w, 200)).collect();
        json!({
            "id": text::name(&self.id),
            "name": text::name(&self.name),
            "version": text::name(&self.version),
            "api": text::name(&self.api),
            "os": text::name(&self.os),
            "kernel": text::name(&self.kernel),
            "arch": text::name(&self.arch),
            "cpus": self.cpus,
            "memoryBytes": self.memory_bytes,
            "containers": self.containers,
            "images": self.images,
            "warnings": clean,
        })
    }

    fn record(&self) -> Value {
        json!({"engine": text::name(&self.id), "version": text::name(&self.version)})
    }
}

fn gib(bytes: i64) -> String {
    let tenths = bytes / (1024 * 1024 * 1024 / 10);
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

impl Read for EngineInfo {
    type Params = Params;
    type Output = Engine;

    fn spec() -> Spec {
        let spec = Spec::read(
            "engine_info",
            "Engine information",
            "Shows which container engine is governed here: version, host, storage and \
             how many containers and images it has.",
            "core",
        );
        Spec { since_api: Some("1.24"), ..spec }
    }

    async fn read(cx: Context<'_>, _: &Params, _: &[Target]) -> Result<Engine, Fault> {
        cx.look.engine().await
    }
}
