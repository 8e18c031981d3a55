//! What goes wrong with an engine, in words that say what to do.

mod ids;

use std::io;

use serde::Deserialize;

use super::endpoint::Endpoint;
use super::wire::{Answer, Broken};
use crate::core::reason::{Fault, Reason};
use crate::core::redact::Redactor;
use crate::core::text;
use crate::ports::engine::CONTAINER;
use ids::with_short_ids;

/// What is looked at one by one, so that 404 says that it is gone.
const KINDS: [&str; 4] = [CONTAINER.name, "image", "volume", "network"];

/// The engine's own text in a message, in characters, at most.
const DETAIL_CHARS_MAX: usize = 300;

/// `ENOENT`, `EACCES` and `ECONNREFUSED` have kinds; these are the cases that people meet.
fn cause(error: &io::Error) -> (&'static str, &'static str) {
    match error.kind() {
        io::ErrorKind::NotFound => (
            "there is no such socket",
            "Start Docker (`sudo systemctl start docker`, or Docker Desktop), or name the right \
             socket with `--host` or DOCKER_HOST",
        ),
        io::ErrorKind::PermissionDenied => (
            "this user may not use it",
            "Run Countersign as a user that may. Whoever is added to the group that owns the socket \
             reaches the engine without Countersign as well",
        ),
        io::ErrorKind::ConnectionRefused => (
            "the socket is there, but nothing listens on it",
            "Start Docker (`sudo systemctl start docker`, or Docker Desktop)",
        ),
        _ => ("connecting failed", "See whether Docker runs (`docker info`)"),
    }
}

/// The fault of an engine that cannot be connected to: nothing was sent.
pub(super) fn unreachable(endpoint: &Endpoint, error: &io::Error) -> Fault {
    let (why, next) = cause(error);
    let others: Vec<String> = endpoint
        .others_that_exist()
        .into_iter()
        .map(|path| format!("unix://{}", text::name(&path.to_string_lossy())))
        .collect();
    let others = if others.is_empty() {
        String::new()
    } else {
        format!(
            " Other sockets exist here, and one of them may be meant: {}; choose it with `--host`.",
            others.join(", ")
        )
    };
    Fault::new(
        Reason::EngineUnavailable,
        format!(
            "The engine at {} (from {}) cannot be reached: {why}. {next}; the next call tries \
             again.{others}",
            text::name(&endpoint.address),
            endpoint.source
        ),
    )
    .with_detail(error.to_string())
}

/// The fault of a read that got no answer.
pub(super) fn unread(endpoint: &Endpoint, broken: Broken) -> Fault {
    match broken {
        Broken::Connect(error) => unreachable(endpoint, &error),
        Broken::TooLong => {
            Fault::new(Reason::Limit, "The engine's answer is too long to be read. Ask for less.")
        }
        Broken::Unsent(why) | Broken::Lost(why) => Fault::new(
            Reason::EngineUnavailable,
            format!(
                "The engine at {} ended the connection before it answered. See whether it is \
                 being restarted; the next call tries again.",
                text::name(&endpoint.address)
            ),
        )
        .with_detail(why),
    }
}

/// The fault of a read past its deadline.
pub(super) fn late(endpoint: &Endpoint, seconds: u64) -> Fault {
    Fault::new(
        Reason::Timeout,
        format!(
            "The engine at {} did not answer within {seconds} s. Nothing was changed. See whether \
             it is busy (`docker info`), then try again.",
            text::name(&endpoint.address)
        ),
    )
}

/// What an engine says is wrong, fit to be told and kept: it quotes commands, paths and settings of
/// containers, and these can hold secrets. The ids by which it names things are none. Whatever it says
/// comes into a fault through here.
pub(super) fn said(engine_text: &str) -> String {
    Redactor::new(&[]).text(&with_short_ids(engine_text))
}

/// What an answer says is wrong, as [`said`].
pub(super) fn engine_text(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Said {
        message: String,
    }
    match serde_json::from_slice::<Said>(body) {
        Ok(Said { message }) => said(&message),
        Err(_) => said(&String::from_utf8_lossy(body)),
    }
}

/// Whether an engine says that a thing of this kind is not there, and not another.
pub(super) fn says_it_is_gone(said: &str, kind: &str) -> bool {
    let said = said.to_ascii_lowercase();
    said.contains(&format!("no such {kind}"))
        || (kind != CONTAINER.name && said.starts_with(kind) && said.contains("not found"))
}

/// What Podman says where it looked at a container's state and did nothing more. The status is 500.
const REFUSED_AT_ONCE: [&str; 6] = [
    "unable to restart a container in a paused or unknown state",
    "can only kill running containers",
    "is already paused",
    "is not running, can't pause",
    "is not paused, can't unpause",
    "running or paused containers cannot be removed without force",
];

/// What Podman ends with where it refused before it did anything: a container without a network of
/// its own is connected to none, and a network is not removed while a container is on it.
const DID_NOTHING: [&str; 2] =
    [" is not supported: invalid network mode", ": network is being used"];

