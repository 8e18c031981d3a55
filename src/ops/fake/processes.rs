//! Commands inside the fake engine's containers.

use super::{Answered, Fake, ready};
use crate::core::grant::Granted;
use crate::core::reason::{Fault, Reason};
use crate::ports::engine::{ActProcesses, Command, Executed};

impl ActProcesses for Fake {
    fn exec<'a>(&'a self, target: &'a Granted<'a>, command: &'a Command) -> Answered<'a, Executed> {
        let about = format!("{} {}", target.target().name, command.words.join(" "));
        let refused = || Fault::new(Reason::EngineError, "The engine refused.");
        let executed = self.executed.lock().unwrap().take();
        ready(self.call("exec", &about).and_then(|()| executed.ok_or_else(refused)))
    }
}
