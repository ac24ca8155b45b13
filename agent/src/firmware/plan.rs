// SPDX-License-Identifier: MIT OR Apache-2.0
//! The decision about each component, from its versions, its manifest entry and the journal. Pure.

mod gates;
mod refusal;
mod step;

use stage1_contract::firmware::manifest::{Activation, Entry, FromVersions, Image, OnFail};
use stage1_contract::firmware::{
    Attempt, AttemptOutcome, Decision, FirmwareComponent, FirmwareSkipped, Journal, Phase,
};

use super::journal::{attempts, of_boot, same};
use super::matching::{Matched, Matches};
use step::{Step, next};

pub use refusal::{Found, Refusal, Which};

/// The state of the machine in this boot, as far as the decisions depend on it.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// The kernel's ID of this boot.
    pub boot_id: String,
    /// The clock, in seconds since 1970.
    pub now: u64,
    /// Whether the last day of the manifest set is over.
    pub expired: bool,
    /// Whether every power supply that is present works; `None` if unknown.
    pub power: Option<bool>,
    /// Whether the BMC responds; `None` if it was not queried.
    pub bmc: Option<bool>,
    /// Available memory in bytes.
    pub memory_bytes: Option<u64>,
}

/// The decisions about all components; NICs come before the BIOS.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The components that have an entry.
    pub components: Vec<Planned<'a>>,
    /// The others, and why.
    pub skipped: Vec<FirmwareSkipped>,
}

/// A component with the decision about it.
#[derive(Debug)]
pub struct Planned<'a> {
    /// The component and its entry.
    pub matched: Matched<'a>,
    /// The decision.
    pub verdict: Verdict<'a>,
    /// How often the version in question was tried.
    pub attempts: u32,
    /// The outcome of the last attempt with that version.
    pub last: Option<AttemptOutcome>,
}

/// A decision about a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It runs the desired version, or a newer one that may stay.
    Current(Option<Newer>),
    /// This version is stored and does not run yet.
    PendingActivation {
        /// The version.
        version: &'a str,
        /// Whether the journal has an attempt of this boot for it.
        recorded: bool,
    },
    /// This is to be flashed.
    Update(Target<'a>),
    /// It is not flashed, for this reason.
    Refused(Refusal),
    /// This version was tried as often as the manifest allows.
    Exhausted(&'a str),
}

/// What is newer than the desired version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newer {
    /// The running version.
    Running,
    /// The stored version.
    Stored,
}

/// A version to flash: the desired one, or an intermediate one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The version.
    pub version: &'a str,
    /// Its image file.
    pub image: &'a Image,
    /// From which running versions it may be flashed.
    pub from: &'a FromVersions,
}

/// Decides about every component. Without a journal nothing is flashed, since the number of attempts is unknown.
pub fn plan<'a>(matches: Matches<'a>, journal: Option<&Journal>, conditions: &Conditions) -> Plan<'a> {
    let readings: Vec<(&Entry, Option<String>)> = matches
        .matched
        .iter()
        .map(|matched| (matched.entry, matched.reading.as_ref().ok().map(|reading| reading.running.clone())))
        .collect();
    let mut components: Vec<Planned> = matches
        .matched
        .into_iter()
        .map(|matched| {
            let verdict = decide(&matched, journal, conditions, &readings).unwrap_or_else(Verdict::Refused);
            let version = verdict.version().or(matched.entry.version.want.as_deref()).unwrap_or_default();
            let format = matched.entry.version.format;
            let tried: Vec<&Attempt> = journal
                .into_iter()
                .flat_map(|journal| attempts(journal, &matched.device.key, version, format))
                .collect();
            let last = tried.last().and_then(|attempt| attempt.outcome.clone());
            let attempts = u32::try_from(tried.len()).unwrap_or(u32::MAX);
            Planned { matched, verdict, attempts, last }
        })
        .collect();
    components.sort_by_key(|planned| planned.matched.device.component);
    Plan { components, skipped: matches.skipped }
}

impl Plan<'_> {
    /// Whether a component is to be flashed or activated.
    pub fn acts(&self) -> bool {
        self.acting().next().is_some()
    }

    /// The reset at the end of the plan: the strongest that a component needs. `None` if no component needs one.
    pub fn reset(&self) -> Option<Activation> {
        let by = self.acting().map(|planned| planned.matched.entry.activate.by);
        by.filter(|by| *by != Activation::Reload).max()
    }

    /// The entries because of which the host must not boot a target.
    pub fn quarantine(&self) -> Vec<&str> {
        let is_lost = |planned: &&Planned| {
            planned.matched.entry.safety.on_fail == OnFail::Quarantine
                && matches!(planned.verdict, Verdict::Exhausted(_))
        };
        self.components.iter().filter(is_lost).map(|planned| planned.matched.entry.name.as_str()).collect()
    }

    fn acting(&self) -> impl Iterator<Item = &Planned<'_>> {
        self.components.iter().filter(|planned| {
            matches!(planned.verdict, Verdict::Update(_) | Verdict::PendingActivation { .. })
        })
    }
}

