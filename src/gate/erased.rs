//! Operations without their types: the form in which the registry lists and the gate runs them.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::operation::{Change, Context, Params, Read, Render, Seen, arguments};
use super::preview::{OfRead, Preview};
use super::schema;
use super::steps::Steps;
use crate::core::grant::Permit;
use crate::core::operation::{Class, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::reason::Fault;
use crate::core::text;
use crate::ports::BoxFuture;
use crate::ports::engine::Act;

/// An answer without its type.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// What a person or a model reads.
    pub text: String,
    /// What a program reads.
    pub data: Value,
    /// What the log keeps.
    pub record: Value,
    /// Why nobody knows how a change ended, if that is so.
    pub unknown: Option<String>,
    /// What went wrong after a part of a change was done, if that is so.
    pub failed: Option<Fault>,
}

impl Rendered {
    fn of(output: &impl Render) -> Self {
        let (text, data, record) = (output.text(), output.data(), output.record());
        let (unknown, failed) = (output.unknown(), output.failed());
        Self { text, data, record, unknown, failed }
    }
}

/// What was seen of the targets, and what is still to be asked of it.
pub trait Sighted: Send + Sync {
    /// Refuses what the engine is sure to refuse as things are.
    fn possible<'a>(
        &'a self,
        cx: Context<'a>,
        targets: &'a [Target],
    ) -> BoxFuture<'a, Result<(), Fault>>;
    /// Gathers the notes of the plan that this became part of, and makes its preview.
    fn preview<'a>(self: Box<Self>, cx: Context<'a>, plan: &'a Plan) -> BoxFuture<'a, Preview>;
}

/// What was observed, without its types.
pub struct Observed {
    /// The effective class.
    pub class: Class,
    /// The facts as JSON, one a target.
    pub facts: Vec<Value>,
    /// What was seen.
    pub sight: Box<dyn Sighted>,
}

impl Observed {
    /// A read is bound to nothing but its target; where policy wants it confirmed, the preview says
    /// so.
    pub(super) fn nothing(spec: &Spec) -> Self {
        let sight = Box::new(OfRead { title: spec.title.clone() });
        Self { class: spec.class, facts: Vec::new(), sight }
    }
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed")
            .field("class", &self.class)
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

/// A parsed request of either sort.
pub enum Call {
    /// It changes nothing.
    Read(Box<dyn ReadCall>),
    /// It takes a permit.
    Change(Box<dyn ChangeCall>),
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read(_) => "Read",
            Self::Change(_) => "Change",
        })
    }
}

impl Call {
    /// Whether it takes a permit. The gate goes by this, not by what a declaration says.
    pub const fn is_change(&self) -> bool {
        matches!(self, Self::Change(_))
    }

    /// Those targets that it changes and does not only use.
    pub(super) fn changed(&self, targets: &[Target]) -> Vec<Target> {
        match self {
            Self::Read(_) => Vec::new(),
            Self::Change(call) => {
                targets.iter().filter(|target| !call.only_uses(target)).cloned().collect()
            }
        }
    }
}

/// A parsed read.
pub trait ReadCall: Send + Sync {
    /// The arguments with defaults filled in.
    fn arguments(&self) -> Map<String, Value>;
    /// What the log keeps of them.
    fn recorded(&self) -> Map<String, Value>;
    /// From references to full ids.
    fn resolve<'a>(&'a self, cx: Context<'a>) -> BoxFuture<'a, Result<Vec<Target>, Fault>>;
    /// Reads.
    fn read<'a>(
        &'a self,
        cx: Context<'a>,
        targets: &'a [Target],
    ) -> BoxFuture<'a, Result<Rendered, Fault>>;
}

