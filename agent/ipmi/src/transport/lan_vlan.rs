// SPDX-License-Identifier: MIT OR Apache-2.0
//! LAN parameters 20 and 21: 802.1Q (IPMI 2.0, table 23-4).

use super::LanParameter;
use crate::{Malformed, Parameter, Reader, Writable};

/// Parameter 20: the VLAN that the BMC's frames are tagged with; none if they are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vlan(pub Option<u16>);

/// Parameter 21: the priority in the tag, 0 to 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VlanPriority(pub u8);

impl LanParameter for Vlan {}

impl Parameter for Vlan {
    const NAME: &'static str = "LAN parameter 20, VLAN ID";
    const NUMBER: u8 = 20;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let vlan = reader.word("VLAN ID")?;
        Ok(Self((vlan & 0x8000 != 0).then_some(vlan & 0x0fff)))
    }
}

impl Writable for Vlan {
    fn encode(&self) -> Vec<u8> {
        self.0.map_or(0, |id| 0x8000 | id & 0x0fff).to_le_bytes().to_vec()
    }
}

impl LanParameter for VlanPriority {}

impl Parameter for VlanPriority {
    const NAME: &'static str = "LAN parameter 21, VLAN priority";
    const NUMBER: u8 = 21;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self(reader.byte("VLAN priority")? & 0x07))
    }
}

impl Writable for VlanPriority {
    fn encode(&self) -> Vec<u8> {
        vec![self.0 & 0x07]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_go_there_and_back() {
        let vlan = |bytes: &[u8]| Vlan::decode(&mut Reader::new(bytes)).unwrap();
        assert_eq!((vlan(&[0x64, 0x80]), vlan(&[0x64, 0x00])), (Vlan(Some(100)), Vlan(None)));
        assert_eq!(Vlan(Some(0xabc)).encode(), [0xbc, 0x8a]);
        assert_eq!(Vlan(None).encode(), [0, 0]);
        assert_eq!(VlanPriority::decode(&mut Reader::new(&[0xfd])).unwrap(), VlanPriority(5));
        assert_eq!(VlanPriority(5).encode(), [5]);
    }
}
