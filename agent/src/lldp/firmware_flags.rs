// SPDX-License-Identifier: MIT OR Apache-2.0
//! LLDP agents in adapters' firmware, which keep the frames from the host, and the private flags that disable them.

/// A private flag of a driver, and the value it must have for the host to receive LLDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The driver.
    pub driver: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The value it must have.
    pub required: bool,
}

/// Intel's X710 and XL710 (Documentation/networking/device_drivers/ethernet/intel/i40e.rst, "Disabling FW LLDP") and
/// E810 (ice.rst, "FW-LLDP").
const FLAGS: [Flag; 2] = [
    Flag { driver: "i40e", name: "disable-fw-lldp", required: true },
    Flag { driver: "ice", name: "fw-lldp-agent", required: false },
];

/// The flag of a driver whose adapters have an LLDP agent.
pub fn flag(driver: &str) -> Option<Flag> {
    FLAGS.into_iter().find(|flag| flag.driver == driver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_of_intels_adapters() {
        assert_eq!(flag("i40e").map(|flag| flag.required), Some(true));
        assert_eq!(flag("ice").map(|flag| flag.required), Some(false));
        assert_eq!(flag("virtio_net"), None);
    }
}
