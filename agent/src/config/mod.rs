// SPDX-License-Identifier: MIT OR Apache-2.0
//! Settings from the file in the image, `stage1.*` on the kernel command line, and flags. Later ones win.

pub(crate) mod dracut;
pub(crate) mod network;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::cmdline;
use crate::lldp::ports::Mode;
use network::NetworkConfig;

pub use table::{SETTINGS, Setting, help};

/// An initramfs of dracut and its like has this file (os-release(5)); the project's own images do not.
pub(crate) const INITRD_RELEASE: &str = "/etc/initrd-release";
/// The settings file of an image.
pub const FILE: &str = "/etc/stage1/config.toml";

/// The settings of a run; [`SETTINGS`] describes each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Base URLs of the inventory, without a slash at the end; empty: there is no inventory.
    pub inventory: Vec<String>,
    /// PEM file of the CA; `None`: the image's own, else the system's.
    pub ca: Option<PathBuf>,
    /// PEM file of the client certificate.
    pub client_cert: Option<PathBuf>,
    /// PEM file of the client certificate's private key.
    pub client_key: Option<PathBuf>,
    /// File with the bearer token.
    pub token_file: Option<PathBuf>,
    /// Allows plain http.
    pub allow_http: bool,
    /// NTP servers, for a clock at whose time a certificate is not valid; empty: those that DHCP announces.
    pub ntp: Vec<String>,
    /// The failure policy.
    pub on_failure: OnFailure,
    /// How far the firmware stage goes.
    pub firmware: Firmware,
    /// Accepts firmware manifests without a signature.
    pub firmware_unsigned: bool,
    /// Static network configuration.
    pub network: NetworkConfig,
    /// Deadline of the network stage.
    pub network_timeout: Duration,
    /// Vendor class identifier in DHCP; empty: not sent.
    pub dhcp_vendor_class: String,
    /// User class in DHCP; empty: not sent.
    pub dhcp_user_class: String,
    /// Host name in DHCP; empty: not sent.
    pub dhcp_host_name: String,
    /// Whether LLDPDUs are sent, and received.
    pub lldp: Mode,
    /// Longest wait for LLDP neighbours, from the first carrier on.
    pub lldp_timeout: Duration,
    /// Turns LLDP agents in adapter firmware on again at the end of the run.
    pub lldp_restore: bool,
    /// How far the BMC stage goes.
    pub bmc: BmcMode,
    /// Deadline for reading and configuring the BMC.
    pub bmc_timeout: Duration,
    /// Deadline of one call to the inventory, with its retries.
    pub inventory_timeout: Duration,
    /// Deadline of the download stage.
    pub download_timeout: Duration,
    /// Longest wait for a decision of the inventory.
    pub wait_timeout: Duration,
}

/// The failure policy: how a failed run at boot ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// A shell on the console.
    Rescue,
    /// The host reboots.
    Reboot,
    /// The host powers off.
    PowerOff,
}

/// How far the BMC stage goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BmcMode {
    /// Read it, and apply the desired configuration.
    Apply,
    /// Only read it.
    Read,
    /// Skip it.
    Off,
}

/// How far the firmware stage goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// Compare it with the manifests, and report.
    Check,
    /// Also flash it.
    Apply,
    /// Skip it.
    Off,
}

/// A setting that is unknown or has an invalid value, with the place where it was set.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{origin}: {cause}")]
pub struct SettingError {
    origin: String,
    cause: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            inventory: Vec::new(),
            ca: None,
            client_cert: None,
            client_key: None,
            token_file: None,
            allow_http: false,
            ntp: Vec::new(),
            on_failure: OnFailure::Rescue,
            firmware: Firmware::Check,
            firmware_unsigned: false,
            network: NetworkConfig::default(),
            network_timeout: Duration::from_secs(120),
            dhcp_vendor_class: "stage1".to_string(),
            dhcp_user_class: "stage1".to_string(),
            dhcp_host_name: String::new(),
            lldp: Mode::Solicit,
            lldp_timeout: Duration::from_secs(32),
            lldp_restore: false,
            bmc: BmcMode::Apply,
            bmc_timeout: Duration::from_secs(60),
            inventory_timeout: Duration::from_secs(120),
            download_timeout: Duration::from_secs(1800),
            wait_timeout: Duration::from_secs(86400),
        }
    }
}

