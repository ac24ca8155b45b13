// SPDX-License-Identifier: MIT OR Apache-2.0
//! The desired configuration of a host's BMC. It is read strictly: a mistake must be reported to the operator, not
//! applied to a BMC.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Error, Result, anyhow};
use serde_json::Value;
use stage1_contract::DesiredBmcConfig;

use crate::folder::Folder;
use crate::store::Store;

/// Every setting, as the help shows them.
pub(crate) const EXAMPLE: &str = r#"
unknown_users = "disable"    # enabled users not listed here: disable, or report
ipmi_over_lan = true
cipher_suite_0 = false
cipher_suites = [3, 17]      # all others are disabled
baseline = "strict"          # only cipher suites with AES, of IPMI 1.5 only MD5, every message authenticated
k_g_file = "/etc/stage1/k_g" # in the image: 40 hexadecimal digits, or up to 20 characters
session_limit = 4            # sessions of a user at once
serial_over_lan = true
clear_sel_above = 90         # percent in use
set_clock = true
identify_off = true
power_restore = "previous"   # always-off, previous or always-on

[[users]]
name = "admin"
generate = true              # the host generates a password and sends it here

[[users]]
name = "watch"
privilege = "operator"       # callback, user, operator, administrator or oem
password = "up to 20 bytes"

[lan]
source = "dhcp"              # or static, with address, prefix and gateway
vlan = 40                    # 0: untagged
channel = 1                  # only for BMCs with several LAN channels
ipv6 = { source = "slaac" }  # static with address, prefix and gateway; slaac, dhcp or off

[sol]
bits_per_second = 115200
encryption = true
privilege = "operator"

[boot]
device = "pxe"               # disk, cd, diagnostics, setup, floppy, remote-cd, remote-disk or none
persistent = true            # false: the next boot only
legacy = false               # true: BIOS boot

[dcmi]
asset_tag = "INV-004711"
controller_id = "rack7-host12"

[watchdog]
action = "stop"              # stop, reset, power-off or power-cycle
seconds = 0
"#;

/// The desired configuration of a host's BMC: the host's own, or else that of the data folder for every host.
pub(crate) fn of_host(folder: &Folder, store: &Store, id: &str) -> Result<Option<DesiredBmcConfig>> {
    match store.own_bmc_config(id)? {
        Some(own) => Ok(Some(own)),
        None => read(&folder.bmc_config()),
    }
}

/// Reads a configuration from a TOML file; `None` if the file does not exist.
pub(crate) fn read(path: &Path) -> Result<Option<DesiredBmcConfig>> {
    let config = match fs::read_to_string(path) {
        Ok(text) => from_toml(&text).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    };
    config.with_context(|| format!("reading {}", path.display()))
}

