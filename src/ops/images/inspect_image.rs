//! `inspect_image`: everything about one image that is no secret.

use futures_util::future::try_join3;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::target;
use crate::core::operation::{Class, Spec};
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::redact::{HIDDEN, Redactor};
use crate::core::text;
use crate::gate::{Context, Read, Render};
use crate::ops::table::{VALUE_CHARS_MAX, hidden, map_of, pairs_of, section};
use crate::ops::users;
use crate::ops::{units, when};
use crate::ports::engine::{ContainerRow, IMAGE, Image, ImageStep};

/// Steps that are shown, at most: the newest.
const STEPS_MAX: usize = 40;

/// The longest command of a step, in characters.
const STEP_CHARS_MAX: usize = 200;

/// Names that are shown, at most.
const NAMES_MAX: usize = 50;

/// The operation.
#[derive(Debug)]
pub struct InspectImage;

/// Which image.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneImage {
    /// Name with tag or digest, full id or id prefix (at least 6 hex digits).
    #[schemars(length(min = 1, max = 460))]
    pub(in crate::ops) image: String,
}

/// What may be shown of an image.
#[derive(Debug)]
pub struct Inspection {
    image: Image,
    containers: Vec<ContainerRow>,
    now: OffsetDateTime,
    entrypoint: Vec<String>,
    command: Vec<String>,
    healthcheck: Vec<String>,
    labels: Vec<(String, String)>,
    env: Vec<(String, String)>,
    /// Oldest first.
    steps: Vec<ImageStep>,
    hidden: usize,
}

impl Inspection {
    fn of(
        image: Image,
        mut steps: Vec<ImageStep>,
        containers: Vec<ContainerRow>,
        now: OffsetDateTime,
    ) -> Self {
        let mut redactor = Redactor::new(&image.env);
        let env = redactor.env(&image.env);
        let entrypoint = redactor.command(&image.entrypoint);
        let command = redactor.command(&image.command);
        let healthcheck = redactor.command(&image.healthcheck);
        let labels = redactor.labels(&image.labels);
        let mut build_arguments = 0;
        for step in &mut steps {
            if let Some(without) = without_build_arguments(&step.command) {
                build_arguments += 1;
                step.command = without;
            }
            step.command = redactor.text(&step.command);
            step.comment = redactor.text(&step.comment);
        }
        steps.reverse();
        let hidden = redactor.hidden() + build_arguments;
        Self {
            image,
            containers,
            now,
            entrypoint,
            command,
            healthcheck,
            labels,
            env,
            steps,
            hidden,
        }
    }

    fn identity(&self) -> Vec<(&'static str, String)> {
        let Image { id, tags, digests, created, size, platform, layers, author, .. } = &self.image;
        let aged = |at| format!("{} ({})", when::second(at), when::ago(at, self.now));
        let users = users::of_image(id, &self.containers);
        let mut rows = vec![("id", id.to_string())];
        rows.extend(tags.iter().take(NAMES_MAX).map(|tag| ("tag", text::name(tag))));
        rows.extend(digests.iter().take(NAMES_MAX).map(|name| ("digest", text::name(name))));
        rows.extend([
            ("created", created.map(aged).unwrap_or_default()),
            ("size", format!("{} in {}", units::bytes(*size), units::counted(*layers, "layer"))),
            ("platform", text::name(platform)),
            ("author", text::name(author)),
            ("used by", users::named_or_nobody(&users)),
        ]);
        rows
    }

    fn configuration(&self) -> Vec<(&'static str, String)> {
        let image = &self.image;
        let list = |items: &[String]| text::line(&items.join(", "), VALUE_CHARS_MAX);
        let words = |words: &[String]| text::line(&words.join(" "), VALUE_CHARS_MAX);
        let user = if image.user.is_empty() { "root (none is named)" } else { &image.user };
        vec![
            ("entrypoint", words(&self.entrypoint)),
            ("command", words(&self.command)),
            ("user", text::name(user)),
            ("folder", text::name(&image.workdir)),
            ("ports", list(&image.ports)),
            ("volumes", list(&image.volumes)),
            ("stop signal", image.stop_signal.as_deref().map(text::name).unwrap_or_default()),
            ("health check", words(&self.healthcheck)),
        ]
    }

    fn history(&self) -> Vec<(&'static str, String)> {
        let left_out = self.steps.len().saturating_sub(STEPS_MAX);
        let step = |step: &ImageStep| {
            let said = if step.command.is_empty() { &step.comment } else { &step.command };
            let said = text::line(said.trim(), STEP_CHARS_MAX);
            ("", format!("{:>10}  {said}", units::bytes(step.size)))
        };
        let older = (left_out > 0).then(|| ("", format!("… {left_out} older steps")));
        older.into_iter().chain(self.steps.iter().skip(left_out).map(step)).collect()
    }
}

