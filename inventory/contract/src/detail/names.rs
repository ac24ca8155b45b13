// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules for names: hosts, domains, interfaces.

use std::net::IpAddr;

/// `HOST_NAME_MAX` (limits.h): the longest host name that Linux takes.
const MAX_HOSTNAME: usize = 64;
/// RFC 1035, section 2.3.4.
const MAX_DOMAIN: usize = 253;
const MAX_LABEL: usize = 63;
/// `IFNAMSIZ` with its NUL (linux/if.h).
const MAX_INTERFACE_NAME: usize = 15;

/// Names that mean something else: the loopback interface, directories of /proc/sys/net, a file of the bonding driver in
/// /sys/class/net.
const RESERVED: [&str; 4] = ["lo", "all", "default", "bonding_masters"];
/// What drivers name ports, with a number (`register_netdev` in the kernel).
const KERNEL_PREFIXES: [&str; 5] = ["eth", "ib", "usb", "wlan", "wwan"];

/// RFC 1123, section 2.1: letters, digits and hyphens, in labels with dots between.
pub(super) fn check_hostname(name: &str) -> Result<(), String> {
    if name.len() > MAX_HOSTNAME {
        return Err(format!("{} characters long, Linux takes at most {MAX_HOSTNAME}", name.len()));
    }
    if name.parse::<IpAddr>().is_ok() {
        return Err(format!("{name:?} is an address, not a host name"));
    }
    let hostname = |c: char| c.is_ascii_alphanumeric() || c == '-';
    match name.split('.').all(|label| is_label(label, hostname)) {
        true => Ok(()),
        false => Err(format!(
            "{name:?} is not a host name: use letters, digits and '-', with '.' between labels of 1 to {MAX_LABEL} characters"
        )),
    }
}

/// A domain or the name of a host in DNS, where other programs than hosts' use underscores; `what` is for the message.
pub(super) fn check_domain(name: &str, what: &str) -> Result<(), String> {
    let plain = name.strip_suffix('.').unwrap_or(name);
    let domain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match plain.len() <= MAX_DOMAIN && plain.split('.').all(|label| is_label(label, domain)) {
        true => Ok(()),
        false => Err(format!("{name:?} is not {what}")),
    }
}

fn is_label(label: &str, allowed: fn(char) -> bool) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && label.chars().all(allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// `dev_valid_name` of the kernel and `ifname_valid` of systemd, without the characters that `[Match] Name=` takes for a
/// pattern.
pub(super) fn check_interface_name(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_number = name.chars().all(|c| c.is_ascii_digit());
    if !(1..=MAX_INTERFACE_NAME).contains(&name.len())
        || !name.chars().all(plain)
        || name.starts_with(['-', '.'])
        || is_number
    {
        return Err(format!(
            "{name:?} is not an interface name: use 1 to {MAX_INTERFACE_NAME} letters, digits, '.', '_' and '-', not digits alone"
        ));
    }
    if RESERVED.contains(&name) {
        return Err(format!("{name:?} has another meaning in Linux: use another name"));
    }
    let digits = KERNEL_PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
    if digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(format!(
            "{name:?} is a name that the kernel gives to ports in the order in which it finds them, \
             so that another port may have it: use another one, such as port0"
        ));
    }
    Ok(())
}
