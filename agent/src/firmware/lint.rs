// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks of a manifest set without a machine. Pure.

mod entry;

use std::cmp::Ordering;

use stage1_contract::firmware::ManifestSet;
use stage1_contract::firmware::manifest::{Component, Entry, Match};

use super::set;
use super::version::Version;

/// Something that was found in a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The name of the entry; `None` if it is about the whole set.
    pub entry: Option<String>,
    /// Whether it is an error, not only a note.
    pub error: bool,
    /// For people.
    pub message: String,
}

/// Days after which a set should have been looked at again.
const LONG: u64 = 3 * 366;

/// The fixed version by which boards with the same PCI IDs differ, for each driver (Documentation/networking/devlink/).
const BOARD_IDS: [(&str, &str); 1] = [("mlx5_core", "fw.psid")];

/// Checks a set at `now`, in seconds since 1970. Returns the set, unless it cannot be parsed, and the findings.
pub(crate) fn lint(text: &str, now: u64) -> (Option<ManifestSet>, Vec<Finding>) {
    let set = match set::parse(text) {
        Ok(set) => set,
        Err(error) => return (None, vec![Finding { entry: None, error: true, message: error.to_string() }]),
    };
    let mut findings = Vec::new();
    if set.entries.is_empty() {
        findings.push(Finding { entry: None, error: true, message: "the set has no [[entry]]".to_string() });
    }
    findings.extend(whole(&set, now));
    for (index, entry) in set.entries.iter().enumerate() {
        let earlier = set.entries.get(..index).unwrap_or_default();
        let errors = entry::errors(entry)
            .into_iter()
            .chain(conflicts(entry, earlier))
            .chain(required(entry, &set.entries));
        let name = Some(entry.name.clone());
        findings.extend(errors.map(|message| Finding { entry: name.clone(), error: true, message }));
        findings.extend(remark(entry).map(|message| Finding { entry: name, error: false, message }));
    }
    findings.extend(cycles(&set.entries).map(|name| Finding {
        message: "it requires a version of itself, through other entries".to_string(),
        entry: Some(name.to_string()),
        error: true,
    }));
    (Some(set), findings)
}

/// What is wrong with a set, apart from its entries. A set of templates is not for hosts, so its last day does not matter.
fn whole(set: &ManifestSet, now: u64) -> Vec<Finding> {
    let finding = |error: bool, message: String| Finding { entry: None, error, message };
    let mut findings = Vec::new();
    if set.serial == 0 {
        findings.push(finding(true, "serial: it begins at 1, and grows with each set".to_string()));
    }
    let is_for_hosts = set.entries.iter().any(|entry| !entry.is_template());
    let end = set::end(&set.expires).unwrap_or_default();
    if is_for_hosts && end <= now {
        findings
            .push(finding(true, format!("expires: {} is over, so every host refuses the set", set.expires)));
    } else if is_for_hosts && end > now + LONG * 86_400 {
        let message = format!(
            "expires: {} is far away: an old set that is replayed would be valid until then",
            set.expires
        );
        findings.push(finding(false, message));
    }
    findings
}

/// A remark on an entry that is no error.
fn remark(entry: &Entry) -> Option<String> {
    if entry.is_template() {
        return Some("a template, without version and image: it matches nothing".to_string());
    }
    let (_, key) = BOARD_IDS.iter().find(|(driver, _)| entry.matches.driver.as_deref() == Some(driver))?;
    let is_missing = !entry.matches.fixed.contains_key(*key);
    is_missing.then(|| {
        format!(
            "match: without fixed = {{ {key:?} = ... }} it also matches boards of server makers, which refuse the image"
        )
    })
}

/// The errors between an entry and those before it.
fn conflicts(entry: &Entry, earlier: &[Entry]) -> Vec<String> {
    let mut errors = Vec::new();
    if earlier.iter().any(|other| other.name == entry.name) {
        errors.push("another entry has the same name".to_string());
    }
    let others = earlier.iter().filter(|other| !other.is_template() && !entry.is_template());
    for other in others.filter(|other| other.component == entry.component && overlap(entry, other)) {
        errors
            .push(format!("a component can match both this entry and {}; neither is used then", other.name));
    }
    errors
}

/// Whether a component can match both.
fn overlap(one: &Entry, other: &Entry) -> bool {
    let (a, b): (&Match, &Match) = (&one.matches, &other.matches);
    let apart =
        |one: &Option<String>, other: &Option<String>| one.is_some() && other.is_some() && one != other;
    match one.component {
        Component::Nic => {
            a.pci.iter().any(|one| b.pci.iter().any(|other| one.overlaps(other)))
                && !apart(&a.driver, &b.driver)
                && !a.fixed.iter().any(|(key, value)| b.fixed.get(key).is_some_and(|other| other != value))
        }
        Component::Bios => {
            !apart(&a.sys_vendor, &b.sys_vendor)
                && !apart(&a.product, &b.product)
                && !apart(&a.board_vendor, &b.board_vendor)
                && !apart(&a.board_name, &b.board_name)
                // A board has one ESRT entry for its own firmware.
                && !apart(&a.esrt, &b.esrt)
        }
    }
}

/// The errors in an entry's requirements.
fn required(entry: &Entry, all: &[Entry]) -> Vec<String> {
    let mut errors = Vec::new();
    for required in &entry.requires.versions {
        let name = &required.entry;
        match all.iter().find(|other| other.name == *name && !other.is_template()) {
            None => {
                errors.push(format!("it requires {name}, but no entry with a version has that name"));
            }
            Some(other) => match Version::parse(other.version.format, &required.min) {
                Err(error) => errors.push(format!("requires {name}: {error}")),
                Ok(min) if min.compare(&min_of(other)) == Some(Ordering::Greater) => {
                    errors.push(format!(
                        "it requires {name} {}, which is newer than the desired version of that entry",
                        required.min
                    ));
                }
                Ok(_) => {}
            },
        }
    }
    errors
}

/// The desired version of an entry; if it cannot be parsed, a text, which has no order.
fn min_of(entry: &Entry) -> Version {
    let want = entry.version.want.as_deref().unwrap_or_default();
    Version::parse(entry.version.format, want).unwrap_or_else(|_| Version::Text(String::new()))
}

/// The entries that require themselves, directly or through others.
fn cycles(entries: &[Entry]) -> impl Iterator<Item = &str> {
    entries.iter().map(|entry| entry.name.as_str()).filter(|name| {
        let mut reached: Vec<&str> = vec![name];
        let mut at = 0;
        while let Some(from) = reached.get(at).copied() {
            at += 1;
            let required = entries.iter().filter(|entry| entry.name == from);
            for next in
                required.flat_map(|entry| &entry.requires.versions).map(|required| required.entry.as_str())
            {
                if next == *name {
                    return true;
                }
                if !reached.contains(&next) {
                    reached.push(next);
                }
            }
        }
        false
    })
}

#[cfg(test)]
mod tests;
