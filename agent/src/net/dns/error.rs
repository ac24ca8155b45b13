// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a name does not resolve: which name, which server, which answer. Pure.

use std::time::Duration;

use thiserror::Error;

use super::lookup::Outcome;
use netlink::dns::{Code, Family};

/// A name that does not resolve.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{name} does not resolve: {reason}")]
pub struct Error {
    /// The name.
    pub name: String,
    /// Why.
    pub reason: Reason,
}

/// Why a name does not resolve.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Reason {
    /// DNS cannot hold such a name.
    #[error("not a valid host name")]
    BadName,
    /// Nobody can be asked.
    #[error("no name server known on any port")]
    NoServer,
    /// No server gave an address.
    #[error("{}", servers_text(.servers, .also))]
    NoAddress {
        /// The answers of each server.
        servers: Vec<ServerAnswers>,
        /// The search domains' names that do not resolve either.
        also: Vec<String>,
    },
    /// The run was cancelled.
    #[error("cancelled")]
    Cancelled,
}

/// What one server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAnswers {
    /// Its address.
    pub server: String,
    /// The outcomes of [`Family::ALL`]; `None`: no answer.
    pub(crate) outcomes: [Option<Outcome>; 2],
    /// How long the answers were waited for.
    pub waited: Duration,
}

fn servers_text(servers: &[ServerAnswers], also: &[String]) -> String {
    let mut text = servers.iter().map(ServerAnswers::text).collect::<Vec<_>>().join("; ");
    if !also.is_empty() {
        let word = if also.len() == 1 { "does" } else { "do" };
        text.push_str(&format!("; neither {word} {}", also.join(", ")));
    }
    text
}

impl ServerAnswers {
    fn text(&self) -> String {
        let [v4, v6] = self.outcomes.each_ref().map(|outcome| self.outcome(outcome.as_ref()));
        let answers = if v4 == v6 { v4 } else { format!("{}: {v4}, {}: {v6}", Family::V4, Family::V6) };
        format!("name server {}: {answers}", self.server)
    }

    fn outcome(&self, outcome: Option<&Outcome>) -> String {
        match outcome {
            None => format!("no answer within {:.1} s", self.waited.as_secs_f64()),
            Some(Outcome::Addresses(addresses)) => format!("{} addresses", addresses.len()),
            Some(Outcome::NoAddress) => "no address".to_string(),
            Some(Outcome::Code(Code::NO_SUCH_NAME)) => "no such name (NXDOMAIN)".to_string(),
            Some(Outcome::Code(code)) => match code.0 {
                2 => format!("server failure ({code})"),
                4 => format!("not implemented ({code})"),
                5 => format!("refused ({code})"),
                _ => format!("error {code}"),
            },
            Some(Outcome::Lame) => "it does not know this domain and asks no other server".to_string(),
            Some(Outcome::Failed(why)) => why.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_name_and_answer_are_named() {
        let answers = |server: &str, outcomes| ServerAnswers {
            server: server.to_string(),
            outcomes,
            waited: Duration::from_secs(5),
        };
        let code = |code| Some(Outcome::Code(Code(code)));
        let servers = vec![
            answers("10.9.0.1", [code(3), code(5)]),
            answers("fd00::1", [None, None]),
            answers("10.9.0.3", [Some(Outcome::NoAddress), Some(Outcome::Lame)]),
        ];
        let also = vec!["inventory.rack.test".to_string()];
        let error = Error { name: "inventory".to_string(), reason: Reason::NoAddress { servers, also } };
        assert_eq!(
            error.to_string(),
            "inventory does not resolve: name server 10.9.0.1: A: no such name (NXDOMAIN), AAAA: refused (REFUSED); \
             name server fd00::1: no answer within 5.0 s; name server 10.9.0.3: A: no address, \
             AAAA: it does not know this domain and asks no other server; neither does inventory.rack.test"
        );
    }
}
