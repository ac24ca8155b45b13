// SPDX-License-Identifier: MIT OR Apache-2.0
//! A desired configuration that an operator wrote, read strictly: a mistake is reported to the operator, and not applied to
//! a BMC. The inventory and the agent (for the policy of an image) refuse the same.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    AddressSource, DesiredBmcConfig, DesiredLan, DesiredUser, DesiredWatchdog, PowerRestore, PrivilegeLevel,
    UnknownUsers, WatchdogAction,
};

/// The published schema of a desired configuration.
const SCHEMA: &str = include_str!("../../schema/bmc-config.json");

impl DesiredBmcConfig {
    /// Refuses unknown keys, which would be ignored otherwise, and passwords that are not strings, which an error of the
    /// parser would quote.
    ///
    /// # Errors
    /// What is wrong. It does not quote values.
    pub fn check_shape(settings: &Value) -> Result<(), String> {
        let root: Value = serde_json::from_str(SCHEMA)
            .map_err(|error| format!("reading the schema of the BMC configuration: {error}"))?;
        if let Some(key) = unknown_key(&root, &root, settings) {
            return Err(format!("unknown setting {key:?}"));
        }
        let users = settings.get("users").and_then(Value::as_array);
        let mut passwords = users.into_iter().flatten().filter_map(|user| user.get("password"));
        ensure(
            passwords.all(|password| password.is_string() || password.is_null()),
            "a password must be a string in quotes",
        )
    }

    /// Refuses values that no BMC can have, or that this version does not define, and a configuration that would leave
    /// nobody who can log in.
    ///
    /// # Errors
    /// What is wrong. It does not contain passwords.
    pub fn check(&self) -> Result<(), String> {
        let mut names = BTreeSet::new();
        for user in &self.users {
            let name = &user.name;
            user.check().map_err(|error| format!("user {name:?}: {error}"))?;
            ensure(names.insert(name), format!("user {name:?} is listed twice"))?;
        }
        match &self.unknown_users {
            UnknownUsers::Report => {}
            UnknownUsers::Disable => {
                let mut levels = self.users.iter().map(|user| &user.privilege);
                ensure(
                    levels.any(|level| *level == PrivilegeLevel::Administrator),
                    "unknown_users = \"disable\" needs an administrator in [[users]]: otherwise nobody could log in as one",
                )?;
            }
            UnknownUsers::Unknown(other) => {
                return Err(format!("unknown_users is {other:?}; use report or disable"));
            }
        }
        if let Some(lan) = &self.lan {
            lan.check().map_err(|error| format!("lan: {error}"))?;
        }
        if let Some(watchdog) = &self.watchdog {
            watchdog.check().map_err(|error| format!("watchdog: {error}"))?;
        }
        if let Some(PowerRestore::Unknown(other)) = &self.power_restore {
            return Err(format!("power_restore is {other:?}; use always-off, previous or always-on"));
        }
        self.check_options()
    }
}

impl DesiredUser {
    fn check(&self) -> Result<(), String> {
        let name = &self.name;
        let is_printable = (1..=16).contains(&name.len()) && name.bytes().all(|b| matches!(b, b' '..=b'~'));
        ensure(
            is_printable && name.trim() == name,
            "a name must have 1 to 16 printable ASCII characters, and no space at either end",
        )?;
        let levels = PrivilegeLevel::FOR_LOGIN;
        ensure(
            levels.contains(&self.privilege),
            format!(
                "privilege is {:?}; use one of {}",
                self.privilege.word(),
                levels.each_ref().map(PrivilegeLevel::word).join(", ")
            ),
        )?;
        let Some(password) = &self.password else { return Ok(()) };
        ensure(!self.generate, "set either password or generate, not both")?;
        password.check()
    }
}

