//! What is seen of a container after it was started, stopped or restarted.

use std::time::Duration;

use serde_json::{Value, json};

use super::lifecycle::{Done, RESTARTING};
use super::notes::ports;
use super::target;
use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::{Context, Render};
use crate::ops::when;
use crate::ports::engine::{Acted, Container};

/// How long a container that was started is given to fall over.
const SETTLE: Duration = Duration::from_millis(300);

/// How often, and how far apart, to look whether a container that is to be removed is gone.
const REMOVAL_LOOKS: usize = 20;
const REMOVAL_PAUSE: Duration = Duration::from_millis(100);

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Did {
    Start,
    Stop,
    Restart,
}

/// The observed result.
#[derive(Debug)]
pub struct Outcome {
    did: Did,
    done: Done,
    name: String,
    id: String,
    /// None where the container is gone.
    container: Option<Container>,
}

/// Looks at the one target again.
pub(in crate::ops) async fn look(
    cx: Context<'_>,
    targets: &[Target],
    did: Did,
    done: Done,
) -> Result<Outcome, Fault> {
    let id = target::full_id(targets)?;
    if did != Did::Stop && done.acted == Acted::Changed {
        tokio::time::sleep(SETTLE).await;
    }
    let mut looks = 0;
    let container = loop {
        let seen = cx.look.container(&id).await;
        looks += 1;
        let going = seen.as_ref().is_ok_and(|c| c.auto_remove && !c.state.running);
        if did != Did::Stop || !going || looks >= REMOVAL_LOOKS {
            break seen;
        }
        tokio::time::sleep(REMOVAL_PAUSE).await;
    };
    let container = match container {
        Ok(container) => Some(container),
        Err(fault) if fault.reason == Reason::NotFound => None,
        Err(fault) => return Err(fault),
    };
    let name = targets.first().map(|target| text::name(&target.name)).unwrap_or_default();
    Ok(Outcome { did, done, name, id: id.as_str().to_owned(), container })
}

impl Outcome {
    fn done(&self) -> String {
        let name = &self.name;
        match (self.did, self.done.acted) {
            (Did::Start, Acted::AlreadySo) => {
                format!("{name} was running already; nothing was done.")
            }
            (Did::Stop, Acted::AlreadySo) => format!("{name} was not running; nothing was done."),
            (Did::Restart, Acted::AlreadySo) => format!("Nothing was done to {name}."),
            (Did::Start, Acted::Changed) => format!("Started {name}."),
            (Did::Stop, Acted::Changed) => format!("Stopped {name}."),
            (Did::Restart, Acted::Changed) => format!("Restarted {name}."),
        }
    }

    fn state(&self, container: &Container) -> String {
        let state = &container.state;
        let status = text::name(&state.status);
        let expected = (self.did == Did::Stop) != state.running;
        if !state.running {
            let code = state.exit_code.map_or_else(|| "unknown".to_owned(), |c| c.to_string());
            let why = match (state.oom_killed, state.exit_code) {
                (true, _) => ", out of memory",
                (false, Some(137)) => ", killed",
                _ => "",
            };
            let tail = if expected {
                "."
            } else {
                ": it ended right after its start. get_container_logs may say why."
            };
            return format!("{status}, exit code {code}{why}{tail}");
        }
        let since = when::read(&state.started_at).map(when::second);
        let mut out =
            format!("{status} since {}", since.unwrap_or_else(|| "an unknown time".into()));
        if let Some(health) = &state.health {
            out.push_str(", health ");
            out.push_str(&text::name(health));
        }
        let published = ports(container.ports.iter().filter(|port| port.public.is_some()));
        if !published.is_empty() {
            out.push_str(", ports ");
            out.push_str(&published);
        }
        if !expected || state.status == RESTARTING {
            out.push_str(": this is not what was asked for, look again");
        }
        out.push('.');
        out
    }
}

impl Render for Outcome {
    fn text(&self) -> String {
        let done = self.done();
        match &self.container {
            Some(container) => format!("{done} Now: {}", self.state(container)),
            None if self.done.auto_remove => {
                format!("{done} It ended and was removed with that (--rm).")
            }
            None => format!("{done} Now it is gone: somebody else may have removed it."),
        }
    }

    fn data(&self) -> Value {
        let ports = self.container.as_ref().map(|c| ports(c.ports.iter()));
        let mut data = self.record();
        if let Some(map) = data.as_object_mut() {
            map.insert("id".into(), json!(self.id));
            map.insert("name".into(), json!(self.name));
            map.insert("ports".into(), json!(ports));
        }
        data
    }

    fn record(&self) -> Value {
        let changed = self.done.acted == Acted::Changed;
        match &self.container {
            Some(container) => {
                let state = &container.state;
                json!({
                    "changed": changed,
                    "status": text::name(&state.status),
                    "startedAt": text::line(&state.started_at, 64),
                    "exitCode": state.exit_code.filter(|_| !state.running),
                    "health": state.health.as_deref().map(text::name),
                })
            }
            None => json!({"changed": changed, "status": "removed"}),
        }
    }
}
