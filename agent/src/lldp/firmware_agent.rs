// SPDX-License-Identifier: MIT OR Apache-2.0
//! Disables the LLDP agents in adapters' firmware, which keep the frames from the host, and enables them again.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::io;

use netlink::ethtool;

use super::firmware_flags::{self, Flag};
use super::ports::FirmwareAgent;
use crate::host::Machine;
use crate::net::ethtool::ask;

/// The private flag that controls the agent, if the port's driver has one.
pub(crate) fn flag(machine: &Machine, port: &str) -> Option<Flag> {
    firmware_flags::flag(&machine.link_name(format!("/sys/class/net/{port}/device/driver"))?)
}

/// Disables the agent. Returns the result for the report, and whether the flag was changed.
pub(crate) fn disable(port: &str, flag: Flag) -> (FirmwareAgent, bool) {
    let setting = setting(flag, flag.required);
    let result = set(port, flag, flag.required);
    let description = match &result {
        Ok(true) => format!("disabled ({setting})"),
        Ok(false) => format!("was disabled ({setting})"),
        Err(error) => format!("could not be disabled ({setting}): {error}"),
    };
    log::debug!("{port}: firmware LLDP agent {description}");
    (FirmwareAgent { description, active: result.is_err() }, matches!(result, Ok(true)))
}

/// Enables the agent again.
pub(crate) fn enable(port: &str, flag: Flag) {
    if let Err(error) = set(port, flag, !flag.required) {
        log::warn!("{port}: enabling the firmware LLDP agent ({}): {error}", setting(flag, !flag.required));
    }
}

/// Sets the flag; returns whether it had the other value before.
fn set(port: &str, flag: Flag, on: bool) -> io::Result<bool> {
    let answer = ask(port, ethtool::ETHTOOL_GSSET_INFO, ethtool::private_flag_count_request())?;
    let count = ethtool::private_flag_count(&answer);
    let names = ask(port, ethtool::ETHTOOL_GSTRINGS, ethtool::private_flag_names_request(count))?;
    let absent = || io::Error::other("the driver does not have this private flag");
    let bit = ethtool::private_flag_mask(&names, flag.name).ok_or_else(absent)?;
    let read = || -> io::Result<u32> {
        let answer = ask(port, ethtool::ETHTOOL_GPFLAGS, ethtool::private_flags_request(0))?;
        ethtool::private_flags(&answer).ok_or_else(|| io::Error::other("response truncated"))
    };
    let before = read()?;
    let desired = if on { before | bit } else { before & !bit };
    if before == desired {
        return Ok(false);
    }
    ask(port, ethtool::ETHTOOL_SPFLAGS, ethtool::private_flags_request(desired))?;
    if read()? & bit != desired & bit {
        return Err(io::Error::other("the driver accepted the change but did not apply it"));
    }
    Ok(true)
}

fn setting(flag: Flag, on: bool) -> String {
    format!("{} {}", flag.name, if on { "on" } else { "off" })
}