impl Settings {
    /// Settings from their three sources. An invalid setting keeps its earlier value and becomes an error, so that a host
    /// with one bad setting can still report it to the inventory.
    pub fn merge(
        file: Option<&str>,
        kernel_command_line: &str,
        flags: &[(String, String)],
    ) -> (Self, Vec<SettingError>) {
        let mut settings = Self::default();
        let (pairs, mut errors) = match file_settings(file.unwrap_or_default()) {
            Ok(pairs) => (pairs, Vec::new()),
            Err(cause) => (Vec::new(), vec![SettingError { origin: FILE.to_string(), cause }]),
        };
        let mut set = |key: &str, value: &str, origin: &str| {
            if let Err(cause) = settings.set(key, value) {
                errors.push(SettingError { origin: origin.to_string(), cause });
            }
        };
        pairs.iter().for_each(|(key, value)| set(key, value, FILE));
        for (key, value) in cmdline::parameters(kernel_command_line, "stage1.") {
            let value = value.unwrap_or_else(|| "true".to_string());
            if !dracut::is_list(key) {
                set(key, &value, &format!("kernel command line: stage1.{key}={value}"));
            }
        }
        for (key, word, value) in dracut::lists(kernel_command_line) {
            set(key, &value, &format!("kernel command line: {word}={value}"));
        }
        for (key, value) in flags {
            set(key, value, &format!("{key}={value}"));
        }
        errors.extend(dracut::finish(&mut settings.network, kernel_command_line));
        (settings, errors)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match SETTINGS.iter().find(|setting| setting.key == key) {
            Some(setting) => (setting.set)(self, value).map_err(|cause| format!("{key}: {cause}")),
            None => {
                let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
                Err(format!("unknown setting {key:?}; known are {}", known.join(", ")))
            }
        }
    }
}

/// The top-level keys of the settings file with their values as text; a list is joined with spaces.
fn file_settings(text: &str) -> Result<Vec<(String, String)>, String> {
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| error.to_string().trim().to_string())?;
    Ok(table.into_iter().map(|(key, value)| (key, value_text(value))).collect())
}

fn value_text(value: toml::Value) -> String {
    match value {
        toml::Value::String(text) => text,
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(flag) => flag.to_string(),
        toml::Value::Datetime(time) => time.to_string(),
        toml::Value::Array(list) => list.into_iter().map(value_text).collect::<Vec<_>>().join(" "),
        // No setting has one, so that its own check refuses it.
        toml::Value::Table(_) => "a table".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_sources_win() {
        let file = "inventory = [\"https://a/ipxe/\", \"https://b/ipxe\"]\nnetwork-timeout = 10\non-failure = \"reboot\"\n";
        let flags = [("on-failure".to_string(), "rescue".to_string())];
        let (settings, errors) = Settings::merge(
            Some(file),
            "quiet stage1.network-timeout=20s stage1.on-failure=poweroff",
            &flags,
        );
        assert_eq!(errors, []);
        assert_eq!(settings.inventory, ["https://a/ipxe", "https://b/ipxe"]);
        assert_eq!(settings.network_timeout, Duration::from_secs(20));
        assert_eq!(settings.on_failure, OnFailure::Rescue);
    }

    #[test]
    fn an_invalid_setting_does_not_affect_others_and_is_named_with_its_origin() {
        let (settings, errors) = Settings::merge(
            Some("colour = 3\nallow-http = true\n"),
            "stage1.network-timeout=soon stage1.inventory=https://a",
            &[],
        );
        assert!(settings.allow_http);
        assert_eq!(settings.inventory, ["https://a"]);
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(
            errors[0]
                .starts_with("/etc/stage1/config.toml: unknown setting \"colour\"; known are inventory,")
        );
        assert_eq!(
            errors[1],
            "kernel command line: stage1.network-timeout=soon: network-timeout: \"soon\" is not a number of seconds"
        );
    }

    #[test]
    fn a_file_that_is_not_toml_is_an_error_with_line_and_column() {
        let (_, errors) = Settings::merge(Some("inventory = \n"), "", &[]);
        assert!(errors[0].to_string().contains("line 1, column"), "{}", errors[0]);
    }
}
