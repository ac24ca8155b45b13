// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a request failed, and whether it may be retried.

use std::time::Duration;

use stage1_contract::{ProblemDocument, VERSION, printable};
use thiserror::Error;
use ureq::Timeout;
use ureq::http::Method;

use super::http::{CONNECT_TIMEOUT, READ_TIMEOUT};
use super::retry::may_retry_status;
use super::tls;
use super::url::redacted;
use crate::net::dns;

/// A request to the inventory that failed.
#[derive(Debug, Error)]
#[error("{method} {url}: {reason}{}", attempts_text(*.attempts))]
pub struct Error {
    method: Method,
    url: String,
    reason: Reason,
    attempts: u32,
}

/// The cause of a failed request.
#[derive(Debug, Error)]
pub enum Reason {
    /// No inventory is configured.
    #[error("no inventory is configured: set stage1.inventory=https://HOST/ipxe")]
    NoUrl,
    /// The URL cannot be parsed, or its scheme is unknown.
    #[error("invalid URL: {0}")]
    BadUrl(String),
    /// Plain http, which the settings do not allow.
    #[error("plain http is not allowed: use https, or set stage1.allow-http=true")]
    PlainHttp,
    /// Plain http, for a request with a secret.
    #[error("a password is never sent over plain http: give the inventory an https URL")]
    NotForSecrets,
    /// The host name has no address.
    #[error("{0}")]
    NoSuchName(Box<dns::Error>),
    /// The connection was refused or broke.
    #[error("{0}")]
    Connection(String),
    /// What the server sends is not HTTP, or redirects in circles.
    #[error("the server does not speak HTTP as it should: {0}")]
    Protocol(String),
    /// A redirect of a request that writes, which is not followed: it would become one that reads.
    #[error("{}", redirect_text(*.status, .location.as_deref()))]
    Redirected {
        /// The HTTP status.
        status: u16,
        /// Where to, if the response has it, without what must not be shown.
        location: Option<String>,
    },
    /// A time limit passed.
    #[error("{}", timeout_text(*.limit, *.after))]
    Timeout {
        /// Which limit.
        limit: Timeout,
        /// The limit itself.
        after: Duration,
    },
    /// TLS failed on either side.
    #[error("{0}")]
    Tls(String),
    /// A certificate is not valid at the time of this host's clock.
    #[error("{0}")]
    CertificateTime(String),
    /// The response has an error status.
    #[error("{}", status_text(*.status, .document))]
    Status {
        /// The HTTP status.
        status: u16,
        /// Retry-After, if the response has it.
        retry_after: Option<Duration>,
        /// The problem document in the body; empty if there is none.
        document: Box<ProblemDocument>,
    },
    /// The body is longer than what the client reads, in bytes.
    #[error("response larger than {} MiB", .0 >> 20)]
    TooLong(u64),
    /// The body is shorter than announced, or the JSON in it is incomplete.
    #[error("response truncated")]
    Truncated,
    /// The body is not the JSON that the contract specifies.
    #[error("response is not the contract's JSON: {0}")]
    NotJson(String),
    /// The body has another version of the contract.
    #[error("response has contract version {0}, this agent supports version {VERSION}")]
    Version(u32),
    /// The run was cancelled between two attempts.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// The cause.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Whether the same request may succeed later.
    pub fn may_retry(&self) -> bool {
        self.reason.may_retry()
    }

    /// Whether the inventory does not have the resource: it does not know the host, or not this kind of request.
    pub fn is_not_found(&self) -> bool {
        matches!(self.reason, Reason::Status { status: 404, .. })
    }

    /// Whether the run was cancelled while the client waited for its next attempt.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.reason, Reason::Cancelled)
    }

    /// How long the server asks to wait before the next attempt.
    pub fn retry_after(&self) -> Option<Duration> {
        self.reason.retry_after()
    }

    pub(super) fn new(method: &Method, url: &str, reason: Reason) -> Self {
        Self { method: method.clone(), url: redacted(url), reason, attempts: 1 }
    }

    pub(super) fn after(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }
}

