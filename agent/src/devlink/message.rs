// SPDX-License-Identifier: MIT OR Apache-2.0
//! devlink's messages (include/uapi/linux/devlink.h; Documentation/networking/devlink), and those of generic
//! netlink's controller that lead to them (include/uapi/linux/genetlink.h). Pure.

use std::collections::BTreeMap;

use stage1_inventory::facts::Devlink;

use crate::net::nlmsg::{ACK, attribute, attributes, find, request, text, u16_at};

const GENL_ID_CTRL: u16 = 0x10;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
const CTRL_VERSION: u8 = 2;

const DEVLINK_GENL_NAME: &[u8] = b"devlink\0";
const DEVLINK_GENL_VERSION: u8 = 1;
const DEVLINK_CMD_INFO_GET: u8 = 51;
const DEVLINK_ATTR_BUS_NAME: u16 = 1;
const DEVLINK_ATTR_DEV_NAME: u16 = 2;
const DEVLINK_ATTR_INFO_DRIVER_NAME: u16 = 98;
const DEVLINK_ATTR_INFO_SERIAL_NUMBER: u16 = 99;
const DEVLINK_ATTR_INFO_VERSION_FIXED: u16 = 100;
const DEVLINK_ATTR_INFO_VERSION_RUNNING: u16 = 101;
const DEVLINK_ATTR_INFO_VERSION_STORED: u16 = 102;
const DEVLINK_ATTR_INFO_VERSION_NAME: u16 = 103;
const DEVLINK_ATTR_INFO_VERSION_VALUE: u16 = 104;
const DEVLINK_ATTR_INFO_BOARD_SERIAL_NUMBER: u16 = 146;

/// Length of `struct genlmsghdr`: command, version, two reserved bytes.
const HEADER: usize = 4;

/// A device, as devlink(8) writes it: `pci/0000:3b:00.0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The bus.
    pub bus: String,
    /// The device's name on it.
    pub name: String,
}

impl Device {
    /// The PCI function at an address.
    pub fn pci(address: &str) -> Self {
        Self { bus: "pci".to_string(), name: address.to_string() }
    }
}

/// Asks for the number of the family `devlink`.
pub fn family_request() -> Vec<u8> {
    let header = [CTRL_CMD_GETFAMILY, CTRL_VERSION, 0, 0];
    request(GENL_ID_CTRL, ACK, &header, &attribute(CTRL_ATTR_FAMILY_NAME, DEVLINK_GENL_NAME))
}

/// The number of the family, from the body of the answer.
pub fn family(body: &[u8]) -> Option<u16> {
    u16_at(find(body.get(HEADER..)?, CTRL_ATTR_FAMILY_ID)?, 0)
}

/// Asks what a device is and which versions it has.
pub fn info_request(family: u16, device: &Device) -> Vec<u8> {
    device_request(family, DEVLINK_CMD_INFO_GET, device)
}

/// What a device is, from the body of the answer.
pub fn info(body: &[u8]) -> Option<Devlink> {
    if *body.first()? != DEVLINK_CMD_INFO_GET {
        return None;
    }
    let mut info = Devlink::default();
    for (kind, value) in attributes(body.get(HEADER..)?) {
        match kind {
            DEVLINK_ATTR_INFO_DRIVER_NAME => info.driver = Some(text(value)),
            DEVLINK_ATTR_INFO_SERIAL_NUMBER => info.serial = Some(text(value)),
            DEVLINK_ATTR_INFO_BOARD_SERIAL_NUMBER => info.board_serial = Some(text(value)),
            DEVLINK_ATTR_INFO_VERSION_FIXED => version(value, &mut info.fixed),
            DEVLINK_ATTR_INFO_VERSION_RUNNING => version(value, &mut info.running),
            DEVLINK_ATTR_INFO_VERSION_STORED => version(value, &mut info.stored),
            _ => {}
        }
    }
    Some(info)
}

