// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parallel downloads into memory, with the digest computed on the way, resumed where a connection broke.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow, bail};
use ring::digest::{self, SHA256};
use stage1_contract::InstalledArtifact;
use thiserror::Error;
use ureq::http::{Request, StatusCode};

use super::plan::Fetch;
use crate::display::{hex, size};
use crate::inventory::{GiveUp, READ_TIMEOUT, Reason, Retry, Transport, retry_after};

/// Attempts in a row without a single byte before a file is given up.
const MAX_FRUITLESS: u32 = 8;
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// How often the progress is logged.
const PROGRESS: Duration = Duration::from_secs(5);

/// Downloads files.
pub struct Downloader {
    /// The HTTP client, and how to wait between attempts.
    pub transport: Transport,
    /// When to give up.
    pub deadline: Instant,
}

/// A file that is being downloaded.
struct Partial<'a> {
    fetch: &'a Fetch,
    file: &'a File,
    offset: u64,
    done: u64,
    /// It came in more than one attempt, so that its parts may be of different files.
    pieced: bool,
    hash: digest::Context,
    total: &'a AtomicU64,
}

/// Why an attempt failed.
#[derive(Debug, Error)]
enum DownloadError {
    #[error("{0}")]
    Http(Reason),
    #[error("the server sent another range than requested: {0:?}")]
    WrongRange(Option<String>),
    #[error("wrong size: {actual} bytes, not the expected {expected}")]
    WrongSize { actual: u64, expected: u64 },
    #[error("wrong size: longer than the expected {0} bytes")]
    TooLong(u64),
    #[error("writing to memory: {0}")]
    Write(io::Error),
    /// The digest is wrong, and the parts came in several attempts.
    #[error("the parts of several attempts do not match")]
    PartsDiffer,
    #[error("wrong digest: its SHA-256 is {actual}, not the expected {expected}")]
    WrongDigest { actual: String, expected: String },
}

impl Downloader {
    /// Downloads all files in parallel: each from its URLs, into its file, at its offset.
    ///
    /// # Errors
    /// The first file that failed, with its URL and why.
    pub fn fetch_all(&self, pieces: &[(&Fetch, &File, u64)]) -> Result<Vec<InstalledArtifact>> {
        let total = AtomicU64::new(0);
        let bytes: u64 = pieces.iter().map(|(fetch, ..)| fetch.size).sum();
        thread::scope(|scope| {
            let (done, wait) = channel();
            let threads: Vec<_> = pieces
                .iter()
                .map(|&(fetch, file, offset)| {
                    let (done, total) = (done.clone(), &total);
                    scope.spawn(move || {
                        let result = self.fetch(Partial::new(fetch, file, offset, total));
                        drop(done);
                        result
                    })
                })
                .collect();
            drop(done);
            while let Err(RecvTimeoutError::Timeout) = wait.recv_timeout(PROGRESS) as Result<(), _> {
                let percent = total.load(Ordering::Relaxed).saturating_mul(100) / bytes.max(1);
                log::info!("download: {percent} % of {}", size(bytes));
            }
            threads
                .into_iter()
                .map(|t| t.join().unwrap_or_else(|_| bail!("a download thread panicked")))
                .collect()
        })
    }

    fn fetch(&self, mut partial: Partial) -> Result<InstalledArtifact> {
        let mut urls: Vec<&String> = partial.fetch.urls.iter().collect();
        let mut retry = Retry::new(&*self.transport.pause, self.deadline, LONGEST_PAUSE);
        let mut fruitless = 0;
        let mut turn = 0;
        loop {
            let url = *urls.get(turn % urls.len().max(1)).context("no URL is left")?;
            let before = partial.done;
            let error = match self.attempt(url, &mut partial) {
                Ok(()) => return Ok(partial.installed(url)),
                Err(error) => error,
            };
            if error.is_cancelled() {
                return Err(partial.failed(url, &error));
            }
            if !error.may_retry() {
                urls.retain(|other| *other != url);
                partial.restart();
                if urls.is_empty() {
                    bail!("{url}: {error}");
                }
                log::warn!("{url}: {error}; trying the next URL");
                continue;
            }
            let made_progress = partial.done > before;
            if made_progress {
                retry.reset();
            }
            fruitless = if made_progress { 0 } else { fruitless + 1 };
            turn += 1;
            let failure = partial.failed(url, &error);
            if fruitless >= MAX_FRUITLESS {
                return Err(failure);
            }
            // With another URL to try, one server's load is no reason to wait.
            let retry_after = error.retry_after().filter(|_| urls.len() == 1);
            match retry.wait(&failure, retry_after) {
                Ok(()) => {}
                Err(GiveUp::Deadline) => return Err(failure),
                Err(GiveUp::Cancelled) => return Err(partial.failed(url, &Reason::Cancelled.into())),
            }
        }
    }

