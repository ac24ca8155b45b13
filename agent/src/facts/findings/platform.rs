// SPDX-License-Identifier: MIT OR Apache-2.0
//! Identity, firmware, chassis, power supplies, BMC and TPM. Pure.

use stage1_contract::facts::{
    BmcPresence, BootStatus, ChassisState, Discovery, EsrtEntry, LastAttemptStatus, PowerSupply,
    PowerSupplyStatus, Smbios,
};
use stage1_contract::{Facts, FirmwareKind, Identity, IdentitySource};

/// A finding about the machine as a whole, its firmware or its management.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::facts) enum PlatformFinding<'a> {
    /// The identity is not the SMBIOS system UUID.
    DerivedIdentity(&'a Identity),
    /// Identifying strings of the firmware that are placeholders: `system/serial`, `chassis/0/serial`.
    Placeholders(Vec<&'a str>),
    /// The firmware reports an error of this boot.
    BootStatus(&'a BootStatus),
    /// A part of the chassis was not well when the machine was started.
    ChassisState { part: ChassisPart, state: &'a ChassisState },
    /// A power supply is failing or has failed.
    PowerSupplyStatus { supply: &'a PowerSupply, status: &'a PowerSupplyStatus },
    /// A power supply has no mains cable.
    PowerSupplyUnplugged(&'a PowerSupply),
    /// The machine was started in BIOS mode although its firmware can do UEFI.
    BootedWithoutUefi,
    /// The last capsule update of a firmware failed.
    UpdateFailed { entry: &'a EsrtEntry, status: &'a LastAttemptStatus },
    /// SMBIOS or ACPI describes a BMC and no driver is bound to it.
    BmcWithoutDriver(&'a BmcPresence),
    /// The TPM has PCR banks, and none is SHA-256.
    TpmWithoutSha256,
}

/// What a [`ChassisState`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::facts) enum ChassisPart {
    BootUp,
    PowerSupply,
    Thermal,
}

pub(super) fn findings(discovery: &Discovery) -> Vec<PlatformFinding<'_>> {
    let derived = |identity: &&Identity| identity.source != IdentitySource::SystemUuid;
    let identity = discovery.identity.as_ref().filter(derived);
    let mut findings: Vec<_> = identity.map(PlatformFinding::DerivedIdentity).into_iter().collect();
    firmware(&discovery.facts, &mut findings);
    bmc_and_tpm(&discovery.facts, &mut findings);
    findings
}

fn firmware<'a>(facts: &'a Facts, findings: &mut Vec<PlatformFinding<'a>>) {
    let placeholders: Vec<&str> = facts.placeholders.iter().filter_map(|it| identifying(it)).collect();
    if !placeholders.is_empty() {
        findings.push(PlatformFinding::Placeholders(placeholders));
    }
    if let Some(smbios) = &facts.smbios {
        enclosure(smbios, findings);
    }
    let bios = facts.smbios.as_ref().and_then(|smbios| smbios.bios.as_ref());
    let started = facts.firmware.as_ref().map(|firmware| &firmware.kind);
    if bios.is_some_and(|bios| bios.uefi == Some(true) && bios.virtual_machine != Some(true))
        && started == Some(&FirmwareKind::Bios)
        && facts.kernel.is_some()
    {
        findings.push(PlatformFinding::BootedWithoutUefi);
    }
    let entries = facts.firmware.iter().flat_map(|firmware| &firmware.esrt);
    let tried = entries.filter(|entry| entry.last_attempt_version.is_some_and(|version| version != 0));
    findings.extend(tried.filter_map(|entry| {
        let status = entry.last_attempt_status.as_ref()?;
        (*status != LastAttemptStatus::Success).then_some(PlatformFinding::UpdateFailed { entry, status })
    }));
}

/// The pointer without its slash and `smbios/`, where it leads to a string that identifies the machine or a part of it.
fn identifying(pointer: &str) -> Option<&str> {
    let fields = ["serial", "uuid", "product", "manufacturer"];
    let (_, field) = pointer.rsplit_once('/')?;
    let pointer = pointer.strip_prefix('/')?;
    let short = pointer.strip_prefix("smbios/").unwrap_or(pointer);
    let part = ["system/", "baseboards/", "chassis/"].iter().any(|part| short.starts_with(part));
    (part && fields.contains(&field)).then_some(short)
}

fn enclosure<'a>(smbios: &'a Smbios, findings: &mut Vec<PlatformFinding<'a>>) {
    let failed = smbios.boot_status.iter().filter(|status| **status != BootStatus::NoErrors);
    findings.extend(failed.map(PlatformFinding::BootStatus));
    for chassis in &smbios.chassis {
        let states = [
            (ChassisPart::BootUp, &chassis.boot_up_state),
            (ChassisPart::PowerSupply, &chassis.power_supply_state),
            (ChassisPart::Thermal, &chassis.thermal_state),
        ];
        for (part, state) in states {
            if let Some(state) = state.as_ref().filter(|state| !is_fine(state)) {
                findings.push(PlatformFinding::ChassisState { part, state });
            }
        }
    }
    for supply in smbios.power_supplies.iter().filter(|supply| supply.present == Some(true)) {
        let failing = |status: &&PowerSupplyStatus| {
            matches!(status, PowerSupplyStatus::NonCritical | PowerSupplyStatus::Critical)
        };
        if let Some(status) = supply.status.as_ref().filter(failing) {
            findings.push(PlatformFinding::PowerSupplyStatus { supply, status });
        }
        if supply.plugged == Some(false) {
            findings.push(PlatformFinding::PowerSupplyUnplugged(supply));
        }
    }
}

fn is_fine(state: &ChassisState) -> bool {
    matches!(state, ChassisState::Safe | ChassisState::Unknown | ChassisState::Other)
}

fn bmc_and_tpm<'a>(facts: &'a Facts, findings: &mut Vec<PlatformFinding<'a>>) {
    // A dump of the tables alone has nothing of drivers.
    let bmc = facts.bmc.as_ref().filter(|_| facts.kernel.is_some());
    let described = bmc.filter(|bmc| bmc.device.is_none() && !bmc.reported_by.is_empty());
    findings.extend(described.map(PlatformFinding::BmcWithoutDriver));
    let banks = facts.tpm.as_ref().map(|tpm| tpm.pcr_banks.as_slice()).unwrap_or_default();
    if !banks.is_empty() && !banks.iter().any(|bank| bank == "sha256") {
        findings.push(PlatformFinding::TpmWithoutSha256);
    }
}