/// A parsed change.
pub trait ChangeCall: Send + Sync {
    /// The arguments with defaults filled in.
    fn arguments(&self) -> Map<String, Value>;
    /// What the log keeps of them.
    fn recorded(&self) -> Map<String, Value>;
    /// From references to full ids.
    fn resolve<'a>(&'a self, cx: Context<'a>) -> BoxFuture<'a, Result<Vec<Target>, Fault>>;
    /// What arguments mean that can be written in more than one way.
    fn meant(&self, targets: &[Target]) -> Map<String, Value>;
    /// Whether it only uses a target, which is not held then.
    fn only_uses(&self, target: &Target) -> bool;
    /// Looks at the targets.
    fn observe<'a>(
        &'a self,
        cx: Context<'a>,
        targets: &'a [Target],
    ) -> BoxFuture<'a, Result<Observed, Fault>>;
    /// Whether a target is still what was shown when its own step comes.
    fn holds(&self, shown: &Value, now: &Value) -> bool;
    /// Changes the permitted targets, then looks again. The inner fault is that of the second
    /// look: the change has happened.
    fn execute<'a>(
        &'a self,
        cx: Context<'a>,
        act: &'a dyn Act,
        permit: &'a Permit,
        steps: &'a mut dyn Steps,
    ) -> BoxFuture<'a, Result<Result<Rendered, Fault>, Fault>>;
}

/// An operation without its types: what the registry lists.
pub trait Erased: Send + Sync + fmt::Debug {
    /// Its declaration.
    fn spec(&self) -> Spec;
    /// Whether its calls take a permit.
    fn is_change(&self) -> bool;
    /// Whether it may wait for a person.
    fn waits(&self) -> bool;
    /// The JSON schema of its arguments, as derived from their type.
    fn schema(&self) -> Map<String, Value>;
    /// Reads arguments.
    ///
    /// # Errors
    /// `invalid_argument` for an unknown, missing or ill-typed one.
    fn parse(&self, arguments: Map<String, Value>) -> Result<Call, Fault>;
}

fn parse<P: Params>(spec: &Spec, given: Map<String, Value>) -> Result<Box<P>, Fault> {
    serde_json::from_value(Value::Object(given)).map(Box::new).map_err(|error| {
        Fault::invalid(format!(
            "These are not the arguments of {name}: {}. Its input schema has them; at a shell, \
             `countersign tools {name}` prints them.",
            text::line(&error.to_string(), 300),
            name = spec.name,
        ))
    })
}

/// The registry's entry of a read.
pub struct Reads<T>(PhantomData<fn() -> T>);

impl<T> Reads<T> {
    /// The entry.
    pub const NEW: Self = Self(PhantomData);
}

impl<T: Read> fmt::Debug for Reads<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reads({})", T::spec().name)
    }
}

impl<T: Read> Erased for Reads<T> {
    fn spec(&self) -> Spec {
        T::spec()
    }

    fn is_change(&self) -> bool {
        false
    }

    fn waits(&self) -> bool {
        T::WAITS
    }

    fn schema(&self) -> Map<String, Value> {
        schema::of::<T::Params>(&T::spec())
    }

    fn parse(&self, given: Map<String, Value>) -> Result<Call, Fault> {
        Ok(Call::Read(Box::new(Parsed::<T, T::Params> {
            params: parse(&T::spec(), given)?,
            of: PhantomData,
        })))
    }
}

/// The registry's entry of a change.
pub struct Changes<T>(PhantomData<fn() -> T>);

impl<T> Changes<T> {
    /// The entry.
    pub const NEW: Self = Self(PhantomData);
}

impl<T: Change> fmt::Debug for Changes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Changes({})", T::spec().name)
    }
}

impl<T: Change> Erased for Changes<T> {
    fn spec(&self) -> Spec {
        T::spec()
    }

    fn is_change(&self) -> bool {
        true
    }

    fn waits(&self) -> bool {
        false
    }

    fn schema(&self) -> Map<String, Value> {
        schema::of::<T::Params>(&T::spec())
    }