impl super::Secret {
    /// Refuses a password that a BMC cannot store (IPMI 2.0, section 22.30).
    ///
    /// # Errors
    /// What is wrong. It does not contain the password.
    pub fn check(&self) -> Result<(), String> {
        let password = self.reveal();
        let length = password.len();
        ensure((1..=20).contains(&length), format!("a password must have 1 to 20 bytes, not {length}"))?;
        ensure(!password.chars().any(char::is_control), "a password must not contain control characters")
    }
}

impl DesiredLan {
    fn check(&self) -> Result<(), String> {
        match &self.source {
            Some(AddressSource::Static) => ensure(
                self.address.is_some() && self.prefix.is_some(),
                "source static needs an address and a prefix",
            )?,
            Some(AddressSource::Dhcp) => {
                let has_none = self.address.is_none() && self.prefix.is_none() && self.gateway.is_none();
                ensure(has_none, "source dhcp excludes address, prefix and gateway")?;
            }
            Some(AddressSource::Unknown(other)) => {
                return Err(format!("source is {other:?}; use static or dhcp"));
            }
            None => {}
        }
        ensure(self.prefix.is_none_or(|prefix| prefix <= 32), "prefix must be at most 32")?;
        ensure(self.vlan.is_none_or(|vlan| vlan <= 4094), "vlan must be 1 to 4094, or 0 for untagged")
    }
}

impl DesiredWatchdog {
    fn check(&self) -> Result<(), String> {
        if let WatchdogAction::Unknown(other) = &self.action {
            return Err(format!("action is {other:?}; use stop, reset, power-off or power-cycle"));
        }
        ensure(self.seconds <= 6553, "seconds must be at most 6553")
    }
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

fn ensure(is_fine: bool, error: impl Into<String>) -> Result<(), String> {
    if is_fine { Ok(()) } else { Err(error.into()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(settings: Value) -> String {
        let checked = DesiredBmcConfig::check_shape(&settings).and_then(|()| {
            let config: DesiredBmcConfig =
                serde_json::from_value(settings.clone()).map_err(|e| e.to_string())?;
            config.check()
        });
        checked.expect_err(&settings.to_string())
    }

    #[test]
    fn a_policy_that_would_lock_everybody_out_is_refused() {
        let operator = json!({ "name": "watch", "privilege": "operator", "generate": true });
        let admin = json!({ "name": "stage1", "generate": true });
        for users in [json!([]), json!([operator])] {
            let error = error(json!({ "unknown_users": "disable", "users": users }));
            assert!(error.starts_with("unknown_users = \"disable\" needs an administrator"), "{error}");
        }
        let fine = json!({ "unknown_users": "disable", "users": [operator, admin] });
        let fine: DesiredBmcConfig = serde_json::from_value(fine).unwrap();
        assert_eq!(fine.check(), Ok(()));
        assert_eq!(DesiredBmcConfig::default().check(), Ok(()));
    }

    #[test]
    fn misspelt_keys_and_values_are_refused() {
        assert_eq!(error(json!({ "unkown_users": "disable" })), "unknown setting \"unkown_users\"");
        assert_eq!(error(json!({ "user": [{ "name": "ops" }] })), "unknown setting \"user\"");
        assert_eq!(
            error(json!({ "users": [{ "name": "a", "enable": true }] })),
            "unknown setting \"users.enable\""
        );
        assert_eq!(
            error(json!({ "unknown_users": "disabel" })),
            "unknown_users is \"disabel\"; use report or disable"
        );
    }

    #[test]
    fn a_name_may_have_spaces_inside_only() {
        let named = |name: &str| json!({ "users": [{ "name": name }] });
        for name in ["", " ops", "ops ", " ", "seventeen-letters", "J\u{fc}rgen", "tab\tbed"] {
            assert!(
                error(named(name)).contains("1 to 16 printable ASCII characters, and no space"),
                "{name:?}"
            );
        }
        let inside: DesiredBmcConfig = serde_json::from_value(named("watch man")).unwrap();
        assert_eq!(inside.check(), Ok(()));
    }
}
