// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table of settings: one row for each, from which the parser, the help and the manual page come. The test in
//! `agent/tests/manual.rs` compares `docs/settings.md` with it.

use std::path::PathBuf;
use std::time::Duration;

use super::{BmcMode, FILE, Firmware, OnFailure, Settings, network};
use crate::lldp::ports::Mode;

/// Columns of [`help`].
const WIDTH: usize = 100;
/// Columns of a setting's name in [`help`].
const NAME: usize = 20;

/// A setting, as people know it, and the function that sets it.
pub struct Setting {
    /// Its name in the settings file, and after `stage1.` on the kernel command line.
    pub key: &'static str,
    /// What the value is: a placeholder such as `FILE`, or the words to choose from.
    pub value: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// The value that it has unless it is set, or what happens then.
    pub default: &'static str,
    /// Sets it. The error message does not name the setting.
    pub(super) set: fn(&mut Settings, &str) -> Result<(), String>,
}

/// Every setting.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "inventory",
        value: "URL...",
        meaning: "base URLs of the inventory, separated by spaces (in the file also a list). Each call tries them in turn",
        default: "none; needed",
        set: |settings, value| assign(&mut settings.inventory, urls(value)),
    },
    Setting {
        key: "ca",
        value: "FILE",
        meaning: "PEM file with the CA of the inventory's certificate",
        default: "/etc/stage1/ca.pem if it is there, else /etc/ssl/certs/ca-certificates.crt",
        set: |settings, value| assign(&mut settings.ca, path(value)),
    },
    Setting {
        key: "client-cert",
        value: "FILE",
        meaning: "PEM file with a client certificate; needs client-key",
        default: "none",
        set: |settings, value| assign(&mut settings.client_cert, path(value)),
    },
    Setting {
        key: "client-key",
        value: "FILE",
        meaning: "PEM file with the private key of the client certificate",
        default: "none",
        set: |settings, value| assign(&mut settings.client_key, path(value)),
    },
    Setting {
        key: "token-file",
        value: "FILE",
        meaning: "file with the bearer token for the inventory, one line",
        default: "none",
        set: |settings, value| assign(&mut settings.token_file, path(value)),
    },
    Setting {
        key: "allow-http",
        value: "true|false",
        meaning: "true: plain http is allowed, to the inventory and to image servers. Warns on every run",
        default: "false",
        set: |settings, value| assign(&mut settings.allow_http, boolean(value)),
    },
    Setting {
        key: "ntp",
        value: "HOST...",
        meaning: "NTP servers, separated by spaces, asked at boot if a certificate is not valid at the time of the host's clock",
        default: "those that DHCP announces",
        set: |settings, value| assign(&mut settings.ntp, hosts(value)),
    },
    Setting {
        key: "on-failure",
        value: "rescue|reboot|poweroff",
        meaning: "how a failed run at boot ends: rescue (a shell on the console), reboot or poweroff (both after 30 s)",
        default: "rescue",
        set: |settings, value| {
            let choices = [
                ("rescue", OnFailure::Rescue),
                ("reboot", OnFailure::Reboot),
                ("poweroff", OnFailure::PowerOff),
            ];
            assign(&mut settings.on_failure, choice(value, &choices))
        },
    },
    Setting {
        key: "firmware",
        value: "check|apply|off",
        meaning: "check: compare firmware with the manifests and report; apply: also flash it; off: neither",
        default: "check",
        set: |settings, value| {
            let choices = [("check", Firmware::Check), ("apply", Firmware::Apply), ("off", Firmware::Off)];
            assign(&mut settings.firmware, choice(value, &choices))
        },
    },
    Setting {
        key: "firmware-unsigned",
        value: "true|false",
        meaning: "true: accept firmware manifests without a signature. Warns on every run",
        default: "false",
        set: |settings, value| assign(&mut settings.firmware_unsigned, boolean(value)),
    },
    Setting {
        key: "ip",
        value: "IP...",
        meaning: "how ports get their addresses, in dracut's syntax; also ip= on the kernel command line. Ports that none names get no address",
        default: "dhcp, on every port",
        set: |settings, value| list(&mut settings.network.ip, value, network::ip),
    },
    Setting {
        key: "vlan",
        value: "VLAN...",
        meaning: "tagged VLANs: NAME:PORT; also vlan= on the kernel command line",
        default: "none",
        set: |settings, value| list(&mut settings.network.vlans, value, network::vlan),
    },
    Setting {
        key: "bond",
        value: "BOND...",
        meaning: "bonds: NAME:PORT,PORT:OPTION=VALUE,...:MTU; also bond= on the kernel command line",
        default: "none",
        set: |settings, value| list(&mut settings.network.bonds, value, network::bond),
    },
    Setting {
        key: "nameserver",
        value: "ADDRESS...",
        meaning: "name servers, before those of DHCP; also nameserver= on the kernel command line",
        default: "none",
        set: |settings, value| list(&mut settings.network.name_servers, value, network::name_server),
    },
    Setting {
        key: "ifname",
        value: "NAME:MAC...",
        meaning: "names for ports, by MAC address, for use in ip, vlan, bond and route; also ifname= on the kernel command line",
        default: "none",
        set: |settings, value| list(&mut settings.network.names, value, network::port_name),
    },
    Setting {
        key: "route",
        value: "ROUTE...",
        meaning: "static routes: NET/LENGTH:GATEWAY:PORT; also rd.route= on the kernel command line",
        default: "none",
        set: |settings, value| list(&mut settings.network.routes, value, network::route),
    },
    Setting {
        key: "network-timeout",
        value: "SECONDS",
        meaning: "seconds until one port must have an address",
        default: "120",
        set: |settings, value| assign(&mut settings.network_timeout, seconds(value)),
    },
    Setting {
        key: "dhcp-vendor-class",
        value: "TEXT",
        meaning: "vendor class identifier (option 60) in DHCPv4 requests; off: none",
        default: "stage1",
        set: |settings, value| assign(&mut settings.dhcp_vendor_class, dhcp_text(value)),
    },
    Setting {
        key: "dhcp-user-class",
        value: "TEXT",
        meaning: "user class (option 77) in DHCPv4 requests; off: none",
        default: "stage1",
        set: |settings, value| assign(&mut settings.dhcp_user_class, dhcp_text(value)),
    },
    Setting {
        key: "dhcp-host-name",
        value: "TEXT",
        meaning: "host name (option 12) in DHCPv4 requests; off: none",
        default: "off",
        set: |settings, value| assign(&mut settings.dhcp_host_name, dhcp_text(value)),
    },
    Setting {
        key: "lldp",
        value: "solicit|listen|off",
        meaning: "solicit: ask the switches, and listen; listen: only listen; off: neither",
        default: "solicit",
        set: |settings, value| {
            let choices = [("solicit", Mode::Solicit), ("listen", Mode::Listen), ("off", Mode::Off)];
            assign(&mut settings.lldp, choice(value, &choices))
        },
    },
    Setting {
        key: "lldp-timeout",
        value: "SECONDS",
        meaning: "seconds until neighbours must have been heard, for all ports together, from the first carrier on; and until ports that are up must have carrier",
        default: "32",
        set: |settings, value| assign(&mut settings.lldp_timeout, seconds(value)),
    },
    Setting {
        key: "lldp-restore",
        value: "true|false",
        meaning: "true: turn LLDP agents in adapter firmware on again at the end of the run",
        default: "false",
        set: |settings, value| assign(&mut settings.lldp_restore, boolean(value)),
    },
    Setting {
        key: "bmc",
        value: "apply|read|off",
        meaning: "apply: configure the BMC as the inventory (else /etc/stage1/bmc.toml) describes; read: only report it; off: do not use it",
        default: "apply",
        set: |settings, value| {
            let choices = [("apply", BmcMode::Apply), ("read", BmcMode::Read), ("off", BmcMode::Off)];
            assign(&mut settings.bmc, choice(value, &choices))
        },
    },
    Setting {
        key: "bmc-timeout",
        value: "SECONDS",
        meaning: "seconds to read and configure the BMC. If it takes longer, that is a problem, and the run continues",
        default: "60",
        set: |settings, value| assign(&mut settings.bmc_timeout, seconds(value)),
    },
    Setting {
        key: "inventory-timeout",
        value: "SECONDS",
        meaning: "seconds until a call to the inventory must have succeeded, with its retries",
        default: "120",
        set: |settings, value| assign(&mut settings.inventory_timeout, seconds(value)),
    },
    Setting {
        key: "download-timeout",
        value: "SECONDS",
        meaning: "seconds until the target must be downloaded",
        default: "1800",
        set: |settings, value| assign(&mut settings.download_timeout, seconds(value)),
    },
    Setting {
        key: "wait-timeout",
        value: "SECONDS",
        meaning: "seconds to wait until the inventory has an action and a profile for the host",
        default: "86400",
        set: |settings, value| assign(&mut settings.wait_timeout, seconds(value)),
    },
];

