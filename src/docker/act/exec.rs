//! Running a command inside a container: it is prepared, started on a connection of its own, read
//! while it runs, and asked for its exit code.
//!
//! Without a terminal its two streams come in frames: a kind, three zeros, a length, a payload. The
//! engine sends the head of its answer before the command runs, and ends the connection after it. No
//! call ends a command: whoever stops reading leaves it running.

mod output;

use std::time::Duration;

use bollard::models::ExecConfig;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use self::output::Output;
use super::{Order, id_of};
use crate::core::ids::FullId;
use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::docker::wire::{Broken, Connection};
use crate::docker::{DockerEngine, fault, model::answers};
use crate::ports::engine::{CONTAINER, Command, CommandEnd, Executed, is_podman};

/// How far apart to look whether a command whose streams have ended has ended as well.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// How often the engine may say that a command does not run without saying how it ended.
const UNTOLD_MAX: u32 = 3;

/// Exit codes of what could not be started, by the custom of shells. Programs may have them as well.
const NOT_STARTED: [i64; 2] = [126, 127];

/// How Docker's own word begins for what it could not start. What else it says in place of a process,
/// such as a lost connection to what starts them, leaves open whether there was one.
const OWN_WORDS: [&str; 3] =
    ["OCI runtime exec failed: ", "unable to find user ", "unable to find group "];

/// What Podman ends with, and a status of 500, where it does not know by whom to run a command.
const NOBODY: [&str; 2] =
    [": no matching entries in passwd file", ": no matching entries in group file"];

answers! {
    /// `GET /exec/{id}/json`.
    State {
        running: bool = "Running",
        code: Option<i64> = "ExitCode",
        pid: Option<i64> = "Pid",
    }
}

impl DockerEngine {
    /// Prepares a command. This runs nothing, so whatever goes wrong here, nothing happened.
    pub(super) async fn prepare(
        &self,
        target: &Target,
        command: &Command,
    ) -> Result<FullId, Fault> {
        let id = id_of(target, &CONTAINER)?;
        let config = ExecConfig {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.words.clone()),
            user: command.user.clone(),
            working_dir: command.workdir.clone(),
            ..ExecConfig::default()
        };
        let (method, path) = (Method::POST, format!("/containers/{id}/exec"));
        let verb = "run the command in";
        let limit = self.deadlines.read;
        let order = Order { target, verb, method, path, limit, certain_below: 600 };
        let request = |docker: bollard::Docker| async move { docker.create_exec(id, config).await };
        let prepared = self.order(order, request).await.map_err(not_prepared)?;
        FullId::parse(&prepared.answer.id).ok_or_else(|| fault::odd("command", "its id is not one"))
    }

    /// Starts a prepared command and reads what it writes until it ends or its time is up.
    pub(super) async fn attend(
        &self,
        target: &Target,
        exec: &FullId,
        command: &Command,
    ) -> Result<Executed, Fault> {
        let mut output = Output::new(command.bytes_max);
        let mut connection = self.connection_to(&target.engine).await?;
        let deadline = Instant::now() + command.limit;
        let end = match self.begin(target, &mut connection, exec).await? {
            Err(unseen) => CommandEnd::Unseen(unseen),
            Ok(response) => {
                let reading = read(&mut connection, response.into_body(), &mut output);
                match timeout_at(deadline, reading).await {
                    Ok(Err(unseen)) => CommandEnd::Unseen(unseen),
                    Ok(Ok(())) | Err(_) => match self.end(exec, deadline).await {
                        End::Told(end) => end,
                        End::NoProcess(code) => without_process(target, code, &output)?,
                    },
                }
            }
        };
        Ok(output.finish(end))
    }

    /// Starts a prepared command. The inner error says why nobody saw whether it started.
    async fn begin(
        &self,
        target: &Target,
        connection: &mut Connection,
        exec: &FullId,
    ) -> Result<Result<Response<Incoming>, String>, Fault> {
        let body = Bytes::from_static(br#"{"Detach":false,"Tty":false}"#);
        let request = Request::post(format!("/exec/{exec}/start"))
            .header(CONTENT_TYPE, "application/json")
            .body(body.into())
            .map_err(|error| fault::odd("command", error.to_string()))?;
        let response = match timeout(self.deadlines.read, connection.send(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(Broken::Lost(why))) => return Ok(Err(lost(&why))),
            Ok(Err(broken)) => {
                self.wire()?.forget();
                return Err(fault::unread(&self.wire()?.endpoint, broken));
            }
            Err(_) => return Ok(Err("the engine did not answer when it was started".to_owned())),
        };
        let status = response.status();
        if status == StatusCode::OK {
            return Ok(Ok(response));
        }
        let said = match timeout(self.deadlines.read, connection.read(response)).await {
            Ok(Ok(answer)) => fault::engine_text(&answer.body),
            _ => String::new(),
        };
        let shown = fault::shown(&said);
        if !status.is_client_error() && !NOBODY.iter().any(|words| said.ends_with(words)) {
            let code = status.as_u16();
            return Ok(Err(match status.is_server_error() {
                true => format!("the engine answered with an error ({code}): {shown}"),
                false => format!("the engine's answer ({code}) is not what its API promises"),
            }));
        }
        let name = text::name(&target.name);
        let message = format!(
            "The engine refused to run the command in {name} ({}), so it did not happen: {shown}",
            status.as_u16()
        );
        Err(Fault::new(Reason::EngineError, message).with_detail(said))
    }

    /// How a command ended whose streams have ended, or whose time is up.
    async fn end(&self, exec: &FullId, deadline: Instant) -> End {
        let mut untold = 0;
        loop {
            match self.ask::<State>("command", &format!("/exec/{exec}/json")).await {
                Ok(State { running: false, code: Some(code), pid: Some(0) })
                    if NOT_STARTED.contains(&code) =>
                {
                    return End::NoProcess(code);
                }
                Ok(State { running: false, code: Some(code), .. }) => {
                    return End::Told(CommandEnd::Code(code));
                }
                // For a moment both can be so, and what does not run is never told to go on.
                Ok(State { running: false, .. }) if untold >= UNTOLD_MAX => {
                    let why = "it ended, and the engine tells no exit code";
                    return End::Told(CommandEnd::Unseen(why.to_owned()));
                }
                Ok(State { running: false, .. }) => {
                    untold += 1;
                    sleep(LOOK_PAUSE).await;
                }
                Ok(State { pid, .. }) if Instant::now() >= deadline => {
                    return End::Told(CommandEnd::Late(pid.filter(|pid| *pid > 0)));
                }
                Ok(_) => sleep(LOOK_PAUSE).await,
                Err(fault) => {
                    let why = fault::shown(&fault.detail.unwrap_or(fault.message));
                    let why = format!("its exit code could not be read: {why}");
                    return End::Told(CommandEnd::Unseen(why));
                }
            }
        }
    }
}

