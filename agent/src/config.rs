// SPDX-License-Identifier: MIT OR Apache-2.0
//! Settings: the file in the image, `stage1.*` on the kernel command line, flags. Later ones win.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::cmdline;
use crate::lldp::ports::Mode;

/// The settings file of an image.
pub const FILE: &str = "/etc/stage1/config.toml";

/// Every setting, with what it means, as `stage1 --help` and the README show it.
pub const HELP: &[(&str, &str)] = &[
    ("inventory", "base URLs of the inventory, separated by spaces; tried in turn"),
    (
        "ca",
        "PEM file of the CA that the inventory's certificate must come from (default: /etc/stage1/ca.pem where it exists, else the image's system roots)",
    ),
    ("client-cert", "PEM file of the client certificate (with client-key)"),
    ("client-key", "PEM file of the client certificate's key"),
    ("token-file", "file that holds the bearer token for the inventory"),
    (
        "allow-http",
        "true: talk plain http to the inventory and to image servers; warns on every run (default: false)",
    ),
    ("on-failure", "what a failed run at boot ends in: rescue, reboot or poweroff (default: rescue)"),
    (
        "firmware",
        "check: compare firmware with the manifests, and report; apply: also flash it; off: neither (default: check)",
    ),
    (
        "firmware-unsigned",
        "true: believe firmware manifests that nobody has signed; warns on every run (default: false)",
    ),
    ("network-timeout", "seconds until some port must have an address (default: 120)"),
    ("lldp", "solicit: ask switches, and listen; listen: only listen; off: neither (default: solicit)"),
    (
        "lldp-timeout",
        "seconds until LLDP neighbours must have been heard, on all ports together (default: 32)",
    ),
    (
        "lldp-restore",
        "true: turn LLDP agents in adapters' firmware, which are turned off to hear anything, on again at the end (default: false)",
    ),
    (
        "bmc",
        "apply: configure the BMC as the inventory, else /etc/stage1/bmc.toml, wants it; read: only report it; off: leave it alone (default: apply)",
    ),
    ("bmc-timeout", "seconds until the BMC must have been read and configured (default: 60)"),
    (
        "inventory-timeout",
        "seconds until a call to the inventory must have succeeded, retries included (default: 120)",
    ),
    ("download-timeout", "seconds until the target must be downloaded (default: 1800)"),
    ("wait-timeout", "seconds to wait for the inventory to decide on a host (default: 86400)"),
];

/// What the agent was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Base URLs of the inventory.
    pub inventory: Vec<String>,
    /// The CA file; `None`: see [`HELP`].
    pub ca: Option<PathBuf>,
    /// Client certificate.
    pub client_cert: Option<PathBuf>,
    /// Its key.
    pub client_key: Option<PathBuf>,
    /// File with the bearer token.
    pub token_file: Option<PathBuf>,
    /// Whether plain http is allowed.
    pub allow_http: bool,
    /// What a failed run at boot ends in.
    pub on_failure: OnFailure,
    /// What is done about firmware.
    pub firmware: Firmware,
    /// Whether manifests that nobody has signed are believed.
    pub firmware_unsigned: bool,
    /// Deadline of the network stage.
    pub network_timeout: Duration,
    /// Whether to ask for LLDP neighbours.
    pub lldp: Mode,
    /// How long neighbours are waited for.
    pub lldp_timeout: Duration,
    /// Whether LLDP agents in adapters' firmware are turned on again.
    pub lldp_restore: bool,
    /// What is done with the BMC.
    pub bmc: BmcMode,
    /// Deadline of all that is done with the BMC.
    pub bmc_timeout: Duration,
    /// Deadline of one call to the inventory with its retries.
    pub inventory_timeout: Duration,
    /// Deadline of the download stage.
    pub download_timeout: Duration,
    /// How long the inventory may let a host wait.
    pub wait_timeout: Duration,
}

/// What a failed run at boot ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// A shell on the console.
    Rescue,
    /// The host starts again.
    Reboot,
    /// The host powers off.
    PowerOff,
}

/// What is done with the BMC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BmcMode {
    /// It is read, and configured as it is wanted.
    Apply,
    /// It is read.
    Read,
    /// Nothing.
    Off,
}

/// What is done about firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// It is compared with the manifests, and reported.
    Check,
    /// It is also flashed.
    Apply,
    /// Nothing.
    Off,
}

/// A setting that could not be taken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{origin}: {what}")]
pub struct SettingError {
    origin: String,
    what: String,
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
            on_failure: OnFailure::Rescue,
            firmware: Firmware::Check,
            firmware_unsigned: false,
            network_timeout: Duration::from_secs(120),
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
    /// Settings from their three sources. What cannot be taken is left at its earlier value and
    /// told, so that a host with one bad setting can still tell the inventory about it.
    pub fn merge(
        file: Option<&str>,
        kernel_command_line: &str,
        flags: &[(String, String)],
    ) -> (Self, Vec<SettingError>) {
        let mut settings = Self::default();
        let mut errors = Vec::new();
        for (key, value) in file_settings(file.unwrap_or_default(), &mut errors) {
            settings.take(&key, &value, FILE, &mut errors);
        }
        for (key, value) in cmdline::parameters(kernel_command_line, "stage1.") {
            let value = value.unwrap_or_else(|| "true".to_string());
            settings.take(key, &value, &format!("kernel command line: stage1.{key}={value}"), &mut errors);
        }
        for (key, value) in flags {
            settings.take(key, value, &format!("{key}={value}"), &mut errors);
        }
        (settings, errors)
    }