    fn parse(&self, given: Map<String, Value>) -> Result<Call, Fault> {
        let params = Arc::from(parse::<T::Params>(&T::spec(), given)?);
        Ok(Call::Change(Box::new(ParsedChange::<T> { params })))
    }
}

struct Parsed<T, P> {
    params: Box<P>,
    of: PhantomData<fn() -> T>,
}

impl<T: Read> ReadCall for Parsed<T, T::Params> {
    fn arguments(&self) -> Map<String, Value> {
        arguments(&*self.params)
    }

    fn recorded(&self) -> Map<String, Value> {
        T::recorded(&self.params)
    }

    fn resolve<'a>(&'a self, cx: Context<'a>) -> BoxFuture<'a, Result<Vec<Target>, Fault>> {
        Box::pin(T::resolve(cx, &self.params))
    }

    fn read<'a>(
        &'a self,
        cx: Context<'a>,
        targets: &'a [Target],
    ) -> BoxFuture<'a, Result<Rendered, Fault>> {
        Box::pin(async move {
            T::read(cx, &self.params, targets).await.map(|output| Rendered::of(&output))
        })
    }
}

struct ParsedChange<T: Change> {
    params: Arc<T::Params>,
}

impl<T: Change> ChangeCall for ParsedChange<T> {
    fn arguments(&self) -> Map<String, Value> {
        arguments(&*self.params)
    }

    fn recorded(&self) -> Map<String, Value> {
        T::recorded(&self.params)
    }

    fn resolve<'a>(&'a self, cx: Context<'a>) -> BoxFuture<'a, Result<Vec<Target>, Fault>> {
        Box::pin(T::resolve(cx, &self.params))
    }

    fn meant(&self, targets: &[Target]) -> Map<String, Value> {
        T::meant(&self.params, targets)
    }

    fn only_uses(&self, target: &Target) -> bool {
        T::only_uses(target)
    }

    fn observe<'a>(
        &'a self,
        cx: Context<'a>,
        targets: &'a [Target],
    ) -> BoxFuture<'a, Result<Observed, Fault>> {
        Box::pin(async move {
            let Seen { class, facts, sight } = T::observe(cx, &self.params, targets).await?;
            let json = facts.iter().map(serde_json::to_value).collect::<Result<_, _>>();
            let json = json.map_err(|error| {
                Fault::invalid("What was observed cannot be written as JSON.")
                    .with_detail(error.to_string())
            })?;
            let class = class.max(T::spec().class);
            let params = Arc::clone(&self.params);
            let sight = Box::new(OfChange::<T> { params, facts, sight });
            Ok(Observed { class, facts: json, sight })
        })
    }

    fn holds(&self, shown: &Value, now: &Value) -> bool {
        T::holds(shown, now)
    }

    fn execute<'a>(
        &'a self,
        cx: Context<'a>,
        act: &'a dyn Act,
        permit: &'a Permit,
        steps: &'a mut dyn Steps,
    ) -> BoxFuture<'a, Result<Result<Rendered, Fault>, Fault>> {
        Box::pin(async move {
            let done = T::execute(act, &self.params, permit, steps).await?;
            let targets = permit.plan().targets();
            let output = T::look_again(cx, &self.params, targets, &done).await;
            Ok(output.map(|output| Rendered::of(&output)))
        })
    }
}

struct OfChange<T: Change> {
    params: Arc<T::Params>,
    facts: Vec<T::Facts>,
    sight: T::Sight,
}

impl<T: Change> Sighted for OfChange<T> {
    fn possible<'a>(
        &'a self,
        cx: Context<'a>,
        targets: &'a [Target],
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(T::possible(cx, &self.params, targets, &self.sight))
    }

    fn preview<'a>(self: Box<Self>, cx: Context<'a>, plan: &'a Plan) -> BoxFuture<'a, Preview> {
        let Self { params, facts, sight } = *self;
        Box::pin(async move { T::preview(cx, plan, &params, &facts, sight).await })
    }
}
