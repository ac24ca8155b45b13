// SPDX-License-Identifier: MIT OR Apache-2.0
//! The flash of one component: everything up to and including the write, and the records in the journal.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ring::digest::{SHA256, digest};
use stage1_contract::firmware::manifest::{Entry, Method};
use stage1_contract::firmware::{AttemptOutcome, Journal, ManifestSet, Phase};

use super::image::{Image, Unsealed};
use super::progress::Meter;
use super::{Applied, ApplyContext};
use crate::display::{hex, size};
use crate::firmware::backend::deadline::limited;
use crate::firmware::backend::tool::Tool;
use crate::firmware::backend::{Backend, Outcome, Progress, capsule, devlink, mtd};
use crate::firmware::check;
use crate::firmware::journal;
use crate::firmware::matching::Matched;
use crate::firmware::plan::{Planned, Target, Verdict};
use crate::firmware::state::{Event, State};
use crate::host::critical_section::{self, Armed};
use crate::inventory::{Url, is_absolute};
use crate::json;
use crate::target::{Downloader, Fetch};
use netlink::devlink::Device;

/// Where images are downloaded to: memory.
const FOLDER: &str = "/run/stage1/firmware";

/// A component that is to be flashed or activated.
pub(super) struct Job<'a> {
    context: &'a ApplyContext<'a>,
    pub(super) planned: &'a Planned<'a>,
    set: &'a ManifestSet,
    boot_id: &'a str,
    pub(super) backend: Backend,
    /// The path of its image, once there is one.
    pub(super) path: PathBuf,
    /// What is written: the image, or the old content that is restored.
    image: Option<Image>,
    /// The old content of its flash, if that can be read.
    pub(super) before: Option<Vec<u8>>,
    /// The critical section.
    armed: Option<Armed>,
    began: Instant,
    /// Whether a write timed out and may still be going on.
    unfinished: Cell<bool>,
    /// Whether its driver was asked to activate it.
    pub(super) reloaded: bool,
    /// Whether it was activated, and runs.
    pub(super) runs: bool,
}

impl<'a> Job<'a> {
    /// A job of which nothing has been done yet.
    pub(super) fn new(
        context: &'a ApplyContext,
        planned: &'a Planned,
        set: &'a ManifestSet,
        boot_id: &'a str,
    ) -> Self {
        let (entry, device) = (planned.matched.entry, &planned.matched.device);
        let machine = context.check.machine;
        let backend = match &entry.method {
            Method::Capsule => Backend::Capsule(capsule::Firmware::new(machine)),
            Method::Devlink(method) => {
                let address = Device::pci(&device.name);
                Backend::Devlink(devlink::Adapter::new(machine, address, method.component.clone()))
            }
            Method::Mtd(method) => Backend::Mtd(mtd::Partition::new(machine, &method.partition)),
            Method::Exec(exec) => Backend::Tool(Tool::new(exec, &device.name, device.port.as_deref())),
        };
        let path = machine.path(FOLDER).join(format!("{}.bin", device.name));
        let (image, before, armed, began) = (None, None, None, Instant::now());
        let (unfinished, reloaded, runs) = (Cell::new(false), false, false);
        Self {
            context,
            planned,
            set,
            boot_id,
            backend,
            path,
            image,
            before,
            armed,
            began,
            unfinished,
            reloaded,
            runs,
        }
    }