fn device_request(family: u16, command: u8, device: &Device) -> Vec<u8> {
    let named = |kind, name: &str| attribute(kind, &[name.as_bytes(), b"\0"].concat());
    let device =
        [named(DEVLINK_ATTR_BUS_NAME, &device.bus), named(DEVLINK_ATTR_DEV_NAME, &device.name)].concat();
    request(family, ACK, &[command, DEVLINK_GENL_VERSION, 0, 0], &device)
}

fn version(nested: &[u8], versions: &mut BTreeMap<String, String>) {
    let name = find(nested, DEVLINK_ATTR_INFO_VERSION_NAME);
    if let (Some(name), Some(value)) = (name, find(nested, DEVLINK_ATTR_INFO_VERSION_VALUE)) {
        versions.insert(text(name), text(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::nlmsg::messages;
    use proptest::prelude::{any, prop, proptest};

    /// `NLA_F_NESTED`.
    const NESTED: u16 = 0x8000;

    fn entry(kind: u16, name: &[u8], value: &[u8]) -> Vec<u8> {
        let pair = [
            attribute(DEVLINK_ATTR_INFO_VERSION_NAME, name),
            attribute(DEVLINK_ATTR_INFO_VERSION_VALUE, value),
        ];
        attribute(kind | NESTED, &pair.concat())
    }

    fn answer() -> Vec<u8> {
        [
            vec![DEVLINK_CMD_INFO_GET, 1, 0, 0],
            attribute(DEVLINK_ATTR_BUS_NAME, b"pci\0"),
            attribute(DEVLINK_ATTR_INFO_DRIVER_NAME, b"mlx5_core\0"),
            attribute(DEVLINK_ATTR_INFO_BOARD_SERIAL_NUMBER, b"MT2025X00001\0"),
            entry(DEVLINK_ATTR_INFO_VERSION_FIXED, b"fw.psid\0", b"MT_0000000359\0"),
            entry(DEVLINK_ATTR_INFO_VERSION_RUNNING, b"fw.version\0", b"22.31.1014\0"),
            entry(DEVLINK_ATTR_INFO_VERSION_RUNNING, b"fw\0", b"22.31.1014\0"),
            entry(DEVLINK_ATTR_INFO_VERSION_STORED, b"fw\0", b"22.35.1012\0"),
        ]
        .concat()
    }

    #[test]
    fn versions_are_told_by_what_they_are() {
        let map = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
        };
        let expected = Devlink {
            driver: Some("mlx5_core".to_string()),
            serial: None,
            board_serial: Some("MT2025X00001".to_string()),
            fixed: map(&[("fw.psid", "MT_0000000359")]),
            running: map(&[("fw", "22.31.1014"), ("fw.version", "22.31.1014")]),
            stored: map(&[("fw", "22.35.1012")]),
        };
        assert_eq!(info(&answer()), Some(expected));
        assert_eq!(info(b"\x01\x01\0\0"), None);
    }

    #[test]
    fn a_request_names_the_device() {
        let sent = info_request(0x17, &Device::pci("0000:3b:00.0"));
        let message = messages(&sent).next().unwrap();
        assert_eq!((message.kind, message.body[0]), (0x17, DEVLINK_CMD_INFO_GET));
        assert_eq!(find(&message.body[HEADER..], DEVLINK_ATTR_BUS_NAME), Some(&b"pci\0"[..]));
        assert_eq!(find(&message.body[HEADER..], DEVLINK_ATTR_DEV_NAME), Some(&b"0000:3b:00.0\0"[..]));
        let asked = family_request();
        assert_eq!(messages(&asked).next().map(|message| message.kind), Some(GENL_ID_CTRL));
    }

    #[test]
    fn an_answer_cut_short_tells_what_is_left() {
        let answer = answer();
        for length in 0..answer.len() {
            let _ = info(&answer[..length]);
        }
        assert_eq!(info(&answer[..answer.len() - 1]).unwrap().fixed.len(), 1);
        assert_eq!(family(&[1, 2, 0, 0, 6, 0, 1, 0, 0x17, 0, 0, 0]), Some(0x17));
    }

    proptest! {
        #[test]
        fn no_answer_brings_it_down(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (family(&bytes), info(&[&[DEVLINK_CMD_INFO_GET], &bytes[..]].concat()));
        }
    }
}
