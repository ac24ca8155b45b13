// SPDX-License-Identifier: MIT OR Apache-2.0
//! Turns LLDP agents in adapters' firmware off, and on again.

use std::io;

use super::firmware::{self, Flag};
use super::ports::FirmwareAgent;
use crate::host::Machine;
use crate::net::ethtool::ask;

/// The flag of the port's driver, where it has one.
pub fn flag(machine: &Machine, port: &str) -> Option<Flag> {
    firmware::flag(&machine.link_name(format!("/sys/class/net/{port}/device/driver"))?)
}

/// Turns the agent off; and how it came out, and whether there is something to be undone.
pub fn turn_off(port: &str, flag: Flag) -> (FirmwareAgent, bool) {
    let result = set(port, flag, flag.wanted);
    let words = match &result {
        Ok(true) => format!("turned off ({})", words(flag, flag.wanted)),
        Ok(false) => format!("was off ({})", words(flag, flag.wanted)),
        Err(error) => format!("could not be turned off ({}): {error}", words(flag, flag.wanted)),
    };
    log::debug!("{port}: LLDP agent of the adapter: {words}");
    (FirmwareAgent { words, swallows: result.is_err() }, matches!(result, Ok(true)))
}

/// Turns the agent on again.
pub fn turn_on(port: &str, flag: Flag) {
    if let Err(error) = set(port, flag, !flag.wanted) {
        log::warn!("{port}: {} of the adapter: {error}", words(flag, !flag.wanted));
    }
}

/// Whether it was otherwise before.
fn set(port: &str, flag: Flag, on: bool) -> io::Result<bool> {
    let count = firmware::count(&ask(port, firmware::ETHTOOL_GSSET_INFO, firmware::count_request())?);
    let names = ask(port, firmware::ETHTOOL_GSTRINGS, firmware::names_request(count))?;
    let absent = || io::Error::other("this driver does not know the flag");
    let bit = firmware::bit(&names, flag.name).ok_or_else(absent)?;
    let read = || -> io::Result<u32> {
        let answer = ask(port, firmware::ETHTOOL_GPFLAGS, firmware::value_request(0))?;
        firmware::value(&answer).ok_or_else(|| io::Error::other("a short answer"))
    };
    let before = read()?;
    let wanted = if on { before | bit } else { before & !bit };
    if before == wanted {
        return Ok(false);
    }
    ask(port, firmware::ETHTOOL_SPFLAGS, firmware::value_request(wanted))?;
    if read()? & bit != wanted & bit {
        return Err(io::Error::other("the driver took it and did not do it"));
    }
    Ok(true)
}

fn words(flag: Flag, on: bool) -> String {
    format!("{} {}", flag.name, if on { "on" } else { "off" })
}
