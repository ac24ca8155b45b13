// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network adapters as components. Pure.

use std::collections::BTreeSet;

use stage1_contract::facts::{Devlink, PciDevice};
use stage1_contract::firmware::manifest::{Component, Match, PciPattern, Source};
use stage1_contract::{Facts, Nic};

use super::Device;
use crate::firmware::reading::{self, ReadError, Reading};

/// An adapter: the ports of one PCI slot, or with one serial number, which share their firmware.
pub(super) struct Adapter<'a> {
    ports: Vec<(&'a Nic, &'a PciDevice)>,
}

/// The adapters of a machine, in the order of their PCI addresses.
pub(super) fn adapters(facts: &Facts) -> Vec<Adapter<'_>> {
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

impl Adapter<'_> {
    pub(super) fn device(&self) -> Device {
        let first = self.ports.first();
        let name = first.map_or_else(String::new, |(_, pci)| pci.address.clone());
        let serial = self.ports.iter().find_map(|(nic, _)| serial(nic));
        let key = serial.map_or_else(|| format!("pci/{name}"), |serial| format!("serial/{serial}"));
        Device { component: Component::Nic, name, key, port: first.map(|(nic, _)| nic.name.clone()) }
    }

    /// Whether every port has what the entry asks for.
    pub(super) fn fits(&self, required: &Match) -> bool {
        self.ports.iter().all(|(nic, pci)| {
            let devlink = nic.devlink.as_ref();
            let fixed = |key: &String| devlink.and_then(|devlink| devlink.fixed.get(key));
            required.pci.iter().any(|pattern| is_of(pci, pattern))
                && required.driver.as_ref().is_none_or(|driver| nic.driver.as_ref() == Some(driver))
                && required.fixed.iter().all(|(key, value)| fixed(key) == Some(value))
        })
    }

    /// The versions. All functions must agree, since they share one flash.
    pub(super) fn read(&self, source: &Source) -> Result<Reading, ReadError> {
        let readings: BTreeSet<(String, Option<String>)> =
            self.ports.iter().map(|(nic, _)| read_port(nic, source)).collect::<Result<_, _>>()?;
        let mut readings = readings.into_iter();
        match (readings.next(), readings.next()) {
            (Some((running, stored)), None) => Ok(Reading { running, stored, lowest: None }),
            (Some((one, _)), Some((other, _))) => {
                Err(ReadError::Disagreement { at: source.clone(), one, other })
            }
            _ => Err(ReadError::Missing(source.clone())),
        }
    }
}

/// Whether two ports belong to one adapter.
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

fn read_port(nic: &Nic, source: &Source) -> Result<(String, Option<String>), ReadError> {
    let missing = || ReadError::Missing(source.clone());
    match source {
        Source::Devlink(key) => {
            let devlink: &Devlink = nic.devlink.as_ref().ok_or_else(missing)?;
            let (running, stored) = reading::devlink(&devlink.running, &devlink.stored, key);
            let running = running.or(devlink.fixed.get(key).map(String::as_str)).ok_or_else(missing)?;
            Ok((running.to_string(), stored.map(str::to_string)))
        }
        Source::Ethtool(word) => {
            let text = nic.firmware_version.as_deref().ok_or_else(missing)?;
            Ok((reading::ethtool(text, *word).ok_or_else(missing)?.to_string(), None))
        }
        Source::Tool => Err(ReadError::NotQueried),
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
