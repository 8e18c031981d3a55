//! The one path. Every request of every face goes through [`Gate::run`]: admit, execute, finish.
//! `Gate::admit` is the whole of what is asked before anything happens.

mod afterwards;
mod answer;
mod change;
mod erased;
mod finish;
mod hold;
mod judge;
mod operation;
mod preview;
mod refusal;
mod registry;
mod reload;
mod schema;
mod steps;
mod survey;
mod trail;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{Mutex, Semaphore, watch};

pub use answer::{Answer, Confirm, Progress, Request, Status};
pub use erased::{Call, ChangeCall, Changes, Erased, Observed, ReadCall, Reads, Rendered, Sighted};
pub use judge::Weighed;
pub use operation::{Change, Context, Params, Read, Render, Seen, arguments};
pub use preview::Preview;
pub use registry::{Operation, Registry};
pub use schema::TOKEN_ARGUMENT;
pub use steps::{Proceed, Steps};
pub use trail::unread;

use crate::core::grant::{self, GrantRow, Permit};
use crate::core::operation::Spec;
use crate::core::plan::Target;
use crate::core::policy::{Effect, Policy, Verdict};
use crate::core::reason::{Fault, Reason};
use crate::core::record::{Caller, Event, Record, TargetRefs};
use crate::core::secret::SealKey;
use crate::core::text;
use crate::ports::engine::{Act, Look};
use crate::ports::{Audit, Clock, Entropy, GrantStore, Held, Policies};
use hold::Holds;
use refusal::{denied, unapproved};
use survey::{Asked, Basis, Parsed, Survey};
use trail::Trail;

/// Requests that wait for a free place, for each place; more are refused.
const WAITING_FACTOR: usize = 8;

/// The concrete parts that a gate is made of.
#[derive(Debug)]
pub struct Parts {
    /// The operations that are offered.
    pub registry: Registry,
    /// Where the effective policy comes from.
    pub policies: Arc<dyn Policies>,
    /// The engine, for looking.
    pub look: Arc<dyn Look>,
    /// The engine, for acting.
    pub act: Arc<dyn Act>,
    /// The audit log.
    pub audit: Arc<dyn Audit>,
    /// Grants that wait.
    pub grants: Arc<dyn GrantStore>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// What the configuration says.
    pub settings: Settings,
}

/// What the configuration says to the gate.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Changes are refused, whatever the policy.
    pub read_only: bool,
    /// How long a grant works.
    pub token_ttl: Duration,
    /// Requests that run at the same time.
    pub concurrent_calls: usize,
    /// The random id of this process.
    pub session: String,
}

/// The gate.
pub struct Gate {
    parts: Parts,
    places: Semaphore,
    waiting: Semaphore,
    closing: AtomicBool,
    reloading: Mutex<()>,
    offers: watch::Sender<u64>,
    seal_key: OnceLock<SealKey>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("settings", &self.parts.settings).finish_non_exhaustive()
    }
}

/// A request that may run, with its permit and for a change the locks of its targets.
struct Admitted<'a> {
    spec: &'a Spec,
    call: Call,
    caller: Caller,
    policy: Arc<Policy>,
    targets: Vec<Target>,
    permit: Permit,
    progress: Option<Arc<dyn Progress>>,
    _held: Option<Held>,
}

/// Why a request does not run.
enum Stop {
    /// It is refused.
    Refused(Fault),
    /// It is a preview, or wants a new one: the survey that it shows, and the refusal that it
    /// comes with.
    Preview(Box<Survey>, Option<Fault>),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault)
    }
}

impl Gate {
    /// A gate of these parts.
    pub fn new(parts: Parts) -> Self {
        let places = parts.settings.concurrent_calls.max(1);
        Self {
            parts,
            places: Semaphore::new(places),
            waiting: Semaphore::new(places * WAITING_FACTOR),
            closing: AtomicBool::new(false),
            reloading: Mutex::default(),
            offers: watch::Sender::default(),
            seal_key: OnceLock::new(),
        }
    }

    /// The operations that are offered.
    pub const fn registry(&self) -> &Registry {
        &self.parts.registry
    }

    /// Time, as it goes for grants.
    pub fn clock(&self) -> &dyn Clock {
        &*self.parts.clock
    }