fn from_toml(text: &str) -> Result<DesiredBmcConfig> {
    let error = |error: toml::de::Error| {
        // Not its `Display`, which quotes the line: it may contain a password.
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.unwrap_or_default().matches('\n').count() + 1;
        anyhow!("line {line}: {}", error.message())
    };
    let value: Value = toml::from_str(text).map_err(error)?;
    DesiredBmcConfig::check_shape(&value).map_err(Error::msg)?;
    let config: DesiredBmcConfig = toml::from_str(text).map_err(error)?;
    config.check().map_err(Error::msg)?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::{EXAMPLE, from_toml};
    use serde_json::Value;
    use stage1_contract::{DesiredBmcConfig, PrivilegeLevel, schema};

    #[test]
    fn settings_are_read() {
        let config = from_toml(
            r#"
            unknown_users = "disable"
            ipmi_over_lan = true
            cipher_suite_0 = false
            [[users]]
            name = "admin"
            generate = true
            [[users]]
            name = "watch man"
            privilege = "user"
            password = "12345678901234567890"
            [lan]
            source = "static"
            address = "192.0.2.40"
            prefix = 24
            vlan = 0
            [watchdog]
            action = "stop"
            seconds = 0
            "#,
        )
        .unwrap();
        assert_eq!((config.users.len(), config.cipher_suite_0), (2, Some(false)));
        assert!(config.users[0].generate && config.users[0].privilege == PrivilegeLevel::Administrator);
        assert_eq!(config.users[1].password.as_ref().unwrap().reveal(), "12345678901234567890");
        assert_eq!(config.lan.unwrap().prefix, Some(24));
        assert_eq!(from_toml("").unwrap(), DesiredBmcConfig::default());
    }

    #[test]
    fn the_example_in_the_help_is_accepted() {
        let config = from_toml(EXAMPLE).unwrap();
        assert_eq!((config.users.len(), config.watchdog.unwrap().seconds), (2, 0));
        // It has every setting.
        let value: Value = toml::from_str(EXAMPLE).unwrap();
        let schema: Value = serde_json::from_str(schema::published("bmc-config").unwrap()).unwrap();
        for key in schema["properties"].as_object().unwrap().keys() {
            assert!(value.get(key).is_some(), "{key}");
        }
    }

    #[test]
    fn invalid_settings_are_refused_with_a_reason() {
        for (text, expected) in [
            ("[[users]]\nname = ''", "user \"\": a name must have 1 to 16"),
            ("[[users]]\nname = '12345678901234567'", "1 to 16"),
            ("[[users]]\nname = 'jürgen'", "ASCII"),
            ("[[users]]\nprivilege = 'user'", "line 1: missing field `name`"),
            ("[[users]]\nname = 'a'\n[[users]]\nname = 'a'", "user \"a\" is listed twice"),
            ("[[users]]\nname = 'a'\nprivilege = 'root'", "is \"root\"; use one of callback, user"),
            ("[[users]]\nname = 'a'\npassword = ''", "1 to 20 bytes, not 0"),
            ("[[users]]\nname = 'a'\npassword = 'tuv'\ngenerate = true", "not both"),
            ("unknown_users = 'disable'", "needs an administrator in [[users]]"),
            ("unknown_users = 'disable'\n[[user]]\nname = 'ops'", "unknown setting \"user\""),
            ("unknown_users = 'kill'", "unknown_users is \"kill\"; use report or disable"),
            ("power_restore = 'on'", "power_restore is \"on\""),
            ("lan.source = 'bios'", "lan: source is \"bios\""),
            (
                "lan = { source = 'static', address = '192.0.2.1' }",
                "lan: source static needs an address and a prefix",
            ),
            ("lan = { source = 'static', prefix = 24 }", "source static needs"),
            ("lan = { source = 'dhcp', gateway = '192.0.2.1' }", "source dhcp excludes"),
            ("lan = { prefix = 33 }", "prefix must be at most 32"),
            ("lan = { vlan = 4095 }", "vlan must be 1 to 4094"),
            ("\nlan = { address = '192.0.2.256' }", "line 2: invalid IPv4 address"),
            ("watchdog = { action = 'bark', seconds = 1 }", "watchdog: action is \"bark\""),
            ("watchdog = { action = 'reset', seconds = 6554 }", "at most 6553"),
            ("cipher_suite0 = false", "unknown setting \"cipher_suite0\""),
            (
                "[[users]]\nname = 'a'\n[[users]]\nname = 'b'\nenable = true",
                "unknown setting \"users.enable\"",
            ),
            ("lan.channel = 12", "lan: channel is 12; use 1 to 11"),
            ("boot = { device = 'pxe', once = true }", "unknown setting \"boot.once\""),
            ("lan.adress = '192.0.2.1'", "unknown setting \"lan.adress\""),
        ] {
            let error = format!("{:#}", from_toml(text).expect_err(text));
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn errors_do_not_contain_passwords() {
        for (text, expected) in [
            ("[[users]]\nname = 'a'\npassword = \"secret-123", "line 3: "),
            ("[[users]]\nname = 'a'\npassword = secret-123", "line 3: "),
            ("[[users]]\nname = 'a'\npassword = 'secret-123' # \0", "line 3: "),
            ("[[users]]\nname = 'a'\npassword = 123", "a password must be a string"),
            ("[[users]]\nname = 'a'\npassword = ['secret-123']", "a password must be a string"),
            ("[[users]]\nname = 'a'\npassword = 'secret-123 secret-123'", "1 to 20 bytes, not 21"),
            ("[[users]]\nname = 'a'\npassword = \"secret\\u0000-123\"", "control"),
            ("[[users]]\npassword = 'secret-123'", "line 1: missing field"),
        ] {
            let error = format!("{:#}", from_toml(text).expect_err(text));
            assert!(error.contains(expected) && !error.contains("123"), "{text}: {error}");
        }
    }
}
