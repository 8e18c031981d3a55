//! Changing containers of memory: each call is written down, and does what a test says that it does.

use super::{Answered, Fake};
use crate::core::grant::Granted;
use crate::ports::engine::{ActContainers, Acted, Limits};

impl ActContainers for Fake {
    fn start<'a>(&'a self, target: &'a Granted<'a>) -> Answered<'a, Acted> {
        self.act("start", target)
    }

    fn stop<'a>(&'a self, target: &'a Granted<'a>, grace: u32) -> Answered<'a, Acted> {
        self.act_with("stop", target, &grace.to_string())
    }

    fn restart<'a>(&'a self, target: &'a Granted<'a>, grace: u32) -> Answered<'a, Acted> {
        self.act_with("restart", target, &grace.to_string())
    }

    fn kill<'a>(&'a self, target: &'a Granted<'a>, signal: &'a str) -> Answered<'a, Acted> {
        self.act_with("kill", target, signal)
    }

    fn pause<'a>(&'a self, target: &'a Granted<'a>) -> Answered<'a, Acted> {
        self.act("pause", target)
    }

    fn unpause<'a>(&'a self, target: &'a Granted<'a>) -> Answered<'a, Acted> {
        self.act("unpause", target)
    }

    fn rename<'a>(&'a self, target: &'a Granted<'a>, name: &'a str) -> Answered<'a, Acted> {
        self.act_with("rename", target, name)
    }

    fn update<'a>(&'a self, target: &'a Granted<'a>, limits: &'a Limits) -> Answered<'a, Acted> {
        self.act_with("update", target, &format!("{limits:?}"))
    }

    fn remove_container<'a>(
        &'a self,
        target: &'a Granted<'a>,
        _: bool,
        _: bool,
    ) -> Answered<'a, Acted> {
        Box::pin(async move {
            let acted = self.act("remove_container", target).await?;
            let id = &target.target().id;
            self.containers.lock().unwrap().retain(|container| container.id.as_str() != id);
            Ok(acted)
        })
    }
}
