// SPDX-License-Identifier: MIT OR Apache-2.0
//! Structures of the ethtool ioctl (`SIOCETHTOOL`, include/uapi/linux/ethtool.h): requests are encoded, responses
//! decoded. The first 4 bytes of each structure, `cmd`, are the caller's.

use crate::bytes::{array, text};

/// Length of `struct ethtool_drvinfo`.
pub const DRIVER_INFORMATION_LENGTH: usize = 196;
/// Length of `struct ethtool_link_settings` without its bit maps.
pub const LINK_SETTINGS_LENGTH: usize = 48;
/// Length of `struct ethtool_wolinfo` without the password.
pub const WAKE_ON_LAN_LENGTH: usize = 12;

/// Command of [`private_flag_count_request`] (`ETHTOOL_GSSET_INFO`).
pub const ETHTOOL_GSSET_INFO: u32 = 0x37;
/// Command of [`private_flag_names_request`] (`ETHTOOL_GSTRINGS`).
pub const ETHTOOL_GSTRINGS: u32 = 0x1b;
/// Command that reads the private flags, with [`private_flags_request`] (`ETHTOOL_GPFLAGS`).
pub const ETHTOOL_GPFLAGS: u32 = 0x27;
/// Command that sets the private flags, with [`private_flags_request`] (`ETHTOOL_SPFLAGS`).
pub const ETHTOOL_SPFLAGS: u32 = 0x28;

/// The string set of private flags' names, in `enum ethtool_stringset`.
const ETH_SS_PRIV_FLAGS: u32 = 2;
/// Bytes of each name in `struct ethtool_gstrings`.
const ETH_GSTRING_LEN: usize = 32;
/// Private flags are the bits of one 32-bit number.
const PRIVATE_FLAGS_MAX: u32 = 32;

/// `enum ethtool_link_mode_bit_indices`: where a run of modes of one speed in Mbit/s ends. The bits that are no mode,
/// connectors, pause and FEC, have the speed 0.
const SPEEDS: &[(u32, u32)] = &[
    (1, 10),
    (3, 100),
    (5, 1_000),
    (11, 0),
    (12, 10_000),
    (14, 0),
    (15, 2_500),
    (16, 0),
    (17, 1_000),
    (20, 10_000),
    (22, 20_000),
    (26, 40_000),
    (30, 56_000),
    (33, 25_000),
    (35, 50_000),
    (39, 100_000),
    (40, 50_000),
    (41, 1_000),
    (46, 10_000),
    (47, 2_500),
    (48, 5_000),
    (51, 0),
    (56, 50_000),
    (61, 100_000),
    (66, 200_000),
    (67, 100),
    (68, 1_000),
    (73, 400_000),
    (74, 0),
    (79, 100_000),
    (84, 200_000),
    (89, 400_000),
    (91, 100),
    (92, 10),
    (98, 800_000),
    (102, 10),
    (108, 200_000),
    (114, 400_000),
    (120, 800_000),
    (124, 1_600_000),
];

/// `struct ethtool_drvinfo`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DriverInformation {
    /// Of the driver; `None` where it is empty or "N/A".
    pub version: Option<String>,
    /// Of the adapter's firmware, in the driver's own format; `None` where it is empty or "N/A".
    pub firmware_version: Option<String>,
}

/// `struct ethtool_link_settings`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LinkSettings {
    /// "Half" or "Full"; `None` where it is unknown, as it is without a link.
    pub duplex: Option<String>,
    /// The connector as `ethtool` prints it ("Twisted Pair", "FIBRE"); the number of one that is not known, in hex.
    pub port: Option<String>,
    /// Whether autonegotiation is enabled; `None` where it is unknown.
    pub autonegotiation: Option<bool>,
    /// The highest speed of the supported link modes, in Mbit/s.
    pub speed_max_mbps: Option<u32>,
    /// The connector is a cage for modules: `port` is "FIBRE" or "Direct Attach Copper".
    pub takes_modules: bool,
}

/// `struct ethtool_wolinfo`, in the letters of `ethtool -s DEVICE wol`: `g` is a magic packet, `d` no mode.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WakeOnLan {
    /// Modes that the adapter supports.
    pub supported: String,
    /// Modes that are enabled.
    pub enabled: String,
}