    /// Carries out the act of a state, and returns its result.
    pub(super) fn act(&mut self, state: &State, journal: &mut Journal) -> Event {
        match state {
            State::Fetch => self.fetch().into(),
            State::Preflight => self.preflight().into(),
            State::BackUp if self.before.is_some() => Event::Done,
            State::BackUp => Event::Failed(
                "its old content cannot be read, so it cannot be backed up (safety.backup)".to_string(),
            ),
            State::Arm => self.arm(journal).into(),
            State::Write { .. } => self.write(),
            State::ReadBack { fault, .. } => self.read_back(fault.as_deref()),
            State::Restore(_) => self.restore(),
            State::Stage => {
                let kept = self.record(journal, Phase::Staged);
                self.disarm();
                kept.into()
            }
            State::Activating => self.record(journal, Phase::Activating).into(),
            State::Reload => self.reload(),
            State::Close(outcome, why) => {
                journal::close(journal, &self.planned.matched.device.key, self.boot_id, outcome.clone(), why);
                let kept = self.context.check.keep(journal);
                match *outcome {
                    AttemptOutcome::Broken => self.hold(),
                    _ => self.disarm(),
                }
                kept.into()
            }
            State::Staged | State::Reset(_) | State::Over(..) => Event::Done,
        }
    }

    /// Whether it is in the critical section.
    pub(super) fn is_armed(&self) -> bool {
        self.armed.is_some()
    }

    /// Whether its port lost its link for a while.
    pub(super) fn lost_link(&self) -> bool {
        self.reloaded && self.entry().activate.may_lose_link
    }

    /// Adds its last state to the report, and to the problems if it failed.
    pub(super) fn conclude(&self, end: State, applied: &mut Applied) {
        let (name, device) = (&self.entry().name, &self.planned.matched.device.name);
        let rows = &mut applied.report.components;
        let row = rows.iter_mut().find(|row| row.name == *name && row.device == *device);
        let why = match end {
            State::Over(outcome, why) if !self.runs => {
                applied.problems.push(format!("{name} {device}: {}: {why}", self.version()));
                outcome.is_none().then_some(why)
            }
            State::Over(_, why) => Some(why),
            _ => None,
        };
        if let Some(row) = row {
            row.took_ms = u64::try_from(self.began.elapsed().as_millis()).ok();
            row.reason = why.or(row.reason.take());
        }
    }

    /// Downloads the image, checks its size and digest, and seals it.
    fn fetch(&mut self) -> Result<()> {
        self.began = Instant::now();
        let image = self.target()?.image;
        let bases = self.context.check.inventory.map_or(&[][..], |inventory| inventory.bases());
        let urls = image.urls.iter().flat_map(|url| match is_absolute(url) {
            true => vec![Url::new("", url)],
            false => bases.iter().map(|base| Url::new(&format!("{base}/"), url)).collect(),
        });
        let urls = urls.collect::<Result<_, _>>().context("the image's URLs in the manifest")?;
        let fetch = Fetch { urls, sha256: image.sha256.clone(), size: image.size };
        self.report(&format!("fetching {}, {}", self.version(), size(image.size)));
        let folder = self.context.check.machine.path(FOLDER);
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let memory = Unsealed::new()?;
        let timeout = self.context.check.settings.download_timeout;
        let downloader = Downloader::new(self.context.transport.clone(), timeout);
        downloader.fetch_all(&[(&fetch, memory.file(), 0)])?;
        self.image = Some(memory.seal(&self.path, &image.sha256)?);
        Ok(())
    }

    /// Checks that the component still has the versions that the plan is based on, and accepts the image.
    fn preflight(&mut self) -> Result<()> {
        let planned = &self.planned.matched;
        let (facts, _) = check::facts(self.context.check.machine);
        let found = self.context.check.find(&facts, self.set);
        let is_it = |now: &&Matched| now.device == planned.device && now.entry.name == planned.entry.name;
        let now = found.matched.iter().find(is_it).context("the component has disappeared")?;
        ensure!(now.reading == planned.reading, "its versions have changed since the check");
        let (backend, image) = (self.backend.clone(), self.path.clone());
        self.before = limited(self.verify_limit(), move || {
            backend.check(&image)?;
            match backend {
                Backend::Mtd(partition) => partition.read().map(Some),
                _ => Ok(None),
            }
        })?;
        Ok(())
    }