    fn take(&mut self, key: &str, value: &str, origin: &str, errors: &mut Vec<SettingError>) {
        if let Err(what) = self.set(key, value) {
            errors.push(SettingError { origin: origin.to_string(), what });
        }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "inventory" => self.inventory = urls(value)?,
            "ca" => self.ca = Some(path(key, value)?),
            "client-cert" => self.client_cert = Some(path(key, value)?),
            "client-key" => self.client_key = Some(path(key, value)?),
            "token-file" => self.token_file = Some(path(key, value)?),
            "allow-http" => self.allow_http = boolean(key, value)?,
            "on-failure" => self.on_failure = on_failure(value)?,
            "firmware" => self.firmware = firmware(value)?,
            "firmware-unsigned" => self.firmware_unsigned = boolean(key, value)?,
            "network-timeout" => self.network_timeout = seconds(key, value)?,
            "lldp" => self.lldp = mode(value)?,
            "lldp-timeout" => self.lldp_timeout = seconds(key, value)?,
            "lldp-restore" => self.lldp_restore = boolean(key, value)?,
            "bmc" => self.bmc = bmc_mode(value)?,
            "bmc-timeout" => self.bmc_timeout = seconds(key, value)?,
            "inventory-timeout" => self.inventory_timeout = seconds(key, value)?,
            "download-timeout" => self.download_timeout = seconds(key, value)?,
            "wait-timeout" => self.wait_timeout = seconds(key, value)?,
            _ => {
                let known: Vec<&str> = HELP.iter().map(|(name, _)| *name).collect();
                return Err(format!("unknown setting {key:?}; known are {}", known.join(", ")));
            }
        }
        Ok(())
    }
}

/// The file's top-level keys with their values as text.
fn file_settings(text: &str, errors: &mut Vec<SettingError>) -> Vec<(String, String)> {
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            errors
                .push(SettingError { origin: FILE.to_string(), what: error.to_string().trim().to_string() });
            return Vec::new();
        }
    };
    let text = |value: toml::Value| match value {
        toml::Value::String(text) => text,
        toml::Value::Array(list) => list
            .iter()
            .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_string))
            .collect::<Vec<_>>()
            .join(" "),
        other => other.to_string(),
    };
    table.into_iter().map(|(key, value)| (key, text(value))).collect()
}

fn urls(value: &str) -> Result<Vec<String>, String> {
    let list: Vec<String> =
        value.split_whitespace().map(|url| url.trim_end_matches('/').to_string()).collect();
    if list.is_empty() {
        return Err("inventory is empty: give a URL such as https://inventory.example.com/ipxe".to_string());
    }
    for url in &list {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Err(format!("inventory: {url:?} is not a URL: it must start with https://HOST"));
        }
    }
    Ok(list)
}

fn path(key: &str, value: &str) -> Result<PathBuf, String> {
    if !value.starts_with('/') {
        return Err(format!("{key}: {value:?} is not an absolute path"));
    }
    Ok(PathBuf::from(value))
}

fn boolean(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(format!("{key}: {value:?} is neither true nor false")),
    }
}

fn seconds(key: &str, value: &str) -> Result<Duration, String> {
    match value.strip_suffix('s').unwrap_or(value).parse::<u32>() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds.into())),
        _ => Err(format!("{key}: {value:?} is not a number of seconds")),
    }
}

fn bmc_mode(value: &str) -> Result<BmcMode, String> {
    match value {
        "apply" => Ok(BmcMode::Apply),
        "read" => Ok(BmcMode::Read),
        "off" => Ok(BmcMode::Off),
        _ => Err(format!("bmc: {value:?} is none of apply, read, off")),
    }
}

fn mode(value: &str) -> Result<Mode, String> {
    match value {
        "solicit" => Ok(Mode::Solicit),
        "listen" => Ok(Mode::Listen),
        "off" => Ok(Mode::Off),
        _ => Err(format!("lldp: {value:?} is none of solicit, listen, off")),
    }
}

fn firmware(value: &str) -> Result<Firmware, String> {
    match value {
        "check" => Ok(Firmware::Check),
        "apply" => Ok(Firmware::Apply),
        "off" => Ok(Firmware::Off),
        _ => Err(format!("firmware: {value:?} is none of check, apply, off")),
    }
}

fn on_failure(value: &str) -> Result<OnFailure, String> {
    match value {
        "rescue" => Ok(OnFailure::Rescue),
        "reboot" => Ok(OnFailure::Reboot),
        "poweroff" => Ok(OnFailure::PowerOff),
        _ => Err(format!("on-failure: {value:?} is none of rescue, reboot, poweroff")),
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
    fn one_bad_setting_spoils_no_other_and_is_named_with_its_origin() {
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
    fn a_file_that_is_not_toml_is_told_with_line_and_column() {
        let (_, errors) = Settings::merge(Some("inventory = \n"), "", &[]);
        assert!(errors[0].to_string().contains("line 1, column"), "{}", errors[0]);
    }

    #[test]
    fn every_setting_in_the_help_can_be_set() {
        for (key, _) in HELP {
            let value = match *key {
                "inventory" => "https://a",
                "on-failure" => "rescue",
                "allow-http" | "firmware-unsigned" | "lldp-restore" => "true",
                "firmware" => "apply",
                "lldp" => "listen",
                "bmc" => "read",
                key if key.ends_with("timeout") => "5",
                _ => "/some/file",
            };
            assert_eq!(Settings::default().set(key, value), Ok(()), "{key}");
        }
    }

    #[test]
    fn what_is_not_a_url_is_refused() {
        for url in ["", "inventory.example.com", "ftp://x", "https://", "https:///ipxe"] {
            assert!(Settings::default().set("inventory", url).is_err(), "{url}");
        }
    }
}
