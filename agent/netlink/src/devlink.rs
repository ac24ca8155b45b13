// SPDX-License-Identifier: MIT OR Apache-2.0
//! devlink's messages (include/uapi/linux/devlink.h; Documentation/networking/devlink), and those of generic
//! netlink's controller that lead to them (include/uapi/linux/genetlink.h).

use std::collections::BTreeMap;
use std::fmt;

use crate::message::{ACK, attribute, attributes, find, request, text, u16_at, u32_at, u64_at};

const GENL_ID_CTRL: u16 = 0x10;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
const CTRL_ATTR_MCAST_GROUPS: u16 = 7;
const CTRL_ATTR_MCAST_GRP_NAME: u16 = 1;
const CTRL_ATTR_MCAST_GRP_ID: u16 = 2;
const CTRL_VERSION: u8 = 2;

const DEVLINK_GENL_NAME: &[u8] = b"devlink\0";
const DEVLINK_GENL_VERSION: u8 = 1;
/// The multicast group for the progress of a flash.
const DEVLINK_GENL_MCGRP_CONFIG_NAME: &str = "config";
const DEVLINK_CMD_RELOAD: u8 = 37;
const DEVLINK_CMD_INFO_GET: u8 = 51;
const DEVLINK_CMD_FLASH_UPDATE: u8 = 58;
const DEVLINK_CMD_FLASH_UPDATE_STATUS: u8 = 60;
const DEVLINK_ATTR_BUS_NAME: u16 = 1;
const DEVLINK_ATTR_DEV_NAME: u16 = 2;
const DEVLINK_ATTR_INFO_DRIVER_NAME: u16 = 98;
const DEVLINK_ATTR_INFO_SERIAL_NUMBER: u16 = 99;
const DEVLINK_ATTR_INFO_VERSION_FIXED: u16 = 100;
const DEVLINK_ATTR_INFO_VERSION_RUNNING: u16 = 101;
const DEVLINK_ATTR_INFO_VERSION_STORED: u16 = 102;
const DEVLINK_ATTR_INFO_VERSION_NAME: u16 = 103;
const DEVLINK_ATTR_INFO_VERSION_VALUE: u16 = 104;
const DEVLINK_ATTR_FLASH_UPDATE_FILE_NAME: u16 = 122;
const DEVLINK_ATTR_FLASH_UPDATE_COMPONENT: u16 = 123;
const DEVLINK_ATTR_FLASH_UPDATE_STATUS_MSG: u16 = 124;
const DEVLINK_ATTR_FLASH_UPDATE_STATUS_DONE: u16 = 125;
const DEVLINK_ATTR_FLASH_UPDATE_STATUS_TOTAL: u16 = 126;
const DEVLINK_ATTR_INFO_BOARD_SERIAL_NUMBER: u16 = 146;
const DEVLINK_ATTR_FLASH_UPDATE_STATUS_TIMEOUT: u16 = 151;
const DEVLINK_ATTR_RELOAD_ACTION: u16 = 153;
const DEVLINK_RELOAD_ACTION_FW_ACTIVATE: u8 = 2;

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

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.bus, self.name)
    }
}

impl Device {
    /// The PCI function at an address.
    pub fn pci(address: &str) -> Self {
        Self { bus: "pci".to_string(), name: address.to_string() }
    }
}

/// Progress that a driver reports while it writes firmware (Documentation/networking/devlink/devlink-flash.rst).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlashStatus {
    /// The current step: `Flashing`.
    pub message: String,
    /// The component, where the driver names one.
    pub component: Option<String>,
    /// How much of `total` is done, in bytes as a rule.
    pub done: u64,
    /// In the same unit as `done`; 0 where the driver reports no progress.
    pub total: u64,
    /// How many seconds this may take; 0 where the driver does not report it.
    pub timeout_s: u64,
}

/// Driver, serial numbers and versions of a device (Documentation/networking/devlink/devlink-info.rst). Versions are by
/// the component's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// The driver.
    pub driver: Option<String>,
    /// The adapter's serial number.
    pub serial: Option<String>,
    /// The board's serial number.
    pub board_serial: Option<String>,
    /// Versions that do not change: the board's ID and revision.
    pub fixed: BTreeMap<String, String>,
    /// Versions that are running.
    pub running: BTreeMap<String, String>,
    /// Versions that are stored, and run after the next activation.
    pub stored: BTreeMap<String, String>,
}

