// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which manifest entry is for which component of this machine, and which versions the component has. A component that
//! no entry matches, or more than one, is skipped and reported. Pure.

mod adapter;
mod board;

use stage1_contract::Facts;
use stage1_contract::firmware::manifest::{Component, Entry, Format, Source};
use stage1_contract::firmware::{FirmwareSkipped, ManifestSet, SkipReason};

use super::reading::{ReadError, Reading};
use super::version;
use adapter::adapters;
use board::Board;

/// The components of this machine, by whether an entry is for them.
#[derive(Debug, Default)]
pub struct Matches<'a> {
    /// Each component that exactly one entry matches, NICs first.
    pub matched: Vec<Matched<'a>>,
    /// The other components, and why they are skipped.
    pub skipped: Vec<FirmwareSkipped>,
}

/// A component, and the one entry for it.
#[derive(Clone, Debug)]
pub struct Matched<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// The component.
    pub device: Device,
    /// Its versions, or why they cannot be read. Those of the source `tool` are [`ReadError::NotQueried`] until the
    /// caller has run the program.
    pub reading: Result<Reading, ReadError>,
    /// Its own security revision, if the entry names a source for it.
    pub security: Option<Result<u64, ReadError>>,
}

/// A component of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The kind of component.
    pub component: Component,
    /// `board`, or the PCI address of the adapter's first function.
    pub name: String,
    /// The component in the journal: an identifier that stays the same when PCI addresses change.
    pub key: String,
    /// The kernel's name of an adapter's first port.
    pub port: Option<String>,
}

/// Finds the entry for each component.
pub fn matches<'a>(facts: &Facts, set: &'a ManifestSet) -> Matches<'a> {
    let entries: Vec<&Entry> = set.entries.iter().filter(|entry| !entry.is_template()).collect();
    let mut found = Matches::default();
    for adapter in adapters(facts) {
        let is_for = |entry: &&&Entry| entry.component == Component::Nic && adapter.fits(&entry.matches);
        let fitting: Vec<&Entry> = entries.iter().filter(is_for).copied().collect();
        found.add(adapter.device(), &fitting, |source, _| adapter.read(source));
    }
    let board = Board { facts };
    let is_for = |entry: &&&Entry| entry.component == Component::Bios && board.fits(&entry.matches);
    let fitting: Vec<&Entry> = entries.iter().filter(is_for).copied().collect();
    let esrt = fitting.first().and_then(|entry| entry.matches.esrt.as_deref());
    found.add(board.device(), &fitting, |source, format| board.read(source, esrt, format));
    found
}

impl<'a> Matches<'a> {
    fn add(
        &mut self,
        device: Device,
        fitting: &[&'a Entry],
        read: impl Fn(&Source, Format) -> Result<Reading, ReadError>,
    ) {
        let mut skip = |reason: SkipReason| {
            let Device { component, name, .. } = &device;
            self.skipped.push(FirmwareSkipped { component: *component, device: name.clone(), reason });
        };
        match fitting {
            [] => skip(SkipReason::NoEntry),
            [entry] => {
                let security = entry.version.security.as_ref().map(|security| {
                    let at = &security.source;
                    let reading = read(at, Format::Number)?;
                    let text = match at {
                        Source::Esrt => reading.lowest.unwrap_or_else(|| "0".to_string()),
                        _ => reading.running,
                    };
                    version::number(&text).ok_or_else(|| ReadError::NotANumber { at: at.clone(), text })
                });
                let reading = read(&entry.version.source, entry.version.format);
                self.matched.push(Matched { entry, device, reading, security });
            }
            several => skip(SkipReason::Ambiguous(several.iter().map(|entry| entry.name.clone()).collect())),
        }
    }
}

#[cfg(test)]
mod tests;
