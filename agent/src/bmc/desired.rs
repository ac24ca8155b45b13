// SPDX-License-Identifier: MIT OR Apache-2.0
//! The desired configuration: from the inventory, else from the image's policy.

#![allow(clippy::disallowed_types, reason = "reads the policy")]

use anyhow::{Context, Error, Result, anyhow};
use serde_json::Value;
use stage1_contract::DesiredBmcConfig;

use crate::host::Machine;

/// The image's policy: the desired configuration if the inventory has none.
pub(crate) const POLICY: &str = "/etc/stage1/bmc.toml";

/// The desired configuration from the inventory, or else from the image's policy; `None` if there is neither.
///
/// # Errors
/// If it cannot be parsed. The message does not quote it.
pub(crate) fn desired(machine: &Machine, from_inventory: Option<Value>) -> Result<Option<DesiredBmcConfig>> {
    if let Some(value) = from_inventory {
        // Not the error's `Display`, which may quote a password.
        return serde_json::from_value(value).map(Some).map_err(|error| {
            anyhow!(
                "parsing the BMC configuration from the inventory: {:?} error: check it with 'stage1-inventory schema \
                 bmc-config'",
                error.classify()
            )
        });
    }
    if !machine.has(POLICY) {
        return Ok(None);
    }
    policy(&machine.read(POLICY)?).context(POLICY).map(Some)
}

/// Parses a policy, which is TOML, and refuses what the inventory refuses of one.
///
/// # Errors
/// If it cannot be parsed, or has settings that are unknown or wrong. The message does not quote it.
pub fn policy(file: &[u8]) -> Result<DesiredBmcConfig> {
    let text = str::from_utf8(file).context("not UTF-8")?;
    let error = |error: toml::de::Error| {
        let line = error.span().map(|span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
        anyhow!("line {}: {}", line.unwrap_or(1), error.message())
    };
    let settings: Value = toml::from_str(text).map_err(error)?;
    DesiredBmcConfig::check_shape(&settings).map_err(Error::msg)?;
    let desired: DesiredBmcConfig = toml::from_str(text).map_err(error)?;
    desired.check().map_err(Error::msg)?;
    Ok(desired)
}

#[cfg(test)]
mod tests {
    use ipmi::app::UserName;
    use proptest::prelude::{any, prop_assert_eq, prop_oneof, proptest};
    use stage1_contract::DesiredUser;

    use super::*;

    fn error(text: &str) -> String {
        format!("{:#}", policy(text.as_bytes()).expect_err(text))
    }

    #[test]
    fn a_policy_is_read_as_strictly_as_by_the_inventory() {
        let ops = "[[users]]\nname = 'ops'\npassword = '4-Night-Watch'\n";
        assert_eq!(error(&format!("unkown_users = 'disable'\n{ops}")), "unknown setting \"unkown_users\"");
        assert!(
            error(&format!("unknown_users = 'disabel'\n{ops}")).starts_with("unknown_users is \"disabel\"")
        );
        assert_eq!(error("unknown_users = 'disable'\n[[user]]\nname = 'ops'"), "unknown setting \"user\"");
        assert!(error("unknown_users = 'disable'").contains("needs an administrator"));
        assert!(error(&format!("{ops}privilege = 'admin'")).contains("privilege is \"admin\""));
        assert!(error(&format!("{ops}{ops}")).contains("listed twice"));
        assert!(error("lan = { source = 'static' }").contains("needs an address"));
        assert_eq!(policy(format!("unknown_users = 'disable'\n{ops}").as_bytes()).unwrap().users.len(), 1);
    }

    #[test]
    fn no_error_quotes_a_password() {
        for text in [
            "[[users]]\nname = 'a'\npassword = 'secret-123",
            "[[users]]\nname = 'a'\npassword = 123",
            "[[users]]\nname = 'a'\npassword = 'secret-123 secret-123'",
        ] {
            assert!(!error(text).contains("123"), "{}", error(text));
        }
    }

    proptest! {
        #[test]
        fn a_name_that_a_policy_may_have_can_be_sent(name in prop_oneof!["[ -~]{0,18}", any::<String>()]) {
            let user = DesiredUser {
                name: name.clone(),
                privilege: stage1_contract::PrivilegeLevel::Administrator,
                password: None,
                generate: true,
                in_place: false,
            };
            let desired = DesiredBmcConfig { users: vec![user], ..DesiredBmcConfig::default() };
            prop_assert_eq!(desired.check().is_ok(), UserName::new(&name).is_some(), "{:?}", name);
        }
    }
}
