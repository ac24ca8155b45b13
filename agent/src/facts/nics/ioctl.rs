// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ethtool's ioctl requests to a port's driver (include/uapi/linux/ethtool.h). All of it only reads.

use std::io;

use crate::net::ethtool::ask;
use netlink::ethtool::{self, LINK_SETTINGS_LENGTH};

const ETHTOOL_GDRVINFO: u32 = 0x03;
const ETHTOOL_GWOL: u32 = 0x05;
const ETHTOOL_GPERMADDR: u32 = 0x20;
const ETHTOOL_GMODULEINFO: u32 = 0x42;
const ETHTOOL_GMODULEEEPROM: u32 = 0x43;
const ETHTOOL_GLINKSETTINGS: u32 = 0x4c;

/// `MAX_ADDR_LEN`.
const MAX_ADDRESS: usize = 32;
/// How much of a module's memory is read: the lower page, and the upper page 0 where it has pages.
const MODULE_BYTES: u32 = 256;

/// `struct ethtool_perm_addr`.
pub(super) fn permanent_address(port: &str) -> io::Result<Vec<u8>> {
    let mut request = vec![0; 8 + MAX_ADDRESS];
    request[4..8].copy_from_slice(&(MAX_ADDRESS as u32).to_ne_bytes());
    ask(port, ETHTOOL_GPERMADDR, request)
}

/// `struct ethtool_drvinfo`.
pub(super) fn driver_information(port: &str) -> io::Result<Vec<u8>> {
    ask(port, ETHTOOL_GDRVINFO, vec![0; ethtool::DRIVER_INFORMATION_LENGTH])
}

/// `struct ethtool_link_settings` with its bit maps. The kernel reports how long those are when it is
/// asked for none.
pub(super) fn link_settings(port: &str) -> io::Result<Vec<u8>> {
    let mut request = ask(port, ETHTOOL_GLINKSETTINGS, vec![0; LINK_SETTINGS_LENGTH])?;
    let words = request[15].cast_signed().unsigned_abs();
    request[15] = words;
    request.resize(LINK_SETTINGS_LENGTH + 3 * 4 * usize::from(words), 0);
    ask(port, ETHTOOL_GLINKSETTINGS, request)
}

/// `struct ethtool_wolinfo`, without the password at its end.
pub(super) fn wake_on_lan(port: &str) -> io::Result<Vec<u8>> {
    let mut answer = ask(port, ETHTOOL_GWOL, vec![0; 20])?;
    answer.truncate(ethtool::WAKE_ON_LAN_LENGTH);
    Ok(answer)
}

/// The first bytes of a module's memory.
pub(super) fn module(port: &str) -> io::Result<Vec<u8>> {
    let information = ask(port, ETHTOOL_GMODULEINFO, vec![0; 44])?;
    let length = ethtool::module_length(&information).unwrap_or_default().min(MODULE_BYTES);
    // `struct ethtool_eeprom`: magic and offset are 0.
    let mut request = vec![0; 16 + length as usize];
    request[12..16].copy_from_slice(&length.to_ne_bytes());
    let mut answer = ask(port, ETHTOOL_GMODULEEEPROM, request)?;
    Ok(answer.split_off(16))
}
