// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which manifest is for which component of this machine, and which versions that has. What no entry matches, or two,
//! is told and left alone. Pure.

use std::collections::BTreeSet;

use stage1_contract::facts::{Devlink, PciDevice};
use stage1_contract::firmware::manifest::{Component, Entry, Format, Match, PciPattern, Source};
use stage1_contract::firmware::{FirmwareSkipped, ManifestSet};
use stage1_contract::{Facts, Nic};

use super::version;

/// Why a component is left alone that no manifest is for.
pub const NO_ENTRY: &str = "no entry matches it";
/// The journal's name for the BIOS.
const BOARD: &str = "board";

/// What the manifests say of this machine.
#[derive(Debug, Default)]
pub struct Matches<'a> {
    /// Each component that one entry matches, NICs first.
    pub matched: Vec<Matched<'a>>,
    /// The others, and why.
    pub skipped: Vec<FirmwareSkipped>,
}

/// A component, and the one entry for it.
#[derive(Clone, Debug)]
pub struct Matched<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// The component.
    pub device: Device,
    /// Its versions, or why they cannot be read. Those of the source `tool` are for whoever runs the program to put here.
    pub reading: Result<Reading, String>,
    /// Its own security revision, where the entry says where that is.
    pub security: Option<Result<u64, String>>,
}

/// A component of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What kind.
    pub component: Component,
    /// `board`, or the PCI address of the adapter's first function.
    pub name: String,
    /// What the journal calls it, which stays where addresses change.
    pub key: String,
    /// The kernel's name of an adapter's first port.
    pub port: Option<String>,
}

/// The versions of a component.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What runs.
    pub running: String,
    /// What is stored, and runs after an activation.
    pub stored: Option<String>,
    /// The lowest version that the component accepts (UEFI 23.4).
    pub lowest: Option<String>,
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
        read: impl Fn(&Source, Format) -> Result<Reading, String>,
    ) {
        let mut skip = |reason: String| {
            let Device { component, name, .. } = &device;
            self.skipped.push(FirmwareSkipped { component: *component, device: name.clone(), reason });
        };
        match fitting {
            [] => skip(NO_ENTRY.to_string()),
            [entry] => {
                let security = entry.version.security.as_ref().map(|security| {
                    let reading = read(&security.source, Format::Number)?;
                    let text = match security.source {
                        Source::Esrt => reading.lowest.unwrap_or_else(|| "0".to_string()),
                        _ => reading.running,
                    };
                    version::number(&text).ok_or_else(|| {
                        format!("its security revision at {}, {text:?}, is no number", security.source)
                    })
                });
                let reading = read(&entry.version.source, entry.version.format);
                self.matched.push(Matched { entry, device, reading, security });
            }
            several => {
                let names: Vec<&str> = several.iter().map(|entry| entry.name.as_str()).collect();
                skip(format!("{} entries match it: {}", several.len(), names.join(", ")));
            }
        }
    }
}

/// An adapter: the ports of one slot, or of one serial number, which share their firmware.
struct Adapter<'a> {
    ports: Vec<(&'a Nic, &'a PciDevice)>,
}

fn adapters(facts: &Facts) -> Vec<Adapter<'_>> {
    let mut adapters: Vec<Adapter> = Vec::new();
    // The PCI address of a USB adapter is that of its controller.
    let nics = facts.nics.iter().filter(|nic| nic.bus.as_deref() != Some("usb"));
    let mut ports: Vec<(&Nic, &PciDevice)> = nics
        .filter_map(|nic| {
            let address = nic.pci_address.as_deref()?;
            Some((nic, facts.pci.iter().find(|device| device.address == address)?))
        })
        .collect();
    ports.sort_by(|(_, one), (_, other)| one.address.cmp(&other.address));
    for port in ports {
        match adapters.iter_mut().find(|adapter| adapter.ports.iter().any(|other| shared(other, &port))) {
            Some(adapter) => adapter.ports.push(port),
            None => adapters.push(Adapter { ports: vec![port] }),
        }
    }
    adapters
}

/// Whether two ports are of one adapter.
fn shared((one, one_pci): &(&Nic, &PciDevice), (other, other_pci): &(&Nic, &PciDevice)) -> bool {
    let slot = |device: &PciDevice| device.address.rsplit_once('.').map(|(slot, _)| slot.to_string());
    let ids = |device: &PciDevice| (device.vendor.clone(), device.device.clone());
    let serials = (serial(one), serial(other));
    slot(one_pci) == slot(other_pci)
        || (serials.0.is_some() && serials.0 == serials.1 && ids(one_pci) == ids(other_pci))
}

fn serial(nic: &Nic) -> Option<&str> {
    let devlink = nic.devlink.as_ref()?;
    devlink.serial.as_deref().or(devlink.board_serial.as_deref()).filter(|serial| !serial.is_empty())
}

