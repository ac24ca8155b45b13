// SPDX-License-Identifier: MIT OR Apache-2.0
//! The download of one file: attempts at its URLs until it is there, or nothing helps, or the deadline.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Error, Result, anyhow};
use stage1_contract::InstalledArtifact;
use ureq::Body;
use ureq::http::{Request, Response, StatusCode};

use super::error::{DownloadError, Remedy};
use super::partial::Partial;
use super::range::{ContentRange, content_encoding, header, strong_etag};
use super::sources::Sources;
use super::{Fetch, Shared};
use crate::display::size;
use crate::inventory::{GiveUp, READ_TIMEOUT, Reason, Retry, Url, retry_after};

/// Longest wait for the head of a response.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// How much of an error's document is read, and for how long.
const ERROR_BODY: u64 = 8 << 10;
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(3);

/// A file that is being downloaded.
pub(super) struct Download {
    shared: Arc<Shared>,
    index: usize,
    fetch: Fetch,
    sources: Sources,
    partial: Partial,
    /// How much had been received when its URLs were renewed last.
    renewed_at: Option<u64>,
    /// Whether the host's clock was corrected for it.
    is_corrected: bool,
}

/// How a response is delimited.
struct Framing {
    /// It is a part of the file.
    is_part: bool,
    /// Its end is known, so that one that ends early ends with an error.
    is_delimited: bool,
}

impl Download {
    pub(super) fn new(shared: &Arc<Shared>, index: usize, fetch: &Fetch, file: File, offset: u64) -> Self {
        Self {
            shared: shared.clone(),
            index,
            fetch: fetch.clone(),
            sources: Sources::new(&fetch.urls),
            partial: Partial::new(shared, fetch, file, offset),
            renewed_at: None,
            is_corrected: false,
        }
    }

    /// Downloads it.
    pub(super) fn run(mut self) -> Result<InstalledArtifact> {
        let shared = self.shared.clone();
        let mut retry = Retry::new(&*shared, shared.deadline, shared.limits.longest_pause);
        loop {
            let Some(source) = self.sources.current() else { return Err(anyhow!("no URL")) };
            let url = source.url.clone();
            let before = self.partial.received();
            let error = match self.attempt() {
                Ok(()) => {
                    let Fetch { sha256, size, .. } = self.fetch;
                    return Ok(InstalledArtifact { url: url.to_string(), sha256, size });
                }
                Err(error) => error,
            };
            let has_progress = self.partial.received() > before;
            if has_progress {
                retry.reset();
                self.sources.progress();
            }
            let pause = match self.remedy(&error, &url, has_progress)? {
                None => continue,
                Some(pause) => pause,
            };
            match retry.wait(&self.failed(&url, &error), Some(pause)) {
                Ok(()) => {}
                Err(GiveUp::Deadline) => return Err(self.late(&url, &error, pause)),
                Err(GiveUp::Cancelled) => return Err(self.failed(&url, &Reason::Cancelled.into())),
            }
        }
    }

    /// Does what helps after a failed attempt. Returns how long to wait at least before the next; `None` if not at all.
    fn remedy(&mut self, error: &DownloadError, url: &Url, has_progress: bool) -> Result<Option<Duration>> {
        let now = Instant::now();
        if let DownloadError::Http(reason) = error
            && !self.is_corrected
            && self.shared.transport.corrects_clock(reason)
        {
            self.is_corrected = true;
            return self.at_once(url, error);
        }
        let Some(source) = self.sources.current() else { return Err(anyhow!("no URL")) };
        match error.remedy() {
            Remedy::Stop => return Err(self.failed(url, error)),
            Remedy::Continue if has_progress => return self.at_once(url, error),
            // A server that works but breaks off is gone on with, since another may not have ranges.
            Remedy::Retry(None) if has_progress && !is_timeout(error) => return Ok(Some(Duration::ZERO)),
            Remedy::Retry(pause) => return Ok(self.sources.next(now, pause)),
            Remedy::Continue => return Ok(self.sources.next(now, None)),
            Remedy::Leave => {
                source.is_slow = true;
                log::warn!("{}; trying the next URL", self.failed(url, error));
                self.sources.next(now, None);
                return Ok(None);
            }
            Remedy::NoRanges if source.ranges => source.ranges = false,
            Remedy::NoEtag if source.etags => source.etags = false,
            Remedy::Restart if !source.restarted => source.restarted = true,
            Remedy::Renew => match self.renew() {
                Ok(true) => {
                    log::info!("{url}: {error}; going on with the URLs of the profile as it is by now");
                    return Ok(None);
                }
                Ok(false) => return self.give_up(url, error, None),
                Err(cause) => return self.give_up(url, error, Some(cause)),
            },
            Remedy::NoRanges | Remedy::NoEtag | Remedy::Restart | Remedy::Nothing => {
                return self.give_up(url, error, None);
            }
        }
        self.partial.restart();
        log::warn!("{url}: {error}; downloading it again from its beginning");
        self.at_once(url, error)
    }

