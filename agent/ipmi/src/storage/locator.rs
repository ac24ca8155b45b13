// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where FRU inventories and controllers are (IPMI 2.0, sections 43.8 and 43.9), and what they are part of (43.14).

use super::text;
use crate::{Malformed, Reader};

/// The entity that a sensor or device belongs to (section 43.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Its kind: 03h a processor, 0Ah a power supply, 20h a DIMM.
    pub id: u8,
    /// Its number among its kind; 60h and more are the controller's own.
    pub instance: u8,
}

/// Where a FRU's inventory is (43.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FruLocator {
    /// The 8-bit slave address of the controller in front of it; the BMC is 20h.
    pub address: u8,
    /// The number by which that controller knows it.
    pub device: u8,
    /// It is read by the controller's FRU commands, and not as an EEPROM on a bus.
    pub is_logical: bool,
    /// The controller's LUN.
    pub lun: u8,
    /// The controller's channel.
    pub channel: u8,
    /// Device type and its modifier (table 43-12).
    pub kind: (u8, u8),
    /// The entity that it is.
    pub entity: Entity,
    /// The manufacturer's name for it.
    pub name: String,
}

/// Where a controller is (43.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerLocator {
    /// Its 8-bit slave address.
    pub address: u8,
    /// Its channel.
    pub channel: u8,
    /// Device capabilities: bit 0 sensors, 1 SDR repository, 2 SEL, 3 FRU inventory, 5 event generator, 7 chassis.
    pub support: u8,
    /// The entity that it is.
    pub entity: Entity,
    /// The manufacturer's name for it.
    pub name: String,
}

impl FruLocator {
    /// Whether the BMC reads it by [`ReadFruData`](super::ReadFruData).
    pub fn is_of_bmc(&self) -> bool {
        self.is_logical && (self.address, self.channel, self.lun) == (BMC, 0, 0)
    }

    /// Whether it is an inventory, and not the SPD of a DIMM or the data of a processor cartridge.
    pub fn is_inventory(&self) -> bool {
        !matches!(self.kind, (0x10, 0x01 | 0x03))
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let [address, device, access, channel, _, kind, modifier, entity, instance, _] =
            reader.array("FRU locator")?;
        Ok(Self {
            address: address & 0xfe,
            device,
            is_logical: access & 0x80 != 0,
            lun: access >> 3 & 0x03,
            channel: channel >> 4,
            kind: (kind, modifier),
            entity: Entity { id: entity, instance },
            name: text::of_sdr(reader.rest()).trim().to_string(),
        })
    }
}

impl ControllerLocator {
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let [address, channel, _, support, _, _, _, entity, instance, _] =
            reader.array("controller locator")?;
        Ok(Self {
            address: address & 0xfe,
            channel: channel & 0x0f,
            support,
            entity: Entity { id: entity, instance },
            name: text::of_sdr(reader.rest()).trim().to_string(),
        })
    }
}

/// The BMC's slave address (section 5.5).
pub(super) const BMC: u8 = 0x20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locators_are_read() {
        let fru = b"\x07\x00\x51\x11\x12\x20\x02\x80\x00\x00\x10\x00\x0a\x01\x00\xc7PS1 FRU";
        let fru = FruLocator::parse(&mut Reader::new(&fru[5..])).unwrap();
        assert_eq!(
            (fru.device, fru.entity, fru.name.as_str()),
            (2, Entity { id: 10, instance: 1 }, "PS1 FRU")
        );
        assert!(fru.is_of_bmc());
        assert!(fru.is_inventory() && !FruLocator { kind: (0x10, 0x01), ..fru.clone() }.is_inventory());
        assert!(!FruLocator { is_logical: false, ..fru.clone() }.is_of_bmc());
        assert!(!FruLocator { address: 0x2c, ..fru }.is_of_bmc());

        let controller = b"\x08\x00\x51\x12\x10\x2c\x06\x00\x3f\x00\x00\x00\x2e\x01\x00\xc5NM SP";
        let controller = ControllerLocator::parse(&mut Reader::new(&controller[5..])).unwrap();
        assert_eq!((controller.address, controller.channel, controller.support), (0x2c, 6, 0x3f));
        assert_eq!((controller.entity.id, controller.name.as_str()), (0x2e, "NM SP"));
    }
}
