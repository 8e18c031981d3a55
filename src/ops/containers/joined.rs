//! What the start of a container needs beside itself: that the containers which it shares something
//! with run. Docker refuses such a start where one of them does not. Podman refuses a restart, and
//! starts that one as well where a start is asked for, of which neither policy nor anybody was asked.

use futures_util::future::join_all;

use super::notes::{Run, run};
use super::reach;
use crate::core::ids::FullId;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::Context;
use crate::ops::beside::in_time;
use crate::ports::engine::{Container, is_podman};

/// Refuses the start of a container that shares something with one that does not run.
///
/// # Errors
/// `invalid_argument` for such a start. What could not be looked at is not sure to be down.
pub(super) async fn startable(
    cx: Context<'_>,
    container: &Container,
    engine: &str,
) -> Result<(), Fault> {
    let name = text::name(&container.name);
    let ids = reach::joined(container).filter_map(|(_, id)| FullId::parse(id));
    let looks = ids.map(|id| in_time(async move { Ok((cx.look.container(&id).await, id)) }));
    for (found, id) in join_all(looks).await.into_iter().flatten() {
        match found {
            Ok(other) => joinable(&name, &other, engine)?,
            Err(fault) if fault.reason == Reason::NotFound => {
                return Err(Fault::invalid(format!(
                    "{name} shares something with the container {}, which is gone, so no engine \
                     starts it. It can only be made anew.",
                    id.short()
                )));
            }
            Err(_) => {}
        }
    }
    Ok(())
}

/// Refuses to start what would share something with a container that does not run.
///
/// # Errors
/// As [`startable`].
pub(super) fn joinable(name: &str, other: &Container, engine: &str) -> Result<(), Fault> {
    if run(other) != Run::Down {
        return Ok(());
    }
    let why = match is_podman(engine) {
        true => "this engine, which is Podman, would start that one as well, or refuse",
        false => "the engine does not start one without the other",
    };
    let (other, status) = (text::name(&other.name), text::name(&other.state.status));
    Err(Fault::invalid(format!(
        "{name} shares something with {other}, which does not run ({status}): {why}. Start {other} \
         first, with start_container."
    )))
}