    /// The next attempt follows without a pause, if there is time.
    fn at_once(&self, url: &Url, error: &DownloadError) -> Result<Option<Duration>> {
        match Instant::now() < self.shared.deadline {
            true => Ok(None),
            false => Err(self.late(url, error, Duration::ZERO)),
        }
    }

    fn give_up(
        &mut self,
        url: &Url,
        error: &DownloadError,
        cause: Option<Error>,
    ) -> Result<Option<Duration>> {
        let cause = cause.map(|cause| format!("; {cause:#}")).unwrap_or_default();
        let failure = format!("{error}{cause}");
        self.sources.fail(&failure).map_err(Error::msg)?;
        log::warn!("{url}: {failure}; trying the next URL");
        Ok(None)
    }

    /// Fetches the profile anew, once for each part that arrives; whether it has other URLs.
    fn renew(&mut self) -> Result<bool> {
        let received = self.partial.received();
        if self.renewed_at == Some(received) {
            return Ok(false);
        }
        let Some(urls) = self.shared.renewed(self.index, &self.sources.urls())? else { return Ok(false) };
        self.renewed_at = Some(received);
        self.sources = Sources::new(&urls);
        Ok(true)
    }

    fn attempt(&mut self) -> Result<(), DownloadError> {
        let Some(source) = self.sources.current() else { return Err(Reason::NoUrl.into()) };
        let url = source.url.clone();
        let first = if source.ranges { self.partial.received() } else { 0 };
        let mut request = Request::builder().uri(url.with_secrets()).header("accept-encoding", "identity");
        if let Some(authorization) = url.basic_authorization() {
            request = request.header("authorization", authorization);
        }
        if first > 0 {
            request = request.header("range", format!("bytes={first}-"));
            if let Some(etag) = source.etag.as_ref().filter(|_| source.etags) {
                request = request.header("if-match", etag);
            }
        }
        let request = request.body(()).map_err(|error| Reason::BadUrl(error.to_string()))?;
        let left = self.shared.deadline.saturating_duration_since(Instant::now());
        let agent = &self.shared.transport.agent;
        let request = agent.configure_request(request).timeout_per_read(Some(READ_TIMEOUT));
        let request = request.timeout_recv_response(Some(HEAD_TIMEOUT)).timeout_global(Some(left)).build();
        let mut response = agent.run(request).map_err(|error| Reason::from_client(error, left))?;
        let framing = self.begin(&mut response, first, &url)?;
        let may_leave = self.sources.may_leave();
        let body = response.body_mut().with_config().limit(u64::MAX).reader();
        self.partial.take(body, may_leave, |error| Reason::from_client(error.into(), left))?;
        self.end(&framing)
    }

