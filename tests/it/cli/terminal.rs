//! What a person at a terminal sees and does.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::thread;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::support::door::Deed;
use crate::support::engine::{Engine, SOCKET};
use crate::support::play::Played;
use crate::support::program::Sandbox;

/// Both ends of a terminal of its own.
fn terminal() -> (File, OwnedFd) {
    let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&near).unwrap();
    unlockpt(&near).unwrap();
    let name = ptsname(&near, Vec::new()).unwrap();
    let far = open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    (File::from(near), far)
}

/// Runs a program on a terminal at which `typed` is typed: its exit code and the screen.
fn at_terminal(mut command: Command, typed: &str) -> (i32, String) {
    let (mut near, far) = terminal();
    let [input, output] = [&far, &far].map(|end| Stdio::from(end.try_clone().unwrap()));
    let mut child = command.stdin(input).stdout(output).stderr(far).spawn().unwrap();
    // What is left open here would keep the terminal open after the program's end.
    drop(command);
    near.write_all(typed.as_bytes()).unwrap();
    let mut screen = near.try_clone().unwrap();
    let reader = thread::spawn(move || {
        let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
        // The end of a terminal is an error.
        while let Ok(count @ 1..) = screen.read(&mut piece) {
            seen.extend_from_slice(&piece[..count]);
        }
        String::from_utf8(seen).unwrap()
    });
    let code = child.wait().unwrap().code().unwrap();
    (code, reader.join().unwrap())
}

fn restart(sandbox: &Sandbox, engine: &Played) -> Command {
    let address = engine.address();
    sandbox.program(&["call", "restart_container", "container=web", "--host", &address])
}

#[test]
fn typing_the_name_confirms() {
    let (sandbox, engine) = (Sandbox::new(), Played::willing());
    let (code, screen) = at_terminal(restart(&sandbox, &engine), "web\n");
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("Type web to go ahead: "), "{screen}");
    assert!(!screen.contains("confirmToken"), "{screen}");
    assert_eq!(engine.changes().len(), 1);
    assert_eq!(sandbox.events(), ["preview", "allowed", "done"]);
    assert_eq!(sandbox.requests()[1]["assurance"], "tty");
}

#[test]
fn typing_anything_else_changes_nothing() {
    for typed in ["yes\n", "\n", "WEB\n", "web2\n", " web\n", "y\n", "\u{4}"] {
        let (sandbox, engine) = (Sandbox::new(), Played::willing());
        let (code, screen) = at_terminal(restart(&sandbox, &engine), typed);
        assert_eq!(code, 4, "{typed:?}: {screen}");
        assert!(screen.contains("Nothing has changed."), "{typed:?}: {screen}");
        let other = format!("`{}` is not `web`.", typed.trim_end());
        assert_eq!(screen.contains(&other), typed != "\u{4}", "{typed:?}: {screen}");
        assert_eq!(engine.changes(), Vec::<String>::new(), "{typed:?}");
        assert_eq!(sandbox.events(), ["preview"], "{typed:?}");
    }
}

#[test]
fn an_outcome_that_nobody_knows_exits_with_six() {
    let (sandbox, engine) = (Sandbox::new(), Played::with(|| Deed::HangUp));
    let (code, screen) = at_terminal(restart(&sandbox, &engine), "web\n");
    assert_eq!(code, 6, "{screen}");
    assert_eq!(sandbox.events(), ["preview", "allowed", "unknown"]);
}

#[test]
fn there_is_colour_on_a_terminal_unless_it_is_declined() {
    let sandbox = Sandbox::new();
    sandbox.run(&["call", "no_such_tool"]);
    for args in [
        &["audit", "show"][..],
        &["audit", "verify"],
        &["doctor"],
        &["policy", "check"],
        &["policy", "explain", "ping"],
    ] {
        let (_, screen) = at_terminal(sandbox.program(args), "");
        assert!(screen.contains("\u{1b}["), "{args:?}: {screen}");
        let mut plain = sandbox.program(args);
        plain.env("NO_COLOR", "1");
        let (_, screen) = at_terminal(plain, "");
        assert!(!screen.contains('\u{1b}'), "{args:?}: {screen}");
        assert!(!sandbox.run(args).stdout.contains('\u{1b}'), "{args:?}");
    }
}

#[test]
fn of_several_targets_what_the_request_names_is_typed() {
    let (sandbox, engine) = (Sandbox::new(), Engine::connect());
    let network = engine.network_with("typed", &[]);
    let project = engine.named("typed");
    let label = "com.docker.compose.project";
    let made = [(); 2].map(|()| engine.container("sleep 3600").label(label, &project).start());
    let address = format!("unix://{SOCKET}");
    let by_id = network.get(..12).unwrap();
    for (words, word) in [
        (vec!["connect_network", by_id, &made[0].name], engine.named("typed")),
        (vec!["stop_project", &project], project.clone()),
    ] {
        let args = [&["call"], words.as_slice(), &["--host", &address, "--toolsets", "all"]];
        let (code, screen) = at_terminal(sandbox.program(&args.concat()), "yes\n");
        assert_eq!(code, 4, "{screen}");
        assert!(screen.contains(&format!("Type {word} to go ahead: ")), "{screen}");
        assert!(screen.contains(&format!("`yes` is not `{word}`.")), "{screen}");
    }
}
