//! What is seen of a project's containers after something was done to them.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::lifecycle::{Deed, Did};
use super::place::Place;
use crate::core::ids::FullId;
use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::{Context, Render};
use crate::ops::beside::AT_ONCE;
use crate::ops::table::table;
use crate::ops::units::counted;
use crate::ports::engine::{Acted, Container};

/// How long containers that were started are given to fall over.
const SETTLE: Duration = Duration::from_millis(300);

/// The observed result.
#[derive(Debug)]
pub struct Outcome {
    project: String,
    deed: Deed,
    now: Vec<Now>,
}

/// What became of one container.
#[derive(Debug)]
struct Now {
    name: String,
    did: Did,
    /// How it is now; none where it is gone.
    container: Option<Container>,
}

impl Now {
    fn changed(&self) -> bool {
        self.did.acted == Acted::Changed
    }

    /// Whether it is gone, and not by what was done to it.
    fn was_taken_away(&self) -> bool {
        self.container.is_none() && !(self.did.auto_remove && self.changed())
    }

    /// Its state in a few words.
    fn state(&self) -> String {
        let Some(container) = &self.container else {
            let by = if self.was_taken_away() { "removed meanwhile" } else { "removed (--rm)" };
            return by.to_owned();
        };
        let state = &container.state;
        let health = state.health.as_ref().filter(|_| state.running);
        match (health, state.exit_code) {
            (Some(health), _) => format!("{}, {}", text::name(&state.status), text::name(health)),
            (None, Some(code)) if !state.running => {
                format!("{}({code})", text::name(&state.status))
            }
            _ => text::name(&state.status),
        }
    }
}

/// Looks at the containers again.
pub(super) async fn look(
    cx: Context<'_>,
    project: &str,
    targets: &[Target],
    deed: Deed,
    done: &[Did],
) -> Result<Outcome, Fault> {
    if deed != Deed::Stop && done.iter().any(|did| did.acted == Acted::Changed) {
        tokio::time::sleep(SETTLE).await;
    }
    let ids: Vec<(&Target, FullId)> =
        targets.iter().filter_map(|target| Some((target, FullId::parse(&target.id)?))).collect();
    let mut looks = Vec::new();
    for (_, id) in &ids {
        looks.push(cx.look.container(id));
    }
    let seen: Vec<_> = stream::iter(looks).buffered(AT_ONCE).collect().await;
    let mut now = Vec::new();
    for (((target, _), did), seen) in ids.iter().zip(done).zip(seen) {
        let container = match seen {
            Ok(container) => Some(container),
            Err(fault) if fault.reason == Reason::NotFound => None,
            Err(fault) => return Err(fault),
        };
        now.push(Now { name: target.name.clone(), did: *did, container });
    }
    Ok(Outcome { project: project.to_owned(), deed, now })
}

impl Outcome {
    fn changed(&self) -> usize {
        self.now.iter().filter(|now| now.changed()).count()
    }

    /// Containers that are not as they were asked to be.
    fn odd(&self) -> usize {
        let up = |c: &Container| c.state.running && c.state.status != "restarting";
        let odd = |container: &Option<Container>| match (self.deed, container) {
            (Deed::Stop, container) => container.as_ref().is_some_and(|c| c.state.running),
            (_, container) => !container.as_ref().is_some_and(up),
        };
        self.now.iter().filter(|now| odd(&now.container)).count()
    }
}

impl Render for Outcome {
    fn text(&self) -> String {
        let done = match self.deed {
            Deed::Start => "Started",
            Deed::Stop => "Stopped",
            Deed::Restart => "Restarted",
        };
        let so = self.now.iter().filter(|now| !now.changed() && !now.was_taken_away()).count();
        let taken = self.now.iter().filter(|now| now.was_taken_away()).count();
        let taken = match taken {
            0 => String::new(),
            1 => " 1 was removed meanwhile by somebody else.".to_owned(),
            many => format!(" {many} were removed meanwhile by somebody else."),
        };
        let already = match (self.deed, so) {
            (_, 0) | (Deed::Restart, _) => String::new(),
            (Deed::Start, so) => format!(" {so} ran already."),
            (Deed::Stop, so) => format!(" {so} did not run."),
        };
        let rows: Vec<[String; 3]> = self
            .now
            .iter()
            .map(|now| {
                let service = now.container.as_ref().map(|c| Place::of(&c.labels, &c.name).service);
                let service = text::line(&service.unwrap_or_else(|| "-".into()), 40);
                [service, text::line(&now.name, 64), now.state()]
            })
            .collect();
        let mut out = format!(
            "{done} {} of project {}.{already}{taken} Now:\n{}",
            counted(self.changed(), "container"),
            self.project,
            table(["SERVICE", "CONTAINER", "STATE"], &rows)
        );
        match self.odd() {
            0 => {}
            odd => out.push_str(&format!(
                "{odd} of them {} not as asked for; get_project_logs may say why.",
                if odd == 1 { "is" } else { "are" }
            )),
        }
        out.truncate(out.trim_end().len());
        out
    }

    fn data(&self) -> Value {
        let container = |Now { name, container, .. }: &Now| {
            json!({
                "name": text::name(name),
                "id": container.as_ref().map(|c| c.id.as_str()),
                "status": container.as_ref().map_or("removed".into(), |c| text::name(&c.state.status)),
                "exitCode": container.as_ref().filter(|c| !c.state.running).map(|c| c.state.exit_code),
                "health": container.as_ref().and_then(|c| c.state.health.as_deref()).map(text::name),
            })
        };
        let now: Vec<Value> = self.now.iter().map(container).collect();
        json!({"changed": self.changed(), "containers": now})
    }

    fn record(&self) -> Value {
        let running = self.now.iter().flat_map(|now| &now.container);
        let running = running.filter(|container| container.state.running).count();
        let gone = self.now.iter().filter(|now| now.container.is_none()).count();
        json!({
            "changed": self.changed(), "containers": self.now.len(), "running": running,
            "gone": gone,
        })
    }
}
