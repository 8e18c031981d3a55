//! Telling a person that somebody asks, by a command of the configuration. It is run without a shell and
//! gets two more arguments: the ask's id, and one line. Nothing depends on what comes of it.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::core::ask::AskId;
use crate::core::text;
use crate::ports::asks::Notifier;

/// Characters of the line.
const LINE_CHARS_MAX: usize = 200;

/// Commands that run at the same time; of more, nobody is told.
const RUNNING_MAX: usize = 4;

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A program with its first arguments; nobody is told where there is none.
#[derive(Debug)]
pub struct NotifyCommand {
    words: Vec<String>,
    running: Arc<AtomicUsize>,
}

impl NotifyCommand {
    /// The command of these words.
    pub fn new(words: Vec<String>) -> Self {
        Self { words, running: Arc::default() }
    }
}

impl Notifier for NotifyCommand {
    #[expect(clippy::disallowed_methods, reason = "the configuration names a program to be run")]
    fn tell(&self, ask: AskId, line: &str) {
        let Some((program, first)) = self.words.split_first() else { return };
        let mut command = Command::new(program);
        command.args(first).arg(ask.to_string()).arg(text::line(line, LINE_CHARS_MAX));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if self.running.fetch_add(1, Ordering::SeqCst) >= RUNNING_MAX {
            self.running.fetch_sub(1, Ordering::SeqCst);
            tracing::warn!("nobody was told of ask {ask}: {RUNNING_MAX} commands are running");
            return;
        }
        let (running, program) = (Arc::clone(&self.running), text::name(program));
        thread::spawn(move || {
            if let Err(error) = run(command) {
                tracing::warn!("nobody was told of ask {ask}: {program}: {error}");
            }
            running.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

/// Runs a command to its end, or ends it when it takes too long.
fn run(mut command: Command) -> std::io::Result<()> {
    let mut child = command.spawn()?;
    let mut waited = Duration::ZERO;
    loop {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(std::io::Error::other(status.to_string())),
            None if waited >= PATIENCE => {
                child.kill()?;
                child.wait()?;
                return Err(std::io::Error::other("it took too long and was ended"));
            }
            None => {
                thread::sleep(LOOK_EVERY);
                waited += LOOK_EVERY;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::HostClock;
    use crate::ports::Clock as _;

    fn eventually(holds: impl Fn() -> bool) {
        for _ in 0..200 {
            if holds() {
                return;
            }
            thread::sleep(LOOK_EVERY);
        }
        panic!("it never came to hold");
    }

    fn id() -> AskId {
        AskId::parse("K7Q2-M4XD").unwrap()
    }

    #[test]
    fn the_command_gets_the_id_and_one_plain_line() {
        let folder = tempfile::TempDir::new().unwrap();
        let told = folder.path().join("told");
        let script = format!("printf '%s|' \"$@\" > {0}.new; mv {0}.new {0}", told.display());
        let words = ["sh", "-c", &script, "sh", "first word"].map(str::to_owned).to_vec();
        NotifyCommand::new(words).tell(id(), "remove_volume $(rm db)\n\u{1b}[31m; 'x' \"y\"");
        eventually(|| told.exists());
        let told = std::fs::read_to_string(told).unwrap();
        assert!(told.starts_with("first word|K7Q2-M4XD|remove_volume $(rm db)"), "{told}");
        assert!(!told.contains('\n') && !told.contains('\u{1b}'), "{told}");
        assert_eq!(told.matches('|').count(), 3);
    }

    #[test]
    fn what_cannot_be_run_or_takes_long_keeps_nobody() {
        let before = HostClock.tick();
        NotifyCommand::new(Vec::new()).tell(id(), "nobody");
        NotifyCommand::new(vec!["/no/such/program".into()]).tell(id(), "nobody");
        let slow = NotifyCommand::new(vec!["sleep".into(), "3".into()]);
        for _ in 0..RUNNING_MAX + 2 {
            slow.tell(id(), "nobody");
        }
        assert!(HostClock.tick().0 - before.0 < Duration::from_secs(2));
        assert!(slow.running.load(Ordering::SeqCst) <= RUNNING_MAX);
    }
}
