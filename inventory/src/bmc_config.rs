// SPDX-License-Identifier: MIT OR Apache-2.0
//! The desired configuration of a host's BMC. It is read strictly: a mistake must be reported to the operator, not
//! applied to a BMC.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;
use stage1_contract::{
    AddressSource, DesiredBmcConfig, DesiredLan, DesiredUser, DesiredWatchdog, PowerRestore, PrivilegeLevel,
    UnknownUsers, WatchdogAction, schema,
};

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
    check_shape(&value)?;
    let config = toml::from_str(text).map_err(error)?;
    check(&config)?;
    Ok(config)
}

/// Refuses unknown keys, which would be ignored otherwise, and passwords that are not strings, which an error of
/// the parser would quote.
pub(crate) fn check_shape(settings: &Value) -> Result<()> {
    let root = schema::published("bmc-config").unwrap_or_default();
    let root: Value = serde_json::from_str(root).context("reading the schema of the BMC configuration")?;
    if let Some(key) = unknown_key(&root, &root, settings) {
        bail!("unknown setting {key:?}");
    }
    let users = settings.get("users").and_then(Value::as_array);
    let mut passwords = users.into_iter().flatten().filter_map(|user| user.get("password"));
    ensure!(
        passwords.all(|password| password.is_string() || password.is_null()),
        "a password must be a string in quotes"
    );
    Ok(())
}

/// The first key in `value` that `schema`, a part of the schema `root`, does not define.
fn unknown_key(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    // An optional value is either of its type or null.
    let schema = schema["anyOf"].get(0).unwrap_or(schema);
    let target = schema["$ref"].as_str().and_then(|reference| root.pointer(reference.strip_prefix('#')?));
    let schema = target.unwrap_or(schema);
    match value {
        Value::Array(values) => values.iter().find_map(|value| unknown_key(root, &schema["items"], value)),
        Value::Object(fields) => fields.iter().find_map(|(key, field)| match schema["properties"].get(key) {
            None => Some(key.clone()),
            Some(schema) => unknown_key(root, schema, field).map(|inner| format!("{key}.{inner}")),
        }),
        _ => None,
    }
}

/// Refuses values that no BMC can have, or that this version does not know.
pub(crate) fn check(config: &DesiredBmcConfig) -> Result<()> {
    let mut names = BTreeSet::new();
    for user in &config.users {
        check_user(user).with_context(|| format!("user {:?}", user.name))?;
        ensure!(names.insert(&user.name), "user {:?} is listed twice", user.name);
    }
    if let UnknownUsers::Unknown(other) = &config.unknown_users {
        bail!("unknown_users is {other:?}; use report or disable");
    }
    if let Some(lan) = &config.lan {
        check_lan(lan).context("lan")?;
    }
    if let Some(watchdog) = &config.watchdog {
        check_watchdog(watchdog).context("watchdog")?;
    }
    if let Some(PowerRestore::Unknown(other)) = &config.power_restore {
        bail!("power_restore is {other:?}; use always-off, previous or always-on");
    }
    config.check_options().map_err(anyhow::Error::msg)
}

fn check_user(user: &DesiredUser) -> Result<()> {
    let is_name = (1..=16).contains(&user.name.len()) && user.name.bytes().all(|b| matches!(b, b' '..=b'~'));
    ensure!(is_name, "a name must have 1 to 16 printable ASCII characters");
    let privileges = PrivilegeLevel::FOR_LOGIN;
    ensure!(
        privileges.contains(&user.privilege),
        "privilege is {:?}; use one of {}",
        user.privilege.word(),
        privileges.each_ref().map(PrivilegeLevel::word).join(", ")
    );
    if let Some(password) = &user.password {
        ensure!(!user.generate, "set either password or generate, not both");
        check_password(password.reveal())?;
    }
    Ok(())
}

/// Refuses a password that a BMC cannot store (IPMI 2.0, section 22.30). The error does not contain it.
pub(crate) fn check_password(password: &str) -> Result<()> {
    ensure!((1..=20).contains(&password.len()), "a password must have 1 to 20 bytes, not {}", password.len());
    ensure!(!password.chars().any(char::is_control), "a password must not contain control characters");
    Ok(())
}

fn check_lan(lan: &DesiredLan) -> Result<()> {
    match &lan.source {
        Some(AddressSource::Static) => {
            ensure!(
                lan.address.is_some() && lan.prefix.is_some(),
                "source static needs an address and a prefix"
            );
        }
        Some(AddressSource::Dhcp) => {
            let has_none = lan.address.is_none() && lan.prefix.is_none() && lan.gateway.is_none();
            ensure!(has_none, "source dhcp excludes address, prefix and gateway");
        }
        Some(AddressSource::Unknown(other)) => bail!("source is {other:?}; use static or dhcp"),
        None => {}
    }
    ensure!(lan.prefix.is_none_or(|prefix| prefix <= 32), "prefix must be at most 32");
    ensure!(lan.vlan.is_none_or(|vlan| vlan <= 4094), "vlan must be 1 to 4094, or 0 for untagged");
    Ok(())
}

fn check_watchdog(watchdog: &DesiredWatchdog) -> Result<()> {
    if let WatchdogAction::Unknown(other) = &watchdog.action {
        bail!("action is {other:?}; use stop, reset, power-off or power-cycle");
    }
    ensure!(watchdog.seconds <= 6553, "seconds must be at most 6553");
    Ok(())
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
