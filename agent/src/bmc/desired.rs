// SPDX-License-Identifier: MIT OR Apache-2.0
//! The desired configuration: from the inventory, else from the image's policy.

#![allow(clippy::disallowed_types, reason = "reads the policy")]

use anyhow::{Context, Result};
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
            anyhow::anyhow!(
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

/// Parses a policy, which is TOML.
///
/// # Errors
/// If it cannot be parsed. The message does not quote it.
pub fn policy(file: &[u8]) -> Result<DesiredBmcConfig> {
    let text = str::from_utf8(file).context("not UTF-8")?;
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
        anyhow::anyhow!("line {}: {}", line.unwrap_or(1), error.message())
    })
}
