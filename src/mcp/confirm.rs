//! Confirming: a change that wants to be confirmed is asked about in the client's dialog, and runs
//! once somebody there said yes. The token stays here. Where nobody sees a dialog, the caller gets
//! the token in its place, if both the policy and the settings take that.

use std::sync::Arc;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelledNotificationParam, ClientResult,
    InputRequest, InputRequests, InputRequiredResult, InputResponses, ServerRequest,
};
use rmcp::service::{PeerRequestOptions, RequestContext, ServiceError};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::announce::Announcer;
use super::dialog::{self, Channel, Said};
use super::progress;
use super::questions::{Question, Questions};
use super::server::{caller, result};
use crate::config::Via;
use crate::core::approval::READING;
use crate::core::grant::Assurance;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::{Answer, Confirm, Gate, Request, TOKEN_ARGUMENT};

/// Dialogs of one client that are open at the same time.
pub(super) const DIALOGS_MAX: usize = 64;

/// How often one call asks, when what was confirmed has changed meanwhile.
const ROUNDS_MAX: usize = 3;

/// How long the end of all dialogs is waited for.
const ENDING: Duration = Duration::from_secs(2);

/// How long it is tried to tell a client that a question has lapsed.
const LAPSING: Duration = Duration::from_secs(1);

/// What a client is told that comes back with a question that is not its own. It does not say which
/// of these it was.
const FOREIGN: &str = "This requestState belongs to no question that waits for this request: it was \
    answered before, is too old, or was given for something else. Nothing has changed. Call again \
    without it to be asked anew.";

/// How the calls of one client are confirmed.
pub(super) struct Confirmer {
    gate: Arc<Gate>,
    via: Via,
    announcer: Arc<Announcer>,
    questions: Questions,
    open: Semaphore,
}

/// Why a preview was not confirmed.
enum Unconfirmed {
    /// Somebody said no.
    Declined,
    /// The dialog was answered sooner than anybody reads: nobody was shown it.
    Unseen,
    /// In words that tell what came in place of an answer.
    Unanswered(&'static str),
}

/// What an answer that took so long comes to. A no needs no reading.
const fn weigh(said: Said, took: Duration) -> Result<(), Unconfirmed> {
    match said {
        Said::No => Err(Unconfirmed::Declined),
        _ if took.as_nanos() < READING.as_nanos() => Err(Unconfirmed::Unseen),
        Said::Yes => Ok(()),
        Said::Nothing(why) => Err(Unconfirmed::Unanswered(why)),
    }
}

/// One call of a tool, and whom to ask about it.
struct Conversation<'a> {
    confirmer: &'a Confirmer,
    context: &'a RequestContext<RoleServer>,
    channel: Channel,
    /// Whether its caller confirms, with the token.
    by_token: bool,
    request: Request,
}

impl Confirmer {
    pub(super) fn new(gate: Arc<Gate>, via: Via, announcer: Arc<Announcer>) -> Self {
        let open = Semaphore::new(DIALOGS_MAX);
        Self { gate, via, announcer, questions: Questions::default(), open }
    }

    /// Runs one call to its answer, or to a question.
    pub(super) async fn call(
        &self,
        params: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> CallToolResponse {
        let (progress, teller) = progress::wanted(context).unzip();
        let arguments = params.arguments.unwrap_or_default();
        let channel = dialog::channel(context);
        let by_token = match self.via {
            Via::Auto => channel == Channel::None,
            Via::Token => true,
            Via::Elicit => false,
        };
        // Whoever presents a token confirms by it; what then wants a new one is asked about as ever.
        let echoes = by_token || arguments.contains_key(TOKEN_ARGUMENT);
        let request = Request {
            operation: params.name.into_owned(),
            arguments,
            caller: caller(context.client_info()),
            confirm: if echoes { Confirm::Echo } else { Confirm::Elicit },
            progress,
        };
        let conversation = Conversation { confirmer: self, context, channel, by_token, request };
        let answer = async {
            match params.request_state {
                None => conversation.begin().await,
                Some(state) => conversation.resume(&state, params.input_responses).await,
            }
        };
        match teller {
            Some(teller) => teller.alongside(answer).await,
            None => answer.await,
        }
    }

    /// Ends every open dialog as if it had been closed, and waits until that is on record.
    pub(super) async fn end(&self) {
        self.announcer.has_left();
        let all = u32::try_from(DIALOGS_MAX).unwrap_or(u32::MAX);
        drop(timeout(ENDING, self.open.acquire_many(all)).await);
    }
}

impl Conversation<'_> {
    async fn begin(&self) -> CallToolResponse {
        let answer = self.confirmer.gate.run(self.request.clone()).await;
        self.go_on(answer).await
    }

