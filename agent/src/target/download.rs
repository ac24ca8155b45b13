// SPDX-License-Identifier: MIT OR Apache-2.0
//! Downloads side by side, straight into memory, hashed on the way, resumed where they broke.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use ring::digest::{self, SHA256};
use stage1_contract::InstalledArtifact;
use thiserror::Error;
use ureq::http::{Request, StatusCode};

use super::plan::Fetch;
use crate::display::hex;
use crate::host::random;
use crate::inventory::{Reason, Transport};

/// Longest time without a single byte.
const STALL: Duration = Duration::from_secs(20);
/// Attempts at one file that bring nothing, before it is given up.
const FRUITLESS: u32 = 8;
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// How often a download tells how far it is.
const PROGRESS: Duration = Duration::from_secs(5);

/// Fetches files.
pub struct Downloader {
    /// How to speak to the servers.
    pub transport: Transport,
    /// When to give up.
    pub deadline: Instant,
}

/// What has come of a file so far.
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

#[derive(Debug, Error)]
enum Broken {
    /// Another attempt may bring the rest.
    #[error("{0}")]
    Passing(String),
    /// This URL will never do.
    #[error("{0}")]
    Useless(String),
}

impl Downloader {
    /// Fetches every file to its place: what, into which file, at which offset.
    ///
    /// # Errors
    /// The first file that could not be had, with its URL and why.
    pub fn fetch_all(&self, pieces: &[(&Fetch, &File, u64)]) -> Result<Vec<InstalledArtifact>> {
        let total = AtomicU64::new(0);
        let size: u64 = pieces.iter().map(|(fetch, ..)| fetch.size).sum();
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
                let percent = total.load(Ordering::Relaxed).saturating_mul(100) / size.max(1);
                log::info!("download: {percent} % of {size} bytes");
            }
            threads
                .into_iter()
                .map(|t| t.join().unwrap_or_else(|_| bail!("a download thread panicked")))
                .collect()
        })
    }

    fn fetch(&self, mut partial: Partial) -> Result<InstalledArtifact> {
        let mut urls: Vec<&String> = partial.fetch.urls.iter().collect();
        let mut fruitless = 0;
        let mut turn = 0;
        loop {
            let url = *urls.get(turn % urls.len().max(1)).context("no URL is left")?;
            let before = partial.done;
            let error = match self.attempt(url, &mut partial) {
                Ok(()) => return Ok(partial.installed(url)),
                Err(Broken::Useless(why)) => {
                    urls.retain(|other| *other != url);
                    partial.restart();
                    if urls.is_empty() {
                        bail!("{url}: {why}");
                    }
                    log::warn!("{url}: {why}; trying the next URL");
                    continue;
                }
                Err(Broken::Passing(why)) => anyhow!("{url}: {why}"),
            };
            fruitless = if partial.done > before { 0 } else { fruitless + 1 };
            turn += 1;
            let pause = random::share(LONGEST_PAUSE.min(Duration::from_millis(250 << fruitless.min(10))));
            if fruitless >= FRUITLESS || Instant::now() + pause >= self.deadline {
                return Err(error.context(format!("{} of {} bytes came", partial.done, partial.fetch.size)));
            }
            log::warn!("{error:#}; going on at byte {}", partial.done);
            thread::sleep(pause);
        }
    }

    fn attempt(&self, url: &str, partial: &mut Partial) -> Result<(), Broken> {
        let mut request = Request::builder().uri(url);
        if partial.done > 0 {
            request = request.header("range", format!("bytes={}-", partial.done));
        }
        let request = request.body(()).map_err(|error| Broken::Useless(error.to_string()))?;
        let left = self.deadline.saturating_duration_since(Instant::now());
        let agent = &self.transport.agent;
        let request =
            agent.configure_request(request).timeout_per_read(Some(STALL)).timeout_global(Some(left)).build();
        let mut response = agent.run(request).map_err(broken)?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if partial.done > 0 => {
                let range = response.headers().get("content-range").and_then(|value| value.to_str().ok());
                if !range.is_some_and(|range| range.starts_with(&format!("bytes {}-", partial.done))) {
                    return Err(Broken::Useless(format!("the server sent another range: {range:?}")));
                }
                partial.pieced = true;
            }
            StatusCode::OK => {
                partial.restart();
                let length = response.body().content_length();
                if let Some(length) = length.filter(|length| *length != partial.fetch.size) {
                    let size = partial.fetch.size;
                    return Err(Broken::Useless(format!("it has {length} bytes, not the expected {size}")));
                }
            }
            status => {
                let reason = Reason::status(status.as_u16(), None, b"").to_string();
                let passing = matches!(status.as_u16(), 408 | 425 | 429 | 500..=599);
                return Err(if passing { Broken::Passing(reason) } else { Broken::Useless(reason) });
            }
        }
        partial.take(response.body_mut().with_config().limit(u64::MAX).reader())
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
    fn take(&mut self, mut body: impl Read) -> Result<(), Broken> {
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let length = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(_) if self.done == self.fetch.size => break,
                Err(error) => return Err(broken(ureq::Error::from(error))),
            };
            if self.done + length as u64 > self.fetch.size {
                return Err(Broken::Useless(format!(
                    "it is longer than the expected {} bytes",
                    self.fetch.size
                )));
            }
            let chunk = &buffer[..length];
            let written = self.file.write_all_at(chunk, self.offset + self.done);
            written.map_err(|error| Broken::Useless(format!("writing into memory: {error}")))?;
            self.hash.update(chunk);
            self.done += length as u64;
            self.total.fetch_add(length as u64, Ordering::Relaxed);
        }
        if self.done < self.fetch.size {
            return Err(Broken::Passing("the answer ends in its middle".to_string()));
        }
        let digest = hex(self.hash.clone().finish().as_ref());
        if digest != self.fetch.sha256 {
            if self.pieced {
                self.restart();
                return Err(Broken::Passing("the parts of several attempts do not fit together".to_string()));
            }
            let wanted = &self.fetch.sha256;
            return Err(Broken::Useless(format!(
                "wrong digest: its SHA-256 is {digest}, not the expected {wanted}"
            )));
        }
        Ok(())
    }

    fn installed(&self, url: &str) -> InstalledArtifact {
        InstalledArtifact { url: url.to_string(), sha256: self.fetch.sha256.clone(), size: self.fetch.size }
    }
}

fn broken(error: ureq::Error) -> Broken {
    let reason = Reason::from(error);
    let passing =
        matches!(reason, Reason::Connection(_) | Reason::Timeout(_) | Reason::CutShort | Reason::NoSuchName);
    if passing { Broken::Passing(reason.to_string()) } else { Broken::Useless(reason.to_string()) }
}