impl Reason {
    /// Whether the same request may succeed later.
    pub fn may_retry(&self) -> bool {
        match self {
            Self::Connection(_) | Self::Timeout { .. } | Self::Truncated => true,
            Self::NoSuchName(error) => error.reason != dns::Reason::BadName,
            Self::Status { status, .. } => may_retry_status(*status),
            _ => false,
        }
    }

    /// How long the server asks to wait before the next attempt.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// A response with an error status; `body` may be a problem document, or the XML of an S3 server.
    pub(crate) fn status(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Self {
        let document = serde_json::from_slice(body)
            .unwrap_or_else(|_| ProblemDocument { title: s3_code(body), ..ProblemDocument::default() });
        Self::Status { status, retry_after, document: Box::new(document) }
    }

    /// A request that writes was redirected.
    pub(crate) fn redirected(status: u16, location: Option<&str>) -> Self {
        Self::Redirected { status, location: location.map(redacted) }
    }

    /// The HTTP client's error, of a request that had `timeout` in all.
    pub(crate) fn from_client(error: ureq::Error, timeout: Duration) -> Self {
        match error {
            ureq::Error::Other(error) => match error.downcast::<dns::Error>() {
                Ok(error) if error.reason == dns::Reason::Cancelled => Self::Cancelled,
                Ok(error) => Self::NoSuchName(error),
                Err(error) => Self::Connection(error.to_string()),
            },
            // Its text has the whole URL. The first one is checked before, so that it can only be that of a redirect.
            ureq::Error::BadUri(_) => {
                Self::BadUrl("the server redirects to what is no http or https URL".to_string())
            }
            ureq::Error::RequireHttpsOnly(_) => Self::PlainHttp,
            ureq::Error::Timeout(limit) => {
                let after = match limit {
                    Timeout::Resolve | Timeout::Connect => CONNECT_TIMEOUT,
                    Timeout::PerRead => READ_TIMEOUT,
                    _ => timeout,
                };
                Self::Timeout { limit, after }
            }
            ureq::Error::BodyExceedsLimit(limit) => Self::TooLong(limit),
            ureq::Error::Rustls(error) => tls::reason(&error),
            ureq::Error::Io(error) => {
                match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                    Some(error) => tls::reason(error),
                    None if error.kind() == std::io::ErrorKind::UnexpectedEof => Self::Truncated,
                    None => Self::Connection(error.to_string()),
                }
            }
            ureq::Error::ConnectionFailed => Self::Connection(error.to_string()),
            ureq::Error::Protocol(error) => Self::Protocol(without_urls(&error.to_string())),
            error => Self::Protocol(without_urls(&error.to_string())),
        }
    }

    pub(super) fn not_json(error: &serde_json::Error, body: &[u8]) -> Self {
        if error.is_eof() && !body.is_empty() {
            return Self::Truncated;
        }
        let start: String = String::from_utf8_lossy(body).chars().take(40).collect();
        Self::NotJson(match body.trim_ascii_start() {
            [] => "the body is empty".to_string(),
            [b'<', ..] => format!("an HTML page ({:?})", printable(&start)),
            [b'{', ..] => error.to_string(),
            _ => format!("{:?}", printable(&start)),
        })
    }
}

