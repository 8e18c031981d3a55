//! What is seen of a container after something was done to it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::lifecycle::{Done, RESTARTING};
use super::limits::swap_words;
use super::notes::{LISTED_MAX, ports};
use super::target;
use crate::core::ids::Reference;
use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::{Context, Render};
use crate::ops::beside::UNCHECKED;
use crate::ops::units::{counted, listed};
use crate::ops::when;
use crate::ports::engine::{Acted, Container, Limits};

/// How long a container that was started is given to fall over.
const SETTLE: Duration = Duration::from_millis(300);

/// How often, and how far apart, to look whether a container that is to be removed is gone.
const REMOVAL_LOOKS: usize = 20;
const REMOVAL_PAUSE: Duration = Duration::from_millis(100);

/// How long to look for one volume of a container that was removed.
const LOOK: Duration = Duration::from_secs(2);

/// How a container should be afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Running. It is given a moment to fall over.
    Up,
    /// Without processes. One that is removed with that is given a moment to go.
    Down,
    /// Whatever a signal makes of it. It is given a moment for both.
    Signalled,
    /// With frozen processes.
    Paused,
    /// With processes that are not frozen.
    Going,
    /// With this name.
    Called(String),
    /// With these limits.
    Limited(Limits),
    /// No more.
    Gone,
}

impl Expect {
    fn is_met(&self, container: &Container) -> bool {
        let state = &container.state;
        match self {
            Self::Up => state.running && state.status != RESTARTING,
            Self::Down => !state.running && state.status != RESTARTING,
            Self::Paused => state.paused,
            Self::Going => state.running && !state.paused,
            Self::Signalled => true,
            Self::Called(name) => container.name == *name,
            Self::Limited(limits) => {
                is_limited(container, limits) && is_swap_limited(container, limits)
            }
            Self::Gone => false,
        }
    }
}

/// Whether the limits that were asked for are there, apart from that of swap.
fn is_limited(container: &Container, limits: &Limits) -> bool {
    let policy = limits.restart_policy.as_ref().is_none_or(|(name, tries)| {
        let with_tries = || format!("{name}:{tries}");
        let wanted = if *tries > 0 { with_tries() } else { name.clone() };
        container.restart_policy == wanted
            || (wanted == "no" && container.restart_policy.is_empty())
    });
    policy
        && limits.memory_bytes.is_none_or(|bytes| bytes == container.memory_bytes)
        && limits.nano_cpus.is_none_or(|nanos| nanos == container.nano_cpus)
}

fn is_swap_limited(container: &Container, limits: &Limits) -> bool {
    limits.memory_swap_bytes.is_none_or(|both| both == container.memory_swap_bytes)
}

fn swap_did_not_take(limits: &Limits) -> String {
    let both = limits.memory_swap_bytes.unwrap_or_default();
    let swap = swap_words(limits.memory_bytes.unwrap_or_default(), both);
    format!(
        ": the limit of swap ({swap}) did not take. Engines on hosts that do not count swap leave it \
         out."
    )
}

/// What is observed beside the state: a name and a value for the log and for programs, and words.
pub(in crate::ops) type Shown = Vec<(&'static str, Value, String)>;

/// What is told of something that was done.
#[derive(Debug)]
pub struct Told {
    /// One sentence, where it was done.
    pub(in crate::ops) changed: String,
    /// One sentence, where the container was so already.
    pub(in crate::ops) already: String,
    /// How the container should be then.
    pub(in crate::ops) expect: Expect,
    /// What else to tell of the container as it is then.
    pub(in crate::ops) shown: fn(&Container) -> Shown,
}

/// The observed result.
#[derive(Debug)]
pub struct Outcome {
    told: Told,
    done: Done,
    name: String,
    id: String,
    /// None where the container is gone.
    container: Option<Container>,
    /// What is seen of its volumes without a name, if it is.
    unnamed: Unnamed,
}

/// What became of volumes without a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Unnamed {
    gone: usize,
    there: Vec<String>,
    unseen: usize,
}

impl Unnamed {
    async fn look(cx: Context<'_>, names: &[String]) -> Self {
        let mut seen = Self::default();
        for name in names {
            let looked = match Reference::parse(name) {
                Ok(name) => timeout(LOOK, cx.look.volume(&name)).await.ok(),
                Err(_) => None,
            };
            match looked {
                Some(Ok(_)) => seen.there.push(name.get(..12).unwrap_or(name).to_owned()),
                Some(Err(fault)) if fault.reason == Reason::NotFound => seen.gone += 1,
                _ => seen.unseen += 1,
            }
        }
        seen
    }

