// SPDX-License-Identifier: MIT OR Apache-2.0
//! Boot option parameters 3 to 5 (IPMI 2.0, table 28-14).

use super::BootParameter;
use crate::codes::codes;
use crate::{Malformed, Parameter, Reader, Writable};

/// Parameter 3: after which restarts the boot flags stay valid; otherwise the BMC clears them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BootFlagsKept {
    /// The power button.
    pub power_button: bool,
    /// The reset button, or a soft reset.
    pub reset_button: bool,
    /// The watchdog expired.
    pub watchdog: bool,
    /// A minute without a Chassis Control command since they were set.
    pub timeout: bool,
    /// A platform event filter that resets.
    pub filter: bool,
}

/// Parameter 4: which software has handled the boot flags (boot info acknowledge).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BootAcknowledge {
    /// Which bits of `noticed` are written; write-only.
    pub mask: u8,
    /// Bit 0 the firmware, 1 the boot loader, 2 the operating system, 3 its management software, 4 OEM.
    pub noticed: u8,
}

/// Parameter 5: what the firmware does at the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootFlags {
    /// The flags are valid.
    pub is_valid: bool,
    /// The flags apply to all later boots, not only to the next one.
    pub is_persistent: bool,
    /// UEFI boot; otherwise legacy BIOS boot.
    pub is_efi: bool,
    /// The firmware's settings are cleared.
    pub clear_cmos: bool,
    /// The keyboard is locked.
    pub lock_keyboard: bool,
    /// What is booted from.
    pub device: BootDevice,
    /// The screen stays dark.
    pub blank_screen: bool,
    /// The reset button is locked.
    pub lock_reset: bool,
    /// Bytes 3 to 5, as they are: locks, verbosity, the serial console, the instance of the device.
    pub rest: [u8; 3],
}

codes! {
    /// What is booted from.
    pub enum BootDevice {
        /// No override.
        Unchanged = 0x0,
        /// The network.
        Pxe = 0x1,
        /// The first disk.
        Disk = 0x2,
        /// The first disk, in safe mode.
        DiskSafe = 0x3,
        /// The diagnostic partition.
        Diagnostics = 0x4,
        /// A CD or DVD.
        Cd = 0x5,
        /// The firmware's setup.
        Setup = 0x6,
        /// A floppy of the BMC's virtual media.
        RemoteFloppy = 0x7,
        /// A CD or DVD of the BMC's virtual media.
        RemoteCd = 0x8,
        /// The primary one of the BMC's virtual media.
        Remote = 0x9,
        /// A disk of the BMC's virtual media.
        RemoteDisk = 0xb,
        /// A floppy, or other removable medium.
        Floppy = 0xf,
    }
}

impl BootParameter for BootFlagsKept {}

impl Parameter for BootFlagsKept {
    const NAME: &'static str = "boot option 3, boot flag valid bit clearing";
    const NUMBER: u8 = 3;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let kept = reader.byte("boot flag valid bit clearing")?;
        Ok(Self {
            power_button: kept & 0x01 != 0,
            reset_button: kept & 0x02 != 0,
            watchdog: kept & 0x04 != 0,
            timeout: kept & 0x08 != 0,
            filter: kept & 0x10 != 0,
        })
    }
}

impl Writable for BootFlagsKept {
    fn encode(&self) -> Vec<u8> {
        let kept = [self.power_button, self.reset_button, self.watchdog, self.timeout, self.filter];
        vec![bits(kept)]
    }
}

impl BootParameter for BootAcknowledge {}

impl Parameter for BootAcknowledge {
    const NAME: &'static str = "boot option 4, boot info acknowledge";
    const NUMBER: u8 = 4;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let [mask, noticed] = reader.array("boot info acknowledge")?;
        Ok(Self { mask, noticed })
    }
}

impl Writable for BootAcknowledge {
    fn encode(&self) -> Vec<u8> {
        vec![self.mask, self.noticed]
    }
}

impl BootParameter for BootFlags {}

impl Parameter for BootFlags {
    const NAME: &'static str = "boot option 5, boot flags";
    const NUMBER: u8 = 5;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let [valid, device] = reader.array("boot flags")?;
        Ok(Self {
            is_valid: valid & 0x80 != 0,
            is_persistent: valid & 0x40 != 0,
            is_efi: valid & 0x20 != 0,
            clear_cmos: device & 0x80 != 0,
            lock_keyboard: device & 0x40 != 0,
            device: BootDevice::from(device >> 2 & 0x0f),
            blank_screen: device & 0x02 != 0,
            lock_reset: device & 0x01 != 0,
            rest: reader.array("boot flags")?,
        })
    }
}

impl Writable for BootFlags {
    fn encode(&self) -> Vec<u8> {
        let valid = bits([self.is_efi, self.is_persistent, self.is_valid]) << 5;
        let locks = bits([self.lock_keyboard, self.clear_cmos]) << 6;
        let lows = bits([self.lock_reset, self.blank_screen]);
        let device = (u8::from(self.device) & 0x0f) << 2;
        [&[valid, locks | device | lows], self.rest.as_slice()].concat()
    }
}

/// From bit 0 on.
fn bits<const N: usize>(bits: [bool; N]) -> u8 {
    bits.into_iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(bit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;
    use crate::chassis::{GetBootOption, SetBootOption};

    #[test]
    fn the_network_is_booted_once() {
        // `ipmitool chassis bootdev pxe options=efiboot`
        let option = GetBootOption::<BootFlags>::NEW.answer(&[0x01, 0x05, 0xa0, 0x04, 0, 0, 0]).unwrap();
        assert!(!option.is_invalid);
        let flags = option.value;
        assert!(flags.is_valid && flags.is_efi && !flags.is_persistent);
        assert_eq!(flags.device, BootDevice::Pxe);
        assert_eq!(SetBootOption { value: flags }.data(), [5, 0xa0, 0x04, 0, 0, 0]);
    }

    #[test]
    fn what_is_read_is_what_is_written() {
        for byte in 0..=u8::MAX {
            let bytes = [byte & 0xe0, byte, byte, 1, 2];
            assert_eq!(BootFlags::decode(&mut Reader::new(&bytes)).unwrap().encode(), bytes);
            let kept = [byte & 0x1f];
            assert_eq!(BootFlagsKept::decode(&mut Reader::new(&kept)).unwrap().encode(), kept);
        }
        let setup = BootFlags::decode(&mut Reader::new(&[0xc0, 0x18, 0, 0, 0])).unwrap();
        assert!(setup.is_persistent && setup.device == BootDevice::Setup);
        let kept = BootFlagsKept::decode(&mut Reader::new(&[0x08])).unwrap();
        assert_eq!(kept, BootFlagsKept { timeout: true, ..BootFlagsKept::default() });
        assert_eq!(SetBootOption { value: BootAcknowledge { mask: 1, noticed: 1 } }.data(), [4, 1, 1]);
        assert!(BootFlags::decode(&mut Reader::new(&[0x80, 0, 0, 0])).is_err());
    }
}
