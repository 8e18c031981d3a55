//! Running a command inside a container: it is prepared, started on a connection of its own, read
//! while it runs, and asked for its exit code.
//!
//! Without a terminal its two streams come in frames: a kind, three zeros, a length, a payload. The
//! engine sends the head of its answer before the command runs, and ends the connection after it. No
//! call ends a command: whoever stops reading leaves it running.

use std::collections::VecDeque;
use std::time::Duration;

use bollard::models::ExecConfig;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{Order, id_of};
use crate::core::ids::FullId;
use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::docker::wire::{Broken, Connection};
use crate::docker::{DockerEngine, fault, model::answers};
use crate::ports::engine::{CONTAINER, Command, CommandEnd, Executed, Stream};

/// How far apart to look whether a command whose streams have ended has ended as well.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// Bytes before each payload.
const HEADER_BYTES: usize = 8;

/// How often the engine may say that a command does not run without saying how it ended.
const UNTOLD_MAX: u32 = 3;

/// Pieces that are kept, at most: one byte alone takes as much memory as sixty together.
const PIECES_MAX: usize = 8192;

/// Small payloads of one stream are kept together up to so many bytes.
const PIECE_BYTES: usize = 4096;

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
                    Ok(Ok(())) | Err(_) => self.end(exec, deadline).await,
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
        if !status.is_client_error() {
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
    async fn end(&self, exec: &FullId, deadline: Instant) -> CommandEnd {
        let mut untold = 0;
        loop {
            match self.ask::<State>("command", &format!("/exec/{exec}/json")).await {
                Ok(State { running: false, code: Some(code), .. }) => {
                    return CommandEnd::Code(code);
                }
                // For a moment both can be so, and what does not run is never told to go on.
                Ok(State { running: false, .. }) if untold >= UNTOLD_MAX => {
                    return CommandEnd::Unseen(
                        "it ended, and the engine tells no exit code".to_owned(),
                    );
                }
                Ok(State { running: false, .. }) => {
                    untold += 1;
                    sleep(LOOK_PAUSE).await;
                }
                Ok(State { pid, .. }) if Instant::now() >= deadline => {
                    return CommandEnd::Late(pid.filter(|pid| *pid > 0));
                }
                Ok(_) => sleep(LOOK_PAUSE).await,
                Err(fault) => {
                    let why = fault::shown(&fault.detail.unwrap_or(fault.message));
                    return CommandEnd::Unseen(format!("its exit code could not be read: {why}"));
                }
            }
        }
    }
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

/// What comes out of a command: taken out of its frames, counted, and the end of it kept.
#[derive(Debug)]
struct Output {
    header: Vec<u8>,
    stream: Stream,
    /// Bytes of the current frame that are still to come.
    left: usize,
    kept: VecDeque<(Stream, Vec<u8>)>,
    size: usize,
    bytes_max: usize,
    written: [u64; 2],
}

impl Output {
    const fn new(bytes_max: usize) -> Self {
        Self {
            header: Vec::new(),
            stream: Stream::Out,
            left: 0,
            kept: VecDeque::new(),
            size: 0,
            bytes_max,
            written: [0; 2],
        }
    }

    const fn is_between_frames(&self) -> bool {
        self.left == 0 && self.header.is_empty()
    }

    /// Takes what came. The error says why these are not frames.
    fn feed(&mut self, mut data: &[u8]) -> Result<(), String> {
        while !data.is_empty() {
            if self.left == 0 {
                let (start, rest) = data.split_at(data.len().min(HEADER_BYTES - self.header.len()));
                self.header.extend_from_slice(start);
                data = rest;
                self.open()?;
                continue;
            }
            let (payload, rest) = data.split_at(data.len().min(self.left));
            self.left -= payload.len();
            data = rest;
            self.keep(payload);
        }
        Ok(())
    }

    /// Opens the frame of a whole header.
    fn open(&mut self) -> Result<(), String> {
        let Ok([kind, a, b, c, length @ ..]) = <[u8; HEADER_BYTES]>::try_from(&*self.header) else {
            return Ok(());
        };
        self.stream = match (kind, [a, b, c]) {
            (0 | 1, [0, 0, 0]) => Stream::Out,
            (2 | 3, [0, 0, 0]) => Stream::Err,
            _ => {
                return Err(
                    "what the engine sent of its output is not what its API promises".into()
                );
            }
        };
        self.left = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        self.header.clear();
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let [out, err] = &mut self.written;
        let written = if self.stream == Stream::Out { out } else { err };
        *written = written.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        match self.kept.back_mut() {
            Some((stream, piece)) if *stream == self.stream && piece.len() < PIECE_BYTES => {
                piece.extend_from_slice(bytes);
            }
            _ => self.kept.push_back((self.stream, bytes.to_vec())),
        }
        self.size += bytes.len();
        while let Some((_, oldest)) = self.kept.front()
            && (self.size - oldest.len() >= self.bytes_max || self.kept.len() > PIECES_MAX)
        {
            self.size -= oldest.len();
            self.kept.pop_front();
        }
    }

    fn finish(mut self, end: CommandEnd) -> Executed {
        let more = self.size.saturating_sub(self.bytes_max);
        if let Some((_, oldest)) = self.kept.front_mut() {
            oldest.drain(..more.min(oldest.len()));
        }
        Executed { output: self.kept.into(), written: self.written, end }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[kind, 0, 0, 0][..], &length, payload].concat()
    }

    fn text(executed: &Executed, wanted: Stream) -> Vec<u8> {
        let pieces = executed.output.iter().filter(|(stream, _)| *stream == wanted);
        pieces.flat_map(|(_, bytes)| bytes.clone()).collect()
    }

    #[test]
    fn what_is_no_frame_is_not_read_on() {
        for bytes in [&b"SSH-2.0-x"[..], &[4, 0, 0, 0, 0, 0, 0, 1], &[1, 0, 1, 0, 0, 0, 0, 1]] {
            assert!(Output::new(10).feed(bytes).is_err(), "{bytes:?}");
        }
        let mut output = Output::new(10);
        output.feed(&[2, 0, 0, 0, 0, 0, 0, 3, b'a']).unwrap();
        assert!(!output.is_between_frames());
        output.feed(b"bc").unwrap();
        assert!(output.is_between_frames());
        let executed = output.finish(CommandEnd::Code(0));
        assert_eq!((text(&executed, Stream::Err), executed.written), (b"abc".to_vec(), [0, 3]));
    }

    #[test]
    fn many_small_pieces_take_no_more_memory_than_few_large_ones() {
        let mut output = Output::new(262_144);
        for turn in 0..100_000_u32 {
            let kind = if turn % 2 == 0 { 1 } else { 2 };
            output.feed(&frame(kind, &[(turn % 251) as u8])).unwrap();
            assert!(output.kept.len() <= PIECES_MAX);
        }
        let executed = output.finish(CommandEnd::Code(0));
        assert_eq!(executed.written, [50_000, 50_000]);
        assert_eq!(executed.output.len(), PIECES_MAX);
        assert_eq!(executed.output.last().unwrap().1, [(99_999 % 251) as u8]);
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_newest_is_kept_and_all_is_counted(
            frames in proptest::collection::vec((1_u8..=2, proptest::collection::vec(any::<u8>(), 0..50)), 0..30),
            cut in 1_usize..40,
            bytes_max in 1_usize..200,
        ) {
            let all: Vec<u8> = frames.iter().flat_map(|(kind, bytes)| frame(*kind, bytes)).collect();
            let mut output = Output::new(bytes_max);
            for piece in all.chunks(cut) {
                output.feed(piece).unwrap();
                prop_assert!(output.size <= bytes_max + PIECE_BYTES + 50);
            }
            prop_assert!(output.is_between_frames());
            let executed = output.finish(CommandEnd::Code(0));
            let whole: Vec<(u8, u8)> =
                frames.iter().flat_map(|(kind, bytes)| bytes.iter().map(|b| (*kind, *b))).collect();
            let newest = &whole[whole.len().saturating_sub(bytes_max)..];
            let kept: Vec<(u8, u8)> = executed
                .output
                .iter()
                .flat_map(|(stream, bytes)| bytes.iter().map(|b| (if *stream == Stream::Out { 1 } else { 2 }, *b)))
                .collect();
            prop_assert_eq!(kept, newest.to_vec());
            let count = |kind| whole.iter().filter(|(k, _)| *k == kind).count() as u64;
            prop_assert_eq!(executed.written, [count(1), count(2)]);
        }
    }
}