/// The address in `struct ethtool_perm_addr`, as "aa:bb:cc:dd:ee:ff"; `Some(None)` where the driver gives none (all
/// zeros), `None` where the response is too short.
pub fn permanent_address(answer: &[u8]) -> Option<Option<String>> {
    let length = array(answer, 4).map(u32::from_ne_bytes)? as usize;
    let address = answer.get(8..)?.get(..length)?;
    Some(
        address
            .iter()
            .any(|byte| *byte != 0)
            .then(|| address.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")),
    )
}

/// Decodes `struct ethtool_drvinfo`; `None` where the response is shorter than [`DRIVER_INFORMATION_LENGTH`].
pub fn driver_information(answer: &[u8]) -> Option<DriverInformation> {
    let answer: &[u8; DRIVER_INFORMATION_LENGTH] = answer.first_chunk()?;
    let words = |at: usize| {
        let field = answer[at..at + 32].split(|byte| *byte == 0).next().unwrap_or_default();
        text(field).filter(|words| words != "N/A")
    };
    Some(DriverInformation { version: words(36), firmware_version: words(68) })
}

/// Decodes `struct ethtool_link_settings`; `None` where the response is shorter than its header or its bit maps.
pub fn link_settings(answer: &[u8]) -> Option<LinkSettings> {
    let (settings, maps): (&[u8; LINK_SETTINGS_LENGTH], _) = answer.split_first_chunk()?;
    let supported = maps.get(..4 * usize::from(settings[15]))?;
    let (port, takes_modules) = match settings[9] {
        0x00 => ("Twisted Pair".to_string(), false),
        0x01 => ("AUI".to_string(), false),
        0x02 => ("MII".to_string(), false),
        0x03 => ("FIBRE".to_string(), true),
        0x04 => ("BNC".to_string(), false),
        0x05 => ("Direct Attach Copper".to_string(), true),
        0xef => ("None".to_string(), false),
        0xff => ("Other".to_string(), false),
        other => (format!("{other:#04x}"), false),
    };
    Some(LinkSettings {
        duplex: ["Half", "Full"].get(usize::from(settings[8])).map(|duplex| (*duplex).to_string()),
        port: Some(port),
        autonegotiation: (settings[11] <= 1).then_some(settings[11] == 1),
        speed_max_mbps: bits(supported).filter_map(speed).max(),
        takes_modules,
    })
}

/// Decodes `struct ethtool_wolinfo`; `None` where the response is shorter than [`WAKE_ON_LAN_LENGTH`].
pub fn wake_on_lan(answer: &[u8]) -> Option<WakeOnLan> {
    let letters = |at| {
        let modes: [u8; 4] = array(answer, at)?;
        let letters: String = bits(&modes)
            .filter_map(|bit| b"pumbagsf".get(bit as usize))
            .map(|byte| char::from(*byte))
            .collect();
        Some(if letters.is_empty() { "d".to_string() } else { letters })
    };
    Some(WakeOnLan { supported: letters(4)?, enabled: letters(8)? })
}

/// The length of a module's EEPROM in bytes, from `struct ethtool_modinfo`.
pub fn module_length(answer: &[u8]) -> Option<u32> {
    array(answer, 8).map(u32::from_ne_bytes)
}

/// `struct ethtool_sset_info` that requests the number of private flags, for [`ETHTOOL_GSSET_INFO`].
pub fn private_flag_count_request() -> Vec<u8> {
    let mask = 1_u64 << ETH_SS_PRIV_FLAGS;
    [&[0; 8][..], &mask.to_ne_bytes(), &[0; 4]].concat()
}

/// The number of private flags, at most 32, from the answer to [`private_flag_count_request`]. It is 0 where the driver
/// cleared the string set in the mask, because it has no private flags.
pub fn private_flag_count(answer: &[u8]) -> u32 {
    let mask = array(answer, 8).map_or(0, u64::from_ne_bytes);
    let has_flags = mask >> ETH_SS_PRIV_FLAGS & 1 != 0;
    let count = array(answer, 16).map_or(0, u32::from_ne_bytes);
    if has_flags { count.min(PRIVATE_FLAGS_MAX) } else { 0 }
}

/// `struct ethtool_gstrings` that requests the names of `count` private flags, for [`ETHTOOL_GSTRINGS`].
pub fn private_flag_names_request(count: u32) -> Vec<u8> {
    let mut request = [0, ETH_SS_PRIV_FLAGS, count].map(u32::to_ne_bytes).concat();
    request.resize(request.len() + ETH_GSTRING_LEN * count as usize, 0);
    request
}

/// The mask of the private flag `name`, from the answer to [`private_flag_names_request`]; `None` where the driver has
/// no flag of that name.
pub fn private_flag_mask(answer: &[u8], name: &str) -> Option<u32> {
    let mut names = answer.get(12..)?.chunks(ETH_GSTRING_LEN).take(PRIVATE_FLAGS_MAX as usize);
    let index = names.position(|text| text.split(|byte| *byte == 0).next() == Some(name.as_bytes()))?;
    Some(1 << index)
}

/// `struct ethtool_value` for [`ETHTOOL_GPFLAGS`], which ignores `flags`, and for [`ETHTOOL_SPFLAGS`].
pub fn private_flags_request(flags: u32) -> Vec<u8> {
    [0, flags].map(u32::to_ne_bytes).concat()
}

/// The private flags that are set, from the answer to [`ETHTOOL_GPFLAGS`].
pub fn private_flags(answer: &[u8]) -> Option<u32> {
    array(answer, 4).map(u32::from_ne_bytes)
}

/// The bits that are set in a map of words of 32 bits.
fn bits(map: &[u8]) -> impl Iterator<Item = u32> {
    let words = map.as_chunks::<4>().0.iter().map(|word| u32::from_ne_bytes(*word));
    words
        .zip(0..)
        .flat_map(|(word, at)| (0..32).filter(move |bit| word >> bit & 1 != 0).map(move |bit| 32 * at + bit))
}

fn speed(bit: u32) -> Option<u32> {
    let (_, speed) = SPEEDS.iter().find(|(last, _)| bit <= *last)?;
    Some(*speed).filter(|speed| *speed != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert, proptest};

    fn names_answer(names: &[&str]) -> Vec<u8> {
        let mut answer = private_flag_names_request(names.len() as u32);
        for (place, name) in answer[12..].chunks_mut(ETH_GSTRING_LEN).zip(names) {
            place[..name.len()].copy_from_slice(name.as_bytes());
        }
        answer
    }

    #[test]
    fn the_permanent_address_has_the_length_in_its_structure() {
        let answer = |address: &[u8]| {
            [&0x20_u32.to_ne_bytes(), &(address.len() as u32).to_ne_bytes(), address, &[0; 26]].concat()
        };
        let mac = permanent_address(&answer(&[0xac, 0x1f, 0x6b, 0, 0, 1])).unwrap();
        assert_eq!(mac.as_deref(), Some("ac:1f:6b:00:00:01"));
        assert_eq!(permanent_address(&answer(&[0; 6])), Some(None));
        assert_eq!(permanent_address(&[0x20, 0, 0, 0, 32, 0, 0, 0, 1]), None);
    }

    #[test]
    fn versions_of_driver_and_firmware_are_at_their_places() {
        let mut answer = [0; DRIVER_INFORMATION_LENGTH];
        answer[4..8].copy_from_slice(b"i40e");
        answer[36..42].copy_from_slice(b"2.8.20");
        answer[68..94].copy_from_slice(b"8.15 0x800096ca 20.0.17\0xx");
        let information = driver_information(&answer).unwrap();
        assert_eq!(information.version.as_deref(), Some("2.8.20"));
        assert_eq!(information.firmware_version.as_deref(), Some("8.15 0x800096ca 20.0.17"));
        answer[68..72].copy_from_slice(b"N/A\0");
        assert_eq!(driver_information(&answer).unwrap().firmware_version, None);
    }

    #[test]
    fn the_best_of_the_supported_modes_is_the_highest_speed() {
        let mut answer = vec![0; LINK_SETTINGS_LENGTH];
        (answer[8], answer[9], answer[11], answer[15]) = (1, 3, 1, 2);
        // 31, 25000baseCR; 34 to 36, of which the last is 100000baseKR4; FIBRE; FEC_RS. Advertised: 400000baseKR8.
        let supported = [1_u32 << 31 | 1 << 10, 0b111 << 2 | 1 << 18];
        for word in supported.into_iter().chain([0, 1 << 5, 0, 0]) {
            answer.extend_from_slice(&word.to_ne_bytes());
        }
        let expected = LinkSettings {
            duplex: Some("Full".to_string()),
            port: Some("FIBRE".to_string()),
            autonegotiation: Some(true),
            speed_max_mbps: Some(100_000),
            takes_modules: true,
        };
        assert_eq!(link_settings(&answer), Some(expected));
        assert_eq!(link_settings(&answer[..LINK_SETTINGS_LENGTH + 4]), None);
        (answer[8], answer[9], answer[11], answer[15]) = (0xff, 0x77, 0xff, 0);
        let unknown = LinkSettings { port: Some("0x77".to_string()), ..LinkSettings::default() };
        assert_eq!(link_settings(&answer), Some(unknown));
    }

    #[test]
    fn modes_have_the_speed_that_is_in_their_name() {
        let modes = [
            (0, Some(10)),
            (5, Some(1_000)),
            (6, None),
            (12, Some(10_000)),
            (13, None),
            (16, None),
            (19, Some(10_000)),
            (23, Some(40_000)),
            (31, Some(25_000)),
            (40, Some(50_000)),
            (47, Some(2_500)),
            (49, None),
            (52, Some(50_000)),
            (57, Some(100_000)),
            (62, Some(200_000)),
            (69, Some(400_000)),
            (74, None),
            (80, Some(200_000)),
            (93, Some(800_000)),
            (99, Some(10)),
            (121, Some(1_600_000)),
            (125, None),
        ];
        for (bit, expected) in modes {
            assert_eq!(speed(bit), expected, "bit {bit}");
        }
    }

    #[test]
    fn wake_on_lan_modes_are_letters() {
        let answer = [&5_u32.to_ne_bytes()[..], &0x2f_u32.to_ne_bytes(), &0x20_u32.to_ne_bytes()].concat();
        let expected = WakeOnLan { supported: "pumbg".to_string(), enabled: "g".to_string() };
        assert_eq!(wake_on_lan(&answer), Some(expected));
        assert_eq!(wake_on_lan(&[0; WAKE_ON_LAN_LENGTH]).unwrap().enabled, "d");
        assert_eq!(wake_on_lan(&answer[..11]), None);
    }

    #[test]
    fn a_private_flag_is_found_by_its_whole_name() {
        let answer = names_answer(&["MFP", "disable-fw-lldp-x", "disable-fw", "disable-fw-lldp"]);
        assert_eq!(private_flag_mask(&answer, "disable-fw-lldp"), Some(8));
        assert_eq!(private_flag_mask(&answer, "fw-lldp-agent"), None);
        let full = names_answer(&["12345678901234567890123456789012", "fw-lldp-agent"]);
        assert_eq!(private_flag_mask(&full, "fw-lldp-agent"), Some(2));
    }

    #[test]
    fn requests_are_as_long_as_their_structures() {
        assert_eq!(private_flag_count_request().len(), 20);
        assert_eq!(private_flag_names_request(3).len(), 12 + 3 * 32);
        assert_eq!(private_flags_request(5), [0, 5].map(u32::to_ne_bytes).concat());
        assert_eq!(private_flags(&private_flags_request(5)), Some(5));
    }

    #[test]
    fn a_driver_without_private_flags_has_none() {
        let mut answer = private_flag_count_request();
        answer[16..].copy_from_slice(&7_u32.to_ne_bytes());
        assert_eq!(private_flag_count(&answer), 7);
        answer[8..16].fill(0);
        assert_eq!(private_flag_count(&answer), 0);
    }

    proptest! {
        #[test]
        fn any_answer_is_decoded_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = (permanent_address(&bytes), link_settings(&bytes), wake_on_lan(&bytes), module_length(&bytes));
            assert_eq!(driver_information(&bytes).is_some(), bytes.len() >= DRIVER_INFORMATION_LENGTH);
        }

        #[test]
        fn any_answer_about_private_flags_is_decoded_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert!(private_flag_count(&bytes) <= PRIVATE_FLAGS_MAX);
            let _ = (private_flag_mask(&bytes, "x"), private_flags(&bytes));
        }
    }
}
