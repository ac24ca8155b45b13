// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hardware with updatable firmware, and the firmware that the inventory offers.

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::{Firmware, HostSpec, RackSpec, is_mac};

/// The firmware that the inventory offers, by the templates of `firmware-manifests/rack.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OfferSpec {
    /// Version for network adapters with updatable firmware; without one, they stay as they are.
    pub nic: Option<String>,
    /// Version for BIOS chips; without one, they stay as they are.
    pub bios: Option<BiosVersion>,
    /// Changes to the templates: tables of keys, by name of the entry.
    pub entries: toml::Table,
}

/// A network adapter with firmware in two banks, made of QEMU's ivshmem; its driver is `firmware/modules/nicsim.c`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FirmwareNicSpec {
    /// Permanent MAC address, six pairs of lower-case hex digits with colons.
    pub mac: String,
    /// Version of its first image.
    pub version: String,
    /// Parameter set ID, up to 15 characters. It refuses an image with another one.
    pub psid: String,
    /// Board ID, up to 15 characters.
    pub board_id: String,
    /// What activates new firmware.
    pub activation: Activation,
    /// Injected faults.
    pub faults: NicFaults,
}

impl Default for FirmwareNicSpec {
    fn default() -> FirmwareNicSpec {
        FirmwareNicSpec {
            mac: "02:00:00:aa:00:01".to_string(),
            version: "22.31.1014".to_string(),
            psid: "SIM0000000001".to_string(),
            board_id: "SIMNIC-100G".to_string(),
            activation: Activation::default(),
            faults: NicFaults::default(),
        }
    }
}

/// What activates a device's new firmware.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// A devlink reload, or anything that resets the device.
    #[default]
    Reload,
    /// A reset of the host.
    Reset,
    /// Only a power cycle of the host.
    PowerCycle,
}

/// Faults while firmware is written. All can be changed at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NicFaults {
    /// The percentage at which the write fails, 1 to 100; 0: never.
    pub write_error_percent: u32,
    /// A bit flips in the next image that is written, and the device reports success.
    pub corruption: bool,
    /// Minimum time to write 4 KiB, in milliseconds.
    pub chunk_ms: u32,
}

/// A BIOS chip of 4 MiB with OVMF, an MTD in the host by `firmware/modules/biosmtd.c`. One that accepts capsules needs
/// `reboots = true`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BiosSpec {
    /// Its first content.
    pub version: BiosVersion,
    /// Whether it is write-protected: an attempt hangs for minutes.
    #[serde(default)]
    pub readonly: bool,
}

/// A version of OVMF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BiosVersion {
    /// That of Debian 12, version 0.0.0.
    Old,
    /// The one from `firmware/build`.
    New,
    /// The older one that accepts capsules, from `firmware/ovmf/build`.
    Capsule,
}

impl RackSpec {
    /// Errors name the key.
    pub(super) fn check_offer(&self) -> Result<()> {
        let version = self.firmware.as_ref().and_then(|offer| offer.nic.as_deref());
        let fits = version.is_none_or(|version| (1..=31).contains(&version.len()));
        ensure!(fits, "firmware.nic: {version:?} does not have 1 to 31 characters");
        Ok(())
    }
}

impl HostSpec {
    /// Errors name the key.
    pub(super) fn check_firmware(&self) -> Result<()> {
        if let Some(nic) = &self.firmware_nic {
            let FirmwareNicSpec { mac, version, psid, board_id, faults, .. } = nic;
            ensure!(is_mac(mac), "firmware_nic.mac: {mac:?} is not like \"02:00:00:aa:00:01\"");
            for (key, text, longest) in
                [("version", version, 31), ("psid", psid, 15), ("board_id", board_id, 15)]
            {
                let fits = !text.is_empty() && text.len() <= longest;
                ensure!(fits, "firmware_nic.{key}: {text:?} does not have 1 to {longest} characters");
            }
            let percent = faults.write_error_percent;
            ensure!(percent <= 100, "firmware_nic.faults.write_error_percent: {percent} is more than 100");
        }
        let has_uefi = self.firmware == Firmware::Uefi;
        ensure!(self.bios.is_none() || has_uefi, "bios: a chip requires firmware = \"uefi\"");
        let accepts_capsules = self.bios.as_ref().is_some_and(|bios| bios.version == BiosVersion::Capsule);
        let fits = !accepts_capsules || self.memory_mib >= 512;
        ensure!(fits, "bios: a UEFI that accepts capsules requires 512 MiB, not {}", self.memory_mib);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::RackSpec;

    fn host(keys: &str) -> Result<RackSpec> {
        RackSpec::parse(&format!("[[host]]\nname = 'a'\nboot = 'kernel'\n{keys}\n"))
    }

    #[test]
    fn a_nic_has_no_faults_by_default() {
        let spec = host("firmware_nic = { activation = 'power-cycle', faults = { chunk_ms = 2 } }").unwrap();
        let nic = spec.hosts[0].firmware_nic.as_ref().unwrap();
        assert_eq!((nic.version.as_str(), nic.activation), ("22.31.1014", Activation::PowerCycle));
        assert_eq!(nic.faults, NicFaults { chunk_ms: 2, ..NicFaults::default() });
    }

    #[test]
    fn an_offer_may_have_one_component_and_changes_to_others() {
        let offer = "[firmware]\nbios = 'new'\nentries.rack-board-mtd.limits = { max_attempts = 1 }\n";
        let spec = RackSpec::parse(&format!("{offer}[[host]]\nname = 'a'\nboot = 'kernel'\n")).unwrap();
        let offer = spec.firmware.unwrap();
        assert_eq!((offer.nic, offer.bios), (None, Some(BiosVersion::New)));
        assert_eq!(offer.entries["rack-board-mtd"]["limits"]["max_attempts"].as_integer(), Some(1));
        let long = format!("[firmware]\nnic = '{:032}'\n[[host]]\nname = 'a'\nboot = 'kernel'\n", 1);
        assert!(format!("{:#}", RackSpec::parse(&long).unwrap_err()).starts_with("firmware.nic: "));
    }

    #[test]
    fn errors_name_the_key() {
        for (keys, expected) in [
            ("firmware_nic = { mac = 'x' }", "host a: firmware_nic.mac: \"x\""),
            ("firmware_nic = { psid = '0123456789abcdef' }", "host a: firmware_nic.psid"),
            ("firmware_nic = { faults = { write_error_percent = 101 } }", "write_error_percent: 101"),
            ("firmware_nic = { activation = 'never' }", "`power-cycle`"),
            ("bios = { version = 'old' }", "host a: bios: a chip requires firmware = \"uefi\""),
            ("firmware = 'uefi'\nbios = { version = '1' }", "`old`"),
            ("firmware = 'uefi'\nbios = { version = 'capsule' }\nmemory_mib = 384", "512 MiB, not 384"),
        ] {
            let error = format!("{:#}", host(keys).unwrap_err());
            assert!(error.contains(expected), "{keys}: {error}");
        }
    }
}
