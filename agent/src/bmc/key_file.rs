// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file of the image that has the key K_G.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "reads the file")]

use anyhow::{Context, Result, anyhow};
use stage1_contract::{DesiredBmcConfig, Secret};

use super::options::channel_key;
use crate::display::hex;
use crate::host::Machine;

/// Reads the key that the desired configuration names.
///
/// # Errors
/// If it cannot be read, or is no key. The configuration is without the key then. The message does not quote it.
pub(crate) fn read_key(machine: &Machine, desired: &mut DesiredBmcConfig) -> Result<()> {
    let Some(path) = &desired.k_g_file else { return Ok(()) };
    let file = machine.read(path).with_context(|| format!("reading the key K_G from {path}"))?;
    let text = String::from_utf8_lossy(&file);
    let key = channel_key(&text).map_err(|allowed| anyhow!("the key K_G in {path}: it {allowed}"))?;
    desired.k_g = Some(Secret::new(hex(&key.0)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(file: Option<&str>) -> (Option<String>, Option<String>) {
        let folder = tempfile::tempdir().unwrap();
        if let Some(text) = file {
            std::fs::write(folder.path().join("k_g"), text).unwrap();
        }
        let mut desired =
            DesiredBmcConfig { k_g_file: Some("/k_g".to_string()), ..DesiredBmcConfig::default() };
        let error = read_key(&Machine::at(folder.path()), &mut desired).err();
        (desired.k_g.map(|key| key.reveal().to_string()), error.map(|error| format!("{error:#}")))
    }

    #[test]
    fn a_key_is_read_from_a_file() {
        let (key, error) = key_of(Some("4-Night-Watch\n"));
        assert_eq!((key.as_deref(), error), (Some("342d4e696768742d576174636800000000000000"), None));
        let (key, error) = key_of(Some("a text that is too long for a key"));
        assert_eq!(key, None);
        assert!(error.is_some_and(|error| error.starts_with("the key K_G in /k_g: it must have 40")
            && !error.contains("too long for")));
        let (key, error) = key_of(None);
        assert!(
            key.is_none() && error.is_some_and(|error| error.starts_with("reading the key K_G from /k_g: "))
        );
    }
}