/// Whether an engine says that it did nothing, whatever its status leaves open.
pub(super) fn says_it_did_nothing(said: &str) -> bool {
    let improper = said.ends_with(": container state improper")
        && REFUSED_AT_ONCE.iter().any(|words| said.contains(words));
    // The names of an image are counted before the first one goes.
    let several =
        said.starts_with("unable to delete image ") && said.ends_with(": please force removal");
    improper || several || DID_NOTHING.iter().any(|words| said.ends_with(words))
}

/// Engine text, fit to stand in a message.
pub(super) fn shown(engine_text: &str) -> String {
    let line = text::line(engine_text.trim(), DETAIL_CHARS_MAX);
    if line.is_empty() { "it gives no reason".to_owned() } else { line }
}

/// What a fault says, fit to stand in the message of another: the engine's words, where it has any.
pub(super) fn heard(fault: &Fault) -> String {
    shown(fault.detail.as_ref().unwrap_or(&fault.message))
}

/// The fault of a read that the engine refused.
pub(super) fn refused(what: &str, answer: &Answer) -> Fault {
    let said = engine_text(&answer.body);
    let gone = || {
        let asked = KINDS.iter().find(|kind| **kind == what);
        // What is asked of a thing, such as what it uses, is not there either if the thing is gone.
        asked.or_else(|| KINDS.iter().find(|kind| says_it_is_gone(&said, kind)))
    };
    let (reason, message) = match (answer.status, gone()) {
        (404, Some(kind)) => (
            Reason::NotFound,
            format!(
                "The {kind} is gone. Ask list_{kind}s{} for what there is.",
                if *kind == CONTAINER.name { " (with all=true)" } else { "" }
            ),
        ),
        (status, _) => (
            Reason::EngineError,
            format!(
                "Asked about the {what}, the engine answered with an error ({status}): {} - see to \
                 what it names; if it says too little, look at the engine's own log.",
                shown(&said)
            ),
        ),
    };
    Fault::new(reason, message).with_detail(said)
}

/// The fault of an answer that is not what the API promises.
pub(super) fn odd(what: &str, why: impl AsRef<str>) -> Fault {
    Fault::new(
        Reason::EngineError,
        format!(
            "The engine's answer about the {what} is not what its API promises, so it is not \
             used. See whether the address is that of a Docker engine."
        ),
    )
    .with_detail(said(why.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_refused_at_once_is_known_not_to_have_happened() {
        let used = "\"front\" has associated containers with it. Use -f to forcefully delete \
                    containers and pods: network is being used";
        for (said, nothing) in [
            (used, true),
            ("network is being used: and something else failed", false),
            ("container a is not connected to: network is being unused", false),
            ("\"a\" is not running, can't pause: container state improper", true),
            ("\"a\" is not running, can't pause", false),
            ("cannot remove it: container state improper", false),
        ] {
            assert_eq!(says_it_did_nothing(said), nothing, "{said}");
        }
    }

    #[test]
    fn what_is_asked_of_a_thing_that_is_gone_is_not_found() {
        let reason = |what, status, message: &str| {
            let body = serde_json::json!({ "message": message }).to_string().into_bytes();
            let fault = refused(what, &Answer { status, body });
            (fault.reason, fault.message)
        };
        for what in ["use", "process", "change", "log", "container"] {
            let (reason, message) = reason(what, 404, "No such container: ab12");
            assert_eq!(reason, Reason::NotFound, "{what}");
            assert!(message.starts_with("The container is gone."), "{message}");
        }
        for (what, status, message) in [
            ("use", 404, "page not found"),
            ("use", 500, "No such container: ab12"),
            ("use", 409, "container ab12 is not running"),
        ] {
            assert_eq!(reason(what, status, message).0, Reason::EngineError, "{message}");
        }
    }

    #[test]
    fn secrets_that_an_engine_quotes_are_told_to_nobody() {
        let quoted = r#"exec: "/bin/--token=hunter2-x": stat /bin/--token=hunter2-x: no such file"#;
        let json = serde_json::json!({ "message": quoted }).to_string();
        let refused = |body: &[u8]| refused("log", &Answer { status: 500, body: body.to_vec() });
        for fault in [refused(json.as_bytes()), refused(quoted.as_bytes()), odd("log", quoted)] {
            assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
            assert!(fault.detail.is_some_and(|detail| detail.contains("no such file")));
        }
        assert_eq!(said("network web not found"), "network web not found");
        let id = format!("{}0123", "0123456789ab".repeat(5));
        assert_eq!(
            said(&format!("The container name \"/web\" is already in use by container \"{id}\".")),
            "The container name \"/web\" is already in use by container \"0123456789ab\"."
        );
        assert_eq!(
            said(&format!("volume is in use - [{id}]")),
            "volume is in use - [0123456789ab]"
        );
        let secret = "8f3a1c9e".repeat(8);
        assert_eq!(
            said(&format!("exec: \"{secret}\": executable file not found")),
            "exec: \"(hidden)\": executable file not found"
        );
        assert_eq!(
            said(&format!("No such container: {secret}")),
            "No such container: 8f3a1c9e8f3a"
        );
        assert_eq!(said(&format!("--token {id} is wrong")), "--token (hidden) is wrong");
        assert_eq!(said(&format!("password={id}")), "password=(hidden)");
    }
}