    /// Chance.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.parts.entropy
    }

    /// Runs one request to its end. Never panics and never returns before the request's closing
    /// line is in the log.
    pub async fn run(&self, request: Request) -> Answer {
        let operation = text::name(&request.operation);
        let mut known = Record::new(Event::Denied);
        known.op = Some(operation.clone());
        known.caller = Some(request.caller.clone());
        let mut trail = match self.trail(known) {
            Ok(trail) => trail,
            Err(fault) => return Answer::of_fault(&operation, &fault),
        };
        let path = AssertUnwindSafe(self.path(request, &operation, &mut trail)).catch_unwind();
        match path.await {
            Ok(answer) => answer,
            Err(_panic) => self.broke_off(&operation, &mut trail).await,
        }
    }

    async fn path(&self, mut request: Request, operation: &str, trail: &mut Trail) -> Answer {
        let confirm = request.confirm;
        // A token is taken out of its store first: its grant is gone from here on, come what may.
        let presented = self.take(&mut request.arguments);
        let _place = match self.place().await {
            Ok(place) => place,
            Err(fault) => return self.refuse(operation, trail, fault).await,
        };
        match self.admit(request, presented, trail).await {
            Ok(admitted) => self.execute(admitted, trail).await,
            Err(Stop::Refused(fault)) => self.refuse(operation, trail, fault).await,
            Err(Stop::Preview(survey, refusal)) => {
                self.offer(operation, trail, *survey, refusal, confirm).await
            }
        }
    }

    /// Everything that is asked before anything happens.
    async fn admit(
        &self,
        request: Request,
        presented: Option<Result<GrantRow, Fault>>,
        trail: &mut Trail,
    ) -> Result<Admitted<'_>, Stop> {
        let Request { operation, arguments, caller, confirm, progress } = request;
        let Parsed { spec, call, open } =
            self.parse(&operation, arguments, presented.is_some(), &mut trail.known)?;
        let asked = Asked { spec, call: &call, open: &open, caller: &caller, granted: None };
        let policy = self.policy().await?;
        self.refuse_at_once(&asked, &policy, &mut trail.known)?;
        let granted = presented.transpose()?;
        let asked = Asked { granted: granted.as_ref().map(GrantRow::targets), ..asked };
        let mut basis = self.resolve(&asked, policy, &mut trail.known).await?;
        let changes = call.is_change();
        let mut holds = None;
        if granted.is_some() && changes {
            holds = Some(self.hold(&asked, &mut basis, &mut trail.known).await?);
        }
        let mut survey = self.survey(&asked, &basis, &mut trail.known).await?;
        if survey.allows() && changes && holds.is_none() {
            // What nobody confirms is looked at again under its lock, so that it is what runs.
            holds = Some(self.hold(&asked, &mut basis, &mut trail.known).await?);
            survey = self.survey(&asked, &basis, &mut trail.known).await?;
        }
        let Basis { policy, targets } = basis;
        let permit = match (survey.verdict.effect(), granted) {
            (Effect::Deny, _) => return Err(denied(spec, &survey.verdict, &policy).into()),
            (Effect::Approve, _) => return Err(unapproved(spec, &survey.verdict, &policy).into()),
            (Effect::Confirm, None) => return Err(Stop::Preview(Box::new(survey), None)),
            (Effect::Allow, None) => grant::allow(&survey.plan, &survey.verdict)?,
            (Effect::Allow | Effect::Confirm, Some(row)) => {
                match self.redeem(spec, row, &survey, confirm) {
                    Ok(permit) => permit,
                    Err(fault) if fault.reason == Reason::PlanChanged => {
                        return Err(Stop::Preview(Box::new(survey), Some(fault)));
                    }
                    Err(fault) => return Err(fault.into()),
                }
            }
        };
        let mut held = None;
        if changes {
            self.possible(&survey).await?;
            trail.known.assurance = Some(permit.assurance());
            trail.known.plan = Some(permit.plan().digest());
            trail.known.target = TargetRefs::of(permit.plan().targets());
            let written = trail.write_synced(trail.record(Event::Allowed));
            held = Holds::until_counted(holds, written).await?;
        }
        Ok(Admitted { spec, call, caller, policy, targets, permit, progress, _held: held })
    }

    /// The key of this process, by which secrets are sealed. It is made when it is first needed.
    fn seal_key(&self) -> Result<&SealKey, Fault> {
        if let Some(key) = self.seal_key.get() {
            return Ok(key);
        }
        let mut bits = [0; SealKey::BYTES];
        self.parts.entropy.fill(&mut bits)?;
        Ok(self.seal_key.get_or_init(|| SealKey::from_random(bits)))
    }

    fn redeem(
        &self,
        spec: &Spec,
        row: GrantRow,
        survey: &Survey,
        confirm: Confirm,
    ) -> Result<Permit, Fault> {
        let now = self.parts.clock.tick();
        let Survey { plan, key, verdict, .. } = survey;
        grant::redeem(row, plan, *key, spec.drift, verdict, confirm.assurance(), now)
    }
}

/// What a record says of a verdict.
fn note(known: &mut Record, verdict: &Verdict) {
    known.rule = Some(verdict.rule().to_owned());
    known.policy = Some(verdict.policy());
}
