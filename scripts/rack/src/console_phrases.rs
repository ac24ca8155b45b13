// SPDX-License-Identifier: MIT OR Apache-2.0
//! The text that the rack and its tests expect on consoles and in logs. Where the inventory has the same as data, that is
//! used instead; everything else is here, so that a changed message is adapted in one place.
//!
//! What is called a pattern is a regular expression for [`crate::transcript::Transcript::wait_for`]. Everything else is
//! plain text.

use stage1_contract::StageName;

/// Pattern: the prompt of the rescue shell that the agent starts as `/init`.
pub const RESCUE_PROMPT: &str = "^stage1 rescue# $";
/// Pattern: the same, or root's prompt under systemd.
pub const SHELL_PROMPT: &str = "^(stage1 rescue|~ )# $";
/// How the line with the reason of a failed run starts: as it is logged, behind [`JOURNAL`] under systemd, and above the
/// prompt of the rescue shell.
pub const FAILURES: [&str; 2] = ["stage1: failed: ", "failed: "];
/// How systemd starts a line on the console ends: `[   14.206306] stage1[173]: `.
pub const JOURNAL: &str = "]: ";
/// In the line before the target's kernel is started.
pub const JUMP: &str = "jumping";
/// Pattern: progress of firmware updates (group 1), or that the target is installed (no group).
pub const FIRMWARE_OR_INSTALLED: &str =
    r"^(?:\[.*\]: )?(?:stage1: )?(?:(firmware: .*|flash: .*|a [a-z-]+ reset, .*)|installed: .*)\n";
/// Pattern: what the setting `stage1.network-timeout=soon` fails with.
pub const BAD_NETWORK_TIMEOUT: &str = r"^(?:\[.*\]: )?stage1: failed: settings: .*network-timeout.*soon";
/// Pattern: the host waits for its profile.
pub const NO_PROFILE_YET: &str = "the inventory has no profile for this host yet";

/// In the reason: the stage `network`, when no port has an address in time.
pub const NO_ADDRESS: &str = "network: no address after";
/// In the reason: what the agent's DHCP client reports of a port that no server answers.
pub const NO_DHCP: &str = "DISCOVERs, no answer";
/// In the reason: the same where systemd-networkd is the client.
pub const NO_DHCP_OF_SYSTEMD: &str = "carrier, no address from systemd-networkd";
/// In the reason: the stage `network`, on a host without a network port.
pub const NO_PORT: &str = "network: no network port found";
/// In the reason: the stage `image`, when the initramfs is truncated.
pub const DAMAGED_INITRAMFS: &str = "image: the initramfs is damaged";
/// In the reason: a downloaded file does not have the profile's digest.
pub const WRONG_DIGEST: &str = "wrong digest";
/// In the reason: nothing listens at the inventory's port.
pub const REFUSED: &str = "Connection refused";
/// In a reported problem: the BMC answers nothing.
pub const BMC_HANGS: &str = "the BMC stopped responding";

/// Pattern: the target's nonce (group 1). This and the next two are printed by `target/init`.
pub const TARGET_NONCE: &str = r"^target: nonce (\w+)\n";
/// Pattern: the address that the target pings, and whether it answers (group 1).
pub const TARGET_PING: &str = r"^target: (\S+ answers|\S+ does not answer)\n";
/// How group 1 of [`TARGET_PING`] ends where the address answers.
pub const TARGET_PING_ANSWERED: &str = " answers";
/// Pattern: the target's line (group 1), hostname (group 2) and first address (group 3).
pub const TARGET_UP: &str = r"^(target is up: (\S+) (\S+))\n";

/// Pattern: the reference inventory serves.
pub(crate) const INVENTORY_READY: &str = "^inventory ready at ";
/// Pattern: dnsmasq serves.
pub(crate) const DNSMASQ_READY: &str = "started, version";
/// Pattern: lldpd runs.
pub(crate) const LLDPD_READY: &str = "lldpd should resume operations";
/// In lldpd's log where its configuration has a line that it does not accept.
pub(crate) const LLDPD_REFUSED: &str = "[WARN/lldpctl]";

/// Pattern: a line of the stage `name`.
pub fn stage(name: &StageName) -> String {
    format!(r"^(?:\[.*\]: )?stage1: {name}: .*\n")
}

/// How the reason starts where the stage `name` fails with a request of `method` to the inventory at its default address.
pub fn request(name: &StageName, method: &str) -> String {
    format!("{name}: {method} https://10.9.0.1:8443/ipxe/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::bytes::Regex;

    #[test]
    fn patterns_are_regular_expressions() {
        let stage = stage(&StageName::Network);
        for pattern in [
            RESCUE_PROMPT,
            SHELL_PROMPT,
            FIRMWARE_OR_INSTALLED,
            BAD_NETWORK_TIMEOUT,
            NO_PROFILE_YET,
            TARGET_NONCE,
            TARGET_PING,
            TARGET_UP,
            INVENTORY_READY,
            DNSMASQ_READY,
            LLDPD_READY,
            stage.as_str(),
        ] {
            assert!(Regex::new(pattern).is_ok(), "{pattern}");
        }
        let stage = Regex::new(&stage).unwrap();
        assert!(stage.is_match(b"stage1: network: eth0\n"));
        assert!(stage.is_match(b"[    4.206306] stage1[173]: stage1: network: eth0\n"));
    }

    #[test]
    fn distinguishes_firmware_progress_from_the_end() {
        let pattern = Regex::new(FIRMWARE_OR_INSTALLED).unwrap();
        let group =
            |line: &[u8]| pattern.captures(line).unwrap().get(1).map(|group| group.as_bytes().to_vec());
        assert_eq!(group(b"stage1: flash: erasing\n").unwrap(), b"flash: erasing");
        assert_eq!(group(b"stage1: installed: demo\n"), None);
    }
}