/// Requests the number of the family `devlink`.
pub fn family_request() -> Vec<u8> {
    let header = [CTRL_CMD_GETFAMILY, CTRL_VERSION, 0, 0];
    request(GENL_ID_CTRL, ACK, &header, &attribute(CTRL_ATTR_FAMILY_NAME, DEVLINK_GENL_NAME))
}

/// The number of the family, from the body of the answer.
pub fn family(body: &[u8]) -> Option<u16> {
    u16_at(find(body.get(HEADER..)?, CTRL_ATTR_FAMILY_ID)?, 0)
}

/// The number of the multicast group for the progress of a flash, from the same body.
pub fn flash_group(body: &[u8]) -> Option<u32> {
    let groups = find(body.get(HEADER..)?, CTRL_ATTR_MCAST_GROUPS)?;
    let is_config = |group: &[u8]| {
        find(group, CTRL_ATTR_MCAST_GRP_NAME).is_some_and(|name| text(name) == DEVLINK_GENL_MCGRP_CONFIG_NAME)
    };
    let (_, group) = attributes(groups).find(|(_, group)| is_config(group))?;
    u32_at(find(group, CTRL_ATTR_MCAST_GRP_ID)?, 0)
}

/// Makes a driver write firmware from a file in the kernel's firmware search path. Settings and identifiers, such as
/// MAC addresses, are kept: overwriting them needs an attribute that this request does not have.
pub fn flash_request(family: u16, device: &Device, file: &str, component: Option<&str>) -> Vec<u8> {
    let component = component.map(|component| string(DEVLINK_ATTR_FLASH_UPDATE_COMPONENT, component));
    let more = [string(DEVLINK_ATTR_FLASH_UPDATE_FILE_NAME, file), component.unwrap_or_default()];
    device_request(family, DEVLINK_CMD_FLASH_UPDATE, device, &more.concat())
}

/// Makes a device run the firmware that is stored in it (reload with `fw_activate`).
pub fn activate_request(family: u16, device: &Device) -> Vec<u8> {
    let action = attribute(DEVLINK_ATTR_RELOAD_ACTION, &[DEVLINK_RELOAD_ACTION_FW_ACTIVATE]);
    device_request(family, DEVLINK_CMD_RELOAD, device, &action)
}

/// The progress of the driver of `device`, from the body of a notification; `None` where that is about something else.
pub fn flash_status(body: &[u8], device: &Device) -> Option<FlashStatus> {
    if *body.first()? != DEVLINK_CMD_FLASH_UPDATE_STATUS {
        return None;
    }
    let attributes = body.get(HEADER..)?;
    let words = |kind| find(attributes, kind).map(text);
    let number = |kind| find(attributes, kind).and_then(|value| u64_at(value, 0)).unwrap_or_default();
    let of = (words(DEVLINK_ATTR_BUS_NAME)?, words(DEVLINK_ATTR_DEV_NAME)?);
    (of == (device.bus.clone(), device.name.clone())).then(|| FlashStatus {
        message: words(DEVLINK_ATTR_FLASH_UPDATE_STATUS_MSG).unwrap_or_default(),
        component: words(DEVLINK_ATTR_FLASH_UPDATE_COMPONENT),
        done: number(DEVLINK_ATTR_FLASH_UPDATE_STATUS_DONE),
        total: number(DEVLINK_ATTR_FLASH_UPDATE_STATUS_TOTAL),
        timeout_s: number(DEVLINK_ATTR_FLASH_UPDATE_STATUS_TIMEOUT),
    })
}

/// Requests driver, serial numbers and versions of a device.
pub fn info_request(family: u16, device: &Device) -> Vec<u8> {
    device_request(family, DEVLINK_CMD_INFO_GET, device, &[])
}