    fn words(&self) -> String {
        let mut out = String::new();
        if self.gone > 0 {
            let count = counted(self.gone, "volume");
            out.push_str(&format!(" {count} without a name went with it."));
        }
        if !self.there.is_empty() {
            let count = counted(self.there.len(), "volume");
            let names = listed(&self.there, LISTED_MAX);
            out.push_str(&format!(" Still there: {count} without a name ({names})."));
        }
        if self.unseen > 0 {
            let count = counted(self.unseen, "volume");
            out.push_str(&format!(" Whether {count} without a name went {UNCHECKED}."));
        }
        out
    }
}

/// Looks at the one target again.
pub(in crate::ops) async fn look(
    cx: Context<'_>,
    targets: &[Target],
    told: Told,
    done: Done,
) -> Result<Outcome, Fault> {
    let id = target::full_id(targets)?;
    let told = match &done.expect {
        Some(expect) => Told { expect: expect.clone(), ..told },
        None => told,
    };
    let moving = matches!(told.expect, Expect::Up | Expect::Signalled);
    if moving && done.acted != Acted::AlreadySo {
        tokio::time::sleep(SETTLE).await;
    }
    let ending = matches!(told.expect, Expect::Down | Expect::Signalled);
    let mut looks = 0;
    let container = loop {
        let seen = cx.look.container(&id).await;
        looks += 1;
        let going = seen.as_ref().is_ok_and(|c| c.auto_remove && !c.state.running);
        if !ending || !going || looks >= REMOVAL_LOOKS {
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
    let unnamed = match container {
        None => Unnamed::look(cx, &done.unnamed).await,
        Some(_) => Unnamed::default(),
    };
    Ok(Outcome { told, done, name, id: id.as_str().to_owned(), container, unnamed })
}

impl Outcome {
    fn state(&self, container: &Container) -> String {
        let state = &container.state;
        let mut out = text::name(&state.status);
        let expected = self.told.expect.is_met(container);
        if state.running {
            let since = when::read(&state.started_at).map(when::second);
            let since = since.unwrap_or_else(|| "an unknown time".into());
            let word = if state.paused { ", started" } else { " since" };
            out.push_str(&format!("{word} {since}"));
        } else {
            let code = state.exit_code.map_or_else(|| "unknown".to_owned(), |c| c.to_string());
            let why = match (state.oom_killed, state.exit_code) {
                (true, _) => ", out of memory",
                (false, Some(137)) => ", killed",
                _ => "",
            };
            out.push_str(&format!(", exit code {code}{why}"));
        }
        if let Some(health) = state.health.as_ref().filter(|_| state.running) {
            out.push_str(", health ");
            out.push_str(&text::name(health));
        }
        let published = ports(container.ports.iter().filter(|port| port.public.is_some()));
        if state.running && !published.is_empty() {
            out.push_str(", ports ");
            out.push_str(&published);
        }
        for (_, _, words) in (self.told.shown)(container) {
            out.push_str(", ");
            out.push_str(&words);
        }
        if let (false, Expect::Limited(limits)) = (expected, &self.told.expect)
            && is_limited(container, limits)
        {
            out.push_str(&swap_did_not_take(limits));
            return out;
        }
        out.push_str(match (expected, &self.told.expect, state.running) {
            (true, ..) => ".",
            (false, Expect::Up, false) => {
                ": it ended right after its start. get_container_logs may say why."
            }
            (false, ..) => ": this is not what was asked for, look again.",
        });
        out
    }
}

impl Render for Outcome {
    fn text(&self) -> String {
        let done = match self.done.acted {
            Acted::Changed => &self.told.changed,
            Acted::AlreadySo => &self.told.already,
        };
        match &self.container {
            Some(container) => format!("{done} Now: {}", self.state(container)),
            None if self.told.expect == Expect::Gone => {
                format!("{done} It is gone.{}", self.unnamed.words())
            }
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
            let name = self.container.as_ref().map(|container| text::name(&container.name));
            map.insert("name".into(), json!(name.as_ref().unwrap_or(&self.name)));
            map.insert("ports".into(), json!(ports));
        }
        data
    }

    fn record(&self) -> Value {
        let changed = self.done.acted != Acted::AlreadySo;
        match &self.container {
            Some(container) => {
                let state = &container.state;
                let mut out = json!({
                    "changed": changed,
                    "status": text::name(&state.status),
                    "startedAt": text::line(&state.started_at, 64),
                    "exitCode": state.exit_code.filter(|_| !state.running),
                    "health": state.health.as_deref().map(text::name),
                });
                if let Value::Object(map) = &mut out {
                    let shown = (self.told.shown)(container).into_iter();
                    map.extend(shown.map(|(key, value, _)| (key.to_owned(), value)));
                }
                out
            }
            None => {
                let mut out = json!({"changed": changed, "status": "removed"});
                if let (Value::Object(map), false) = (&mut out, self.done.unnamed.is_empty()) {
                    let Unnamed { gone, there, unseen } = &self.unnamed;
                    let seen = json!({"gone": gone, "there": there.len(), "unseen": unseen});
                    map.insert("unnamedVolumes".into(), seen);
                }
                out
            }
        }
    }
}
