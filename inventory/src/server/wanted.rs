// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the operator wants a BMC to be: read strictly, so that a slip of the pen is told to the operator and not
//! done to a BMC.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;
use stage1_contract::{
    AddressSource, PowerRestore, UnknownUsers, WantedBmc, WantedLan, WantedUser, WantedWatchdog,
    WatchdogAction, schema,
};

const PRIVILEGES: [&str; 5] = ["callback", "user", "operator", "administrator", "oem"];

/// Reads settings from a TOML file; `None` without a file.
pub fn read(path: &Path) -> Result<Option<WantedBmc>> {
    let wanted = match fs::read_to_string(path) {
        Ok(text) => from_toml(&text).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    };
    wanted.with_context(|| format!("reading {}", path.display()))
}

fn from_toml(text: &str) -> Result<WantedBmc> {
    let error = |error: toml::de::Error| {
        // Not its `Display`, which shows the line: there may be a password in it.
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.unwrap_or_default().matches('\n').count() + 1;
        anyhow!("line {line}: {}", error.message())
    };
    let value: Value = toml::from_str(text).map_err(error)?;
    check_shape(&value)?;
    let wanted = toml::from_str(text).map_err(error)?;
    check(&wanted)?;
    Ok(wanted)
}

/// Refuses what would be ignored: keys that settings do not have. And passwords that are no text, before an error
/// quotes one.
pub fn check_shape(settings: &Value) -> Result<()> {
    let root = schema::published("wanted-bmc").unwrap_or_default();
    let root: Value = serde_json::from_str(root).context("reading the schema of BMC settings")?;
    if let Some(key) = unknown_key(&root, &root, settings) {
        bail!("there is no setting {key:?}");
    }
    let users = settings.get("users").and_then(Value::as_array);
    let mut passwords = users.into_iter().flatten().filter_map(|user| user.get("password"));
    ensure!(
        passwords.all(|password| password.is_string() || password.is_null()),
        "a password has to be text, in quotes"
    );
    Ok(())
}