impl Planned<'_> {
    /// The component in the report.
    pub fn report(&self) -> FirmwareComponent {
        let Matched { entry, device, reading, .. } = &self.matched;
        let decision = match &self.verdict {
            Verdict::Current(_) => Decision::Current,
            Verdict::PendingActivation { .. } => Decision::PendingActivation,
            Verdict::Update(_) => Decision::Update,
            Verdict::Refused(_) => Decision::Refused,
            Verdict::Exhausted(_) => Decision::Exhausted,
        };
        let reading = reading.as_ref().ok();
        FirmwareComponent {
            name: entry.name.clone(),
            component: device.component,
            device: device.name.clone(),
            running: reading.map(|reading| reading.running.clone()),
            stored: reading.and_then(|reading| reading.stored.clone()),
            want: entry.version.want.clone().unwrap_or_default(),
            decision,
            target: self.verdict.version().map(str::to_string),
            reason: self.reason(),
            outcome: self.last.clone(),
            attempts: self.attempts,
            took_ms: None,
        }
    }

    /// The reason of the decision, for people.
    fn reason(&self) -> Option<String> {
        match &self.verdict {
            Verdict::Current(None) | Verdict::Update(_) => None,
            Verdict::Current(Some(Newer::Running)) => Some("a newer version is running".to_string()),
            Verdict::Current(Some(Newer::Stored)) => Some("a newer version is stored".to_string()),
            Verdict::PendingActivation { .. } => Some("it is stored, but not running yet".to_string()),
            Verdict::Refused(refusal) => Some(refusal.to_string()),
            Verdict::Exhausted(version) => Some(format!(
                "{version} was tried {} times, the limit is {}",
                self.attempts, self.matched.entry.limits.max_attempts
            )),
        }
    }
}

impl<'a> Verdict<'a> {
    /// The version that the decision is about.
    pub fn version(&self) -> Option<&'a str> {
        match self {
            Self::PendingActivation { version, .. } | Self::Exhausted(version) => Some(version),
            Self::Update(target) => Some(target.version),
            Self::Current(_) | Self::Refused(_) => None,
        }
    }
}

fn decide<'a>(
    matched: &Matched<'a>,
    journal: Option<&Journal>,
    conditions: &Conditions,
    others: &[(&Entry, Option<String>)],
) -> Result<Verdict<'a>, Refusal> {
    let entry = matched.entry;
    let (Some(want), Some(image)) = (&entry.version.want, &entry.image) else {
        return Err(Refusal::IncompleteEntry);
    };
    let want = Target { version: want, image, from: &entry.policy.from };
    let reading = matched.reading.as_ref().map_err(Clone::clone)?;
    let step = next(entry, want, reading)?;
    let version = match &step {
        // The running version counts, whatever the journal has.
        Step::Stay(newer) => return Ok(Verdict::Current(*newer)),
        Step::Activate(version) => version,
        Step::Flash(target) => target.version,
    };
    let journal = journal.ok_or(Refusal::NoJournal)?;
    if let Some(attempt) = of_boot(journal, &matched.device.key, &conditions.boot_id) {
        return in_this_boot(entry, attempt, version);
    }
    if gates::is_exhausted(matched, version, journal) {
        return Ok(Verdict::Exhausted(version));
    }
    gates::limits(matched, version, journal, conditions)?;
    match step {
        Step::Flash(target) => {
            gates::all(matched, &target, reading, conditions, others)?;
            Ok(Verdict::Update(target))
        }
        Step::Activate(_) | Step::Stay(_) => Ok(Verdict::PendingActivation { version, recorded: false }),
    }
}

/// A component is flashed at most once in a boot; a version that was stored in it is still to be activated.
fn in_this_boot<'a>(entry: &'a Entry, attempt: &Attempt, next: &'a str) -> Result<Verdict<'a>, Refusal> {
    let tried = attempt.version.clone();
    match (&attempt.outcome, &attempt.phase) {
        (None, Phase::Staged | Phase::Activating) if same(entry.version.format, next, &tried) => {
            Ok(Verdict::PendingActivation { version: next, recorded: true })
        }
        (None, Phase::Staged | Phase::Activating) => Err(Refusal::FlashedInThisBoot(tried)),
        (None, Phase::Armed | Phase::Unknown(_)) => Err(Refusal::OpenAttempt(tried)),
        (Some(_), _) => {
            let detail = attempt.detail.clone().unwrap_or_else(|| "no reason was recorded".to_string());
            Err(Refusal::TriedInThisBoot { version: tried, detail })
        }
    }
}

#[cfg(test)]
mod tests;
