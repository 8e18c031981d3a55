//! Changes that are confirmed in the client's dialog, in both eras: by a question that is pushed
//! while the call waits, and by one that the client comes back to.

mod answers;
mod ends;
mod program;
mod states;
mod ways;

use countersign::config::Via;
use countersign::core::grant::Assurance;
use countersign::core::policy::{Effect, Policy, Requirement, Rule};
use regex::Regex;
use serde_json::{Value, json};

use crate::support::policies::{all, policy};
use crate::support::program::{LEGACY, MODERN, data, meta};
use crate::support::talk::Talk;

/// How a client is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Era {
    Push,
    Rounds,
}

const ERAS: [Era; 2] = [Era::Push, Era::Rounds];

const CALL: &str = "tools/call";

/// What a client with dialogs can do.
fn dialogs() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}})
}

/// A policy that takes these for every confirmation.
fn takes(accept: &[Assurance]) -> Policy {
    let accept = accept.iter().copied().collect();
    let takes = Requirement { accept, by: None, expires: None };
    policy(&[Rule { takes: Some(takes), ..all("confirm-so", Effect::Confirm) }])
}

fn web() -> Value {
    json!({"container": "web"})
}

/// A client with dialogs.
struct Client {
    talk: Talk,
    era: Era,
}

/// A question that waits for an answer.
#[derive(Debug)]
struct Asked {
    /// The parameters of the call that it is about.
    call: Value,
    /// The parameters of the question.
    question: Value,
    /// The id that the client answers to, or the state that it comes back with.
    handle: Value,
}

impl Client {
    async fn new(era: Era) -> Self {
        Self::with(era, Via::Auto, Policy::builtin()).await
    }

    async fn with(era: Era, via: Via, policy: Policy) -> Self {
        let mut talk = Talk::via(via, policy);
        if era == Era::Push {
            talk.initialize_as(LEGACY, dialogs()).await;
            talk.is_ready().await;
        }
        Self { talk, era }
    }

    fn params(&self, tool: &str, arguments: &Value) -> Value {
        let mut params = json!({"name": tool, "arguments": arguments});
        if self.era == Era::Rounds {
            params["_meta"] = meta(MODERN);
            params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = dialogs();
        }
        params
    }

    /// Calls a tool and is asked.
    async fn ask(&mut self, tool: &str, arguments: &Value) -> Asked {
        let call = self.params(tool, arguments);
        self.talk.ask(CALL, call.clone()).await;
        self.asked(call).await
    }

    /// The next message, which has to be a question.
    async fn asked(&mut self, call: Value) -> Asked {
        let message = self.talk.receive().await.expect("a question");
        match self.era {
            Era::Push => {
                assert_eq!(message["method"], "elicitation/create", "{message}");
                let (question, handle) = (message["params"].clone(), message["id"].clone());
                Asked { call, question, handle }
            }
            Era::Rounds => {
                let result = &message["result"];
                assert_eq!(result["resultType"], "input_required", "{message}");
                assert_eq!(result["inputRequests"].as_object().unwrap().len(), 1, "{message}");
                let question = &result["inputRequests"]["confirm"];
                assert_eq!(question["method"], "elicitation/create", "{message}");
                let (question, handle) =
                    (question["params"].clone(), result["requestState"].clone());
                Asked { call, question, handle }
            }
        }
    }

    /// Answers a question; what comes next is left to be received.
    async fn tell(&mut self, asked: &Asked, answer: Value) {
        match self.era {
            Era::Push => {
                let answer = json!({"jsonrpc": "2.0", "id": asked.handle, "result": answer});
                self.talk.send(&answer).await;
            }
            Era::Rounds => {
                let mut call = asked.call.clone();
                call["inputResponses"] = json!({"confirm": answer});
                call["requestState"] = asked.handle.clone();
                self.talk.ask(CALL, call).await;
            }
        }
    }

    /// Answers a question after so long; the call's result.
    async fn answer(&mut self, asked: &Asked, answer: Value, after_ms: u64) -> Value {
        self.talk.bench.clock.advance_ms(after_ms);
        self.tell(asked, answer).await;
        self.result().await
    }

    /// The next message, which has to be a result.
    async fn result(&mut self) -> Value {
        let message = self.talk.receive().await.expect("an answer");
        assert!(message["result"]["content"].is_array(), "{message}");
        message["result"].clone()
    }

    /// Calls a tool; its result.
    async fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let params = self.params(tool, arguments);
        self.talk.ask(CALL, params).await;
        self.result().await
    }

    fn effects(&self) -> Vec<String> {
        self.talk.bench.engine.effects()
    }

    /// Nothing that the client got can be a token.
    fn saw_no_token(&self) {
        let token = Regex::new(r"\b[0-9a-fA-F]{32}\b").unwrap();
        let wire = &self.talk.wire;
        assert!(!wire.contains("confirmToken=") && !token.is_match(wire), "{wire}");
    }
}

fn yes() -> Value {
    json!({"action": "accept", "content": {"confirm": true}})
}

fn reason(result: &Value) -> &str {
    data(result)["reason"].as_str().unwrap_or_else(|| panic!("{result}"))
}

/// The token that came with a result.
fn token(result: &Value) -> String {
    data(result)["confirmToken"].as_str().unwrap_or_else(|| panic!("{result}")).to_owned()
}
