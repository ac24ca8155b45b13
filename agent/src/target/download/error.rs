// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why an attempt to download a file failed, and what helps. Pure.

use std::time::Duration;

use thiserror::Error;

use crate::inventory::Reason;

/// Why an attempt failed.
#[derive(Debug, Error)]
pub(super) enum DownloadError {
    #[error("{reason}{hint}", reason = .0, hint = hint(.0))]
    Http(Reason),
    #[error("the server sent another range than requested: {range}", range = .0.as_deref().unwrap_or("no Content-Range"))]
    WrongRange(Option<String>),
    /// 416, although the range is one of the file.
    #[error("HTTP 416: the server refuses the rest of the file")]
    RangeRefused,
    /// 412: the file has another entity tag by now.
    #[error("HTTP 412: the file was changed on the server during the download")]
    Changed,
    /// A part of what was asked for, which is allowed.
    #[error("the server sent a shorter range than requested")]
    ShortPart,
    #[error("too slow: {0} bytes/s")]
    Slow(u64),
    #[error(
        "the server sent the file in another form (Content-Encoding {0:?}): turn compression off for this path"
    )]
    Encoded(String),
    #[error("wrong size: {actual} bytes, not the expected {expected}")]
    WrongSize { actual: u64, expected: u64 },
    #[error("wrong size: longer than the expected {0} bytes")]
    TooLong(u64),
    #[error("writing to memory: {0}")]
    Write(std::io::Error),
    /// The digest is wrong, and the parts came in several attempts.
    #[error("the parts of several attempts do not match")]
    PartsDiffer,
    #[error("wrong digest: its SHA-256 is {actual}, not the expected {expected}")]
    WrongDigest { actual: String, expected: String },
}

/// What helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The rest, from the same server, at once.
    Continue,
    /// Another attempt, after this time at least.
    Retry(Option<Duration>),
    /// The whole file, in one piece.
    NoRanges,
    /// The whole file, whatever its entity tag is.
    NoEtag,
    /// The whole file, once.
    Restart,
    /// Another server.
    Leave,
    /// New URLs.
    Renew,
    /// Nothing, at this URL.
    Nothing,
    /// The run has ended.
    Stop,
}

impl DownloadError {
    pub(super) fn remedy(&self) -> Remedy {
        match self {
            Self::Http(Reason::Cancelled) => Remedy::Stop,
            Self::Http(reason) if is_refused(reason) => Remedy::Renew,
            Self::Http(reason) if reason.may_retry() => Remedy::Retry(reason.retry_after()),
            Self::ShortPart => Remedy::Continue,
            Self::WrongRange(_) | Self::RangeRefused => Remedy::NoRanges,
            Self::Changed => Remedy::NoEtag,
            Self::PartsDiffer => Remedy::Restart,
            Self::Slow(_) => Remedy::Leave,
            _ => Remedy::Nothing,
        }
    }
}

impl From<Reason> for DownloadError {
    fn from(reason: Reason) -> Self {
        Self::Http(reason)
    }
}

/// Whether the signature in a URL may have expired. S3 answers 400 where the session in it has (Amazon S3 API Reference,
/// *Error responses*, ExpiredToken).
fn is_refused(reason: &Reason) -> bool {
    match reason {
        Reason::Status { status: 403, .. } => true,
        Reason::Status { status: 400, document, .. } => document.title.as_deref() == Some("ExpiredToken"),
        _ => false,
    }
}

fn hint(reason: &Reason) -> &'static str {
    match reason {
        Reason::Status { status: 403, document, .. } => match document.title.as_deref() {
            Some("RequestTimeTooSkewed" | "RequestExpired") => {
                " (the clocks of the inventory and of the image server differ)"
            }
            Some("SignatureDoesNotMatch" | "InvalidAccessKeyId") => {
                " (the inventory signs with a key that the image server does not know)"
            }
            _ => " (no right to read it, or an expired signature; S3 answers 403 also for what is not there)",
        },
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, body: &str) -> DownloadError {
        Reason::status(status, Some(Duration::from_secs(7)), body.as_bytes()).into()
    }

    #[test]
    fn each_status_has_its_remedy() {
        let seven = Remedy::Retry(Some(Duration::from_secs(7)));
        for (code, remedy) in [
            (400, Remedy::Nothing),
            (401, Remedy::Nothing),
            (403, Remedy::Renew),
            (404, Remedy::Nothing),
            (410, Remedy::Nothing),
            (429, seven),
            (500, seven),
            (503, seven),
        ] {
            assert_eq!(status(code, "").remedy(), remedy, "{code}");
        }
        assert_eq!(status(400, "<Error><Code>ExpiredToken</Code>").remedy(), Remedy::Renew);
        assert_eq!(DownloadError::from(Reason::Protocol(String::new())).remedy(), Remedy::Nothing);
    }

    #[test]
    fn a_403_is_explained() {
        let text = |code: &str| status(403, &format!("<Error><Code>{code}</Code></Error>")).to_string();
        assert!(text("AccessDenied").starts_with("HTTP 403: AccessDenied (no right to read it"));
        assert!(text("AccessDenied").ends_with("S3 answers 403 also for what is not there)"));
        assert!(text("RequestTimeTooSkewed").contains("clocks"));
        assert_eq!(status(404, "<Error><Code>NoSuchKey</Code>").to_string(), "HTTP 404: NoSuchKey");
    }
}
