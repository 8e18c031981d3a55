//! New containers of the fake engine, and commands inside its containers.

use super::{Answered, Fake, container, id, ready, stopped};
use crate::core::grant::Granted;
use crate::core::reason::{Fault, Reason};
use crate::ports::engine::{ActProcesses, Command, Executed, NewContainer, Ran, Start};

impl ActProcesses for Fake {
    fn run<'a>(&'a self, image: &'a Granted<'a>, new: &'a NewContainer) -> Answered<'a, Ran> {
        let image = image.target();
        let called = new.image.as_ref().map_or_else(|| image.id.clone(), ToString::to_string);
        let about = format!("{called} {}", new.network.as_deref().unwrap_or_default());
        let start = self.start.lock().unwrap().take().unwrap_or(Ok(Start::Done));
        ready(self.call("run", &about).and_then(|()| {
            let start = start?;
            let mut made = container("feed", new.name.as_deref().unwrap_or("feed"));
            (made.image, made.image_id) = (called, image.id.clone());
            let made = if start == Start::Done { made } else { stopped(made) };
            self.containers.lock().unwrap().push(made);
            Ok(Ran { id: id("feed"), warnings: Vec::new(), start })
        }))
    }

    fn exec<'a>(&'a self, target: &'a Granted<'a>, command: &'a Command) -> Answered<'a, Executed> {
        let about = format!("{} {}", target.target().name, command.words.join(" "));
        let refused = || Fault::new(Reason::EngineError, "The engine refused.");
        let executed = self.executed.lock().unwrap().take();
        ready(self.call("exec", &about).and_then(|()| executed.ok_or_else(refused)))
    }
}
