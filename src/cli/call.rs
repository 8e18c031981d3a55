//! `call`: one operation through the gate. On a terminal a change is confirmed by typing its
//! target's name; without one it ends with the preview.

use clap::Args;
use serde_json::Value;

use super::serve::told_to_end;
use super::{Output, arguments, exit};
use crate::core::plan::{Face, Principal};
use crate::core::record::Caller;
use crate::core::text;
use crate::gate::{Answer, Confirm, Gate, Request, Status, TOKEN_ARGUMENT};

/// The arguments of `call`.
#[derive(Clone, Debug, Args)]
pub struct CallArgs {
    /// The operation's name
    #[arg(value_name = "TOOL")]
    operation: String,
    /// The target, such as a container's name or id, and further arguments as key=value
    #[arg(value_name = "TARGET|KEY=VALUE")]
    words: Vec<String>,
    /// Its arguments, as a JSON object
    #[arg(long, value_name = "JSON")]
    args: Option<String>,
    /// The handle of an ask that a person approved
    #[arg(long, value_name = "TOKEN")]
    confirm: Option<String>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

impl CallArgs {
    pub(super) const EXAMPLES: &str = "\
Examples:
  countersign call list_containers all=true
  countersign call restart_container web timeout=5
  countersign call create_volume cache 'labels={\"team\": \"web\"}'
  countersign call exec_in_container web 'command=[\"ls\", \"/tmp\"]'

Words without `=` are the arguments that have to be given, in turn; `countersign tools TOOL` lists \
all.

Exit codes: 0 done, 1 failed, 2 usage, 3 refused, 4 confirmation or approval needed, 6 outcome unknown.";
}

/// Runs the operation.
pub async fn run(gate: &Gate, call: CallArgs, out: Output) -> u8 {
    let json = call.json;
    let operation = gate.registry().get(&call.operation);
    let mut arguments = match arguments::read(operation, &call.words, call.args.as_deref()) {
        Ok(arguments) => arguments,
        Err(why) => {
            out.message(format!("countersign: {why}"));
            return exit::USAGE;
        }
    };
    if let Some(token) = call.confirm {
        arguments.insert(TOKEN_ARGUMENT.into(), Value::String(token));
    }
    let confirm = if Output::is_terminal() { Confirm::Tty } else { Confirm::Never };
    let caller = caller();
    let operation = call.operation;
    let request = Request { operation, arguments, caller, confirm, progress: None };
    let mut answer = gate.run(request.clone()).await;
    if answer.status == Status::ConfirmationRequired && confirm == Confirm::Tty {
        let word = word(gate, &request, &answer);
        let Some(confirmed) = ask(request, &answer, &word, out) else {
            out.message("Nothing has changed.");
            return answer.exit_code();
        };
        answer = to_its_end(gate.run(confirmed), out).await;
    }
    print(&answer, json, out);
    answer.exit_code()
}

/// A confirmed change is not left half done: told to end, this waits for its outcome first.
async fn to_its_end(change: impl Future<Output = Answer>, out: Output) -> Answer {
    tokio::pin!(change);
    loop {
        tokio::select! {
            answer = &mut change => return answer,
            () = told_to_end() => out.message("The change is under way; waiting for its outcome."),
        }
    }
}

/// The name that is typed: that of the target that the request names. Where it names what holds its
/// targets, such as a project, the name of that; where it finds them by itself, the operation's.
fn word(gate: &Gate, request: &Request, answer: &Answer) -> String {
    let operation = gate.registry().get(&request.operation);
    let named = operation.is_some_and(|operation| !operation.spec.references.is_empty());
    let holder = || {
        let needed = arguments::needed(operation?);
        request.arguments.get(*needed.first()?)?.as_str()
    };
    let target = answer.target.as_ref().filter(|_| named).and_then(|target| target.first_name());
    target.map(String::as_str).or_else(holder).unwrap_or(&answer.operation).to_owned()
}

/// Shows the preview, and makes the request that goes ahead if the word is typed.
fn ask(mut request: Request, answer: &Answer, word: &str, out: Output) -> Option<Request> {
    let token = answer.confirm_token.clone()?;
    out.message(&answer.text);
    let typed = out.ask(format!("Type {word} to go ahead: "))?;
    if typed != word {
        out.message(format!("`{}` is not `{word}`.", text::name(&typed)));
        return None;
    }
    request.arguments.insert(TOKEN_ARGUMENT.into(), Value::String(token));
    Some(request)
}

fn print(answer: &Answer, json: bool, out: Output) {
    if json {
        let mut value = serde_json::to_value(answer).unwrap_or_default();
        if let Value::Object(map) = &mut value {
            map.insert("text".into(), Value::String(answer.text.clone()));
        }
        out.json(&value);
    } else if answer.is_error() {
        out.message(&answer.text);
    } else {
        out.data(answer.text.trim_end());
        match (answer.status, &answer.confirm_token) {
            (Status::ApprovalRequired, Some(token)) => out.message(format!(
                "Nothing has changed. Once it is approved, run this again with --confirm {token}."
            )),
            (Status::ConfirmationRequired, _) => {
                out.message("Nothing has changed. Run this on a terminal to confirm it.");
            }
            _ => {}
        }
    }
}

/// Who is at the shell.
pub fn caller() -> Caller {
    let uid = rustix::process::geteuid().as_raw();
    Caller {
        principal: Principal { face: Face::Cli, uid },
        client: None,
        version: None,
        pid: std::process::id(),
    }
}
