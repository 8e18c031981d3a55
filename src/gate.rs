//! The one path. Every request of every face goes through [`Gate::run`]: admit, execute, finish.
//! `Gate::admit` is the whole of what is asked before anything happens.

mod afterwards;
mod answer;
mod approvals;
mod asking;
mod asks;
mod change;
mod cooling;
mod erased;
mod finish;
mod given;
mod hold;
mod inbox;
mod judge;
mod operation;
mod presented;
mod preview;
mod refusal;
mod registry;
mod reload;
mod schema;
mod steps;
mod survey;
mod trail;
mod turns;
mod verified;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{Mutex, Semaphore, watch};

pub use answer::{Answer, Confirm, Progress, Request, Status};
pub use approvals::Approvals;
pub use erased::{Call, ChangeCall, Changes, Erased, Observed, ReadCall, Reads, Rendered, Sighted};
pub use judge::Weighed;
pub use operation::{Change, Context, Params, Read, Render, Seen, arguments};
pub use preview::Preview;
pub use registry::{Operation, Registry};
pub use schema::TOKEN_ARGUMENT;
pub use steps::{Proceed, Steps};
pub use trail::unread;
pub use turns::{Opened, Turns, WORDS_CHARS_MAX};

use crate::core::ask::{Ask, State, Terms};
use crate::core::grant::{self, Permit};
use crate::core::operation::Spec;
use crate::core::plan::Target;
use crate::core::policy::{Effect, Policy};
use crate::core::reason::Fault;
use crate::core::record::{Caller, Event, Record, TargetRefs};
use crate::core::secret::SealKey;
use crate::core::text;
use crate::ports::asks::{Asks, Logs, Notifier, Trust};
use crate::ports::engine::{Act, Look};
use crate::ports::{Audit, Clock, Entropy, GrantStore, Held, Policies};
use asks::{Approved, Spent, Unspent};
use cooling::Cooling;
use given::Refused;
use hold::Holds;
use presented::Presented;
use refusal::denied;
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
    /// Where it waits for people, and whose word counts.
    pub people: People,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// What the configuration says.
    pub settings: Settings,
}

/// Where the gate waits for people, and whose word counts.
#[derive(Clone, Debug)]
pub struct People {
    /// Grants that wait for a person.
    pub asks: Arc<dyn Asks>,
    /// Whose approvals count.
    pub trust: Arc<dyn Trust>,
    /// The logs that asks are on record in.
    pub logs: Arc<dyn Logs>,
    /// Who is told that somebody asks.
    pub notifier: Arc<dyn Notifier>,
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
    /// The folder of the audit log.
    pub log: String,
    /// The account that asks are kept by and decided under, for people.
    pub account: String,
    /// How asks are kept.
    pub terms: Terms,
}

/// The gate.
pub struct Gate {
    parts: Parts,
    places: Semaphore,
    waiting: Semaphore,
    /// Places of those who wait for a person's decision.
    watching: Semaphore,
    turns: Turns,
    refused_given: Refused,
    cooling: Cooling,
    closing: AtomicBool,
    reloading: Mutex<()>,
    offers: watch::Sender<u64>,
    seal_key: OnceLock<Arc<SealKey>>,
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
    /// The ask that was spent for it, if one was.
    spent: Option<Spent>,
    progress: Option<Arc<dyn Progress>>,
    _held: Option<Held>,
}

/// A permit, with the ask that is to be spent for it, if there is one.
struct Permitted {
    permit: Permit,
    approved: Option<Approved>,
    survey: Survey,
}

/// Why a request does not run.
enum Stop {
    /// It is refused.
    Refused(Fault),
    /// It is a preview, or wants a new one: the survey that it shows, and the refusal that it
    /// comes with.
    Preview(Box<Survey>, Option<Fault>),
    /// It waits for a person's approval, or wants a new one, likewise.
    Ask(Box<Survey>, Option<Fault>),
    /// It presented an ask on which nobody has decided yet.
    Waits(Box<Ask>),
    /// Its intent is on record, and comes to nothing.
    Undone(Fault),
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
        let turns = Turns {
            asks: Arc::clone(&parts.people.asks),
            logs: Arc::clone(&parts.people.logs),
            clock: Arc::clone(&parts.clock),
            session: parts.settings.session.clone(),
        };
        Self {
            parts,
            turns,
            refused_given: Refused::default(),
            cooling: Cooling::default(),
            watching: Semaphore::new(inbox::WATCHING_MAX as usize),
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
        let presented = self.take(&mut request.arguments).await;
        let _place = match self.place(operation).await {
            Ok(place) => place,
            Err(fault) => return self.refuse(operation, trail, fault).await,
        };
        match self.admit(request, presented, trail).await {
            Ok(admitted) => self.execute(admitted, trail).await,
            Err(Stop::Refused(fault)) => self.refuse(operation, trail, fault).await,
            Err(Stop::Preview(survey, refusal)) if survey.is_confirmable(confirm) => {
                self.offer(operation, trail, *survey, refusal, confirm).await
            }
            // What this face has no way to confirm may be signed for.
            Err(Stop::Preview(survey, refusal)) => {
                self.ask(operation, trail, *survey, refusal).await
            }
            Err(Stop::Ask(survey, refusal)) => self.ask(operation, trail, *survey, refusal).await,
            Err(Stop::Waits(ask)) => self.waits(operation, trail, &ask).await,
            Err(Stop::Undone(fault)) => self.end(operation, trail, Event::Failed, fault).await,
        }
    }