    /// The client comes back with what was said to a question.
    async fn resume(&self, state: &str, said: Option<InputResponses>) -> CallToolResponse {
        let Confirmer { gate, questions, .. } = self.confirmer;
        let now = gate.clock().tick();
        let Some(Question { preview, asked }) = questions.take(state, &self.request, now) else {
            let Request { caller, operation, .. } = &self.request;
            let fault = Fault::new(Reason::TokenUnknown, FOREIGN);
            let answer = gate.turn_away(caller.clone(), Some(operation), fault).await;
            return result(&answer).into();
        };
        let Some(said) = said.and_then(|mut said| said.remove(dialog::FIELD)) else {
            let fault = unanswered(&preview.operation, "the client came back without an answer");
            drop(gate.decline(&preview, fault, None).await);
            return self.begin().await;
        };
        match weigh(Said::read(said), now.0.saturating_sub(asked.0)) {
            Ok(()) => self.go_on(self.confirmed(&preview).await).await,
            Err(why) => result(&self.unconfirmed(preview, why).await).into(),
        }
    }

    /// Asks as long as there is something to ask.
    async fn go_on(&self, mut answer: Answer) -> CallToolResponse {
        for _ in 0..ROUNDS_MAX {
            if !answer.wants_confirmation() || self.by_token {
                return result(&answer).into();
            }
            if self.channel != Channel::None && !dialog::fits(&answer) {
                let fault = too_long(&answer.operation);
                return result(&self.without_dialog(answer, fault).await).into();
            }
            let channel = match answer.accepts.contains(&Assurance::Elicit) {
                true => self.channel,
                false => Channel::None,
            };
            match channel {
                Channel::Push => match self.push(answer).await {
                    Ok(preview) => answer = self.confirmed(&preview).await,
                    Err(refused) => return result(&refused).into(),
                },
                Channel::Rounds => return self.ask_back(answer).await,
                Channel::None => {
                    let fault = no_dialogs(&answer.operation);
                    return result(&self.without_dialog(answer, fault).await).into();
                }
            }
        }
        if answer.wants_confirmation() {
            let fault = unanswered(&answer.operation, "what it asks about keeps changing");
            answer = self.confirmer.gate.decline(&answer, fault, None).await;
        }
        result(&answer).into()
    }

    /// Runs what was confirmed in a dialog.
    async fn confirmed(&self, preview: &Answer) -> Answer {
        let mut request = Request { confirm: Confirm::Elicit, ..self.request.clone() };
        let token = preview.confirm_token.clone().unwrap_or_default();
        request.arguments.insert(TOKEN_ARGUMENT.to_owned(), Value::String(token));
        self.confirmer.gate.run(request).await
    }

    /// The answer to what was not confirmed.
    async fn unconfirmed(&self, preview: Answer, why: Unconfirmed) -> Answer {
        let operation = &preview.operation;
        let (fault, said) = match why {
            Unconfirmed::Unseen => {
                let fault = unseen(operation);
                return self.without_dialog(preview, fault).await;
            }
            Unconfirmed::Declined => (declined(operation), Some(Assurance::Elicit)),
            Unconfirmed::Unanswered(why) => (unanswered(operation, why), None),
        };
        self.confirmer.gate.decline(&preview, fault, said).await
    }

    /// Nobody sees a dialog: the caller gets the token, if that is taken, or is refused.
    async fn without_dialog(&self, preview: Answer, fault: Fault) -> Answer {
        let token = preview.accepts.contains(&Assurance::Echo);
        if token && self.confirmer.via != Via::Elicit {
            return preview;
        }
        self.confirmer.gate.decline(&preview, fault, None).await
    }

    /// Asks by an answer that the client comes back to.
    async fn ask_back(&self, preview: Answer) -> CallToolResponse {
        let gate = &self.confirmer.gate;
        let question = dialog::question(&preview);
        let waits = Question { preview: preview.clone(), asked: gate.clock().tick() };
        match self.confirmer.questions.put(&self.request, waits, gate.entropy()) {
            Ok(state) => {
                let question = InputRequest::Elicitation(question);
                let questions = InputRequests::from([(dialog::FIELD.to_owned(), question)]);
                InputRequiredResult::new(Some(questions), Some(state)).into()
            }
            Err(fault) => result(&gate.decline(&preview, fault, None).await).into(),
        }
    }

