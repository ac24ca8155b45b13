// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hardware of a host that can be flashed.

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::{Firmware, HostSpec, RackSpec, is_mac};

/// The firmware that the inventory offers, by the templates of `firmware-manifests/rack.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OfferSpec {
    /// The version for network ports that can be flashed; without one, they are left alone.
    pub nic: Option<String>,
    /// What is for BIOS chips; without it, they are left alone.
    pub bios: Option<BiosVersion>,
    /// What entries say otherwise than their templates: tables of their keys, by the entries' names.
    pub entries: toml::Table,
}

/// A network port with firmware in two banks, at QEMU's ivshmem; its driver is `firmware/modules/nicsim.c`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FirmwareNicSpec {
    /// Its permanent MAC address, six pairs of lower-case hex digits with colons.
    pub mac: String,
    /// The version that it has at first.
    pub version: String,
    /// Its parameter set, up to 15 characters. An image for another one is refused.
    pub psid: String,
    /// Its board, up to 15 characters.
    pub board_id: String,
    /// What makes new firmware run.
    pub activation: Activation,
    /// What is wrong with it.
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

/// What makes a device's new firmware run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// devlink's reload, and all that resets the device.
    #[default]
    Reload,
    /// A reset of the host.
    Reset,
    /// A power cycle of the host only.
    PowerCycle,
}

/// What is wrong with a device while it is being flashed. All can be changed at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NicFaults {
    /// At so many percent writing fails, 1 to 100; 0 is never.
    pub write_error_percent: u32,
    /// A bit tips over in the next image that is written, and the device reports that all is well.
    pub corruption: bool,
    /// How long writing 4 KiB takes at least, in milliseconds.
    pub chunk_ms: u32,
}

/// A BIOS chip of 4 MiB with OVMF in it, which the host sees as MTD by `firmware/modules/biosmtd.c`. One that takes
/// capsules does so when its host `reboots`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BiosSpec {
    /// What is in it at first.
    pub version: BiosVersion,
    /// Whether it cannot be written: an attempt hangs for minutes.
    #[serde(default)]
    pub readonly: bool,
}

/// A version of OVMF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BiosVersion {
    /// Debian 12's, which calls itself 0.0.0.
    Old,
    /// The one that `firmware/build` fetched.
    New,
    /// The older of those that take capsules, which `firmware/ovmf/build` made.
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
        ensure!(self.bios.is_none() || has_uefi, "bios: a chip needs firmware = \"uefi\"");
        let takes_capsules = self.bios.as_ref().is_some_and(|bios| bios.version == BiosVersion::Capsule);
        let fits = !takes_capsules || self.memory_mib >= 512;
        ensure!(fits, "bios: a UEFI that takes capsules needs 512 MiB, not {}", self.memory_mib);
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
    fn a_nic_is_whole_unless_reported_otherwise() {
        let spec = host("firmware_nic = { activation = 'power-cycle', faults = { chunk_ms = 2 } }").unwrap();
        let nic = spec.hosts[0].firmware_nic.as_ref().unwrap();
        assert_eq!((nic.version.as_str(), nic.activation), ("22.31.1014", Activation::PowerCycle));
        assert_eq!(nic.faults, NicFaults { chunk_ms: 2, ..NicFaults::default() });
    }

    #[test]
    fn an_offer_may_be_of_one_component_and_say_more() {
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
            ("bios = { version = 'old' }", "host a: bios: a chip needs firmware = \"uefi\""),
            ("firmware = 'uefi'\nbios = { version = '1' }", "`old`"),
            ("firmware = 'uefi'\nbios = { version = 'capsule' }\nmemory_mib = 384", "512 MiB, not 384"),
        ] {
            let error = format!("{:#}", host(keys).unwrap_err());
            assert!(error.contains(expected), "{keys}: {error}");
        }
    }
}