/// A build step's command without the values of the build's arguments, which engines write before
/// it: `|2 NAME=value NAME=value /bin/sh -c …`. Where the values end cannot be told for sure, so
/// all is left out up to the shell. None where there are no such values.
fn without_build_arguments(command: &str) -> Option<String> {
    let (before, after) = command.split_once('|')?;
    if !["", "RUN "].contains(&before) || !after.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let shell = after.rfind(" /bin/").and_then(|at| after.get(at..)).unwrap_or_default();
    Some(format!("{before}|{HIDDEN}{shell}"))
}

impl Render for Inspection {
    fn text(&self) -> String {
        let mut out = String::new();
        section(&mut out, "Image", &self.identity());
        section(&mut out, "Configuration", &self.configuration());
        section(&mut out, "Labels", &pairs_of(&self.labels));
        section(&mut out, "Environment", &pairs_of(&self.env));
        section(&mut out, "History (newest last)", &self.history());
        out.push_str(&hidden(self.hidden, "; the image's files may hold more"));
        out
    }

    fn data(&self) -> Value {
        let image = &self.image;
        let clean = |items: &[String]| -> Vec<String> {
            items.iter().take(NAMES_MAX).map(|item| text::line(item, VALUE_CHARS_MAX)).collect()
        };
        let step = |step: &ImageStep| {
            json!({
                "created": step.created.unix_timestamp(),
                "command": text::line(&step.command, STEP_CHARS_MAX),
                "size": step.size,
            })
        };
        let left_out = self.steps.len().saturating_sub(STEPS_MAX);
        json!({
            "id": image.id,
            "tags": clean(&image.tags),
            "digests": clean(&image.digests),
            "created": image.created.map(OffsetDateTime::unix_timestamp),
            "size": image.size,
            "platform": text::name(&image.platform),
            "layers": image.layers,
            "entrypoint": clean(&self.entrypoint),
            "command": clean(&self.command),
            "user": text::name(&image.user),
            "folder": text::name(&image.workdir),
            "ports": clean(&image.ports),
            "volumes": clean(&image.volumes),
            "labels": map_of(&self.labels),
            "env": map_of(&self.env),
            "history": self.steps.iter().skip(left_out).map(step).collect::<Vec<_>>(),
            "users": users::data(&users::of_image(&image.id, &self.containers)),
            "userCount": users::of_image(&image.id, &self.containers).len(),
            "hidden": self.hidden,
        })
    }

    fn record(&self) -> Value {
        json!({"size": self.image.size, "steps": self.steps.len(), "hidden": self.hidden})
    }
}

impl Read for InspectImage {
    type Params = OneImage;
    type Output = Inspection;

    fn spec() -> Spec {
        let spec = Spec::read(
            "inspect_image",
            "Inspect an image",
            "Shows names, digests, size, configuration, labels, environment names, users and build \
             history of one image. Values that can be secret are hidden.",
            "images",
        );
        Spec {
            class: Class::Sensitive,
            ceiling: Class::Sensitive,
            kinds: &[&IMAGE],
            references: &["image"],
            since_api: Some("1.24"),
            ..spec
        }
    }

    async fn resolve(cx: Context<'_>, params: &OneImage) -> Result<Vec<Target>, Fault> {
        target::resolve(cx, &params.image).await
    }

    async fn read(cx: Context<'_>, _: &OneImage, targets: &[Target]) -> Result<Inspection, Fault> {
        let id = target::full_id(targets)?;
        let (image, steps, containers) =
            try_join3(cx.look.image(&id), cx.look.image_history(&id), users::all(cx)).await?;
        Ok(Inspection::of(image, steps, containers, cx.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_build_arguments_are_left_out() {
        for (command, expected) in [
            ("|1 PASS=a b /bin/sh -c make", Some("|(hidden) /bin/sh -c make")),
            (
                "RUN |2 A=1 B=2 /bin/sh -c x # buildkit",
                Some("RUN |(hidden) /bin/sh -c x # buildkit"),
            ),
            ("|1 PASS=hunter2 pwsh -c x", Some("|(hidden)")),
            ("/bin/sh -c cat x | grep y", None),
            ("/bin/sh -c #(nop)  CMD [\"a\"]", None),
            ("", None),
        ] {
            assert_eq!(without_build_arguments(command).as_deref(), expected, "{command}");
        }
    }
}
