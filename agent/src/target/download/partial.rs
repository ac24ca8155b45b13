// SPDX-License-Identifier: MIT OR Apache-2.0
//! The part of a file that has arrived.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use ring::digest::{self, SHA256};

use super::error::DownloadError;
use super::{Fetch, Shared};
use crate::display::hex;
use crate::inventory::{Pause, Reason};

/// A file that is being downloaded.
pub(super) struct Partial {
    shared: Arc<Shared>,
    file: File,
    offset: u64,
    size: u64,
    sha256: String,
    received: u64,
    /// It came in more than one attempt, so that its parts may be of different files.
    pieced: bool,
    hash: digest::Context,
}

/// Whether a server is too slow.
struct Rate {
    since: Instant,
    received: u64,
}

impl Partial {
    pub(super) fn new(shared: &Arc<Shared>, fetch: &Fetch, file: File, offset: u64) -> Self {
        Self {
            shared: shared.clone(),
            file,
            offset,
            size: fetch.size,
            sha256: fetch.sha256.clone(),
            received: 0,
            pieced: false,
            hash: digest::Context::new(&SHA256),
        }
    }

    /// Bytes that are there.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Whether nothing is missing.
    pub(super) fn is_complete(&self) -> bool {
        self.received == self.size
    }

    /// Begins again.
    pub(super) fn restart(&mut self) {
        self.shared.received.fetch_sub(self.received, Ordering::Relaxed);
        self.received = 0;
        self.pieced = false;
        self.hash = digest::Context::new(&SHA256);
    }

    /// What follows is of another response.
    pub(super) fn continues(&mut self) {
        self.pieced = true;
    }

    /// Reads to the end of a response.
    pub(super) fn take(
        &mut self,
        mut body: impl Read,
        may_leave: bool,
        reason: impl FnOnce(io::Error) -> Reason,
    ) -> Result<(), DownloadError> {
        let mut buffer = vec![0; 256 * 1024];
        let mut rate = Rate { since: Instant::now(), received: self.received };
        loop {
            if self.shared.is_cancelled() {
                return Err(Reason::Cancelled.into());
            }
            let length = match body.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(length) => length,
                Err(_) if self.is_complete() => return Ok(()),
                Err(error) => return Err(reason(error).into()),
            };
            if self.received + length as u64 > self.size {
                self.restart();
                return Err(DownloadError::TooLong(self.size));
            }
            let chunk = &buffer[..length];
            self.file.write_all_at(chunk, self.offset + self.received).map_err(DownloadError::Write)?;
            self.hash.update(chunk);
            self.received += length as u64;
            self.shared.received.fetch_add(length as u64, Ordering::Relaxed);
            if may_leave && !self.is_complete() {
                self.check_rate(&mut rate)?;
            }
        }
    }

    /// Checks the digest of the whole.
    pub(super) fn verify(&mut self) -> Result<(), DownloadError> {
        let actual = hex(self.hash.clone().finish().as_ref());
        if actual == self.sha256 {
            return Ok(());
        }
        let pieced = self.pieced;
        self.restart();
        match pieced {
            true => Err(DownloadError::PartsDiffer),
            false => Err(DownloadError::WrongDigest { actual, expected: self.sha256.clone() }),
        }
    }

    fn check_rate(&self, rate: &mut Rate) -> Result<(), DownloadError> {
        let (now, limits) = (Instant::now(), self.shared.limits);
        let elapsed = now - rate.since;
        if elapsed < limits.window {
            return Ok(());
        }
        let per_second = (self.received - rate.received) as f64 / elapsed.as_secs_f64();
        if per_second < limits.slowest as f64 {
            return Err(DownloadError::Slow(per_second as u64));
        }
        *rate = Rate { since: now, received: self.received };
        Ok(())
    }
}
