//! `pull_image`: fetches an image from its registry. The name then points to what came.

use serde_json::{Map, Value, json};

use super::held::{self, Held};
use super::inspect_image::OneImage;
use super::target;
use crate::core::grant::Permit;
use crate::core::operation::{Class, Drift, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::{Change, Context, Preview, Seen, Steps};
use crate::ops::plan::{engine, one};
use crate::ops::report::Report;
use crate::ops::units;
use crate::ports::engine::{Act, IMAGE, Image, ImageId, ImageName};

/// The operation.
#[derive(Debug)]
pub struct PullImage;

/// The name that is asked for. An id is nothing that a registry knows.
fn name_of(params: &OneImage) -> Result<ImageName, Fault> {
    if ImageId::parse(&params.image).is_some() {
        return Err(Fault::invalid(
            "An id is nothing that a registry knows: pull by name and tag, or by name and digest.",
        ));
    }
    ImageName::parse(&params.image)
}

impl Change for PullImage {
    type Params = OneImage;
    type Facts = Held;
    type Sight = Option<Image>;
    type Done = ();
    type Output = Report;

    fn spec() -> Spec {
        Spec {
            name: "pull_image".into(),
            title: "Pull an image".into(),
            summary: "Pulls an image from its registry, without a login. Its name then points to what \
                      came, and containers started later run that. Without a tag, `latest` is meant."
                .into(),
            toolset: "images",
            class: Class::Mutate,
            ceiling: Class::Mutate,
            kinds: &[&IMAGE],
            // The name is what is pulled, whatever it points to now.
            references: &[],
            beside: &[],
            drift: Drift::All,
            idempotent: true,
            since_api: Some("1.24"),
        }
    }

    async fn resolve(cx: Context<'_>, params: &OneImage) -> Result<Vec<Target>, Fault> {
        Ok(vec![target::named(cx, &name_of(params)?).await?.0])
    }

    fn meant(_: &OneImage, targets: &[Target]) -> Map<String, Value> {
        let name = targets.first().map(|target| ("image".to_owned(), json!(target.name)));
        name.into_iter().collect()
    }

    async fn observe(
        cx: Context<'_>,
        _: &OneImage,
        targets: &[Target],
    ) -> Result<Seen<Held, Option<Image>>, Fault> {
        let (held, image) = Held::look(cx, held::at(targets, 0)?).await?;
        Ok(Seen { class: Class::Mutate, facts: vec![held], sight: image })
    }

    async fn preview(
        cx: Context<'_>,
        plan: &Plan,
        params: &OneImage,
        facts: &[Held],
        sight: Option<Image>,
    ) -> Preview {
        let mut preview = Preview::default();
        let Ok(name) = name_of(params) else { return preview };
        let (shown, registry) = (name.to_string(), name.registry());
        let latest =
            if name.is_complete() { "" } else { " No tag was given, so this is `latest`." };
        preview.headline = format!("Pull {shown} from the registry {registry}.{latest}");
        preview.facts.push(("image", shown.clone()));
        preview
            .facts
            .push(("points to", facts.first().map(|it| it.shown(&shown)).unwrap_or_default()));
        preview.facts.push(("engine", engine(plan)));
        preview.notes = vec![
            ("asked for", name.whole()),
            ("registry", format!("{registry}, which the engine asks without a login")),
            (
                "after it",
                match name.digest() {
                    Some(_) => "exactly the image with that digest, or nothing".to_owned(),
                    None => {
                        "whatever the registry has under that tag now; containers started later \
                             from this name run that, which may be other code than today"
                            .to_owned()
                    }
                },
            ),
            (
                "disk",
                "it needs room for the layers that are not here; how much is not known".into(),
            ),
        ];
        if let Some(old) = &sight {
            preview.notes.push(("containers", held::users_of(cx, old).await));
            preview.notes.push(("if another comes", held::left_of(old, &shown)));
            let back = format!("tag_image of {} as {shown} undoes it", old.id);
            preview.notes.push(("undo", back));
        } else {
            preview.notes.push(("undo", format!("remove_image of {shown}")));
        }
        preview
    }

    async fn execute(
        act: &dyn Act,
        _: &OneImage,
        permit: &Permit,
        steps: &mut dyn Steps,
    ) -> Result<(), Fault> {
        let mut report = move |done, total, doing: &str| steps.report(done, total, doing);
        act.pull(&one(permit)?, &mut report).await
    }

    async fn look_again(
        cx: Context<'_>,
        _: &OneImage,
        targets: &[Target],
        (): &(),
    ) -> Result<Report, Fault> {
        let before = held::at(targets, 0)?;
        let (now, image) = Held::look(cx, before).await?;
        let name = &before.name;
        let old = ImageId::parse(&before.id);
        let Some(image) = image else {
            let text = format!(
                "The engine says that it pulled {name}, but there is no such image now. Look with \
                 list_images."
            );
            let data = json!({"name": name, "changed": false});
            return Ok(Report { text, record: data.clone(), data });
        };
        let digest = held::digest_at(name, &now.digests).map(text::name);
        let known = digest.as_ref().map(|digest| format!(", digest {digest}")).unwrap_or_default();
        let size = units::bytes(image.size);
        let text = match &old {
            Some(old) if *old == image.id => {
                format!("{name} was up to date: it still points to {old}{known}.")
            }
            Some(old) => {
                let left = match cx.look.image(old).await {
                    Ok(old) => held::left_of(&old, name),
                    Err(_) => format!("{old} could not be looked at"),
                };
                format!(
                    "Pulled {name}. It now points to {}{known}, {size}. Before it: {left}.",
                    image.id
                )
            }
            None => format!("Pulled {name}: {}{known}, {size}.", image.id),
        };
        let data = json!({
            "name": name,
            "changed": old.as_ref() != Some(&image.id),
            "oldId": old,
            "id": image.id,
            "digest": digest,
            "size": image.size,
        });
        Ok(Report { text, record: data.clone(), data })
    }
}