    /// Everything that is asked before anything happens.
    async fn admit(
        &self,
        request: Request,
        presented: Option<Result<Presented, Fault>>,
        trail: &mut Trail,
    ) -> Result<Admitted<'_>, Stop> {
        let Request { operation, arguments, caller, confirm, progress } = request;
        let seal = presented::seal_of(&presented);
        let Parsed { spec, call, open } = self.parse(
            &operation,
            arguments,
            presented.is_some(),
            seal.as_deref(),
            &mut trail.known,
        )?;
        let seal = seal.as_ref();
        let asked = Asked { spec, call: &call, open: &open, caller: &caller, granted: None, seal };
        let policy = self.policy().await?;
        self.refuse_at_once(&asked, &policy, &mut trail.known)?;
        let granted = presented.transpose()?;
        if let Some(Presented::Ask(opened)) = &granted {
            trail.known.ask = Some(opened.ask.id);
            opened.is_open()?;
        }
        let asked = Asked { granted: granted.as_ref().map(Presented::targets), ..asked };
        let mut basis = self.resolve(&asked, policy, &mut trail.known).await?;
        let changes = call.is_change();
        let mut holds = None;
        if granted.as_ref().is_some_and(Presented::is_decided) && changes {
            holds = Some(self.hold(&asked, &mut basis, &mut trail.known).await?);
        }
        let mut survey = self.survey(&asked, &basis, &mut trail.known).await?;
        if survey.allows() && changes && holds.is_none() {
            // What nobody confirms is looked at again under its lock, so that it is what runs.
            holds = Some(self.hold(&asked, &mut basis, &mut trail.known).await?);
            survey = self.survey(&asked, &basis, &mut trail.known).await?;
        }
        let Permitted { permit, approved, survey } =
            self.permit(spec, granted, survey, confirm).await?;
        if changes {
            self.possible(&survey).await?;
        }
        let (spent, _held) = self.intend(&permit, approved, holds, changes, trail).await?;
        let Basis { policy, targets } = basis;
        Ok(Admitted { spec, call, caller, policy, targets, permit, spent, progress, _held })
    }

    /// The permit of what policy says and of what was presented.
    async fn permit(
        &self,
        spec: &Spec,
        granted: Option<Presented>,
        survey: Survey,
        confirm: Confirm,
    ) -> Result<Permitted, Stop> {
        let verdict = &survey.verdict;
        let (permit, approved) = match (verdict.effect(), granted) {
            (Effect::Deny, _) => return Err(denied(spec, verdict, &survey.policy).into()),
            (Effect::Approve, None) => return Err(Stop::Ask(Box::new(survey), None)),
            (Effect::Confirm, None) => return Err(Stop::Preview(Box::new(survey), None)),
            (Effect::Allow, None) => (grant::allow(&survey.plan, verdict)?, None),
            (_, Some(Presented::Grant(row))) => match self.redeem(spec, row, &survey, confirm) {
                Ok(permit) => (permit, None),
                Err(fault) => return Err(survey.or_anew(fault)),
            },
            (_, Some(Presented::Ask(opened))) => {
                match self.approved(*opened, &survey, spec.drift).await {
                    Ok((permit, approved)) => (permit, Some(approved)),
                    Err(Unspent::Waits(ask)) => return Err(Stop::Waits(ask)),
                    Err(Unspent::Refused(fault)) => return Err(survey.or_anew(fault)),
                }
            }
        };
        Ok(Permitted { permit, approved, survey })
    }

    /// Spends the ask, if there is one, and writes the intent of a change, and of what spends one.
    async fn intend(
        &self,
        permit: &Permit,
        approved: Option<Approved>,
        holds: Option<Holds>,
        changes: bool,
        trail: &mut Trail,
    ) -> Result<(Option<Spent>, Option<Held>), Stop> {
        let spent = match approved {
            Some(approved) => Some(self.spend(approved, permit, &mut trail.known).await?),
            None => None,
        };
        // A read that a person approved is spent like a change.
        if !changes && spent.is_none() {
            return Ok((None, None));
        }
        trail.known.assurance = Some(permit.assurance());
        trail.known.plan = Some(permit.plan().digest());
        trail.known.target = TargetRefs::of(permit.plan().targets());
        let written = trail.write_synced(trail.record(Event::Allowed));
        let held = match Holds::until_counted(holds, written).await {
            Ok(held) => held,
            Err(fault) => {
                // Nothing has happened yet, and nothing will.
                self.ended(spent, State::Failed).await;
                return Err(fault.into());
            }
        };
        if let Some(its) = &spent
            && let Err(fault) = self.is_first(its, trail.known.req.as_deref()).await
        {
            self.ended(spent, State::Failed).await;
            return Err(Stop::Undone(fault));
        }
        Ok((spent, held))
    }
}
