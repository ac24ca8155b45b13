// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has to hold before a version is flashed. Pure.

use std::cmp::Ordering;

use stage1_contract::firmware::manifest::{Entry, RequiredVersion};
use stage1_contract::firmware::{Attempt, AttemptOutcome, Journal};

use super::{Conditions, Target, Verdict};
use crate::firmware::journal::attempts;
use crate::firmware::matching::{Matched, Reading};
use crate::firmware::version::Version;

/// What the manifest set's day, the number of attempts and the pause between them forbid.
pub fn limits<'a>(
    matched: &Matched<'a>,
    version: &'a str,
    journal: &Journal,
    conditions: &Conditions,
) -> Option<Verdict<'a>> {
    let entry = matched.entry;
    let tried: Vec<&Attempt> =
        attempts(journal, &matched.device.key, version, entry.version.format).collect();
    if tried.len() >= usize::try_from(entry.limits.max_attempts).unwrap_or(usize::MAX) {
        return Some(Verdict::Exhausted(version));
    }
    if conditions.expired {
        return Some(Verdict::Refused("the manifest set has expired, by this host's clock".to_string()));
    }
    if conditions.boot_id.is_empty() {
        return Some(Verdict::Refused("the kernel tells no id of this boot".to_string()));
    }
    let failed = tried.iter().filter(|attempt| attempt.outcome != Some(AttemptOutcome::Confirmed));
    let last = failed.map(|attempt| attempt.time).max()?;
    let due = last.saturating_add(entry.limits.backoff_seconds.into());
    // A clock that went back says nothing.
    (last <= conditions.now && conditions.now < due).then(|| {
        Verdict::Refused(format!(
            "the last attempt failed; the next one is due in {} s",
            due - conditions.now
        ))
    })
}

/// What the versions, the component itself and the machine forbid.
pub fn all(
    matched: &Matched,
    target: &Target,
    reading: &Reading,
    conditions: &Conditions,
    others: &[(&Entry, Option<String>)],
) -> Result<(), String> {
    origin(matched.entry, target, reading)?;
    security(matched, target, reading)?;
    matched.entry.requires.versions.iter().try_for_each(|required| version(required, others))?;
    machine(matched.entry, target, conditions)
}

/// From which versions the target may be flashed.
fn origin(entry: &Entry, target: &Target, reading: &Reading) -> Result<(), String> {
    let read = |text: &str| Version::parse(entry.version.format, text).map_err(|error| error.to_string());
    let running = read(&reading.running)?;
    let Target { version, from, .. } = target;
    let text = &reading.running;
    if let Some(min) = &from.min
        && !matches!(running.compare(&read(min)?), Some(Ordering::Equal | Ordering::Greater))
    {
        return Err(format!("{version} may be flashed from {min} on, {text} runs"));
    }
    let among = |versions: &[String]| {
        let versions: Result<Vec<Version>, String> = versions.iter().map(|version| read(version)).collect();
        versions.map(|versions| versions.contains(&running))
    };
    if !from.allow.is_empty() && !among(&from.allow)? {
        return Err(format!("{version} may be flashed from {} only, {text} runs", from.allow.join(", ")));
    }
    if among(&from.deny)? {
        return Err(format!("{version} may not be flashed from {text}"));
    }
    Ok(())
}

/// What the component itself would refuse.
fn security(matched: &Matched, target: &Target, reading: &Reading) -> Result<(), String> {
    let entry = matched.entry;
    if let (Some(security), Some(own)) = (&entry.version.security, &matched.security) {
        let own = own.as_ref().map_err(Clone::clone)?;
        if security.revision < *own {
            return Err(format!(
                "the image's security revision is {}, the component takes none below {own}",
                security.revision
            ));
        }
    }
    let Some(lowest) = &reading.lowest else { return Ok(()) };
    let read = |text: &str| Version::parse(entry.version.format, text).map_err(|error| error.to_string());
    match read(target.version)?.compare(&read(lowest)?) {
        Some(Ordering::Equal | Ordering::Greater) => Ok(()),
        _ => Err(format!("the component takes no version below {lowest}")),
    }
}

/// What another component has to run.
fn version(required: &RequiredVersion, others: &[(&Entry, Option<String>)]) -> Result<(), String> {
    let RequiredVersion { entry: name, min } = required;
    let mut found = false;
    for (entry, running) in others.iter().filter(|(entry, _)| entry.name == *name) {
        let read = |text: &str| {
            Version::parse(entry.version.format, text).map_err(|error| format!("{name}: {error}"))
        };
        let Some(running) = running else {
            return Err(format!("it needs {name} {min} or newer, and what runs there cannot be read"));
        };
        if !matches!(read(running)?.compare(&read(min)?), Some(Ordering::Equal | Ordering::Greater)) {
            return Err(format!("it needs {name} {min} or newer, {running} runs"));
        }
        found = true;
    }
    if found { Ok(()) } else { Err(format!("it needs {name} {min} or newer, and this machine has none")) }
}

fn machine(entry: &Entry, target: &Target, conditions: &Conditions) -> Result<(), String> {
    let requires = &entry.requires;
    match conditions.power {
        Some(true) => {}
        _ if !requires.power => {}
        Some(false) => return Err("a power supply does not work, or is not plugged in".to_string()),
        None => return Err("nothing tells whether the power supplies work".to_string()),
    }
    match conditions.bmc {
        Some(true) => {}
        _ if !requires.bmc => {}
        Some(false) => return Err("the BMC does not answer".to_string()),
        None => return Err("nobody knows whether the BMC answers".to_string()),
    }
    let needed = (requires.memory_mib.unwrap_or(0) << 20).saturating_add(target.image.size);
    match conditions.memory_bytes {
        Some(available) if available < needed => {
            Err(format!("it needs {needed} bytes of memory, {available} are available"))
        }
        _ => Ok(()),
    }
}
