// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has to be changed in the options that are desired.

use ipmi::app::ChannelKey;
use ipmi::chassis::{BootDevice, BootFlags};
use stage1_contract::{DesiredBmcConfig, DesiredBoot, DesiredSol};

use super::{OptionChange, Options, bit_rate, boot_device, channel_key};
use crate::bmc::change::Change;
use crate::bmc::config::BmcConfig;
use crate::bmc::plan::Plan;
use crate::bmc::privilege;

pub(crate) fn plan(plan: &mut Plan, desired: &DesiredBmcConfig, actual: &BmcConfig) {
    let options = &actual.options;
    let mut changes = Vec::new();
    if let Some(key) = &desired.k_g {
        match channel_key(key.reveal()) {
            Ok(key) => changes.extend(keys(key, options)),
            Err(allowed) => plan.refusals.push(format!("key K_G: it {allowed}")),
        }
    }
    if let Some(desired) = &desired.sol {
        sol(desired, options, &mut changes, &mut plan.refusals);
    }
    if let Some(desired) = &desired.boot {
        boot(desired, options, &mut changes, &mut plan.refusals);
    }
    if let Some(dcmi) = &desired.dcmi {
        let mut name = |what: &str,
                        desired: &Option<String>,
                        actual: &Option<String>,
                        change: fn(String) -> _| match (desired, actual) {
            (Some(_), None) => plan.refusals.push(format!("{what}: the BMC does not have it")),
            (Some(desired), Some(actual)) if desired != actual => changes.push(change(desired.clone())),
            _ => {}
        };
        name("asset tag", &dcmi.asset_tag, &options.asset_tag, OptionChange::AssetTag);
        let (id, actual) = (&dcmi.controller_id, &options.controller_id);
        name("management controller ID", id, actual, OptionChange::ControllerId);
    }
    plan.changes.extend(changes.into_iter().map(Change::Option));
}

/// A key that the BMC does not show is set in each run.
fn keys(key: ChannelKey, options: &Options) -> impl Iterator<Item = OptionChange> {
    let differs = move |(_, actual): &&(u8, Option<ChannelKey>)| *actual != Some(key);
    options.keys.iter().filter(differs).map(move |(channel, _)| OptionChange::Key { channel: *channel, key })
}

fn sol(desired: &DesiredSol, options: &Options, changes: &mut Vec<OptionChange>, refusals: &mut Vec<String>) {
    if let Some(rate) = desired.bits_per_second {
        match (bit_rate(rate), options.sol_bit_rate) {
            (None, _) => refusals.push(format!("serial over LAN: {rate} bit/s is no bit rate of IPMI")),
            (_, None) => refusals.push("serial over LAN: the BMC does not report its bit rate".to_string()),
            (Some(desired), Some(actual)) if desired != actual => {
                changes.push(OptionChange::SolBitRate(desired));
            }
            _ => {}
        }
    }
    if desired.encryption.is_none() && desired.privilege.is_none() {
        return;
    }
    let Some(actual) = options.sol_authentication else {
        refusals
            .push("serial over LAN: the BMC does not report its encryption and privilege level".to_string());
        return;
    };
    let mut target = actual;
    if let Some(encryption) = desired.encryption {
        target.encryption = encryption;
        target.authentication |= encryption;
    }
    match desired.privilege.as_ref().map(privilege::settable) {
        Some(Some(level)) => target.privilege = level,
        Some(None) => refusals.push("serial over LAN: unknown privilege level".to_string()),
        None => {}
    }
    if target != actual {
        changes.push(OptionChange::SolAuthentication(target));
    }
}

fn boot(
    desired: &DesiredBoot,
    options: &Options,
    changes: &mut Vec<OptionChange>,
    refusals: &mut Vec<String>,
) {
    let Some(device) = boot_device(&desired.device) else {
        refusals.push(format!("boot device: unknown device {:?}", desired.device.word()));
        return;
    };
    let Some(actual) = options.boot else {
        refusals.push("boot device: the BMC does not report its boot flags".to_string());
        return;
    };
    let is_unchanged = |flags: &BootFlags| !flags.is_valid || flags.device == BootDevice::Unchanged;
    let target = BootFlags {
        is_valid: true,
        is_persistent: desired.persistent,
        is_efi: !desired.legacy,
        device,
        ..BLANK
    };
    let is_in_place = match device {
        BootDevice::Unchanged => is_unchanged(&actual),
        _ => {
            let of = |flags: &BootFlags| (flags.is_valid, flags.is_persistent, flags.is_efi, flags.device);
            of(&actual) == of(&target)
        }
    };
    if !is_in_place {
        changes.push(OptionChange::Boot { flags: target });
    }
}

/// No locks, no CMOS clear, verbosity and console of the firmware's own.
const BLANK: BootFlags = BootFlags {
    is_valid: false,
    is_persistent: false,
    is_efi: false,
    clear_cmos: false,
    lock_keyboard: false,
    device: BootDevice::Unchanged,
    blank_screen: false,
    lock_reset: false,
    rest: [0; 3],
};
