// SPDX-License-Identifier: MIT OR Apache-2.0
//! Watchdogs. Only their files in `/sys` are read: to open `/dev/watchdog` is to start it.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use stage1_contract::facts::Watchdog;

use crate::host::Machine;

const WATCHDOGS: &str = "/sys/class/watchdog";

/// The flags of `bootstatus` (include/uapi/linux/watchdog.h, `WDIOF_`), from bit 0 on; `wdctl` prints these names.
const FLAGS: [&str; 11] = [
    "OVERHEAT",
    "FANFAULT",
    "EXTERN1",
    "EXTERN2",
    "POWERUNDER",
    "CARDRESET",
    "POWEROVER",
    "SETTIMEOUT",
    "MAGICCLOSE",
    "PRETIMEOUT",
    "ALARMONLY",
];

/// From `/sys/class/watchdog`.
pub(super) fn discover(machine: &Machine, _problems: &mut Vec<String>) -> Vec<Watchdog> {
    machine.names(WATCHDOGS).into_iter().map(|name| watchdog(machine, name)).collect()
}

fn watchdog(machine: &Machine, name: String) -> Watchdog {
    let attribute = |attribute: &str| machine.attribute(format!("{WATCHDOGS}/{name}/{attribute}"));
    let number = |name: &str| attribute(name)?.parse::<u32>().ok();
    Watchdog {
        identity: attribute("identity"),
        state: attribute("state"),
        timeout_s: number("timeout"),
        timeleft_s: number("timeleft"),
        pretimeout_s: number("pretimeout"),
        nowayout: number("nowayout").map(|nowayout| nowayout != 0),
        boot_status: number("bootstatus").map(flags).unwrap_or_default(),
        name,
    }
}

/// The names of the bits; all bits without a name are one number.
fn flags(status: u32) -> Vec<String> {
    let named = FLAGS.iter().zip(0..).filter(|(_, bit)| status >> bit & 1 == 1);
    let mut flags: Vec<String> = named.map(|(name, _)| name.to_string()).collect();
    let unnamed = status >> FLAGS.len() << FLAGS.len();
    if unnamed != 0 {
        flags.push(format!("{unnamed:#x}"));
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::fixture::Tree;

    #[test]
    fn a_watchdog_that_has_reset_the_machine_reports_it() {
        let files = [
            ("identity", "iTCO_wdt\n"),
            ("state", "inactive\n"),
            ("timeout", "30\n"),
            ("timeleft", "2\n"),
            ("pretimeout", "0\n"),
            ("nowayout", "1\n"),
            ("bootstatus", "32\n"),
        ];
        let tree = Tree::new(
            files.map(|(name, content)| (format!("/sys/class/watchdog/watchdog0/{name}"), content)),
        );
        let expected = Watchdog {
            name: "watchdog0".to_string(),
            identity: Some("iTCO_wdt".to_string()),
            state: Some("inactive".to_string()),
            timeout_s: Some(30),
            timeleft_s: Some(2),
            pretimeout_s: Some(0),
            nowayout: Some(true),
            boot_status: vec!["CARDRESET".to_string()],
        };
        assert_eq!(discover(&tree.machine(), &mut Vec::new()), [expected]);
    }

    #[test]
    fn flags_without_a_name_keep_their_number() {
        assert_eq!(flags(0x8021), ["OVERHEAT", "CARDRESET", "0x8000"]);
        assert_eq!(flags(0), Vec::<String>::new());
        assert_eq!(flags(u32::MAX).len(), FLAGS.len() + 1);
    }
}
