// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is to be done about each component: its versions, its manifest and the journal make a decision. Pure.

mod gates;

use std::cmp::Ordering;

use stage1_contract::firmware::manifest::{Activation, Entry, FromVersions, Image, OnFail, Update};
use stage1_contract::firmware::{
    Attempt, AttemptOutcome, Decision, FirmwareComponent, FirmwareSkipped, Journal, Phase,
};

use super::journal::{attempts, of_boot, same};
use super::matching::{Matched, Matches, Reading};
use super::version::Version;

/// What is known of the machine in this boot.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// The kernel's id of this boot.
    pub boot_id: String,
    /// The clock, in seconds since 1970.
    pub now: u64,
    /// Whether the manifest set's last day is over.
    pub expired: bool,
    /// Whether every power supply that is present works; `None` where nothing tells.
    pub power: Option<bool>,
    /// Whether the BMC answers; `None` where it was not asked.
    pub bmc: Option<bool>,
    /// Memory that is available, in bytes.
    pub memory_bytes: Option<u64>,
}

/// What is to be done, component by component; NICs come before the BIOS.
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
    /// What is to be done.
    pub verdict: Verdict<'a>,
    /// How often the version in question was tried.
    pub attempts: u32,
    /// What came of the last attempt at it.
    pub last: Option<AttemptOutcome>,
}

/// What is decided about a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It runs what it should, or what may stay; with a word where that needs one.
    Current(Option<String>),
    /// This version is stored and does not run yet. `recorded`: an attempt of this boot tells of it already.
    PendingActivation {
        /// The version.
        version: &'a str,
        /// Whether the journal has an attempt of this boot for it.
        recorded: bool,
    },
    /// This is to be flashed.
    Update(Target<'a>),
    /// It is left alone, for this reason.
    Refused(String),
    /// This version was tried as often as the manifest allows.
    Exhausted(&'a str),
}

/// A version to flash: the wanted one, or one on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The version.
    pub version: &'a str,
    /// Its file.
    pub image: &'a Image,
    /// From which versions it may be flashed.
    pub from: &'a FromVersions,
}

/// Plans. Without a journal nothing is tried: nobody would know how often it was.
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
            let verdict = decide(&matched, journal, conditions, &readings);
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
    /// Whether something is to be flashed or activated.
    pub fn acts(&self) -> bool {
        self.acting().next().is_some()
    }

    /// The reset that the plan ends in, where it needs one: the strongest that any component needs.
    pub fn reset(&self) -> Option<Activation> {
        let by = self.acting().map(|planned| planned.matched.entry.activate.by);
        by.filter(|by| *by != Activation::Reload).max()
    }

    fn acting(&self) -> impl Iterator<Item = &Planned<'_>> {
        self.components.iter().filter(|planned| {
            matches!(planned.verdict, Verdict::Update(_) | Verdict::PendingActivation { .. })
        })
    }

    /// The entries for whose sake the host boots no target.
    pub fn quarantine(&self) -> Vec<&str> {
        let is_lost = |planned: &&Planned| {
            planned.matched.entry.safety.on_fail == OnFail::Quarantine
                && matches!(planned.verdict, Verdict::Exhausted(_))
        };
        self.components.iter().filter(is_lost).map(|planned| planned.matched.entry.name.as_str()).collect()
    }
}

impl Planned<'_> {
    /// As the report has it.
    pub fn report(&self) -> FirmwareComponent {
        let Matched { entry, device, reading, .. } = &self.matched;
        let (decision, reason) = match &self.verdict {
            Verdict::Current(words) => (Decision::Current, words.clone()),
            Verdict::PendingActivation { .. } => {
                (Decision::PendingActivation, Some("it is stored, and does not run yet".to_string()))
            }
            Verdict::Update(_) => (Decision::Update, None),
            Verdict::Refused(reason) => (Decision::Refused, Some(reason.clone())),
            Verdict::Exhausted(version) => (
                Decision::Exhausted,
                Some(format!(
                    "{version} was tried {} times, the limit is {}",
                    self.attempts, entry.limits.max_attempts
                )),
            ),
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
            reason,
            outcome: self.last.clone(),
            attempts: self.attempts,
            took_ms: None,
        }
    }
}