/// Decodes the response to [`info_request`].
pub fn info(body: &[u8]) -> Option<Info> {
    if *body.first()? != DEVLINK_CMD_INFO_GET {
        return None;
    }
    let mut info = Info::default();
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

fn device_request(family: u16, command: u8, device: &Device, more: &[u8]) -> Vec<u8> {
    let names = [string(DEVLINK_ATTR_BUS_NAME, &device.bus), string(DEVLINK_ATTR_DEV_NAME, &device.name)];
    let attributes = [&names.concat(), more].concat();
    request(family, ACK, &[command, DEVLINK_GENL_VERSION, 0, 0], &attributes)
}

fn string(kind: u16, text: &str) -> Vec<u8> {
    attribute(kind, &[text.as_bytes(), b"\0"].concat())
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
    use crate::message::messages;
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
    fn versions_are_sorted_by_kind() {
        let map = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
        };
        let expected = Info {
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
        let sent = family_request();
        assert_eq!(messages(&sent).next().map(|message| message.kind), Some(GENL_ID_CTRL));
    }

    #[test]
    fn a_flash_names_the_file_and_nothing_that_overwrites() {
        let device = Device::pci("0000:3b:00.0");
        let body = |request: &[u8]| messages(request).next().unwrap().body.to_vec();
        let flash = body(&flash_request(0x17, &device, "new.bin", Some("fw.mgmt")));
        assert_eq!(flash[0], DEVLINK_CMD_FLASH_UPDATE);
        let kinds: Vec<u16> = attributes(&flash[HEADER..]).map(|(kind, _)| kind).collect();
        assert_eq!(
            kinds,
            [
                DEVLINK_ATTR_BUS_NAME,
                DEVLINK_ATTR_DEV_NAME,
                DEVLINK_ATTR_FLASH_UPDATE_FILE_NAME,
                DEVLINK_ATTR_FLASH_UPDATE_COMPONENT
            ]
        );
        assert_eq!(find(&flash[HEADER..], DEVLINK_ATTR_FLASH_UPDATE_FILE_NAME), Some(&b"new.bin\0"[..]));
        let whole = body(&flash_request(0x17, &device, "new.bin", None));
        assert_eq!(attributes(&whole[HEADER..]).count(), 3);
        let activate = body(&activate_request(0x17, &device));
        assert_eq!(activate[0], DEVLINK_CMD_RELOAD);
        assert_eq!(find(&activate[HEADER..], DEVLINK_ATTR_RELOAD_ACTION), Some(&[2][..]));
    }

    #[test]
    fn a_status_is_that_of_its_device() {
        let device = Device::pci("0000:3b:00.0");
        let body = [
            vec![DEVLINK_CMD_FLASH_UPDATE_STATUS, 1, 0, 0],
            string(DEVLINK_ATTR_BUS_NAME, "pci"),
            string(DEVLINK_ATTR_DEV_NAME, "0000:3b:00.0"),
            string(DEVLINK_ATTR_FLASH_UPDATE_STATUS_MSG, "Flashing"),
            attribute(DEVLINK_ATTR_FLASH_UPDATE_STATUS_DONE, &4096_u64.to_ne_bytes()),
            attribute(DEVLINK_ATTR_FLASH_UPDATE_STATUS_TOTAL, &300_096_u64.to_ne_bytes()),
        ]
        .concat();
        let expected = FlashStatus {
            message: "Flashing".to_string(),
            done: 4096,
            total: 300_096,
            ..FlashStatus::default()
        };
        assert_eq!(flash_status(&body, &device), Some(expected));
        assert_eq!(flash_status(&body, &Device::pci("0000:3b:00.1")), None);
        assert_eq!(flash_status(&answer(), &device), None);
    }

    #[test]
    fn the_group_of_flashes_is_found_by_its_name() {
        let group = |number: u32, name: &[u8]| {
            let pair = [
                attribute(CTRL_ATTR_MCAST_GRP_ID, &number.to_ne_bytes()),
                attribute(CTRL_ATTR_MCAST_GRP_NAME, name),
            ];
            attribute(1 | NESTED, &pair.concat())
        };
        let groups = [group(4, b"other\0"), group(5, b"config\0")].concat();
        let body = [vec![1, 2, 0, 0], attribute(CTRL_ATTR_MCAST_GROUPS | NESTED, &groups)].concat();
        assert_eq!(flash_group(&body), Some(5));
        assert_eq!(flash_group(&body[..body.len() - 30]), None);
    }

    #[test]
    fn a_truncated_response_gives_what_is_left() {
        let answer = answer();
        for length in 0..answer.len() {
            let _ = info(&answer[..length]);
        }
        assert_eq!(info(&answer[..answer.len() - 1]).unwrap().fixed.len(), 1);
        assert_eq!(family(&[1, 2, 0, 0, 6, 0, 1, 0, 0x17, 0, 0, 0]), Some(0x17));
    }

    proptest! {
        #[test]
        fn any_answer_is_decoded_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (family(&bytes), flash_group(&bytes), info(&[&[DEVLINK_CMD_INFO_GET], &bytes[..]].concat()));
            let _ = flash_status(&[&[DEVLINK_CMD_FLASH_UPDATE_STATUS], &bytes[..]].concat(), &Device::pci(""));
        }
    }
}
