// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a DHCP client identifies the host.

use crate::config::Settings;
use crate::display::hex_with;
use crate::host::Machine;
use netlink::dhcp::Identity;

/// RFC 4578 2.1, as IANA's registry corrects it: x64 BIOS, x64 UEFI, ARM 64-bit UEFI.
const X64_BIOS: u16 = 0;
const X64_UEFI: u16 = 7;
const ARM64_UEFI: u16 = 11;

/// What DHCP messages of the port with this MAC address carry.
pub(super) fn identity(machine: &Machine, settings: &Settings, mac: [u8; 6]) -> Identity {
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
        uuid: host_uuid(machine).map(swapped),
        architecture,
    }
}

/// The same for systemd-networkd: a drop-in of a systemd.network(5) file.
pub(crate) fn networkd_drop_in(machine: &Machine, settings: &Settings) -> String {
    networkd(&identity(machine, settings, [0; 6]))
}

fn networkd(identity: &Identity) -> String {
    let Identity { vendor_class, user_class, host_name, uuid, architecture, .. } = identity;
    let mut text = "[DHCPv4]\nClientIdentifier=mac\n".to_string();
    for (key, value) in [("VendorClassIdentifier", vendor_class), ("UserClass", user_class)] {
        if !value.is_empty() {
            text.push_str(&format!("{key}={value}\n"));
        }
    }
    match host_name.as_str() {
        "" => text.push_str("SendHostname=no\n"),
        name => text.push_str(&format!("SendHostname=yes\nHostname={name}\n")),
    }
    if let Some(uuid) = uuid {
        let bytes: String = uuid.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        text.push_str(&format!("SendOption=97:string:\\x00{bytes}\n"));
    }
    if let Some(architecture) = architecture {
        text.push_str(&format!("SendOption=93:uint16:{architecture}\n"));
    }
    if let Some(uuid) = uuid {
        // The order of the text, as in the agent's own DHCPv6.
        text.push_str(&format!("[DHCPv6]\nDUIDType=uuid\nDUIDRawData={}\n", hex_with(&swapped(*uuid), ":")));
    }
    text
}

/// The host's UUID in the order of its text. `None` for one that many machines have: two hosts with one client identifier
/// would share an address.
pub(super) fn host_uuid(machine: &Machine) -> Option<[u8; 16]> {
    uuid(&machine.attribute("/sys/class/dmi/id/product_uuid")?)
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32)?;
    Some(number.to_be_bytes()).filter(is_distinct)
}

/// Neither empty nor the UUID of several makers' boards.
fn is_distinct(uuid: &[u8; 16]) -> bool {
    let is_empty = uuid.iter().all(|byte| *byte == uuid[0]);
    // The beginning of 03000200-0400-0500-0006-000700080009, in both byte orders.
    !is_empty && uuid[..8] != [3, 0, 2, 0, 4, 0, 5, 0] && uuid[..8] != [0, 2, 0, 3, 0, 4, 0, 5]
}

/// From the order of the text to that of SMBIOS (DSP0134 7.2.1), or back.
fn swapped(mut uuid: [u8; 16]) -> [u8; 16] {
    uuid[..4].reverse();
    uuid[4..6].reverse();
    uuid[6..8].reverse();
    uuid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networkd_sends_the_same() {
        let identity = Identity {
            vendor_class: "stage1".to_string(),
            user_class: String::new(),
            host_name: "node7".to_string(),
            uuid: Some(*b"0123456789abcdef"),
            architecture: Some(X64_UEFI),
            ..Identity::default()
        };
        let expected = "[DHCPv4]\nClientIdentifier=mac\nVendorClassIdentifier=stage1\nSendHostname=yes\nHostname=node7\n\
            SendOption=97:string:\\x00\\x30\\x31\\x32\\x33\\x34\\x35\\x36\\x37\\x38\\x39\\x61\\x62\\x63\\x64\\x65\\x66\n\
            SendOption=93:uint16:7\n\
            [DHCPv6]\nDUIDType=uuid\nDUIDRawData=33:32:31:30:35:34:37:36:38:39:61:62:63:64:65:66\n";
        assert_eq!(networkd(&identity), expected);
        assert_eq!(networkd(&Identity::default()), "[DHCPv4]\nClientIdentifier=mac\nSendHostname=no\n");
    }

    #[test]
    fn the_uuid_has_the_order_of_smbios() {
        let bytes = swapped(uuid("00112233-4455-6677-8899-aabbccddeeff").unwrap());
        let expected =
            [0x33, 0x22, 0x11, 0, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];
        assert_eq!(bytes, expected);
        for text in [
            "",
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "03000200-0400-0500-0006-000700080009",
            "00020003-0004-0005-0006-000700080009",
            "Not Settable",
        ] {
            assert_eq!(uuid(text), None, "{text}");
        }
    }
}