impl Adapter<'_> {
    fn device(&self) -> Device {
        let first = self.ports.first();
        let name = first.map_or_else(String::new, |(_, pci)| pci.address.clone());
        let serial = self.ports.iter().find_map(|(nic, _)| serial(nic));
        let key = serial.map_or_else(|| format!("pci/{name}"), |serial| format!("serial/{serial}"));
        Device { component: Component::Nic, name, key, port: first.map(|(nic, _)| nic.name.clone()) }
    }

    fn fits(&self, wanted: &Match) -> bool {
        self.ports.iter().all(|(nic, pci)| {
            let devlink = nic.devlink.as_ref();
            let fixed = |key: &String| devlink.and_then(|devlink| devlink.fixed.get(key));
            wanted.pci.iter().any(|pattern| is_of(pci, pattern))
                && wanted.driver.as_ref().is_none_or(|driver| nic.driver.as_ref() == Some(driver))
                && wanted.fixed.iter().all(|(key, value)| fixed(key) == Some(value))
        })
    }

    /// All functions have to agree: they share one flash.
    fn read(&self, source: &Source) -> Result<Reading, String> {
        let readings: BTreeSet<(String, Option<String>)> =
            self.ports.iter().map(|(nic, _)| read_port(nic, source)).collect::<Result<_, _>>()?;
        let mut readings = readings.into_iter();
        match (readings.next(), readings.next()) {
            (Some((running, stored)), None) => Ok(Reading { running, stored, lowest: None }),
            (Some((one, _)), Some((other, _))) => {
                Err(format!("its functions do not tell the same version at {source}: {one}, {other}"))
            }
            _ => Err(unread(source)),
        }
    }
}

fn read_port(nic: &Nic, source: &Source) -> Result<(String, Option<String>), String> {
    let missing = || unread(source);
    match source {
        Source::Devlink(key) => {
            let devlink: &Devlink = nic.devlink.as_ref().ok_or_else(missing)?;
            let running = devlink.running.get(key).or_else(|| devlink.fixed.get(key)).ok_or_else(missing)?;
            Ok((running.clone(), devlink.stored.get(key).cloned()))
        }
        Source::Ethtool(word) => {
            let text = nic.firmware_version.as_deref().ok_or_else(missing)?;
            let text = match word {
                Some(word) => text.split_whitespace().nth(usize::from(*word) - 1).ok_or_else(missing)?,
                None => text,
            };
            Ok((text.to_string(), None))
        }
        Source::Tool => Err("its program was not asked for the version".to_string()),
        Source::Dmi | Source::DmiRelease | Source::Esrt => Err(missing()),
    }
}

fn is_of(device: &PciDevice, pattern: &PciPattern) -> bool {
    let number = |text: &Option<String>| u16::from_str_radix(text.as_deref()?.strip_prefix("0x")?, 16).ok();
    let subsystem = number(&device.subsystem_vendor).zip(number(&device.subsystem_device));
    number(&device.vendor) == Some(pattern.vendor)
        && number(&device.device) == Some(pattern.device)
        && (pattern.subsystem.is_none() || pattern.subsystem == subsystem)
}

/// The machine's own board.
struct Board<'a> {
    facts: &'a Facts,
}

impl Board<'_> {
    fn device(&self) -> Device {
        let name = BOARD.to_string();
        Device { component: Component::Bios, key: name.clone(), name, port: None }
    }

    fn fits(&self, wanted: &Match) -> bool {
        let system = self.facts.system.as_ref();
        // The first one, which is also the kernel's (`/sys/class/dmi/id/board_name`).
        let board = self.facts.smbios.as_ref().and_then(|smbios| smbios.baseboards.first());
        let esrt = self.facts.firmware.iter().flat_map(|firmware| &firmware.esrt);
        let told = [
            (&wanted.sys_vendor, system.and_then(|system| system.manufacturer.as_ref())),
            (&wanted.product, system.and_then(|system| system.product.as_ref())),
            (&wanted.board_vendor, board.and_then(|board| board.manufacturer.as_ref())),
            (&wanted.board_name, board.and_then(|board| board.product.as_ref())),
        ];
        let given = told.iter().any(|(wanted, _)| wanted.is_some()) || wanted.esrt.is_some();
        given
            && told.iter().all(|(wanted, is)| wanted.is_none() || wanted.as_ref() == *is)
            && wanted.esrt.as_ref().is_none_or(|class| esrt.clone().any(|entry| entry.fw_class == *class))
    }

    fn read(&self, source: &Source, esrt: Option<&str>, format: Format) -> Result<Reading, String> {
        let bios = self.facts.smbios.as_ref().and_then(|smbios| smbios.bios.as_ref());
        let running = match source {
            Source::Dmi => bios.and_then(|bios| bios.version.clone()),
            Source::DmiRelease => bios.and_then(|bios| bios.release.clone()),
            Source::Esrt => {
                let mut entries = self.facts.firmware.iter().flat_map(|firmware| &firmware.esrt);
                let entry = entries.find(|entry| Some(entry.fw_class.as_str()) == esrt);
                let entry = entry.ok_or_else(|| unread(source))?;
                let text = |value: Option<u32>| value.map(|value| version::of_u32(format, value));
                let lowest = text(entry.lowest_supported_fw_version.filter(|lowest| *lowest != 0));
                let running = text(entry.fw_version).ok_or_else(|| unread(source))?;
                return Ok(Reading { running, stored: None, lowest });
            }
            Source::Tool => return Err("its program was not asked for the version".to_string()),
            Source::Devlink(_) | Source::Ethtool(_) => None,
        };
        running.map(|running| Reading { running, ..Reading::default() }).ok_or_else(|| unread(source))
    }
}

fn unread(source: &Source) -> String {
    format!("it tells no version at {source}")
}

#[cfg(test)]
mod tests;
