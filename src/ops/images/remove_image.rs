//! `remove_image`: removes an image, or takes one of its names off while it keeps others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::removal::{self, Facts, Sight};
use super::target;
use crate::core::grant::Permit;
use crate::core::operation::{Class, Drift, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::reason::{Fault, Reason};
use crate::gate::{Change, Context, Preview, Render, Seen, Steps};
use crate::ops::plan::{at, one};
use crate::ops::report::Report;
use crate::ops::units;
use crate::ports::engine::{Act, IMAGE, Image, ImageId, ImageRemoval, Removed};

/// The operation.
#[derive(Debug)]
pub struct RemoveImage;

/// Which image.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Name with tag or digest, full id or id prefix (at least 6 hex digits).
    #[schemars(length(min = 1, max = 460))]
    image: String,
    /// Also if several names point to it, or ended containers use it.
    #[serde(default)]
    force: bool,
}

impl Change for RemoveImage {
    type Params = Params;
    type Facts = Facts;
    type Sight = Sight;
    type Done = (ImageRemoval, Removed);
    type Output = Outcome;

    fn spec() -> Spec {
        Spec {
            name: "remove_image".into(),
            title: "Remove an image".into(),
            summary:
                "Removes an image. Asked for by a tag while it has others, only that tag goes. The \
                      preview says whether a registry can bring it back and who uses it."
                    .into(),
            toolset: "images",
            class: Class::Destroy,
            ceiling: Class::Destroy,
            kinds: &[&IMAGE],
            references: &["image"],
            drift: Drift::All,
            idempotent: true,
            since_api: Some("1.24"),
        }
    }

    /// The image under each of the names that would go: policy is asked about all of them.
    async fn resolve(cx: Context<'_>, params: &Params) -> Result<Vec<Target>, Fault> {
        let target::Found { image, reference, engine } = target::find(cx, &params.image).await?;
        let tag = target::called(&reference, &image).filter(|name| image.tags.contains(name));
        let names = match tag {
            Some(tag) => vec![tag],
            None if image.tags.is_empty() => vec![image.id.to_string()],
            None => image.tags.clone(),
        };
        Ok(names.iter().map(|name| target::of(&image, name, &engine)).collect())
    }

    /// One name of an image is another target than the next.
    fn meant(_: &Params, targets: &[Target]) -> Map<String, Value> {
        let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        Map::from_iter([("image".to_owned(), json!(names))])
    }

    async fn observe(
        cx: Context<'_>,
        _: &Params,
        targets: &[Target],
    ) -> Result<Seen<Facts, Sight>, Fault> {
        let engine = targets.first().map(|target| target.engine.as_str()).unwrap_or_default();
        let sight = Sight::look(cx, &target::full_id(targets)?, engine).await?;
        let facts = sight.facts(targets);
        let facts = targets.iter().map(|_| facts.clone()).collect();
        Ok(Seen { class: Class::Destroy, facts, sight })
    }

    async fn possible(
        _: Context<'_>,
        params: &Params,
        targets: &[Target],
        sight: &Sight,
    ) -> Result<(), Fault> {
        sight.removable(targets, params.force)
    }

    async fn preview(
        cx: Context<'_>,
        plan: &Plan,
        _: &Params,
        facts: &[Facts],
        sight: Sight,
    ) -> Preview {
        match facts.first() {
            Some(facts) => removal::preview(cx, plan.targets(), facts, &sight).await,
            None => Preview::default(),
        }
    }

    async fn execute(
        act: &dyn Act,
        params: &Params,
        permit: &Permit,
        _: &mut dyn Steps,
    ) -> Result<(ImageRemoval, Removed), Fault> {
        let removal = match at::<Facts>(permit, 0)?.removes_image {
            true => ImageRemoval::Image { force: params.force },
            false => ImageRemoval::Tag,
        };
        Ok((removal, act.remove_image(&one(permit)?, removal).await?))
    }

    async fn look_again(
        cx: Context<'_>,
        _: &Params,
        targets: &[Target],
        (removal, done): &(ImageRemoval, Removed),
    ) -> Result<Outcome, Fault> {
        let id = target::full_id(targets)?;
        let left = match cx.look.image(&id).await {
            Ok(image) => Some(image),
            Err(fault) if fault.reason == Reason::NotFound => None,
            Err(fault) => return Err(fault),
        };
        let names = removal::named(&done.untagged);
        let astray = *removal == ImageRemoval::Tag && !done.deleted.is_empty();
        let text = match &left {
            _ if astray => went_astray(&names, &id, left.as_ref(), &done.deleted),
            None => format!(
                "Removed the image {id}{} and {} with it. It is gone.",
                if names.is_empty() { String::new() } else { format!(", its names {names}") },
                units::counted(done.deleted.len().saturating_sub(1), "further layer"),
            ),
            Some(image) if image.tags.is_empty() => {
                format!("Took off {names}. The image {id} is still there, without a tag.")
            }
            Some(image) => {
                format!(
                    "Took off {names}. The image {id} stays as {}.",
                    removal::named(&image.tags)
                )
            }
        };
        let data = json!({
            "id": id,
            "untagged": done.untagged.len(),
            "deleted": done.deleted.len(),
            "imageGone": left.is_none(),
            "astray": astray,
        });
        Ok(Outcome { report: Report { text, record: data.clone(), data }, astray })
    }
}

/// The words where a name was to be taken off, and an image went with it.
fn went_astray(names: &str, id: &ImageId, left: Option<&Image>, deleted: &[String]) -> String {
    let stays = match left {
        None => format!("The image {id} itself is gone"),
        Some(image) if image.tags.is_empty() => format!("The image {id} stays, without a tag"),
        Some(image) => format!("The image {id} stays as {}", removal::named(&image.tags)),
    };
    format!(
        "Only a name was to be taken off ({names}), but it had become the last one of an image in \
         between, and the engine removed that: {} is gone for good. {stays}. Look with list_images \
         at what is missing, and pull or build it again.",
        removal::named(deleted)
    )
}

/// What a removal came to.
#[derive(Debug)]
pub struct Outcome {
    report: Report,
    /// Whether something else went than what was to go.
    astray: bool,
}

impl Render for Outcome {
    fn text(&self) -> String {
        self.report.text()
    }

    fn data(&self) -> Value {
        self.report.data()
    }

    fn record(&self) -> Value {
        self.report.record()
    }

    fn unknown(&self) -> Option<String> {
        self.astray.then(|| "an image went with the name".to_owned())
    }
}
