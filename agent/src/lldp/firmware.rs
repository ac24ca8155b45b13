// SPDX-License-Identifier: MIT OR Apache-2.0
//! LLDP agents in adapters' firmware, which keep the frames from the host, and the private flags that turn them off
//! (include/uapi/linux/ethtool.h). Pure.

/// A private flag of a driver, and how it has to be for the host to hear LLDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The driver.
    pub driver: &'static str,
    /// Its name.
    pub name: &'static str,
    /// How it has to be.
    pub wanted: bool,
}

/// Intel's X710 and XL710 (Documentation/networking/device_drivers/ethernet/intel/i40e.rst, "Disabling FW LLDP") and
/// E810 (ice.rst, "FW-LLDP").
const FLAGS: [Flag; 2] = [
    Flag { driver: "i40e", name: "disable-fw-lldp", wanted: true },
    Flag { driver: "ice", name: "fw-lldp-agent", wanted: false },
];

pub const ETHTOOL_GSTRINGS: u32 = 0x1b;
pub const ETHTOOL_GPFLAGS: u32 = 0x27;
pub const ETHTOOL_SPFLAGS: u32 = 0x28;
pub const ETHTOOL_GSSET_INFO: u32 = 0x37;

const ETH_SS_PRIV_FLAGS: u32 = 2;
/// `ETH_GSTRING_LEN`.
const NAME: usize = 32;
/// Private flags are the bits of one number.
const MOST: u32 = 32;

/// The flag of a driver whose adapters have an LLDP agent.
pub fn flag(driver: &str) -> Option<Flag> {
    FLAGS.into_iter().find(|flag| flag.driver == driver)
}

/// `struct ethtool_sset_info` for the number of private flags, for ETHTOOL_GSSET_INFO.
pub fn count_request() -> Vec<u8> {
    let mut request = vec![0; 20];
    request[8] = 1 << ETH_SS_PRIV_FLAGS;
    request
}

/// The answer to [`count_request`]: a driver without private flags takes them out of the mask.
pub fn count(answer: &[u8]) -> u32 {
    let known = answer.get(8).is_some_and(|mask| *mask != 0);
    if known { u32_at(answer, 16).unwrap_or(0).min(MOST) } else { 0 }
}

/// `struct ethtool_gstrings` for the names of `count` private flags, for ETHTOOL_GSTRINGS.
pub fn names_request(count: u32) -> Vec<u8> {
    let mut request = [0, ETH_SS_PRIV_FLAGS, count].map(u32::to_ne_bytes).concat();
    request.resize(request.len() + NAME * count as usize, 0);
    request
}

/// The bit of the flag `name` in the answer to [`names_request`].
pub fn bit(answer: &[u8], name: &str) -> Option<u32> {
    let mut names = answer.get(12..)?.chunks(NAME).take(MOST as usize);
    let index = names.position(|text| text.split(|byte| *byte == 0).next() == Some(name.as_bytes()))?;
    Some(1 << index)
}

/// `struct ethtool_value`, for ETHTOOL_GPFLAGS and ETHTOOL_SPFLAGS.
pub fn value_request(flags: u32) -> Vec<u8> {
    [0, flags].map(u32::to_ne_bytes).concat()
}

/// The answer to ETHTOOL_GPFLAGS.
pub fn value(answer: &[u8]) -> Option<u32> {
    u32_at(answer, 4)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert, proptest};

    fn names(names: &[&str]) -> Vec<u8> {
        let mut answer = names_request(names.len() as u32);
        for (place, name) in answer[12..].chunks_mut(NAME).zip(names) {
            place[..name.len()].copy_from_slice(name.as_bytes());
        }
        answer
    }

    #[test]
    fn a_flag_is_found_by_its_whole_name() {
        let answer = names(&["MFP", "disable-fw-lldp-x", "disable-fw", "disable-fw-lldp"]);
        assert_eq!(bit(&answer, "disable-fw-lldp"), Some(8));
        assert_eq!(bit(&answer, "fw-lldp-agent"), None);
        let full = names(&["12345678901234567890123456789012", "fw-lldp-agent"]);
        assert_eq!(bit(&full, "fw-lldp-agent"), Some(2));
    }

    #[test]
    fn requests_are_as_long_as_their_structures() {
        assert_eq!(count_request().len(), 20);
        assert_eq!(names_request(3).len(), 12 + 3 * 32);
        assert_eq!(value_request(5), [0, 5].map(u32::to_ne_bytes).concat());
    }

    #[test]
    fn a_driver_without_private_flags_has_none() {
        let mut answer = count_request();
        answer[16] = 7;
        assert_eq!(count(&answer), 7);
        answer[8] = 0;
        assert_eq!(count(&answer), 0);
    }

    #[test]
    fn the_flags_of_intels_adapters() {
        assert_eq!(flag("i40e").map(|flag| flag.wanted), Some(true));
        assert_eq!(flag("ice").map(|flag| flag.wanted), Some(false));
        assert_eq!(flag("virtio_net"), None);
    }

    proptest! {
        #[test]
        fn no_answer_brings_it_down(answer in prop::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert!(count(&answer) <= MOST);
            let _ = (bit(&answer, "x"), value(&answer));
        }
    }
}