    /// Asks by a request of ours and waits for what is said: the preview again if it was confirmed,
    /// or the answer in its place. A dialog is open until what became of it is on record.
    async fn push(&self, preview: Answer) -> Result<Answer, Answer> {
        let Confirmer { gate, open, .. } = self.confirmer;
        let Ok(_place) = open.try_acquire() else {
            let why = Unconfirmed::Unanswered("too many dialogs are open already");
            return Err(self.unconfirmed(preview, why).await);
        };
        let asked = gate.clock().tick();
        let said = self.said(&preview).await.map_err(Unconfirmed::Unanswered);
        let took = gate.clock().tick().0.saturating_sub(asked.0);
        match said.and_then(|said| weigh(said, took)) {
            Ok(()) => Ok(preview),
            Err(why) => Err(self.unconfirmed(preview, why).await),
        }
    }

    /// What the client answers, or why it does not.
    async fn said(&self, preview: &Answer) -> Result<Said, &'static str> {
        let RequestContext { peer, ct, .. } = self.context;
        let mut left = self.confirmer.announcer.left();
        let question = ServerRequest::ElicitRequest(dialog::question(preview));
        let asking = peer.send_request_with_option(question, PeerRequestOptions::no_options());
        let asked = asking.await.map_err(|_| "it could not be asked")?;
        let id = asked.id.clone();
        let unsaid = tokio::select! {
            biased;
            _ = left.wait_for(|left| *left) => return Err("the client has left"),
            answer = asked.await_response() => return said(answer),
            () = sleep(Duration::from_secs(preview.ttl_seconds)) => "nobody answered in time",
            () = ct.cancelled() => "the client took the call back",
        };
        let reason = Some("the question has lapsed".to_owned());
        let lapsed = CancelledNotificationParam::new(Some(id), reason);
        drop(timeout(LAPSING, peer.notify_cancelled(lapsed)).await);
        Err(unsaid)
    }
}

fn said(answer: Result<ClientResult, ServiceError>) -> Result<Said, &'static str> {
    match answer {
        Ok(ClientResult::ElicitResult(answer)) => Ok(Said::of(&answer)),
        Ok(_) | Err(ServiceError::UnexpectedResponse) => {
            Ok(Said::Nothing("the client's answer could not be read"))
        }
        Err(ServiceError::McpError(_)) => Ok(Said::Nothing("the client answered with an error")),
        Err(_) => Err("the client has left"),
    }
}

/// What it would be shown as does not fit.
fn too_long(operation: &str) -> Fault {
    Fault::new(
        Reason::AssuranceTooLow,
        format!(
            "The preview of {operation} is longer than a dialog shows, and what is cut could hide what \
             is confirmed. Nothing has changed. Ask for less at once, or do it on a terminal with \
             `countersign call {operation}`."
        ),
    )
}

fn declined(operation: &str) -> Fault {
    let message = format!(
        "The person at this client said no to {operation}. Nothing has changed. Do not try again \
         in another way; ask what to do instead."
    );
    Fault::new(Reason::ApprovalDenied, message)
}

fn unanswered(operation: &str, why: &str) -> Fault {
    let message = format!(
        "{operation} was not confirmed in the client's dialog ({}). Nothing has changed. Call \
         {operation} again with the same arguments to ask again.",
        text::line(why, 100)
    );
    Fault::new(Reason::AssuranceTooLow, message)
}

fn unseen(operation: &str) -> Fault {
    let message = format!(
        "This client answers dialogs by itself, sooner than anybody could read them, so nobody was \
         asked about {operation}. Nothing has changed. Somebody has to confirm it at a client that \
         shows its dialogs, or, where policy takes that, on a terminal with \
         `countersign call {operation}`."
    );
    Fault::new(Reason::AssuranceTooLow, message)
}

fn no_dialogs(operation: &str) -> Fault {
    let message = format!(
        "{operation} has to be confirmed in a dialog here, and this client has none. Nothing has \
         changed. Call it at a client that has dialogs, or, where policy takes that, run \
         `countersign call {operation}` on a terminal; `[confirm] via` sets what else is taken."
    );
    Fault::new(Reason::AssuranceTooLow, message)
}
