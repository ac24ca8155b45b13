// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a call to the inventory failed, in words for an operator. Pure.

use std::time::Duration;

use stage1_contract::{ProblemDocument, VERSION, printable};
use thiserror::Error;
use ureq::http::Method;

/// A call that failed.
#[derive(Debug, Error)]
#[error("{method} {url}: {reason}{}", attempts_text(*.attempts))]
pub struct Error {
    method: Method,
    url: String,
    reason: Reason,
    attempts: u32,
}

/// Why.
#[derive(Debug, Error)]
pub enum Reason {
    /// No inventory is configured.
    #[error("no inventory is set: give stage1.inventory=https://HOST/ipxe")]
    NoUrl,
    /// The URL cannot be used.
    #[error("bad URL: {0}")]
    BadUrl(String),
    /// Plain http where it is not allowed.
    #[error("plain http is refused; set stage1.allow-http=true to allow it")]
    PlainHttp,
    /// Plain http for a secret.
    #[error(
        "a password does not go over plain http, whatever the settings allow: give the inventory an https URL"
    )]
    NotForSecrets,
    /// The host name has no address.
    #[error("the name does not resolve")]
    NoSuchName,
    /// Nothing answered.
    #[error("{0}")]
    Connection(String),
    /// No whole answer in time.
    #[error("no answer in time ({0})")]
    Timeout(String),
    /// TLS refused the server or the server refused us.
    #[error("{0}")]
    Tls(String),
    /// The server answered with an error.
    #[error("{}", status_text(*.status, .document))]
    Status {
        /// The HTTP status.
        status: u16,
        /// When to ask again.
        retry_after: Option<Duration>,
        /// What the server says of it.
        document: Box<ProblemDocument>,
    },
    /// The answer is too long.
    #[error("the answer is longer than {} MiB", .0 >> 20)]
    TooLong(u64),
    /// The answer ends too soon.
    #[error("the answer ends in its middle")]
    CutShort,
    /// The answer is not what the contract says.
    #[error("the answer is not the contract's JSON but {0}")]
    NotJson(String),
    /// Another version of the contract.
    #[error("the answer speaks version {0} of the contract, this agent speaks {VERSION}")]
    Version(u32),
}

impl Error {
    pub(super) fn new(method: &Method, url: &str, reason: Reason) -> Self {
        Self { method: method.clone(), url: url.to_string(), reason, attempts: 1 }
    }

    pub(super) fn after(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// Whether trying again makes sense.
    pub fn is_retryable(&self) -> bool {
        match &self.reason {
            Reason::NoSuchName | Reason::Connection(_) | Reason::Timeout(_) | Reason::CutShort => true,
            Reason::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            _ => false,
        }
    }

    /// Whether the inventory knows of no such thing: not of this host, or not of what was asked for.
    pub fn is_not_found(&self) -> bool {
        matches!(self.reason, Reason::Status { status: 404, .. })
    }

    /// When the server wants to be asked again.
    pub fn retry_after(&self) -> Option<Duration> {
        match &self.reason {
            Reason::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl Reason {
    /// An answer with an error status; `body` may hold a problem document.
    pub fn status(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Self {
        Self::Status { status, retry_after, document: serde_json::from_slice(body).unwrap_or_default() }
    }

    pub(super) fn not_json(error: &serde_json::Error, body: &[u8]) -> Self {
        if error.is_eof() && !body.is_empty() {
            return Self::CutShort;
        }
        let start: String = String::from_utf8_lossy(body).chars().take(40).collect();
        Self::NotJson(match body.trim_ascii_start() {
            [] => "empty".to_string(),
            [b'<', ..] => format!("an HTML page ({:?})", printable(&start)),
            [b'{', ..] => error.to_string(),
            _ => format!("{:?}", printable(&start)),
        })
    }
}

impl From<ureq::Error> for Reason {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::HostNotFound => Self::NoSuchName,
            ureq::Error::BadUri(text) => Self::BadUrl(text),
            ureq::Error::RequireHttpsOnly(_) => Self::PlainHttp,
            ureq::Error::Timeout(what) => Self::Timeout(what.to_string()),
            ureq::Error::BodyExceedsLimit(limit) => Self::TooLong(limit),
            ureq::Error::Rustls(error) => Self::Tls(tls_text(&error)),
            ureq::Error::Io(error) => {
                match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                    Some(error) => Self::Tls(tls_text(error)),
                    None if error.kind() == std::io::ErrorKind::UnexpectedEof => Self::CutShort,
                    None => Self::Connection(error.to_string()),
                }
            }
            error => Self::Connection(error.to_string()),
        }
    }
}

fn tls_text(error: &rustls::Error) -> String {
    use rustls::{CertificateError as Bad, Error::InvalidCertificate};
    match error {
        InvalidCertificate(Bad::UnknownIssuer | Bad::BadSignature) => {
            "the server's certificate comes from a CA that this image does not trust (setting ca)".to_string()
        }
        InvalidCertificate(
            Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. },
        ) => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            let years = 1970 + now.as_secs() / 31_556_952;
            format!(
                "the server's certificate is not valid at the time this host's clock shows (year {years}): {error}"
            )
        }
        InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            format!("the server's certificate is for another name: {error}")
        }
        other => format!("TLS: {other}"),
    }
}

fn status_text(status: u16, document: &ProblemDocument) -> String {
    let words = document.detail.as_deref().or(document.title.as_deref());
    match words {
        Some(words) => format!("{status}: {}", printable(words)),
        None => format!("the server answers {status}"),
    }
}

fn attempts_text(attempts: u32) -> String {
    if attempts > 1 { format!(" (gave up after {attempts} attempts)") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, body: &str) -> Error {
        Error::new(&Method::GET, "https://i/ipxe/x/profile", Reason::status(status, None, body.as_bytes()))
    }

    #[test]
    fn a_problem_document_speaks_for_itself() {
        let error = status(
            404,
            r#"{"title":"unknown host","status":404,"detail":"no host 4c4c: register it first"}"#,
        );
        assert_eq!(error.to_string(), "GET https://i/ipxe/x/profile: 404: no host 4c4c: register it first");
        assert!(!error.is_retryable());
        assert_eq!(status(500, "<html>").to_string(), "GET https://i/ipxe/x/profile: the server answers 500");
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_may_not_is_not() {
        for (code, retryable) in [
            (400, false),
            (401, false),
            (404, false),
            (408, true),
            (425, true),
            (429, true),
            (500, true),
            (503, true),
        ] {
            assert_eq!(status(code, "").is_retryable(), retryable, "{code}");
        }
    }

    #[test]
    fn an_answer_that_is_not_json_is_told_from_one_that_is_cut_short() {
        let words = |body: &str| {
            let error = serde_json::from_str::<stage1_contract::Profile>(body).unwrap_err();
            Reason::not_json(&error, body.as_bytes()).to_string()
        };
        assert_eq!(words("{\"version\":1,"), "the answer ends in its middle");
        assert!(words("<html>login</html>").contains("an HTML page"));
        assert!(words("").ends_with("but empty"));
        assert!(words("{\"version\":1}").contains("missing field `name`"));
    }
}
