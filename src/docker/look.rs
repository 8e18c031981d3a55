//! Asking the engine. Answers are decoded here and not by bollard, whose models refuse a whole
//! list for one state that they do not know, and leave out of an inspection what they do not know.

mod containers;
mod events;
mod images;
mod networks;
mod stats;
mod system;
mod usage;
mod volumes;

use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde_json::json;

use super::wire::{Answer, Broken};
use super::{DockerEngine, fault, odd};
use crate::core::reason::Fault;

impl DockerEngine {
    /// Asks and decodes. `what` is what the answer is about, for the reader of a fault.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        what: &str,
        path: &str,
    ) -> Result<T, Fault> {
        let answer = self.in_time(self.wire()?.get(path)).await?;
        decode(what, &answer)
    }

    /// Waits for an answer, no longer than a read may take.
    pub(super) async fn in_time<T>(
        &self,
        asking: impl Future<Output = Result<T, Broken>>,
    ) -> Result<T, Fault> {
        let endpoint = &self.wire()?.endpoint;
        match tokio::time::timeout(self.deadlines.read, asking).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(broken)) => Err(fault::unread(endpoint, broken)),
            Err(_) => Err(fault::late(endpoint, self.deadlines.read.as_secs())),
        }
    }
}

/// Decodes an answer.
pub(super) fn decode<T: DeserializeOwned>(what: &str, answer: &Answer) -> Result<T, Fault> {
    if answer.status != 200 {
        return Err(fault::refused(what, answer));
    }
    serde_json::from_slice(&answer.body).map_err(|error| odd(what, error.to_string()))
}

/// A path with its query. Values may be anything: whatever could end them is encoded.
pub(super) fn path(base: &str, parameters: &[(&str, String)]) -> String {
    let mut path = base.to_owned();
    for (at, (name, value)) in parameters.iter().enumerate() {
        path.push(if at == 0 { '?' } else { '&' });
        path.push_str(name);
        path.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                path.push(char::from(byte));
            } else {
                // Writing to a String cannot fail.
                write!(path, "%{byte:02X}").unwrap_or_default();
            }
        }
    }
    path
}

/// The query of a list that is narrowed to a label.
pub(super) fn labelled(label: Option<&str>) -> Vec<(&'static str, String)> {
    let filters = label.map(|label| ("filters", json!({ "label": [label] }).to_string()));
    filters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_ends_a_query_parameter() {
        let filters = json!({ "name": ["a&all=1#/../x?%é \n\""] }).to_string();
        assert_eq!(
            path("/containers/json", &[("all", "1".into()), ("filters", filters)]),
            "/containers/json?all=1&filters=%7B%22name%22%3A%5B%22a%26all%3D1%23%2F..%2Fx%3F%25\
             %C3%A9%20%5Cn%5C%22%22%5D%7D"
        );
        assert_eq!(path("/info", &[]), "/info");
    }
}
