// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is wrong with a manifest set before any machine sees it. Pure.

mod entry;

use std::cmp::Ordering;

use stage1_contract::firmware::ManifestSet;
use stage1_contract::firmware::manifest::{Component, Entry, Match};

use super::set;
use super::version::Version;

/// What was found in a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The entry, where it is about one.
    pub entry: Option<String>,
    /// Whether it is wrong, and not only worth knowing.
    pub wrong: bool,
    /// In words.
    pub words: String,
}

/// Looks through a set; without the set where it cannot be read.
pub fn lint(text: &str) -> (Option<ManifestSet>, Vec<Finding>) {
    let set = match set::parse(text) {
        Ok(set) => set,
        Err(error) => return (None, vec![Finding { entry: None, wrong: true, words: error.to_string() }]),
    };
    let mut findings = Vec::new();
    if set.entries.is_empty() {
        findings.push(Finding { entry: None, wrong: true, words: "it has no [[entry]]".to_string() });
    }
    for (index, entry) in set.entries.iter().enumerate() {
        let earlier = set.entries.get(..index).unwrap_or_default();
        let wrong = entry::wrong(entry)
            .into_iter()
            .chain(beside(entry, earlier))
            .chain(required(entry, &set.entries));
        let name = Some(entry.name.clone());
        findings.extend(wrong.map(|words| Finding { entry: name.clone(), wrong: true, words }));
        if entry.is_template() {
            let words = "a template: it wants no version, and matches nothing".to_string();
            findings.push(Finding { entry: name, wrong: false, words });
        }
    }
    findings.extend(cycles(&set.entries).map(|name| Finding {
        words: "it requires a version of itself, by way of others".to_string(),
        entry: Some(name.to_string()),
        wrong: true,
    }));
    (Some(set), findings)
}

/// What is wrong between an entry and those before it.
fn beside(entry: &Entry, earlier: &[Entry]) -> Vec<String> {
    let mut wrong = Vec::new();
    if earlier.iter().any(|other| other.name == entry.name) {
        wrong.push("another entry has the same name".to_string());
    }
    let rivals = earlier.iter().filter(|other| !other.is_template() && !entry.is_template());
    for other in rivals.filter(|other| other.component == entry.component && overlap(entry, other)) {
        wrong.push(format!("a component can match this and {}: then neither is used", other.name));
    }
    wrong
}

/// Whether some component can match both.
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
                // A board has one entry for its own firmware in the ESRT.
                && !apart(&a.esrt, &b.esrt)
        }
    }
}

/// What is wrong with what an entry requires of others.
fn required(entry: &Entry, all: &[Entry]) -> Vec<String> {
    let mut wrong = Vec::new();
    for required in &entry.requires.versions {
        let name = &required.entry;
        match all.iter().find(|other| other.name == *name && !other.is_template()) {
            None => {
                wrong.push(format!("it requires {name}, and no entry that wants a version has that name"));
            }
            Some(other) => match Version::parse(other.version.format, &required.min) {
                Err(error) => wrong.push(format!("requires {name}: {error}")),
                Ok(min) if min.compare(&min_of(other)) == Some(Ordering::Greater) => {
                    wrong.push(format!(
                        "it requires {name} {}, which is newer than that entry wants",
                        required.min
                    ));
                }
                Ok(_) => {}
            },
        }
    }
    wrong
}

/// The version that an entry wants; a text that no other is newer than, where it cannot be read.
fn min_of(entry: &Entry) -> Version {
    let want = entry.version.want.as_deref().unwrap_or_default();
    Version::parse(entry.version.format, want).unwrap_or_else(|_| Version::Text(String::new()))
}

/// The entries that require themselves.
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
