// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parallel downloads into memory, with the digest computed on the way, resumed where a connection broke, until the
//! deadline.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

mod artifact;
mod error;
mod partial;
mod range;
mod sources;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use stage1_contract::InstalledArtifact;

use super::plan::{Fetch, Plan};
use crate::display::size;
use crate::host::task::{NoResult, Task};
use crate::inventory::{Pause, Transport, Url};
use artifact::Download;

/// How often the progress is logged.
const PROGRESS: Duration = Duration::from_secs(5);
/// How long the result of one file is waited for, before that of the next.
const TICK: Duration = Duration::from_millis(50);

/// Downloads files.
pub struct Downloader {
    transport: Transport,
    timeout: Duration,
    renew: Option<Box<Renew>>,
    limits: Limits,
}

/// Fetches the profile anew.
type Renew = dyn Fn() -> Result<Plan> + Send + Sync;

/// When a server is too slow, and how long it is left alone.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Where a file has another URL, one with fewer bytes per second is left. At this rate 110 MiB arrive until the default
    /// deadline.
    slowest: u64,
    /// The time over which the rate is measured.
    window: Duration,
    /// The longest pause that the agent chooses itself.
    longest_pause: Duration,
}

/// What the downloads of a profile's files share.
struct Shared {
    transport: Transport,
    timeout: Duration,
    deadline: Instant,
    limits: Limits,
    /// Bytes that have been received, of all files.
    received: AtomicU64,
    /// Another file has failed.
    stopped: AtomicBool,
    renew: Option<Box<Renew>>,
    /// The files, as the profile had them when it was fetched last.
    files: Mutex<Vec<Fetch>>,
}

impl Downloader {
    /// Downloads that end after `timeout`.
    pub fn new(transport: Transport, timeout: Duration) -> Self {
        let limits = Limits {
            slowest: 64 << 10,
            window: Duration::from_secs(20),
            longest_pause: Duration::from_secs(8),
        };
        Self { transport, timeout, renew: None, limits }
    }

    /// The same, which calls `renew` for the profile once a server refuses a URL (403), whose signature may have expired.
    #[must_use]
    pub fn renewed_by(self, renew: impl Fn() -> Result<Plan> + Send + Sync + 'static) -> Self {
        Self { renew: Some(Box::new(renew)), ..self }
    }

    /// Downloads all files in parallel: each from its URLs, into its file, at its offset. If one fails, all end.
    ///
    /// # Errors
    /// The first file that failed, with its URL and why.
    pub fn fetch_all(self, pieces: &[(&Fetch, &File, u64)]) -> Result<Vec<InstalledArtifact>> {
        let bytes: u64 = pieces.iter().map(|(fetch, ..)| fetch.size).sum();
        let shared = Arc::new(Shared {
            transport: self.transport,
            timeout: self.timeout,
            deadline: Instant::now() + self.timeout,
            limits: self.limits,
            received: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            renew: self.renew,
            files: Mutex::new(pieces.iter().map(|(fetch, ..)| (*fetch).clone()).collect()),
        });
        let mut tasks = Vec::new();
        for (index, (fetch, file, offset)) in pieces.iter().enumerate() {
            let file = file.try_clone().context("duplicating a file descriptor")?;
            let download = Download::new(&shared, index, fetch, file, *offset);
            let task = Task::start("download", move || download.run()).context("starting a download")?;
            tasks.push((task, None));
        }
        let result = wait(&mut tasks, &shared, bytes);
        shared.stopped.store(true, Ordering::Relaxed);
        result
    }
}

/// Waits for the first failure, or for all. A thread that hangs in a read is left behind.
#[allow(clippy::type_complexity, reason = "a task, and its result once there is one")]
fn wait(
    tasks: &mut [(Task<Result<InstalledArtifact>>, Option<InstalledArtifact>)],
    shared: &Shared,
    bytes: u64,
) -> Result<Vec<InstalledArtifact>> {
    let mut logged = Instant::now();
    while tasks.iter().any(|(_, artifact)| artifact.is_none()) {
        for (task, artifact) in tasks.iter_mut().filter(|(_, artifact)| artifact.is_none()) {
            match task.wait(TICK) {
                Ok(result) => *artifact = Some(result?),
                Err(NoResult::TimedOut) => {}
                Err(error) => return Err(anyhow!("downloading: {error}")),
            }
        }
        if logged.elapsed() >= PROGRESS {
            logged = Instant::now();
            let percent = shared.received.load(Ordering::Relaxed).saturating_mul(100) / bytes.max(1);
            log::info!("download: {percent} % of {}", size(bytes));
        }
    }
    Ok(tasks.iter_mut().filter_map(|(_, artifact)| artifact.take()).collect())
}

impl Shared {
    /// Where a file is by now, if its URLs are others than those that were refused.
    fn renewed(&self, index: usize, refused: &[Url]) -> Result<Option<Vec<Url>>> {
        let Some(renew) = &self.renew else { return Ok(None) };
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        // Another file's download may have fetched the profile already.
        if files.get(index).is_some_and(|file| file.urls == refused) {
            let plan = renew().context("fetching the profile again")?;
            let renewed: Vec<Fetch> = plan.artifacts().into_iter().cloned().collect();
            let content = |fetch: &Fetch| (fetch.sha256.clone(), fetch.size);
            ensure!(
                renewed.iter().map(content).eq(files.iter().map(content)),
                "the profile was changed during the download: boot again"
            );
            *files = renewed;
        }
        Ok(files.get(index).map(|file| file.urls.clone()).filter(|urls| urls != refused))
    }
}

impl Pause for Shared {
    fn pause(&self, time: Duration) -> bool {
        self.transport.pause.pause(time) && !self.is_cancelled()
    }

    fn is_cancelled(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) || self.transport.pause.is_cancelled()
    }
}