/// What an engine tells of a command that does not run any more.
enum End {
    Told(CommandEnd),
    /// This exit code, one of [`NOT_STARTED`], and no process that it was the code of.
    NoProcess(i64),
}

/// What became of a command of which the engine names no process. Docker names one of every command
/// that ran, so this one did not if the engine's own word says why. Podman names none of any
/// that has ended, and says why one did not start where the command's own words would stand.
fn without_process(target: &Target, code: i64, output: &Output) -> Result<CommandEnd, Fault> {
    let said = output.text();
    if !is_podman(&target.engine) {
        if !OWN_WORDS.iter().any(|words| said.starts_with(words)) {
            return Ok(CommandEnd::Unseen(format!(
                "the engine names no process and the exit code {code}, and does not say that it \
                 could not start the command"
            )));
        }
        let (name, said) = (text::name(&target.name), fault::said(&said));
        let message = format!(
            "The engine could not start the command in {name}, so nothing of it ran: {}. Look \
             whether the program is in the container, and its user and its folder as well, then \
             ask for a new preview.",
            fault::shown(&said)
        );
        return Err(Fault::new(Reason::EngineError, message).with_detail(said));
    }
    if output.written[0] == 0 && said.starts_with("Error: ") && said.contains(": OCI ") {
        return Ok(CommandEnd::Unseen(format!(
            "its exit code is {code}, and its output reads as if the engine could not start it, \
             which the engine itself does not tell"
        )));
    }
    Ok(CommandEnd::Code(code))
}

/// The fault of a command that was not prepared.
fn not_prepared(fault: Fault) -> Fault {
    if fault.reason != Reason::OutcomeUnknown {
        return fault;
    }
    let message = "The engine did not answer when it was asked to prepare the command, so it was \
                   not started. See whether the engine is busy (`docker info`), then ask for a new \
                   preview.";
    let detail = fault.detail.unwrap_or_default();
    Fault::new(Reason::EngineUnavailable, message).with_detail(detail)
}

fn lost(why: &str) -> String {
    format!("the connection was lost: {}", fault::shown(why))
}

/// Reads frames until there are no more.
async fn read(
    connection: &mut Connection,
    mut body: Incoming,
    output: &mut Output,
) -> Result<(), String> {
    loop {
        match connection.next(&mut body).await {
            Ok(None) if output.is_between_frames() => return Ok(()),
            Ok(None) => return Err(lost("it ended within a frame")),
            Ok(Some(data)) => output.feed(&data)?,
            Err(Broken::Lost(why) | Broken::Unsent(why)) => return Err(lost(&why)),
            Err(broken) => return Err(lost(&format!("{broken:?}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_begin_is_told_by_the_engines_own_word_alone() {
        let of = |engine: &str, said: &str| {
            let target = Target {
                kind: CONTAINER.name,
                id: "ab".repeat(32),
                name: "web".into(),
                engine: engine.into(),
                attributes: std::collections::BTreeMap::new(),
            };
            let mut output = Output::new(1000);
            let length = u32::try_from(said.len()).unwrap().to_be_bytes();
            output.feed(&[&[1, 0, 0, 0][..], &length, said.as_bytes()].concat()).unwrap();
            without_process(&target, 126, &output)
        };
        for sure in [
            "OCI runtime exec failed: exec failed: unable to start container process: x\r\n",
            "unable to find user nobodyx: no matching entries in passwd file",
        ] {
            let fault = of("ENGINE", sure).unwrap_err();
            assert!(fault.message.contains("nothing of it ran"), "{}", fault.message);
        }
        for open in [
            "ttrpc: closed: unknown",
            "transport is closing: unavailable",
            "",
            "what it wrote\nOCI runtime exec failed: exec failed",
        ] {
            let end = of("ENGINE", open).unwrap();
            assert!(matches!(end, CommandEnd::Unseen(_)), "{open}: {end:?}");
            assert_eq!(of("podman-1", open).unwrap(), CommandEnd::Code(126), "{open}");
        }
    }
}
