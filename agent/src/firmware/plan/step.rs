// SPDX-License-Identifier: MIT OR Apache-2.0
//! The next step to the desired version, by the versions alone. Pure.

use std::cmp::Ordering;

use stage1_contract::firmware::manifest::{Entry, Update};

use super::refusal::{Refusal, Which};
use super::{Newer, Target};
use crate::firmware::reading::Reading;
use crate::firmware::version::Version;

/// What the versions alone ask for.
pub(super) enum Step<'a> {
    /// Nothing: the desired version runs, or a newer one that may stay.
    Stay(Option<Newer>),
    /// This version is stored, and has to be activated.
    Activate(&'a str),
    /// This version has to be flashed.
    Flash(Target<'a>),
}

pub(super) fn next<'a>(entry: &'a Entry, want: Target<'a>, reading: &Reading) -> Result<Step<'a>, Refusal> {
    let read = |which: Which, text: &str| {
        Version::parse(entry.version.format, text).map_err(|error| which.not_a_version(error))
    };
    let desired = read(Which::Desired, want.version)?;
    let running = read(Which::Running, &reading.running)?;
    let stored = match &reading.stored {
        Some(stored) => read(Which::Stored, stored)?,
        None => running.clone(),
    };
    if running == desired && stored == desired {
        return Ok(Step::Stay(None));
    }
    let stored_text = || reading.stored.clone().unwrap_or_default();
    let exact = entry.policy.update == Update::Exact;
    let order = |one: &Version, which: Which| one.compare(&desired).ok_or(Refusal::NoOrder(which));
    if !exact {
        if running != desired && order(&running, Which::Running)? == Ordering::Greater {
            return match stored.compare(&running) {
                Some(Ordering::Less) => {
                    Err(Refusal::StoredIsOlder { running: reading.running.clone(), stored: stored_text() })
                }
                _ => Ok(Step::Stay(Some(Newer::Running))),
            };
        }
        if order(&stored, Which::Stored)? == Ordering::Greater {
            return Ok(Step::Stay(Some(Newer::Stored)));
        }
    }
    let target = intermediate(entry, &running)?.unwrap_or(want);
    let targeted = read(Which::Intermediate, target.version)?;
    if stored == targeted && running != targeted {
        return Ok(Step::Activate(target.version));
    }
    if !exact && stored.compare(&targeted) == Some(Ordering::Greater) {
        return Err(Refusal::StoredIsNewer { stored: stored_text(), next: target.version.to_string() });
    }
    Ok(Step::Flash(target))
}

/// The first intermediate version that is newer than what runs.
fn intermediate<'a>(entry: &'a Entry, running: &Version) -> Result<Option<Target<'a>>, Refusal> {
    for via in &entry.policy.via {
        let version = Version::parse(entry.version.format, &via.version)
            .map_err(|error| Which::Intermediate.not_a_version(error))?;
        if running.compare(&version) == Some(Ordering::Less) {
            return Ok(Some(Target { version: &via.version, image: &via.image, from: &via.from }));
        }
    }
    Ok(None)
}