    fn attempt(&self, url: &str, partial: &mut Partial) -> Result<(), DownloadError> {
        let mut request = Request::builder().uri(url);
        if partial.done > 0 {
            request = request.header("range", format!("bytes={}-", partial.done));
        }
        let request = request.body(()).map_err(|error| Reason::BadUrl(error.to_string()))?;
        let left = self.deadline.saturating_duration_since(Instant::now());
        let request = self.transport.agent.configure_request(request);
        let request = request.timeout_per_read(Some(READ_TIMEOUT)).timeout_global(Some(left)).build();
        let response = self.transport.agent.run(request);
        let mut response = response.map_err(|error| Reason::from_client(error, left))?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if partial.done > 0 => {
                let range = response.headers().get("content-range").and_then(|value| value.to_str().ok());
                if !range.is_some_and(|range| range.starts_with(&format!("bytes {}-", partial.done))) {
                    return Err(DownloadError::WrongRange(range.map(str::to_string)));
                }
                partial.pieced = true;
            }
            StatusCode::OK => {
                partial.restart();
                let (actual, expected) = (response.body().content_length(), partial.fetch.size);
                if let Some(actual) = actual.filter(|actual| *actual != expected) {
                    return Err(DownloadError::WrongSize { actual, expected });
                }
            }
            status => {
                let retry_after = retry_after(response.headers());
                return Err(Reason::status(status.as_u16(), retry_after, b"").into());
            }
        }
        let body = response.body_mut().with_config().limit(u64::MAX).reader();
        let is_cancelled = || self.transport.pause.is_cancelled();
        partial.take(body, &is_cancelled, |error| Reason::from_client(error.into(), left))
    }
}

impl<'a> Partial<'a> {
    fn new(fetch: &'a Fetch, file: &'a File, offset: u64, total: &'a AtomicU64) -> Self {
        Self { fetch, file, offset, done: 0, pieced: false, hash: digest::Context::new(&SHA256), total }
    }

    fn restart(&mut self) {
        self.total.fetch_sub(self.done, Ordering::Relaxed);
        self.done = 0;
        self.pieced = false;
        self.hash = digest::Context::new(&SHA256);
    }

    /// Reads to the end, and checks the digest there.
    fn take(
        &mut self,
        mut body: impl Read,
        is_cancelled: &dyn Fn() -> bool,
        reason: impl FnOnce(io::Error) -> Reason,
    ) -> Result<(), DownloadError> {
        let expected = self.fetch.size;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            if is_cancelled() {
                return Err(Reason::Cancelled.into());
            }
            let length = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(_) if self.done == expected => break,
                Err(error) => return Err(reason(error).into()),
            };
            if self.done + length as u64 > expected {
                return Err(DownloadError::TooLong(expected));
            }
            let chunk = &buffer[..length];
            self.file.write_all_at(chunk, self.offset + self.done).map_err(DownloadError::Write)?;
            self.hash.update(chunk);
            self.done += length as u64;
            self.total.fetch_add(length as u64, Ordering::Relaxed);
        }
        if self.done < expected {
            return Err(Reason::Truncated.into());
        }
        let actual = hex(self.hash.clone().finish().as_ref());
        if actual == self.fetch.sha256 {
            return Ok(());
        }
        if self.pieced {
            self.restart();
            return Err(DownloadError::PartsDiffer);
        }
        Err(DownloadError::WrongDigest { actual, expected: self.fetch.sha256.clone() })
    }

    fn failed(&self, url: &str, error: &DownloadError) -> Error {
        let (done, expected) = (size(self.done), size(self.fetch.size));
        anyhow!("{url}: {error} (received {done} of {expected})")
    }

    fn installed(&self, url: &str) -> InstalledArtifact {
        InstalledArtifact { url: url.to_string(), sha256: self.fetch.sha256.clone(), size: self.fetch.size }
    }
}

impl DownloadError {
    /// Whether another attempt at the same URL may bring the rest.
    fn may_retry(&self) -> bool {
        match self {
            Self::Http(reason) => reason.may_retry(),
            Self::PartsDiffer => true,
            _ => false,
        }
    }

    fn is_cancelled(&self) -> bool {
        matches!(self, Self::Http(Reason::Cancelled))
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Http(reason) => reason.retry_after(),
            _ => None,
        }
    }
}

impl From<Reason> for DownloadError {
    fn from(reason: Reason) -> Self {
        Self::Http(reason)
    }
}