    /// Records the attempt and enters the critical section.
    fn arm(&mut self, journal: &mut Journal) -> Result<()> {
        let machine = self.context.check.machine;
        let armed = Armed::arm(machine)?;
        // Who ends a run waits for the critical section, and must not find it entered behind its back.
        self.context.cancellation.check()?;
        let before = journal.clone();
        if !self.entry().safety.banks {
            critical_section::mark(machine, &self.name())?;
        }
        if let Err(error) = self.record(journal, Phase::Armed) {
            // The attempt is not made, so it must not count.
            *journal = before;
            critical_section::unmark(machine, &self.name());
            return Err(error);
        }
        self.armed = Some(armed);
        Ok(())
    }

    /// From now on, `bytes` are what is written.
    pub(super) fn replace_image(&mut self, bytes: &[u8]) -> Result<()> {
        let sha256 = hex(digest(&SHA256, bytes).as_ref());
        self.image = Some(Unsealed::of(bytes)?.seal(&self.path, &sha256)?);
        Ok(())
    }

    /// Writes the file at the path of the image.
    pub(super) fn write(&self) -> Event {
        let (mut meter, began) = (Meter::default(), Instant::now());
        let mut progress = |progress: Progress| {
            if let Some(message) = meter.message(began.elapsed(), &progress) {
                self.report(&message);
            }
        };
        match self.backend.write(&self.path, self.flash_limit(), &mut progress) {
            Outcome::Done => Event::Done,
            Outcome::Refused(why) => Event::Refused(why),
            Outcome::Failed(why) | Outcome::Unknown(why) => Event::Failed(why),
            Outcome::Unfinished(why) => {
                self.unfinished.set(true);
                Event::TimedOut(why)
            }
        }
    }

    fn record(&self, journal: &mut Journal, phase: Phase) -> Result<()> {
        let word = json::word(&phase);
        let moment = (self.boot_id, check::now());
        journal::reach(journal, &self.planned.matched, self.version(), moment, phase);
        self.context.check.keep(journal).context("recording the attempt")?;
        self.report(&word);
        Ok(())
    }

    /// Leaves the critical section: the component holds a whole image, so a reset does no harm.
    fn disarm(&mut self) {
        critical_section::unmark(self.context.check.machine, &self.name());
        self.armed = None;
    }

    /// Never leaves the critical section: the component may hold half an image, or be written still.
    fn hold(&mut self) {
        if let Some(armed) = self.armed.take()
            && let Err(error) = critical_section::hold(self.context.check.machine, armed, &self.name())
        {
            log::warn!("{}: {error:#}", self.name());
        }
    }

    /// The deadline of the write and of the activation.
    pub(super) fn flash_limit(&self) -> Duration {
        Duration::from_secs(self.entry().limits.flash_seconds.into())
    }

    /// The deadline of everything that only reads.
    pub(super) fn verify_limit(&self) -> Duration {
        Duration::from_secs(self.entry().limits.verify_seconds.into())
    }

    pub(super) fn entry(&self) -> &'a Entry {
        self.planned.matched.entry
    }

    pub(super) fn version(&self) -> &'a str {
        self.planned.verdict.version().unwrap_or_default()
    }

    fn target(&self) -> Result<Target<'a>> {
        match &self.planned.verdict {
            Verdict::Update(target) => Ok(*target),
            _ => bail!("no image is to be written"),
        }
    }

    fn name(&self) -> String {
        format!("{} {}", self.entry().name, self.planned.matched.device.name)
    }

    pub(super) fn report(&self, message: &str) {
        (self.context.progress)(format!("{}: {message}", self.name()));
    }
}

impl Drop for Job<'_> {
    /// A driver that has not finished may still have to read the image.
    fn drop(&mut self) {
        if self.unfinished.get() {
            self.image.take().into_iter().for_each(Image::keep);
        }
    }
}

impl From<Result<()>> for Event {
    fn from(result: Result<()>) -> Self {
        match result {
            Ok(()) => Self::Done,
            Err(error) => Self::Failed(format!("{error:#}")),
        }
    }
}