    /// Looks at the head of a response to a request for what follows `first`.
    fn begin(
        &mut self,
        response: &mut Response<Body>,
        first: u64,
        url: &Url,
    ) -> Result<Framing, DownloadError> {
        let headers = response.headers();
        let is_chunked = header(headers, "transfer-encoding").is_some();
        let length = response.body().content_length();
        let expected = self.fetch.size;
        let encoded = content_encoding(headers);
        let etag = strong_etag(headers);
        let range = header(headers, "content-range").map(str::to_string);
        match response.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT if encoded.is_some() => {
                return Err(DownloadError::Encoded(encoded.unwrap_or_default()));
            }
            StatusCode::PARTIAL_CONTENT => {
                let parsed = range.as_deref().and_then(ContentRange::parse);
                let Some(parsed) = parsed.filter(|parsed| parsed.first == first) else {
                    return Err(DownloadError::WrongRange(range));
                };
                if let Some(actual) = parsed.whole.filter(|whole| *whole != expected) {
                    return Err(DownloadError::WrongSize { actual, expected });
                }
            }
            StatusCode::OK => {
                if let Some(actual) = length.filter(|actual| *actual != expected) {
                    return Err(DownloadError::WrongSize { actual, expected });
                }
            }
            StatusCode::RANGE_NOT_SATISFIABLE if first > 0 => return Err(DownloadError::RangeRefused),
            StatusCode::PRECONDITION_FAILED if first > 0 => return Err(DownloadError::Changed),
            status => {
                let retry_after = retry_after(headers);
                let body = error_body(response, url);
                return Err(Reason::status(status.as_u16(), retry_after, &body).into());
            }
        }
        let is_part = response.status() == StatusCode::PARTIAL_CONTENT;
        match is_part && first > 0 {
            true => self.partial.continues(),
            false => self.partial.restart(),
        }
        if let Some(source) = self.sources.current() {
            source.etag = etag;
        }
        Ok(Framing { is_part, is_delimited: length.is_some() || is_chunked })
    }

    /// Looks at what has arrived at the end of a response.
    fn end(&mut self, framing: &Framing) -> Result<(), DownloadError> {
        let (actual, expected) = (self.partial.received(), self.fetch.size);
        let Some(source) = self.sources.current() else { return Err(Reason::NoUrl.into()) };
        if actual < expected {
            if framing.is_part {
                return Err(DownloadError::ShortPart);
            }
            // The end of a response without a length may be a broken connection, but hardly twice at the same byte.
            if framing.is_delimited || source.short == Some(actual) {
                return Err(DownloadError::WrongSize { actual, expected });
            }
            source.short = Some(actual);
            return Err(Reason::Truncated.into());
        }
        self.partial.verify()
    }

    fn failed(&self, url: &Url, error: &DownloadError) -> Error {
        let (received, expected) = (size(self.partial.received()), size(self.fetch.size));
        anyhow!("{url}: {error} (received {received} of {expected})")
    }

    /// The next attempt would begin after the deadline.
    fn late(&self, url: &Url, error: &DownloadError, pause: Duration) -> Error {
        let left = self.shared.deadline.saturating_duration_since(Instant::now());
        let asks = match pause > left && !pause.is_zero() {
            true => format!("; the server asks to wait {} s", pause.as_secs()),
            false => String::new(),
        };
        let (received, expected) = (size(self.partial.received()), size(self.fetch.size));
        let timeout = self.shared.timeout.as_secs();
        anyhow!(
            "{url}: {error} (received {received} of {expected} within {timeout} s, setting download-timeout{asks})"
        )
    }
}

fn is_timeout(error: &DownloadError) -> bool {
    matches!(error, DownloadError::Http(Reason::Timeout { .. }))
}

/// The document of an error. One of a URL with secrets may repeat them, unless it is an S3 server's, of which only the code
/// is shown.
fn error_body(response: &mut Response<Body>, url: &Url) -> Vec<u8> {
    let begin = Instant::now();
    let mut reader = response.body_mut().with_config().limit(u64::MAX).reader().take(ERROR_BODY);
    let mut body = Vec::new();
    let mut buffer = [0; 1024];
    while begin.elapsed() < ERROR_BODY_TIMEOUT {
        match reader.read(&mut buffer) {
            Ok(length @ 1..) => body.extend(&buffer[..length]),
            Ok(0) | Err(_) => break,
        }
    }
    if url.has_secrets() && body.trim_ascii_start().starts_with(b"{") { Vec::new() } else { body }
}