impl<'a> Verdict<'a> {
    /// The version that it is about.
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
) -> Verdict<'a> {
    let entry = matched.entry;
    let (Some(want), Some(image)) = (&entry.version.want, &entry.image) else {
        return Verdict::Refused("its entry names no version and image".to_string());
    };
    let want = Target { version: want, image, from: &entry.policy.from };
    let reading = match &matched.reading {
        Ok(reading) => reading,
        Err(why) => return Verdict::Refused(why.clone()),
    };
    let step = match next(entry, want, reading) {
        Ok(step) => step,
        Err(why) => return Verdict::Refused(why),
    };
    // What runs is what runs, whatever was tried.
    let step = match step {
        Step::Stay(words) => return Verdict::Current(words),
        step => step,
    };
    let Some(journal) = journal else {
        return Verdict::Refused("the journal cannot be read, so nobody knows what was tried".to_string());
    };
    if let Some(attempt) = of_boot(journal, &matched.device.key, &conditions.boot_id) {
        return in_this_boot(entry, attempt, &step);
    }
    let version = match &step {
        Step::Activate(version) => version,
        Step::Flash(target) => target.version,
        Step::Stay(_) => want.version,
    };
    if let Some(verdict) = gates::limits(matched, version, journal, conditions) {
        return verdict;
    }
    match step {
        Step::Flash(target) => match gates::all(matched, &target, reading, conditions, others) {
            Ok(()) => Verdict::Update(target),
            Err(why) => Verdict::Refused(why),
        },
        Step::Activate(version) => Verdict::PendingActivation { version, recorded: false },
        Step::Stay(words) => Verdict::Current(words),
    }
}

/// What the versions alone say.
enum Step<'a> {
    Stay(Option<String>),
    Activate(&'a str),
    Flash(Target<'a>),
}

fn next<'a>(entry: &'a Entry, want: Target<'a>, reading: &Reading) -> Result<Step<'a>, String> {
    let read = |what: &str, text: &str| {
        Version::parse(entry.version.format, text).map_err(|error| format!("{what}: {error}"))
    };
    let wanted = read("the wanted version", want.version)?;
    let running = read("the running version", &reading.running)?;
    let stored = match &reading.stored {
        Some(stored) => read("the stored version", stored)?,
        None => running.clone(),
    };
    if running == wanted && stored == wanted {
        return Ok(Step::Stay(None));
    }
    let exact = entry.policy.update == Update::Exact;
    let order = |one: &Version, other: &Version, words: &str| {
        one.compare(other)
            .ok_or_else(|| format!("{words} is another text, and the format plain tells no older from newer"))
    };
    if !exact {
        if running != wanted && order(&running, &wanted, &reading.running)? == Ordering::Greater {
            return match stored.compare(&running) {
                Some(Ordering::Less) => Err(format!(
                    "{} runs, which is newer, and the older {} is stored",
                    reading.running,
                    reading.stored.as_deref().unwrap_or_default()
                )),
                _ => Ok(Step::Stay(Some("it is newer".to_string()))),
            };
        }
        if order(&stored, &wanted, "what is stored")? == Ordering::Greater {
            return Ok(Step::Stay(Some("what is stored is newer".to_string())));
        }
    }
    let target = stone(entry, &running)?.unwrap_or(want);
    let targeted = read("the version on the way", target.version)?;
    if stored == targeted && running != targeted {
        return Ok(Step::Activate(target.version));
    }
    if !exact && stored.compare(&targeted) == Some(Ordering::Greater) {
        let stored = reading.stored.as_deref().unwrap_or_default();
        return Err(format!(
            "{stored} is stored, which is newer than {}, the next one on the way",
            target.version
        ));
    }
    Ok(Step::Flash(target))
}

/// The first version on the way that is newer than what runs.
fn stone<'a>(entry: &'a Entry, running: &Version) -> Result<Option<Target<'a>>, String> {
    for stone in &entry.policy.via {
        let version = Version::parse(entry.version.format, &stone.version)
            .map_err(|error| format!("a version on the way: {error}"))?;
        if running.compare(&version) == Some(Ordering::Less) {
            return Ok(Some(Target { version: &stone.version, image: &stone.image, from: &stone.from }));
        }
    }
    Ok(None)
}

/// A component is tried once in a boot; what is stored by then is still to be activated.
fn in_this_boot<'a>(entry: &'a Entry, attempt: &Attempt, step: &Step<'a>) -> Verdict<'a> {
    let format = entry.version.format;
    let stones = entry.policy.via.iter().map(|stone| stone.version.as_str());
    let version =
        stones.chain(entry.version.want.as_deref()).find(|version| same(format, version, &attempt.version));
    let is_next = match step {
        Step::Activate(next) => Some(*next) == version,
        Step::Flash(target) => Some(target.version) == version,
        Step::Stay(_) => false,
    };
    match (&attempt.outcome, &attempt.phase, version) {
        (None, Phase::Staged | Phase::Activating, Some(version)) if is_next => {
            Verdict::PendingActivation { version, recorded: true }
        }
        (None, Phase::Staged | Phase::Activating, _) => Verdict::Refused(format!(
            "{} was flashed in this boot; the rest follows in the next one",
            attempt.version
        )),
        (None, Phase::Armed | Phase::Unknown(_), _) => {
            Verdict::Refused(format!("an attempt at {} in this boot has not ended", attempt.version))
        }
        (Some(_), _, _) => Verdict::Refused(format!(
            "{} was tried in this boot: {}",
            attempt.version,
            attempt.detail.as_deref().unwrap_or("no reason was recorded")
        )),
    }
}

#[cfg(test)]
mod tests;
