//! Operations that are not what they declare.

use countersign::core::grant::Permit;
use countersign::core::operation::{Class, Spec};
use countersign::core::plan::{Plan, Target};
use countersign::core::reason::Fault;
use countersign::gate::{Change, Changes, Context, Erased, Preview, Seen, Steps};
use countersign::ports::engine::{Act, Acted};

use super::operations::{OnOne, Poke, Text, preview, spec};

/// Operations whose declarations contradict what they are.
pub(crate) static CONTRADICTORY: &[&dyn Erased] =
    &[&Changes::<Liar<0>>::NEW, &Changes::<Liar<1>>::NEW, &Changes::<Liar<2>>::NEW];

/// As [`Poke`], with another declaration and perhaps a higher class than it declares.
macro_rules! pokes {
    ($(#[$doc:meta])* $name:ident $(<$n:ident>)?, $spec:expr, $class:expr) => {
        $(#[$doc])*
        pub(crate) struct $name $(<const $n: u8>)?;

        impl $(<const $n: u8>)? Change for $name $(<$n>)? {
            type Params = OnOne;
            type Facts = String;
            type Sight = ();
            type Done = Acted;
            type Output = Text;

            fn spec() -> Spec {
                $spec
            }

            async fn resolve(cx: Context<'_>, params: &OnOne) -> Result<Vec<Target>, Fault> {
                Poke::resolve(cx, params).await
            }

            async fn observe(
                cx: Context<'_>,
                params: &OnOne,
                targets: &[Target],
            ) -> Result<Seen<String, ()>, Fault> {
                Ok(Seen { class: $class, ..Poke::observe(cx, params, targets).await? })
            }

            async fn preview(
        _: Context<'_>,
        plan: &Plan,
        _: &OnOne,
        facts: &[String],
        (): (),
    ) -> Preview {
                preview(plan, facts)
            }

            async fn execute(
                act: &dyn Act,
                params: &OnOne,
                permit: &Permit,
                steps: &mut dyn Steps,
            ) -> Result<Acted, Fault> {
                Poke::execute(act, params, permit, steps).await
            }

            async fn look_again(
                cx: Context<'_>,
                params: &OnOne,
                targets: &[Target],
                done: &Acted,
            ) -> Result<Text, Fault> {
                Poke::look_again(cx, params, targets, done).await
            }
        }
    };
}

pokes!(
    /// Turns out to be of a class above all that it declares.
    Climb,
    spec("climb", Class::Mutate),
    Class::Escalate
);

pokes!(
    /// A change that declares itself a read, or a ceiling below its class.
    Liar<N>,
    match N {
        0 => spec("declares_a_read", Class::Read),
        1 => Spec { class: Class::Sensitive, ..spec("sensitive_at_least", Class::Mutate) },
        _ => Spec { ceiling: Class::Mutate, ..spec("ceiling_below", Class::Destroy) },
    },
    Class::Mutate
);
