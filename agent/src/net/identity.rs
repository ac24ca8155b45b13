// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a DHCP client says of the host.

use crate::config::Settings;
use crate::host::Machine;
use netlink::dhcp::Identity;

/// RFC 4578 2.1, as IANA's registry corrects it: x64 BIOS, x64 UEFI, ARM 64-bit UEFI.
const X64_BIOS: u16 = 0;
const X64_UEFI: u16 = 7;
const ARM64_UEFI: u16 = 11;

/// What DHCP messages of the port with this MAC address carry.
pub(super) fn identity(machine: &Machine, settings: &Settings, mac: [u8; 6]) -> Identity {
    let uuid = machine.attribute("/sys/class/dmi/id/product_uuid");
    let architecture = match (std::env::consts::ARCH, machine.has("/sys/firmware/efi")) {
        ("x86_64", true) => Some(X64_UEFI),
        ("x86_64", false) => Some(X64_BIOS),
        ("aarch64", true) => Some(ARM64_UEFI),
        _ => None,
    };
    Identity {
        mac,
        vendor_class: settings.dhcp_vendor_class.clone(),
        user_class: settings.dhcp_user_class.clone(),
        host_name: settings.dhcp_host_name.clone(),
        uuid: uuid.and_then(|uuid| uuid_bytes(&uuid)),
        architecture,
    }
}

/// The UUID in the byte order of SMBIOS, of which the kernel prints the first three fields swapped (DSP0134 7.2.1). `None` for
/// one that many machines have.
fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32)?;
    let mut bytes = number.to_be_bytes();
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    (number != 0 && number != u128::MAX).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uuid_has_the_order_of_smbios() {
        let bytes = uuid_bytes("00112233-4455-6677-8899-aabbccddeeff").unwrap();
        let expected =
            [0x33, 0x22, 0x11, 0, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];
        assert_eq!(bytes, expected);
        for text in [
            "",
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "Not Settable",
        ] {
            assert_eq!(uuid_bytes(text), None, "{text}");
        }
    }
}
