//! `tag_image`: gives an image one more name, which is taken from whatever has it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::held::{self, Held};
use super::target;
use crate::core::grant::Permit;
use crate::core::operation::{Class, Drift, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::{Change, Context, Preview, Seen, Steps};
use crate::ops::report::Report;
use crate::ports::engine::{Act, IMAGE, Image, ImageName};

/// The operation.
#[derive(Debug)]
pub struct TagImage;

/// Which image gets which name.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Name with tag or digest, full id or id prefix (at least 6 hex digits).
    #[schemars(length(min = 1, max = 460))]
    image: String,
    /// The new name, `[registry/]path:tag`.
    #[schemars(length(min = 1, max = 384))]
    tag: String,
}

/// The new name.
fn new_name(params: &Params) -> Result<ImageName, Fault> {
    let name = ImageName::parse(&params.tag)?;
    if name.digest().is_some() {
        return Err(Fault::invalid(
            "`tag` holds a digest, and that is nothing that can be given: an image has it. Use \
             `path:tag`.",
        ));
    }
    if name.looks_like_an_id() {
        return Err(Fault::invalid(format!(
            "An image named `{name}` could be taken for another one by the beginning of its id. Use \
             a name that is not of hex digits only."
        )));
    }
    Ok(name)
}

impl Change for TagImage {
    type Params = Params;
    type Facts = Held;
    type Sight = Option<Image>;
    type Done = ();
    type Output = Report;

    fn spec() -> Spec {
        Spec {
            name: "tag_image".into(),
            title: "Tag an image".into(),
            summary:
                "Gives an image a further name. An image that has this name already loses it. \
                      Without a tag in it, `latest` is meant."
                    .into(),
            toolset: "images",
            class: Class::Mutate,
            ceiling: Class::Mutate,
            kinds: &[&IMAGE],
            references: &["image"],
            beside: &[],
            drift: Drift::All,
            idempotent: true,
            since_api: Some("1.24"),
        }
    }

    /// The image, and the name with what it points to now: policy is asked about both.
    async fn resolve(cx: Context<'_>, params: &Params) -> Result<Vec<Target>, Fault> {
        let name = new_name(params)?;
        let mut targets = target::resolve(cx, &params.image).await?;
        targets.push(target::named(cx, &name).await?.0);
        Ok(targets)
    }

    fn meant(_: &Params, targets: &[Target]) -> Map<String, Value> {
        let name = targets.get(1).map(|target| ("tag".to_owned(), json!(target.name)));
        name.into_iter().collect()
    }

    async fn observe(
        cx: Context<'_>,
        _: &Params,
        targets: &[Target],
    ) -> Result<Seen<Held, Option<Image>>, Fault> {
        let image = cx.look.image(&target::full_id(targets)?).await?;
        // Other names come and go; what gets the new one is the image with this id.
        let image = Held { image: Some(image.id.to_string()), digests: Vec::new() };
        let (held, before) = Held::look(cx, held::at(targets, 1)?).await?;
        Ok(Seen { class: Class::Mutate, facts: vec![image, held], sight: before })
    }

    async fn preview(
        cx: Context<'_>,
        plan: &Plan,
        params: &Params,
        facts: &[Held],
        before: Option<Image>,
    ) -> Preview {
        let mut preview = Preview::default();
        let ([image, named, ..], Ok(name)) = (plan.targets(), new_name(params)) else {
            return preview;
        };
        let shown = name.to_string();
        let latest =
            if name.is_complete() { "" } else { " No tag was given, so this is `latest`." };
        let same = named.id == image.id;
        let comes_to = match &before {
            Some(_) if same => " It has that name already, so nothing would change.".to_owned(),
            Some(old) => format!(" This takes it from {}.", old.id),
            None => String::new(),
        };
        let source = text::name(&image.name);
        preview.headline = format!("Give the image {source} the name {shown}.{latest}{comes_to}");
        preview.facts = vec![
            ("image", format!("{source} ({})", image.id)),
            ("new name", shown.clone()),
            ("points to", facts.get(1).map(|held| held.shown(&shown)).unwrap_or_default()),
            ("engine", text::name(&image.engine)),
        ];
        preview
            .notes
            .push(("after it", format!("containers started later from {shown} run this image")));
        match &before {
            Some(old) if !same => {
                preview.notes.push(("containers", held::users_of(cx, old).await));
                preview.notes.push(("loses the name", held::left_of(old, &shown)));
                let back = format!("tag_image of {} as {shown} undoes it", old.id);
                preview.notes.push(("undo", back));
            }
            Some(_) => {}
            None => preview.notes.push(("undo", format!("remove_image of {shown} takes it off"))),
        }
        preview
    }

    async fn execute(
        act: &dyn Act,
        _: &Params,
        permit: &Permit,
        _: &mut dyn Steps,
    ) -> Result<(), Fault> {
        let mut targets = permit.targets();
        let (Some(image), Some(name)) = (targets.next(), targets.next()) else {
            return Err(Fault::new(Reason::NotFound, "There is no image to give a name to."));
        };
        act.tag(&image, &name).await
    }

    async fn look_again(
        cx: Context<'_>,
        _: &Params,
        targets: &[Target],
        (): &(),
    ) -> Result<Report, Fault> {
        let (wanted, named) = (held::at(targets, 0)?, held::at(targets, 1)?);
        let (now, image) = Held::look(cx, named).await?;
        let name = &named.name;
        let text = match &image {
            Some(image) if image.id.as_str() == wanted.id && named.id == wanted.id => {
                format!("{name} pointed to {} already; nothing was changed.", image.id)
            }
            Some(image) if image.id.as_str() == wanted.id => {
                format!("{name} now points to {}.", image.id)
            }
            _ => format!(
                "{name} points to {} now. This is not what was asked for: look again.",
                now.image.as_deref().unwrap_or("nothing")
            ),
        };
        let data = json!({"name": name, "id": now.image, "changed": named.id != wanted.id});
        Ok(Report { text, record: data.clone(), data })
    }
}