/// The settings as `stage1 --help` lists them.
pub fn help() -> String {
    let mut text = format!(
        "Settings, later ones win: {FILE}, stage1.KEY=VALUE on the kernel command line,\n--set KEY=VALUE\n"
    );
    for Setting { key, meaning, default, .. } in SETTINGS {
        let mut line = format!("  {key:<NAME$}");
        for word in format!("{meaning} (default: {default})").split(' ') {
            if line.len() + word.len() > WIDTH {
                text.push_str(line.trim_end());
                text.push('\n');
                line = " ".repeat(NAME + 2);
            }
            line.push_str(word);
            line.push(' ');
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn assign<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

/// Keeps the good values of a list, so that one bad value does not cost the others.
fn list<T>(place: &mut Vec<T>, value: &str, parse: fn(&str) -> Result<T, String>) -> Result<(), String> {
    let (good, bad): (Vec<_>, Vec<_>) = value.split_whitespace().map(parse).partition(Result::is_ok);
    *place = good.into_iter().flatten().collect();
    let empty = || Some("no value".to_string()).filter(|_| place.is_empty());
    bad.into_iter().find_map(Result::err).or_else(empty).map_or(Ok(()), Err)
}

fn urls(value: &str) -> Result<Vec<String>, String> {
    let list = value.split_whitespace().map(base_url).collect::<Result<Vec<_>, _>>()?;
    match list.is_empty() {
        true => Err("no URL: give one such as https://inventory.example.com/ipxe".to_string()),
        false => Ok(list),
    }
}

/// A URL to which paths are added.
fn base_url(url: &str) -> Result<String, String> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let (scheme, rest) = (scheme.to_ascii_lowercase(), rest.trim_end_matches('/'));
    if !matches!(scheme.as_str(), "https" | "http") || rest.is_empty() || rest.starts_with(['/', '?', '#']) {
        return Err(format!("{url:?} is not a URL: it must start with https://HOST"));
    }
    // Not the URL: what follows the question mark may be a secret.
    if let Some((base, _)) = rest.split_once(['?', '#']) {
        let host = base.rsplit_once('@').map_or(base, |(_, host)| host);
        return Err(format!(
            "the URL of {host:?} has a query or a fragment: paths are added to it, so give it without"
        ));
    }
    Ok(format!("{scheme}://{rest}"))
}

/// A text for a DHCP option; `off` is none.
fn dhcp_text(value: &str) -> Result<String, String> {
    match value {
        "off" => Ok(String::new()),
        "" => Err("it is empty: give a text, or off".to_string()),
        _ if value.len() > 254 => Err(format!("{} characters are too long: 254 fit into DHCP", value.len())),
        _ if value.chars().any(char::is_control) => Err(format!("{value:?} has control characters")),
        _ => Ok(value.to_string()),
    }
}

fn hosts(value: &str) -> Result<Vec<String>, String> {
    let list: Vec<String> = value.split_whitespace().map(str::to_string).collect();
    if list.is_empty() {
        return Err("no host: give one such as ntp.example.com".to_string());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-.:[]_".contains(c);
    match list.iter().find(|host| !host.chars().all(plain)) {
        Some(host) => Err(format!("{host:?} is neither a host name nor an address")),
        None => Ok(list),
    }
}

fn path(value: &str) -> Result<Option<PathBuf>, String> {
    match value.starts_with('/') {
        true => Ok(Some(PathBuf::from(value))),
        false => Err(format!("{value:?} is not an absolute path")),
    }
}

fn boolean(value: &str) -> Result<bool, String> {
    match value {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(format!("{value:?} is neither true nor false")),
    }
}

fn seconds(value: &str) -> Result<Duration, String> {
    match value.strip_suffix('s').unwrap_or(value).parse::<u32>() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds.into())),
        _ => Err(format!("{value:?} is not a number of seconds")),
    }
}