/// The first key in `value` that `schema`, a part of the schema `root`, does not name.
fn unknown_key(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    // What may be absent is either of its type or null.
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

/// Refuses what no BMC can be, or what this version does not know.
pub fn check(wanted: &WantedBmc) -> Result<()> {
    let mut names = BTreeSet::new();
    for user in &wanted.users {
        check_user(user).with_context(|| format!("user {:?}", user.name))?;
        ensure!(names.insert(&user.name), "user {:?} is there twice", user.name);
    }
    if let UnknownUsers::Unknown(other) = &wanted.unknown_users {
        bail!("unknown_users is {other:?}; it is report or disable");
    }
    if let Some(lan) = &wanted.lan {
        check_lan(lan).context("lan")?;
    }
    if let Some(watchdog) = &wanted.watchdog {
        check_watchdog(watchdog).context("watchdog")?;
    }
    if let Some(PowerRestore::Unknown(other)) = &wanted.power_restore {
        bail!("power_restore is {other:?}; it is always-off, previous or always-on");
    }
    Ok(())
}

fn check_user(user: &WantedUser) -> Result<()> {
    let is_name = (1..=16).contains(&user.name.len()) && user.name.bytes().all(|b| matches!(b, b' '..=b'~'));
    ensure!(is_name, "a name has 1 to 16 printable ASCII characters");
    ensure!(
        PRIVILEGES.contains(&user.privilege.as_str()),
        "the privilege is {:?}; it is one of {}",
        user.privilege,
        PRIVILEGES.join(", ")
    );
    if let Some(password) = &user.password {
        ensure!(!user.generate, "give a password, or have one generated, not both");
        check_password(password.reveal())?;
    }
    Ok(())
}

/// Refuses a password that a BMC cannot hold (IPMI 2.0, section 22.30), without telling it.
pub fn check_password(password: &str) -> Result<()> {
    ensure!((1..=20).contains(&password.len()), "a password has 1 to 20 bytes, not {}", password.len());
    ensure!(!password.chars().any(char::is_control), "a password has no control characters");
    Ok(())
}

fn check_lan(lan: &WantedLan) -> Result<()> {
    match &lan.source {
        Some(AddressSource::Static) => {
            ensure!(lan.address.is_some() && lan.prefix.is_some(), "static wants an address and a prefix");
        }
        Some(AddressSource::Dhcp) => {
            let gives_none = lan.address.is_none() && lan.prefix.is_none() && lan.gateway.is_none();
            ensure!(gives_none, "with dhcp there is no address, prefix or gateway to set");
        }
        Some(AddressSource::Unknown(other)) => bail!("source is {other:?}; it is static or dhcp"),
        None => {}
    }
    ensure!(lan.prefix.is_none_or(|prefix| prefix <= 32), "prefix is up to 32");
    ensure!(lan.vlan.is_none_or(|vlan| vlan <= 4094), "vlan is 1 to 4094, or 0 for none");
    Ok(())
}

fn check_watchdog(watchdog: &WantedWatchdog) -> Result<()> {
    if let WatchdogAction::Unknown(other) = &watchdog.action {
        bail!("action is {other:?}; it is stop, reset, power-off or power-cycle");
    }
    ensure!(watchdog.seconds <= 6553, "seconds is up to 6553");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read() {
        let wanted = from_toml(
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
        assert_eq!((wanted.users.len(), wanted.cipher_suite_0), (2, Some(false)));
        assert!(wanted.users[0].generate && wanted.users[0].privilege == "administrator");
        assert_eq!(wanted.users[1].password.as_ref().unwrap().reveal(), "12345678901234567890");
        assert_eq!(wanted.lan.unwrap().prefix, Some(24));
        assert_eq!(from_toml("").unwrap(), WantedBmc::default());
    }

    #[test]
    fn the_documented_settings_are_right() {
        let manual = include_str!("../main.rs").lines();
        let example = manual.skip_while(|line| *line != "//! ```toml").skip(1);
        let example = example.take_while(|line| *line != "//! ```").map(|line| &line["//!".len()..]);
        let wanted = from_toml(&example.collect::<Vec<_>>().join("\n")).unwrap();
        assert_eq!((wanted.users.len(), wanted.watchdog.unwrap().seconds), (2, 0));
    }

    #[test]
    fn what_cannot_be_is_refused_and_said() {
        for (text, said) in [
            ("[[users]]\nname = ''", "user \"\": a name has 1 to 16"),
            ("[[users]]\nname = '12345678901234567'", "1 to 16"),
            ("[[users]]\nname = 'jürgen'", "ASCII"),
            ("[[users]]\nprivilege = 'user'", "line 1: missing field `name`"),
            ("[[users]]\nname = 'a'\n[[users]]\nname = 'a'", "user \"a\" is there twice"),
            ("[[users]]\nname = 'a'\nprivilege = 'root'", "is \"root\"; it is one of callback, user"),
            ("[[users]]\nname = 'a'\npassword = ''", "1 to 20 bytes, not 0"),
            ("[[users]]\nname = 'a'\npassword = 'tuv'\ngenerate = true", "not both"),
            ("unknown_users = 'kill'", "unknown_users is \"kill\"; it is report or disable"),
            ("power_restore = 'on'", "power_restore is \"on\""),
            ("lan.source = 'bios'", "lan: source is \"bios\""),
            (
                "lan = { source = 'static', address = '192.0.2.1' }",
                "lan: static wants an address and a prefix",
            ),
            ("lan = { source = 'static', prefix = 24 }", "static wants"),
            ("lan = { source = 'dhcp', gateway = '192.0.2.1' }", "with dhcp there is no"),
            ("lan = { prefix = 33 }", "prefix is up to 32"),
            ("lan = { vlan = 4095 }", "vlan is 1 to 4094"),
            ("\nlan = { address = '192.0.2.256' }", "line 2: invalid IPv4 address"),
            ("watchdog = { action = 'bark', seconds = 1 }", "watchdog: action is \"bark\""),
            ("watchdog = { action = 'reset', seconds = 6554 }", "up to 6553"),
            ("cipher_suite0 = false", "there is no setting \"cipher_suite0\""),
            ("[[users]]\nname = 'a'\n[[users]]\nname = 'b'\nenable = true", "no setting \"users.enable\""),
            ("lan.adress = '192.0.2.1'", "no setting \"lan.adress\""),
        ] {
            let error = format!("{:#}", from_toml(text).expect_err(text));
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn errors_do_not_tell_passwords() {
        for (text, said) in [
            ("[[users]]\nname = 'a'\npassword = \"secret-123", "line 3: "),
            ("[[users]]\nname = 'a'\npassword = secret-123", "line 3: "),
            ("[[users]]\nname = 'a'\npassword = 'secret-123' # \0", "line 3: "),
            ("[[users]]\nname = 'a'\npassword = 123", "a password has to be text"),
            ("[[users]]\nname = 'a'\npassword = ['secret-123']", "a password has to be text"),
            ("[[users]]\nname = 'a'\npassword = 'secret-123 secret-123'", "1 to 20 bytes, not 21"),
            ("[[users]]\nname = 'a'\npassword = \"secret\\u0000-123\"", "control"),
            ("[[users]]\npassword = 'secret-123'", "line 1: missing field"),
        ] {
            let error = format!("{:#}", from_toml(text).expect_err(text));
            assert!(error.contains(said) && !error.contains("123"), "{text}: {error}");
        }
    }
}
