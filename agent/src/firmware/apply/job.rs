// SPDX-License-Identifier: MIT OR Apache-2.0
//! The flash of one component.

use std::cell::Cell;
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use stage1_contract::firmware::manifest::{Entry, Method, Source};
use stage1_contract::firmware::{AttemptOutcome, Journal, ManifestSet, Phase};

use super::progress::Meter;
use super::{Applied, Means};
use crate::firmware::backend::deadline::limited;
use crate::firmware::backend::tool::{TOLD, Tool};
use crate::firmware::backend::{Activation, Backend, Outcome, Progress, Stored, capsule, devlink, mtd};
use crate::firmware::check;
use crate::firmware::journal::{self, same};
use crate::firmware::matching::Matched;
use crate::firmware::plan::{Planned, Target, Verdict};
use crate::firmware::state::{Event, Fault, State};
use crate::host::critical_section::{self, Armed};
use crate::inventory::resolve;
use crate::json;
use crate::target::{Downloader, Fetch};
use netlink::devlink::Device;

/// Where images are, in memory.
const FOLDER: &str = "/run/stage1/firmware";

/// A component that something is done about.
pub struct Job<'a> {
    means: &'a Means<'a>,
    planned: &'a Planned<'a>,
    set: &'a ManifestSet,
    boot_id: &'a str,
    backend: Backend,
    /// Where its image is.
    image: PathBuf,
    /// What was in its flash, where that can be read.
    before: Option<Vec<u8>>,
    /// All else is held off.
    armed: Option<Armed>,
    began: Instant,
    /// Somebody may still write.
    unfinished: Cell<bool>,
    /// Its driver was told to activate it.
    reloaded: bool,
    /// It was activated, and runs.
    runs: bool,
}

impl<'a> Job<'a> {
    /// Nothing is done yet.
    pub fn new(means: &'a Means, planned: &'a Planned, set: &'a ManifestSet, boot_id: &'a str) -> Self {
        let (entry, device) = (planned.matched.entry, &planned.matched.device);
        let machine = means.look.machine;
        let backend = match &entry.method {
            Method::Capsule => Backend::Capsule(capsule::Firmware::new(machine)),
            Method::Devlink(method) => {
                let address = Device::pci(&device.name);
                Backend::Devlink(devlink::Adapter::new(machine, address, method.component.clone()))
            }
            Method::Mtd(method) => Backend::Mtd(mtd::Partition::new(machine, &method.partition)),
            Method::Exec(exec) => Backend::Tool(Tool::new(exec, &device.name, device.port.as_deref())),
        };
        let image = machine.path(FOLDER).join(format!("{}.bin", device.name));
        let (before, armed, began) = (None, None, Instant::now());
        let (unfinished, reloaded, runs) = (Cell::new(false), false, false);
        Self {
            means,
            planned,
            set,
            boot_id,
            backend,
            image,
            before,
            armed,
            began,
            unfinished,
            reloaded,
            runs,
        }
    }

    /// Does what a state stands for, and says how that went.
    pub fn act(&mut self, state: &State, journal: &mut Journal) -> Event {
        match state {
            State::Fetch => self.fetch().into(),
            State::Preflight => self.look_again().into(),
            State::BackUp if self.before.is_some() => Event::Done,
            State::BackUp => Event::Failed(
                "its old content cannot be read, so it cannot be kept (safety.backup)".to_string(),
            ),
            State::Arm => self.arm(journal).into(),
            State::Write { .. } => self.write(),
            State::ReadBack { fault, .. } => self.read_back(fault.as_ref()),
            State::Restore(_) => self.restore(),
            State::Stage => {
                let kept = self.record(journal, Phase::Staged);
                self.disarm(true);
                kept.into()
            }
            State::Activating => self.record(journal, Phase::Activating).into(),
            State::Reload => self.reload(),
            State::Close(outcome, why) => {
                journal::close(journal, &self.planned.matched.device.key, self.boot_id, outcome.clone(), why);
                let kept = self.means.look.keep(journal);
                self.disarm(*outcome != AttemptOutcome::Broken);
                kept.into()
            }
            State::Staged | State::Reset(_) | State::Over(..) => Event::Done,
        }
    }

    /// Whether its port was away for a while.
    pub fn lost_link(&self) -> bool {
        self.reloaded && self.entry().activate.may_lose_link
    }

