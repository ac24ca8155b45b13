// SPDX-License-Identifier: MIT OR Apache-2.0
//! Read FRU Data (IPMI 2.0, section 34.2).

use super::FruArea;
use crate::{Command, Malformed, NetFn, Reader};

/// Reads bytes of a FRU's inventory.
#[derive(Clone, Copy, Debug)]
pub struct ReadFruData {
    /// The FRU device.
    pub device: u8,
    /// Size and unit of access, of [`GetFruInventoryAreaInfo`](super::GetFruInventoryAreaInfo).
    pub area: FruArea,
    /// The first byte; an even one if the area is read by words.
    pub offset: u16,
    /// The number of bytes; an even one if the area is read by words.
    pub count: u8,
}

impl Command for ReadFruData {
    const NAME: &'static str = "Read FRU Data";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x11;
    /// The requested bytes, or fewer.
    type Answer = Vec<u8>;

    fn data(&self) -> Vec<u8> {
        let shift = u8::from(self.area.is_by_words);
        let [low, high] = (self.offset >> shift).to_le_bytes();
        vec![self.device, low, high, self.count >> shift]
    }

    fn answer(&self, data: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut reader = Reader::new(data);
        let count = usize::from(reader.byte("count returned")?) << u8::from(self.area.is_by_words);
        let bytes = reader.rest();
        Ok(bytes.get(..count).unwrap_or(bytes).to_vec())
    }

    fn own_completion(code: u8) -> Option<&'static str> {
        (code == 0x81).then_some("the FRU device is busy")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(is_by_words: bool) -> ReadFruData {
        ReadFruData { device: 3, area: FruArea { size: 0x400, is_by_words }, offset: 0x0120, count: 8 }
    }

    #[test]
    fn bytes_are_requested_and_read() {
        assert_eq!(read(false).data(), [3, 0x20, 0x01, 8]);
        assert_eq!(read(false).answer(&[2, 1, 0, 0xee]).unwrap(), [1, 0]);
        assert_eq!(read(false).answer(&[9, 1, 0]).unwrap(), [1, 0]);
        assert!(read(false).answer(&[]).is_err());
    }

    #[test]
    fn words_are_counted_in_twos() {
        assert_eq!(read(true).data(), [3, 0x90, 0x00, 4]);
        assert_eq!(read(true).answer(&[1, 1, 0, 0xee]).unwrap(), [1, 0]);
    }
}