/// The code in the error document of an S3 server (Amazon S3 API Reference, *REST error responses*). The other fields of
/// the document may have parts of the request, and so of its signature.
fn s3_code(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (code, _) = text.split_once("<Code>")?.1.split_once("</Code>")?;
    let is_word = (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word.then(|| code.to_string())
}

fn redirect_text(status: u16, location: Option<&str>) -> String {
    let location = location.map_or("an unknown place (no Location)".to_string(), printable);
    format!("HTTP {status}, a redirect to {location}: what is written is never sent on; set that URL instead")
}

/// A text without the words that may be a URL, which may have a secret.
fn without_urls(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.contains(['/', '?', '@']) {
        true => "...",
        false => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

fn status_text(status: u16, document: &ProblemDocument) -> String {
    match document.detail.as_deref().or(document.title.as_deref()) {
        Some(detail) => format!("HTTP {status}: {}", printable(detail)),
        None => format!("HTTP {status}"),
    }
}

fn timeout_text(limit: Timeout, after: Duration) -> String {
    // A limit that is the rest of a deadline is a little less than whole seconds.
    let tenths = (after.as_secs_f64() * 10.0).round() / 10.0;
    match limit {
        Timeout::Resolve | Timeout::Connect => format!("connecting timed out after {tenths} s"),
        Timeout::PerRead => format!("timed out after {tenths} s without data"),
        _ => format!("timed out after {tenths} s"),
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
    fn a_problem_document_is_the_message() {
        let error = status(
            404,
            r#"{"title":"unknown host","status":404,"detail":"no host 4c4c: register it first"}"#,
        );
        assert_eq!(
            error.to_string(),
            "GET https://i/ipxe/x/profile: HTTP 404: no host 4c4c: register it first"
        );
        assert!(!error.may_retry());
        assert_eq!(status(500, "<html>").to_string(), "GET https://i/ipxe/x/profile: HTTP 500");
    }

    #[test]
    fn of_an_s3_error_only_the_code_is_shown() {
        let body = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>m</Message>\
                    <StringToSign>S3CRET</StringToSign></Error>";
        assert_eq!(status(403, body).to_string(), "GET https://i/ipxe/x/profile: HTTP 403: AccessDenied");
        assert_eq!(
            status(403, "<Code>a?sig=S3CRET</Code>").to_string(),
            "GET https://i/ipxe/x/profile: HTTP 403"
        );
    }

    #[test]
    fn no_secret_of_a_url_is_shown() {
        let error = Error::new(
            &Method::PUT,
            "https://u:S3CRET@i/ipxe/x",
            Reason::redirected(302, Some("//h/x?S3CRET")),
        );
        assert_eq!(
            error.to_string(),
            "PUT https://i/ipxe/x: HTTP 302, a redirect to //h/x: what is written is never sent on; set that URL instead"
        );
        assert!(!error.may_retry());
        let text = |error| Reason::from_client(error, Duration::ZERO).to_string();
        assert!(
            !text(ureq::Error::BadUri("file:///x?S3CRET is missing host".to_string())).contains("S3CRET")
        );
        let other = ureq::Error::ConnectProxyFailed("location header is malformed: h/x?S3CRET".to_string());
        assert!(text(other).ends_with("location header is malformed: ..."));
    }

    #[test]
    fn temporary_errors_may_be_retried_and_others_not() {
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
            assert_eq!(status(code, "").may_retry(), retryable, "{code}");
        }
    }

    #[test]
    fn a_response_that_is_not_json_differs_from_one_that_is_truncated() {
        let text = |body: &str| {
            let error = serde_json::from_str::<stage1_contract::Profile>(body).unwrap_err();
            Reason::not_json(&error, body.as_bytes()).to_string()
        };
        assert_eq!(text("{\"version\":1,"), "response truncated");
        assert!(text("<html>login</html>").contains("an HTML page"));
        assert!(text("").ends_with("the body is empty"));
        assert!(text("{\"version\":1}").contains("missing field `name`"));
    }

    #[test]
    fn a_timeout_has_its_number() {
        let text = |limit, seconds| {
            let timeout = Duration::from_secs_f64(seconds);
            Reason::from_client(ureq::Error::Timeout(limit), timeout).to_string()
        };
        assert_eq!(text(Timeout::Global, 29.9996), "timed out after 30 s");
        assert_eq!(text(Timeout::Global, 1.25), "timed out after 1.3 s");
        assert_eq!(text(Timeout::Connect, 30.0), "connecting timed out after 10 s");
        assert_eq!(text(Timeout::PerRead, 30.0), "timed out after 20 s without data");
    }
}