#[cfg(test)]
mod tests {
    use stage1_contract::facts::{Bios, BootFirmware, Chassis, Tpm};

    use super::*;

    #[test]
    fn only_placeholders_that_identify_are_findings() {
        let pointers = [
            "/system/serial",
            "/system/sku",
            "/smbios/chassis/0/serial",
            "/smbios/chassis/0/asset_tag",
            "/smbios/memory_devices/0/serial",
        ];
        let facts = Facts { placeholders: pointers.map(str::to_string).to_vec(), ..Facts::default() };
        let mut findings = Vec::new();
        firmware(&facts, &mut findings);
        assert_eq!(findings, [PlatformFinding::Placeholders(vec!["system/serial", "chassis/0/serial"])]);
    }

    #[test]
    fn states_of_chassis_and_power_supplies_that_are_not_fine() {
        let chassis = Chassis {
            boot_up_state: Some(ChassisState::Safe),
            power_supply_state: Some(ChassisState::Unknown),
            thermal_state: Some(ChassisState::Unlisted("0x07".to_string())),
            ..Chassis::default()
        };
        let supply = |present, plugged, status| PowerSupply {
            present: Some(present),
            plugged: Some(plugged),
            status: Some(status),
            ..PowerSupply::default()
        };
        let failed = supply(true, true, PowerSupplyStatus::Critical);
        let unplugged = supply(true, false, PowerSupplyStatus::Ok);
        let smbios = Smbios {
            boot_status: Some(BootStatus::WatchdogExpired),
            chassis: vec![chassis],
            power_supplies: vec![
                failed.clone(),
                unplugged.clone(),
                supply(false, false, PowerSupplyStatus::Unknown),
            ],
            ..Smbios::default()
        };
        let facts = Facts { smbios: Some(smbios), ..Facts::default() };
        let mut findings = Vec::new();
        firmware(&facts, &mut findings);
        let expected = [
            PlatformFinding::BootStatus(&BootStatus::WatchdogExpired),
            PlatformFinding::ChassisState {
                part: ChassisPart::Thermal,
                state: &ChassisState::Unlisted("0x07".to_string()),
            },
            PlatformFinding::PowerSupplyStatus { supply: &failed, status: &PowerSupplyStatus::Critical },
            PlatformFinding::PowerSupplyUnplugged(&unplugged),
        ];
        assert_eq!(findings, expected);
    }

    #[test]
    fn firmware_that_was_started_in_bios_mode_or_refused_an_update() {
        let entry = |version, status| EsrtEntry {
            last_attempt_version: Some(version),
            last_attempt_status: Some(status),
            ..EsrtEntry::default()
        };
        let refused = entry(7, LastAttemptStatus::IncorrectVersion);
        let boot = BootFirmware {
            kind: FirmwareKind::Bios,
            vendor: None,
            version: None,
            platform_bits: None,
            secure_boot: None,
            setup_mode: None,
            boot_current: None,
            boot_next: None,
            boot_order: Vec::new(),
            boot_entries: Vec::new(),
            // Version 0: no update was ever tried.
            esrt: vec![
                entry(0, LastAttemptStatus::Unsuccessful),
                entry(7, LastAttemptStatus::Success),
                refused.clone(),
            ],
        };
        let bios = Bios { uefi: Some(true), ..Bios::default() };
        let smbios = Smbios { bios: Some(bios), ..Smbios::default() };
        let kernel = Some("6.1.0".to_string());
        let facts = Facts { smbios: Some(smbios), firmware: Some(boot), kernel, ..Facts::default() };
        let mut findings = Vec::new();
        firmware(&facts, &mut findings);
        let failed =
            PlatformFinding::UpdateFailed { entry: &refused, status: &LastAttemptStatus::IncorrectVersion };
        assert_eq!(findings, [PlatformFinding::BootedWithoutUefi, failed]);
    }

    #[test]
    fn a_bmc_without_a_driver_is_a_finding_where_there_is_a_kernel() {
        let bmc = BmcPresence { reported_by: vec!["smbios".to_string()], ..BmcPresence::default() };
        let tpm = Tpm { pcr_banks: vec!["sha1".to_string()], ..Tpm::default() };
        let mut facts = Facts { bmc: Some(bmc.clone()), tpm: Some(tpm), ..Facts::default() };
        let mut findings = Vec::new();
        bmc_and_tpm(&facts, &mut findings);
        assert_eq!(findings, [PlatformFinding::TpmWithoutSha256]);
        facts.kernel = Some("6.1.0".to_string());
        let mut findings = Vec::new();
        bmc_and_tpm(&facts, &mut findings);
        assert_eq!(findings, [PlatformFinding::BmcWithoutDriver(&bmc), PlatformFinding::TpmWithoutSha256]);
    }
}
