// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must hold before a version is flashed. Pure.

use std::cmp::Ordering;

use stage1_contract::firmware::manifest::{Entry, RequiredVersion};
use stage1_contract::firmware::{AttemptOutcome, Journal};

use super::refusal::{Found, Refusal, Which};
use super::{Conditions, Target};
use crate::firmware::journal::attempts;
use crate::firmware::matching::Matched;
use crate::firmware::reading::Reading;
use crate::firmware::version::Version;

/// Whether the version was tried as often as the manifest allows.
pub(super) fn is_exhausted(matched: &Matched, version: &str, journal: &Journal) -> bool {
    let entry = matched.entry;
    let tried = attempts(journal, &matched.device.key, version, entry.version.format).count();
    tried >= usize::try_from(entry.limits.max_attempts).unwrap_or(usize::MAX)
}

/// The last day of the manifest set, and the pause after a failed attempt.
pub(super) fn limits(
    matched: &Matched,
    version: &str,
    journal: &Journal,
    conditions: &Conditions,
) -> Result<(), Refusal> {
    let entry = matched.entry;
    if conditions.expired {
        return Err(Refusal::Expired);
    }
    if conditions.boot_id.is_empty() {
        return Err(Refusal::NoBootId);
    }
    let tried = attempts(journal, &matched.device.key, version, entry.version.format);
    let failed = tried.filter(|attempt| attempt.outcome != Some(AttemptOutcome::Confirmed));
    let Some(last) = failed.map(|attempt| attempt.time).max() else { return Ok(()) };
    let due = last.saturating_add(entry.limits.backoff_seconds.into());
    // A clock that was set back proves nothing.
    if last <= conditions.now && conditions.now < due {
        return Err(Refusal::Backoff(due - conditions.now));
    }
    Ok(())
}

/// What the versions, the component itself and the machine must fulfil.
pub(super) fn all(
    matched: &Matched,
    target: &Target,
    reading: &Reading,
    conditions: &Conditions,
    others: &[(&Entry, Option<String>)],
) -> Result<(), Refusal> {
    origin(matched.entry, target, reading)?;
    security(matched, target, reading)?;
    matched.entry.requires.versions.iter().try_for_each(|required| version(required, others))?;
    machine(matched.entry, target, conditions)
}

/// From which versions the target may be flashed.
fn origin(entry: &Entry, target: &Target, reading: &Reading) -> Result<(), Refusal> {
    let read = |which: Which, text: &str| {
        Version::parse(entry.version.format, text).map_err(|error| which.not_a_version(error))
    };
    let running = read(Which::Running, &reading.running)?;
    let among = |versions: &[String]| {
        let versions: Result<Vec<Version>, Refusal> =
            versions.iter().map(|version| read(Which::From, version)).collect();
        versions.map(|versions| versions.contains(&running))
    };
    let from = target.from;
    let (version, text) = (target.version.to_string(), reading.running.clone());
    if let Some(min) = &from.min
        && !is_at_least(&running, &read(Which::From, min)?)
    {
        return Err(Refusal::BelowMinimum { version, min: min.clone(), running: text });
    }
    if !from.allow.is_empty() && !among(&from.allow)? {
        return Err(Refusal::NotAllowed { version, allow: from.allow.clone(), running: text });
    }
    if among(&from.deny)? {
        return Err(Refusal::Denied { version, running: text });
    }
    Ok(())
}

/// What the component itself would refuse.
fn security(matched: &Matched, target: &Target, reading: &Reading) -> Result<(), Refusal> {
    let entry = matched.entry;
    if let (Some(security), Some(own)) = (&entry.version.security, &matched.security) {
        let (image, component) = (security.revision, own.clone()?);
        if image < component {
            return Err(Refusal::SecurityRevision { image, component });
        }
    }
    let Some(lowest) = &reading.lowest else { return Ok(()) };
    let read = |which: Which, text: &str| {
        Version::parse(entry.version.format, text).map_err(|error| which.not_a_version(error))
    };
    if is_at_least(&read(Which::Desired, target.version)?, &read(Which::Lowest, lowest)?) {
        return Ok(());
    }
    Err(Refusal::BelowLowest(lowest.clone()))
}

/// What another component has to run.
fn version(required: &RequiredVersion, others: &[(&Entry, Option<String>)]) -> Result<(), Refusal> {
    let RequiredVersion { entry: name, min } = required;
    let refuse = |found: Found| Refusal::Required { entry: name.clone(), min: min.clone(), found };
    let mut matching = others.iter().filter(|(entry, _)| entry.name == *name).peekable();
    if matching.peek().is_none() {
        return Err(refuse(Found::Nothing));
    }
    for (entry, running) in matching {
        let read = |text: &str| {
            Version::parse(entry.version.format, text)
                .map_err(|error| Which::Required(name.clone()).not_a_version(error))
        };
        let Some(running) = running else { return Err(refuse(Found::Unreadable)) };
        if !is_at_least(&read(running)?, &read(min)?) {
            return Err(refuse(Found::Running(running.clone())));
        }
    }
    Ok(())
}

fn machine(entry: &Entry, target: &Target, conditions: &Conditions) -> Result<(), Refusal> {
    let requires = &entry.requires;
    match conditions.power {
        Some(true) => {}
        _ if !requires.power => {}
        Some(false) => return Err(Refusal::PowerFailed),
        None => return Err(Refusal::PowerUnknown),
    }
    match conditions.bmc {
        Some(true) => {}
        _ if !requires.bmc => {}
        Some(false) => return Err(Refusal::BmcSilent),
        None => return Err(Refusal::BmcUnknown),
    }
    let needed = (requires.memory_mib.unwrap_or(0) << 20).saturating_add(target.image.size);
    match conditions.memory_bytes {
        Some(available) if available < needed => Err(Refusal::Memory { needed, available }),
        _ => Ok(()),
    }
}

/// Whether a version is the same as another one or newer; not if their format has no order.
fn is_at_least(version: &Version, min: &Version) -> bool {
    matches!(version.compare(min), Some(Ordering::Equal | Ordering::Greater))
}
