// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the machine is managed: IPMI devices and TPMs, types 38 and 43. Pure.

use smbioslib::{SMBiosIpmiDeviceInformation, SMBiosStruct, SMBiosTpmDevice};
use stage1_contract::facts::{IpmiDevice, TpmDevice};

use super::names::management as names;
use super::structure::Structure;

/// SSIF, which lies on the SMBus (DSP0134 7.39.1).
const SSIF: u8 = 4;

/// The host's interface to its BMC, type 38 (DSP0134 7.39, IPMI 2.0 appendix C1).
pub(super) fn ipmi(at: Structure) -> IpmiDevice {
    let device = SMBiosIpmiDeviceInformation::new(at.parts);
    let interface = device.interface_type().map(|kind| kind.raw);
    let is_ssif = interface == Some(SSIF);
    let (address_space, base_address) = device.base_address().map(|base| address(at, base, is_ssif)).unzip();
    let modifier = at.byte(0x10).filter(|_| !is_ssif && at.byte(0x11).is_some());
    let with_interrupt = modifier.filter(|bits| bits & 1 << 3 != 0);
    IpmiDevice {
        handle: at.handle(),
        interface_type: interface.map(|kind| names::IPMI_INTERFACE.of(kind)),
        specification_version: device
            .ipmi_specification_revision()
            .map(|bcd| format!("{}.{}", bcd >> 4, bcd & 15)),
        i2c_address: device.i2c_target_address().map(|address| format!("0x{:02x}", address >> 1)),
        nv_storage_address: device.nvstorage_device_address().filter(|address| *address != 0xff),
        address_space: address_space.map(str::to_string),
        base_address,
        register_spacing: modifier.map(|bits| names::IPMI_SPACING.of(bits >> 6)),
        interrupt_polarity: with_interrupt
            .map(|bits| if bits & 2 != 0 { "Active High" } else { "Active Low" }.to_string()),
        interrupt_trigger: with_interrupt
            .map(|bits| if bits & 1 != 0 { "Level" } else { "Edge" }.to_string()),
        interrupt: device.interrupt_number().filter(|number| *number != 0),
    }
}

/// Bit 0 of the base address is the space; bit 0 of the real one stands in the modifier's bit 4.
fn address(at: Structure, base: u64, is_ssif: bool) -> (&'static str, String) {
    if is_ssif {
        return ("SMBus", format!("0x{:02x}", (base & 0xff) >> 1));
    }
    let space = if base & 1 == 1 { "I/O" } else { "Memory-mapped" };
    let lowest = at.byte(0x10).map_or(0, |bits| bits >> 4 & 1);
    (space, format!("{:#x}", base & !1 | u64::from(lowest)))
}

/// A TPM, type 43 (DSP0134 7.44).
pub(super) fn tpm(at: Structure) -> TpmDevice {
    let tpm = SMBiosTpmDevice::new(at.parts);
    let vendor = at.parts.get_field_data(0x04, 0x08).unwrap_or_default();
    let vendor = vendor.split(|byte| *byte == 0).next().unwrap_or_default();
    let vendor: String = vendor
        .iter()
        .map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' })
        .collect();
    let bits = tpm.characteristics().map_or(0, |bits| bits.raw);
    TpmDevice {
        handle: at.handle(),
        vendor_id: (!vendor.trim().is_empty()).then(|| vendor.trim().to_string()),
        specification_version: tpm
            .major_spec_version()
            .zip(tpm.minor_spec_version())
            .map(|(major, minor)| format!("{major}.{minor}")),
        firmware_version: firmware_version(at, &tpm),
        description: at.text(tpm.description()),
        characteristics: if bits & 1 << 2 != 0 {
            vec!["TPM Device characteristics not supported".to_string()]
        } else {
            names::TPM.of(u32::try_from(bits & 0x38).unwrap_or(0))
        },
    }
}

/// That of a TPM 1.2 is TPM_VERSION, whose first two bytes are the specification's version; that of a TPM 2.0
/// is TPM_PT_FIRMWARE_VERSION_1.
fn firmware_version(at: Structure, tpm: &SMBiosTpmDevice) -> Option<String> {
    match tpm.major_spec_version()? {
        1 => Some(format!("{}.{}", at.byte(0x0c)?, at.byte(0x0d)?)),
        2 => tpm.firmware_version_1().map(|version| format!("{}.{}", version >> 16, version & 0xffff)),
        _ => None,
    }
}