    /// Puts into the report, and among the problems, how it ended.
    pub fn conclude(&self, end: State, applied: &mut Applied) {
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

    /// The image, of the size and with the digest that the manifest says.
    fn fetch(&mut self) -> Result<()> {
        self.began = Instant::now();
        let image = self.target()?.image;
        let bases = self.means.look.inventory.map_or(&[][..], |inventory| inventory.bases());
        let urls = image.urls.iter().flat_map(|url| match url.contains("://") {
            true => vec![url.clone()],
            false => bases.iter().map(|base| resolve(&format!("{base}/"), url)).collect(),
        });
        let fetch = Fetch { urls: urls.collect(), sha256: image.sha256.clone(), size: image.size };
        self.say(&format!("fetching {}, {} bytes", self.version(), image.size));
        fs::create_dir_all(self.means.look.machine.path(FOLDER)).context("making room for images")?;
        let file = File::create(&self.image).with_context(|| format!("creating {}", self.image.display()))?;
        let deadline = Instant::now() + self.means.look.settings.download_timeout;
        let downloader = Downloader { transport: self.means.transport.clone(), deadline };
        downloader.fetch_all(&[(&fetch, &file, 0)]).map(drop)
    }

    /// Whether this is still the component, with the versions, that was planned from, and takes the image.
    fn look_again(&mut self) -> Result<()> {
        let planned = &self.planned.matched;
        let (facts, _) = check::facts(self.means.look.machine);
        let found = self.means.look.find(&facts, self.set);
        let is_it = |now: &&Matched| now.device == planned.device && now.entry.name == planned.entry.name;
        let now = found.matched.iter().find(is_it).context("it is not there any more")?;
        ensure!(now.reading == planned.reading, "it tells other versions than a moment ago");
        let (backend, image) = (self.backend.clone(), self.image.clone());
        self.before = limited(self.patience(), move || {
            backend.check(&image)?;
            match backend {
                Backend::Mtd(partition) => partition.read().map(Some),
                _ => Ok(None),
            }
        })?;
        Ok(())
    }

    /// From here on it is an attempt, and nothing comes between.
    fn arm(&mut self, journal: &mut Journal) -> Result<()> {
        let machine = self.means.look.machine;
        let armed = Armed::arm(machine)?;
        let before = journal.clone();
        if !self.entry().safety.banks {
            critical_section::mark(machine, &self.name())?;
        }
        if let Err(error) = self.record(journal, Phase::Armed) {
            // It is not made, and so it does not count.
            *journal = before;
            critical_section::unmark(machine, &self.name());
            return Err(error);
        }
        self.armed = Some(armed);
        Ok(())
    }

    fn write(&self) -> Event {
        let limit = Duration::from_secs(self.entry().limits.flash_seconds.into());
        let (mut meter, began) = (Meter::default(), Instant::now());
        let mut progress = |progress: Progress| {
            if let Some(words) = meter.words(began.elapsed(), &progress) {
                self.say(&words);
            }
        };
        match self.backend.write(&self.image, limit, &mut progress) {
            Outcome::Done => Event::Done,
            Outcome::Refused(why) => Event::Refused(why),
            Outcome::Failed(why) | Outcome::Unknown(why) => Event::Failed(why),
            Outcome::Unfinished(why) => {
                self.unfinished.set(true);
                Event::TimedOut(why)
            }
        }
    }

    /// Compares what is stored with what was to be written. What reads may hang as what writes. Where nothing tells what is
    /// stored, who wrote has the last word.
    fn read_back(&self, fault: Option<&Fault>) -> Event {
        let failed = |why: &str| Event::Failed(why.to_string());
        let key = match (&self.entry().method, &self.entry().version.source) {
            (Method::Exec(_), _) if fault.is_some_and(|fault| fault.unfinished) => {
                return failed("the program is still at work");
            }
            (Method::Mtd(_), _) => "",
            (Method::Devlink(_), Source::Devlink(key)) => key,
            (Method::Exec(_), Source::Tool) => TOLD,
            _ if fault.is_some() => return failed("nothing tells what is stored"),
            _ => return Event::Done,
        };
        self.say("reading back");
        let (backend, image, before) = (self.backend.clone(), self.image.clone(), self.before.clone());
        let look = move || Ok((backend.read_back(&image)?, is_untouched(&backend, before.as_ref())));
        match limited(self.patience(), look) {
            Ok((Stored::Image, _)) => Event::Done,
            Ok((Stored::Different(_), true)) => Event::Untouched,
            Ok((Stored::Different(at), false)) => {
                Event::Failed(format!("it differs from the image at {at:#x}"))
            }
            Ok((Stored::Versions { running, stored }, _)) => {
                match stored.get(key).or(running.get(key).filter(|_| !self.told_stored())) {
                    Some(now) if self.is(now, self.version()) => Event::Done,
                    Some(now) if self.was(now) => Event::Untouched,
                    Some(now) => Event::Failed(format!("it tells {now}")),
                    None => failed("it tells no version"),
                }
            }
            Err(error) => Event::Failed(format!("{error:#}")),
        }
    }

    /// Puts the old content back.
    fn restore(&self) -> Event {
        let Some(before) = &self.before else { return Event::Failed("it was not kept".to_string()) };
        self.say("putting the old content back");
        if let Err(error) = fs::write(&self.image, before) {
            return Event::Failed(format!("writing {}: {error}", self.image.display()));
        }
        match self.write() {
            Event::Done => {}
            event => return event,
        }
        let (backend, before) = (self.backend.clone(), self.before.clone());
        match limited(self.patience(), move || Ok(is_untouched(&backend, before.as_ref()))) {
            Ok(true) => Event::Done,
            Ok(false) => Event::Failed("it reads back otherwise".to_string()),
            Err(error) => Event::Failed(format!("{error:#}")),
        }
    }

    fn reload(&mut self) -> Event {
        self.reloaded = true;
        let backend = self.backend.clone();
        let limit = Duration::from_secs(self.entry().limits.flash_seconds.into());
        match limited(limit, move || backend.activate()) {
            Ok(Activation::Active) => {}
            Ok(Activation::Reset(why)) => {
                return Event::Refused(why.unwrap_or_else(|| "it needs a reset".to_string()));
            }
            Ok(Activation::WarmReset) => return Event::Refused("it needs a warm reset".to_string()),
            Err(error) => return Event::Failed(format!("{error:#}")),
        }
        let running = match (self.backend.read_back(&self.image), &self.entry().version.source) {
            (Ok(Stored::Versions { running, .. }), Source::Devlink(key)) => running.get(key).cloned(),
            _ => None,
        };
        self.runs = running.is_some_and(|running| self.is(&running, self.version()));
        if self.runs {
            Event::Done
        } else {
            Event::Failed("it does not run after its activation".to_string())
        }
    }

    fn record(&self, journal: &mut Journal, phase: Phase) -> Result<()> {
        let words = json::word(&phase);
        let moment = (self.boot_id, check::now());
        journal::reach(journal, &self.planned.matched, self.version(), moment, phase);
        self.means.look.keep(journal).context("recording it before it is done")?;
        self.say(&words);
        Ok(())
    }

    /// All else may go on; `whole`: a reset, too.
    fn disarm(&mut self, whole: bool) {
        if whole {
            critical_section::unmark(self.means.look.machine, &self.name());
        }
        self.armed = None;
    }

    /// How long reading may take.
    fn patience(&self) -> Duration {
        Duration::from_secs(self.entry().limits.verify_seconds.into())
    }

    fn is(&self, version: &str, other: &str) -> bool {
        same(self.entry().version.format, version, other)
    }

    /// Whether the component told what is stored before: one that does, and then does not, has lost it.
    fn told_stored(&self) -> bool {
        self.planned.matched.reading.as_ref().is_ok_and(|reading| reading.stored.is_some())
    }

    /// Whether this version was stored, or ran, before.
    fn was(&self, version: &str) -> bool {
        let Ok(reading) = &self.planned.matched.reading else { return false };
        self.is(version, reading.stored.as_ref().unwrap_or(&reading.running))
    }

    fn entry(&self) -> &'a Entry {
        self.planned.matched.entry
    }

    fn version(&self) -> &'a str {
        self.planned.verdict.version().unwrap_or_default()
    }

    fn target(&self) -> Result<Target<'a>> {
        match &self.planned.verdict {
            Verdict::Update(target) => Ok(*target),
            _ => bail!("nothing is to be written"),
        }
    }

    fn name(&self) -> String {
        format!("{} {}", self.entry().name, self.planned.matched.device.name)
    }

    fn say(&self, words: &str) {
        (self.means.tell)(format!("{}: {words}", self.name()));
    }
}

/// Whether the flash holds what it held before, where that is known.
fn is_untouched(backend: &Backend, before: Option<&Vec<u8>>) -> bool {
    let Backend::Mtd(partition) = backend else { return false };
    before.is_some() && partition.read().ok().as_ref() == before
}

impl Drop for Job<'_> {
    /// Memory is for the target. A driver that has not ended may have the image still to read.
    fn drop(&mut self) {
        if !self.unfinished.get() {
            let _ = fs::remove_file(&self.image);
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