fn choice<T: Copy>(value: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|(word, _)| *word == value).map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        format!("{value:?} is none of {}", words.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn values_of_each_kind_are_accepted_and_others_are_refused() {
        for setting in SETTINGS {
            let (good, bad): (Vec<&str>, &str) = match setting.value {
                "URL..." => (vec!["https://a", "http://a/ipxe/ https://b"], "inventory.example.com"),
                "HOST..." => (vec!["ntp.example.com", "10.0.0.1 [fd00::1]:123"], "ntp://ntp.example.com"),
                "FILE" => (vec!["/some/file"], "some/file"),
                "IP..." => (vec!["dhcp", "eth0:dhcp 10.0.0.5::10.0.0.1:24::eth1:none"], "eth0"),
                "VLAN..." => (vec!["eth0.120:eth0", "vlan7:bond0"], "eth0.120"),
                "BOND..." => (vec!["bond0:eth0,eth1:mode=802.3ad"], "bond0"),
                "ADDRESS..." => (vec!["10.0.0.2", "10.0.0.2 [fd00::2]"], "ns1"),
                "NAME:MAC..." => (vec!["boot:52:54:00:09:01:01"], "boot"),
                "ROUTE..." => (vec!["10.0.0.0/8:10.1.0.1:eth0"], "10.0.0.0/8"),
                "SECONDS" => (vec!["1", "86400", "5s"], "0"),
                "TEXT" => (vec!["some text", "off"], "two\nlines"),
                "true|false" => (vec!["true", "yes", "on", "1", "false", "no", "off", "0"], "maybe"),
                choices => (choices.split('|').collect(), "maybe"),
            };
            let set = |value: &str| (setting.set)(&mut Settings::default(), value);
            assert!(good.iter().all(|value| set(value) == Ok(())), "{}: {good:?}", setting.key);
            assert!(set(bad).is_err() && set("").is_err(), "{}: {bad}", setting.key);
        }
    }

    #[test]
    fn each_setting_sets_a_field_of_its_own() {
        let changed = |setting: &Setting, value: &str| {
            let mut settings = Settings::default();
            (setting.set)(&mut settings, value).unwrap();
            format!("{settings:?}")
        };
        let value = |setting: &Setting| match setting.value {
            "URL..." => "https://a",
            "HOST..." => "a",
            "FILE" => "/some/file",
            "IP..." => "eth0:dhcp",
            "VLAN..." => "eth0.120:eth0",
            "BOND..." => "bond0:eth0,eth1",
            "ADDRESS..." => "10.0.0.2",
            "NAME:MAC..." => "boot:52:54:00:09:01:01",
            "ROUTE..." => "10.0.0.0/8:10.1.0.1:eth0",
            "SECONDS" => "7",
            "true|false" => "true",
            "TEXT" => "some text",
            choices => choices.split('|').find(|choice| *choice != setting.default).unwrap(),
        };
        let all: BTreeSet<String> = SETTINGS.iter().map(|setting| changed(setting, value(setting))).collect();
        assert_eq!(all.len(), SETTINGS.len());
        assert!(!all.contains(&format!("{:?}", Settings::default())));
    }

    #[test]
    fn defaults_are_those_of_the_program() {
        let mut checked = 0;
        for Setting { key, value, default, set, .. } in SETTINGS {
            if *value == "FILE" || value.ends_with("...") {
                continue;
            }
            let mut settings = Settings::default();
            set(&mut settings, default).unwrap();
            assert_eq!(settings, Settings::default(), "{key}");
            checked += 1;
        }
        assert_eq!(checked, 16);
    }

    #[test]
    fn the_help_lists_every_setting_in_lines_that_fit() {
        let help = help();
        assert!(help.starts_with("Settings"));
        for Setting { key, default, .. } in SETTINGS {
            assert_eq!(
                help.lines().filter(|line| line.starts_with(&format!("  {key} "))).count(),
                1,
                "{key}"
            );
            let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains(&format!("(default: {default})")), "{key}");
        }
        assert!(help.lines().all(|line| line.len() <= WIDTH), "{help}");
    }

    #[test]
    fn what_is_not_a_url_is_refused() {
        for url in [
            "",
            "inventory.example.com",
            "ftp://x",
            "https://",
            "https:///ipxe",
            "https://?x",
            "x?y=https://a",
        ] {
            assert!(urls(url).is_err(), "{url}");
        }
        let error = urls("https://user:word@i/ipxe?token=secret").unwrap_err();
        assert!(error.contains("has a query") && error.contains("i/ipxe"), "{error}");
        assert!(!error.contains("secret") && !error.contains("word"), "{error}");
        assert_eq!(urls("HTTPS://I.example/Ipxe/ Http://b").unwrap(), ["https://I.example/Ipxe", "http://b"]);
    }
}
