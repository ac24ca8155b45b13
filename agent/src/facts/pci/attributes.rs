// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel writes of a PCI function into its files. Pure.

/// The `uevent` of a PCI function (drivers/pci/pci-driver.c, `pci_uevent`), which has in one file what is
/// otherwise in six.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Uevent<'a> {
    /// The driver that has it.
    pub driver: Option<&'a str>,
    /// Base class, sub-class and programming interface.
    pub class: Option<u32>,
    /// The vendor.
    pub vendor: Option<u16>,
    /// The device.
    pub device: Option<u16>,
    /// The board's vendor; bridges have none.
    pub subsystem_vendor: Option<u16>,
    /// The board.
    pub subsystem_device: Option<u16>,
}

impl<'a> Uevent<'a> {
    /// Reads what of the text is there.
    pub(super) fn parse(text: &'a str) -> Self {
        let mut uevent = Self::default();
        for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
            match name {
                "DRIVER" => uevent.driver = Some(value),
                "PCI_CLASS" => uevent.class = u32::from_str_radix(value, 16).ok(),
                "PCI_ID" => (uevent.vendor, uevent.device) = ids(value).unzip(),
                "PCI_SUBSYS_ID" => {
                    let ids = ids(value).filter(|ids| *ids != (0, 0));
                    (uevent.subsystem_vendor, uevent.subsystem_device) = ids.unzip();
                }
                _ => {}
            }
        }
        uevent
    }
}

fn ids(value: &str) -> Option<(u16, u16)> {
    let (vendor, device) = value.split_once(':')?;
    Some((u16::from_str_radix(vendor, 16).ok()?, u16::from_str_radix(device, 16).ok()?))
}

/// A link's speed in MT/s, of `2.5 GT/s PCIe` or `8 GT/s` (drivers/pci/probe.c, `pci_speed_string`); `None` for
/// `Unknown`.
pub(super) fn megatransfers(text: &str) -> Option<u32> {
    let (number, unit) = text.split_once(' ')?;
    let (whole, tenths) = number.split_once('.').unwrap_or((number, "0"));
    let tenths: u32 = tenths.parse().ok().filter(|tenths| *tenths < 10)?;
    let whole: u32 = whole.parse().ok()?;
    let speed = whole.checked_mul(1000)?.checked_add(tenths * 100)?;
    unit.starts_with("GT/s").then_some(speed)
}

/// A link's width; `None` where there is no link, 0, or the kernel does not know, 255 (`PCIE_LNK_WIDTH_UNKNOWN`).
pub(super) fn lanes(text: &str) -> Option<u32> {
    text.parse().ok().filter(|lanes| (1..255).contains(lanes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn speeds_as_kernels_old_and_new_write_them() {
        let speeds =
            [("2.5 GT/s PCIe", 2500), ("5 GT/s", 5000), ("8.0 GT/s PCIe", 8000), ("64.0 GT/s PCIe", 64000)];
        for (text, speed) in speeds {
            assert_eq!(megatransfers(text), Some(speed), "{text}");
        }
        for text in ["Unknown", "Unknown speed", "", "8.0", "66 MHz PCI", "9999999 GT/s", "1.25 GT/s"] {
            assert_eq!(megatransfers(text), None, "{text}");
        }
        assert_eq!(["16", "0", "255", "x"].map(lanes), [Some(16), None, None, None]);
    }

    proptest! {
        #[test]
        fn what_the_kernel_writes_is_read_back(
            class in 0..0x100_0000u32, ids in any::<[u16; 4]>(), driver in "[a-z0-9_-]{1,20}"
        ) {
            let [vendor, device, subsystem_vendor, subsystem_device] = ids;
            let text = format!(
                "DRIVER={driver}\nPCI_CLASS={class:04X}\nPCI_ID={vendor:04X}:{device:04X}\n\
                 PCI_SUBSYS_ID={subsystem_vendor:04X}:{subsystem_device:04X}\nPCI_SLOT_NAME=0000:00:00.0\n"
            );
            let board = (subsystem_vendor, subsystem_device) != (0, 0);
            let expected = Uevent {
                driver: Some(&driver),
                class: Some(class),
                vendor: Some(vendor),
                device: Some(device),
                subsystem_vendor: board.then_some(subsystem_vendor),
                subsystem_device: board.then_some(subsystem_device),
            };
            assert_eq!(Uevent::parse(&text), expected);
        }

        #[test]
        fn any_text_is_read(text in "((DRIVER|PCI_CLASS|PCI_ID|PCI_SUBSYS_ID)=[0-9A-F:]*\n|.*)*") {
            Uevent::parse(&text);
            megatransfers(&text);
            lanes(&text);
        }
    }
}
