// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get FRU Inventory Area Info (IPMI 2.0, section 34.1).

use crate::{Command, Malformed, NetFn, Reader};

/// Reads the size of a FRU's inventory.
#[derive(Clone, Copy, Debug)]
pub struct GetFruInventoryAreaInfo {
    /// The FRU device; 0 is the BMC's own board.
    pub device: u8,
}

/// Size of a FRU's inventory, and its unit of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FruArea {
    /// Its size in bytes.
    pub size: u16,
    /// Offsets and counts are of words, not of bytes.
    pub is_by_words: bool,
}

impl Command for GetFruInventoryAreaInfo {
    const NAME: &'static str = "Get FRU Inventory Area Info";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x10;
    type Answer = FruArea;

    fn data(&self) -> Vec<u8> {
        vec![self.device]
    }

    fn answer(&self, data: &[u8]) -> Result<FruArea, Malformed> {
        let mut reader = Reader::new(data);
        let size = reader.word("FRU inventory area size")?;
        Ok(FruArea { size, is_by_words: reader.byte("access")? & 0x01 != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_is_read() {
        let area = GetFruInventoryAreaInfo { device: 0 }.answer(&[0x00, 0x08, 0xfe]).unwrap();
        assert_eq!(area, FruArea { size: 2048, is_by_words: false });
    }
}
