// SPDX-License-Identifier: MIT OR Apache-2.0
//! Values of a desired configuration that no BMC can have, or that this version of the contract does not define.

use super::options::{Baseline, BootDevice, DesiredBoot, DesiredIpv6, DesiredSol, Ipv6Mode};
use super::{DesiredBmcConfig, DesiredLan};
use crate::PrivilegeLevel;

/// The bit rates of serial over LAN (IPMI 2.0, table 26-5, parameter 5).
const BIT_RATES: [u32; 5] = [9600, 19_200, 38_400, 57_600, 115_200];

impl DesiredBmcConfig {
    /// Checks everything but the users, the IPv4 address, the watchdog and the power restore policy.
    ///
    /// # Errors
    /// The first invalid setting, and what is allowed.
    pub fn check_options(&self) -> Result<(), String> {
        self.lan.as_ref().map_or(Ok(()), check_channel)?;
        if let Some(Baseline::Unlisted(word)) = &self.baseline {
            return Err(format!("baseline is {word:?}; use strict"));
        }
        if let Some(suites) = &self.cipher_suites {
            check_suites(suites, self.baseline.is_some())?;
        }
        if self.k_g_file.as_ref().is_some_and(|path| !path.starts_with('/')) {
            return Err("k_g_file must be an absolute path".to_string());
        }
        self.sol.as_ref().map_or(Ok(()), check_sol)?;
        self.boot.as_ref().map_or(Ok(()), check_boot)?;
        if let Some(dcmi) = &self.dcmi {
            check_name("dcmi: asset_tag", dcmi.asset_tag.as_deref())?;
            check_name("dcmi: controller_id", dcmi.controller_id.as_deref())?;
        }
        if let Some(limit) = self.session_limit.filter(|limit| !(1..=15).contains(limit)) {
            return Err(format!("session_limit is {limit}; use 1 to 15"));
        }
        match self.clear_sel_above {
            Some(percent) if !(1..=99).contains(&percent) => {
                Err(format!("clear_sel_above is {percent}; use 1 to 99 percent"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a cipher suite has integrity and AES (IPMI 2.0, table 22-20). Those of a vendor, from 80h on, are its own matter.
pub fn is_strict_suite(suite: u8) -> bool {
    matches!(suite, 3 | 8 | 12 | 17)
}

fn check_channel(lan: &DesiredLan) -> Result<(), String> {
    if let Some(channel) = lan.channel.filter(|channel| !(1..=11).contains(channel)) {
        return Err(format!("lan: channel is {channel}; use 1 to 11"));
    }
    lan.ipv6.as_ref().map_or(Ok(()), check_ipv6)
}

fn check_ipv6(ipv6: &DesiredIpv6) -> Result<(), String> {
    let has_none = ipv6.address.is_none() && ipv6.prefix.is_none() && ipv6.gateway.is_none();
    match &ipv6.source {
        Ipv6Mode::Unlisted(word) => {
            return Err(format!("lan: ipv6: source is {word:?}; use static, slaac, dhcp or off"));
        }
        Ipv6Mode::Static if ipv6.address.is_none() || ipv6.prefix.is_none() => {
            return Err("lan: ipv6: source static needs an address and a prefix".to_string());
        }
        Ipv6Mode::Slaac | Ipv6Mode::Dhcp | Ipv6Mode::Off if !has_none => {
            return Err("lan: ipv6: only source static has an address, a prefix and a gateway".to_string());
        }
        _ => {}
    }
    if ipv6.prefix.is_some_and(|prefix| !(1..=128).contains(&prefix)) {
        return Err("lan: ipv6: prefix must be 1 to 128".to_string());
    }
    if ipv6.address.is_some_and(|address| address.is_unspecified() || address.is_multicast()) {
        return Err("lan: ipv6: address must be that of a host".to_string());
    }
    Ok(())
}

fn check_suites(suites: &[u8], is_strict: bool) -> Result<(), String> {
    if suites.is_empty() {
        return Err("cipher_suites is empty: nobody could log in; use [3, 17]".to_string());
    }
    let weak = |suite: &&u8| is_strict && **suite < 0x80 && !is_strict_suite(**suite);
    match suites.iter().find(weak) {
        Some(suite) => {
            Err(format!("cipher_suites has {suite}, which baseline \"strict\" disables; use 3, 8, 12 or 17"))
        }
        None => Ok(()),
    }
}

fn check_sol(sol: &DesiredSol) -> Result<(), String> {
    if let Some(rate) = sol.bits_per_second.filter(|rate| !BIT_RATES.contains(rate)) {
        return Err(format!(
            "sol: bits_per_second is {rate}; use {}",
            BIT_RATES.map(|rate| rate.to_string()).join(", ")
        ));
    }
    match &sol.privilege {
        None | Some(PrivilegeLevel::User | PrivilegeLevel::Operator) => Ok(()),
        Some(PrivilegeLevel::Administrator | PrivilegeLevel::Oem) => Ok(()),
        Some(other) => {
            Err(format!("sol: privilege is {:?}; use user, operator, administrator or oem", other.word()))
        }
    }
}

fn check_boot(boot: &DesiredBoot) -> Result<(), String> {
    match &boot.device {
        BootDevice::Unlisted(word) => Err(format!(
            "boot: device is {word:?}; use pxe, disk, cd, diagnostics, setup, floppy, remote-cd, remote-disk or none"
        )),
        _ => Ok(()),
    }
}

fn check_name(what: &str, name: Option<&str>) -> Result<(), String> {
    let is_name =
        |name: &str| (1..=63).contains(&name.len()) && name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    match name {
        Some(name) if !is_name(name) => Err(format!("{what} must have 1 to 63 printable ASCII characters")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_no_bmc_can_have_is_refused_with_what_is_allowed() {
        for (config, expected) in [
            (json!({ "lan": { "channel": 12 } }), "lan: channel is 12; use 1 to 11"),
            (
                json!({ "lan": { "ipv6": { "source": "ra" } } }),
                "lan: ipv6: source is \"ra\"; use static, slaac",
            ),
            (
                json!({ "lan": { "ipv6": { "source": "static", "prefix": 64 } } }),
                "needs an address and a prefix",
            ),
            (
                json!({ "lan": { "ipv6": { "source": "static", "address": "2001:db8::1", "prefix": 129 } } }),
                "prefix must be 1 to 128",
            ),
            (
                json!({ "lan": { "ipv6": { "source": "static", "address": "ff02::1", "prefix": 64 } } }),
                "must be that of a host",
            ),
            (json!({ "lan": { "ipv6": { "source": "slaac", "gateway": "fe80::1" } } }), "only source static"),
            (json!({ "baseline": "lax" }), "baseline is \"lax\"; use strict"),
            (json!({ "cipher_suites": [] }), "nobody could log in"),
            (json!({ "cipher_suites": [3, 2], "baseline": "strict" }), "cipher_suites has 2, which baseline"),
            (json!({ "k_g_file": "k_g" }), "must be an absolute path"),
            (json!({ "sol": { "bits_per_second": 2400 } }), "is 2400; use 9600, 19200, 38400, 57600, 115200"),
            (json!({ "sol": { "privilege": "callback" } }), "privilege is \"callback\""),
            (json!({ "boot": { "device": "usb" } }), "boot: device is \"usb\"; use pxe"),
            (json!({ "dcmi": { "asset_tag": "" } }), "dcmi: asset_tag must have 1 to 63"),
            (json!({ "dcmi": { "controller_id": "x".repeat(64) } }), "dcmi: controller_id must have 1 to 63"),
            (json!({ "session_limit": 16 }), "session_limit is 16; use 1 to 15"),
            (json!({ "clear_sel_above": 100 }), "clear_sel_above is 100; use 1 to 99 percent"),
        ] {
            let error = serde_json::from_value::<DesiredBmcConfig>(config.clone()).unwrap().check_options();
            assert!(error.as_ref().is_err_and(|error| error.contains(expected)), "{config}: {error:?}");
        }
        let options = include_str!("../../tests/wire/wanted-bmc-options.json");
        assert_eq!(serde_json::from_str::<DesiredBmcConfig>(options).unwrap().check_options(), Ok(()));
        assert_eq!(DesiredBmcConfig::default().check_options(), Ok(()));
    }
}
