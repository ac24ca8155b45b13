// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get SEL Info (IPMI 2.0, section 31.2).

use super::Timestamp;
use crate::{Command, Malformed, NetFn, Reader};

/// Asks how full the system event log is.
#[derive(Clone, Copy, Debug)]
pub struct GetSelInfo;

/// What is known of the log without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelInfo {
    /// The version of the SEL's commands, BCD with the digits swapped: 51h is 1.5, which IPMI 2.0 says too.
    pub version: u8,
    /// The number of records.
    pub records: u16,
    /// Free bytes; FFFFh is as many or more.
    pub free: u16,
    /// When a record was last added.
    pub last_addition: Timestamp,
    /// When it was last erased.
    pub last_erase: Timestamp,
    /// Events were lost, since there was no room for them.
    pub has_overflowed: bool,
    /// It knows Reserve SEL.
    pub can_reserve: bool,
}

impl Command for GetSelInfo {
    const NAME: &'static str = "Get SEL Info";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x40;
    type Answer = SelInfo;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<SelInfo, Malformed> {
        let mut reader = Reader::new(data);
        let version = reader.byte("SEL version")?;
        let records = reader.word("number of entries")?;
        let free = reader.word("free space")?;
        let last_addition = reader.long("most recent addition")?.into();
        let last_erase = reader.long("most recent erase")?.into();
        let support = reader.byte("operation support")?;
        Ok(SelInfo {
            version,
            records,
            free,
            last_addition,
            last_erase,
            has_overflowed: support & 0x80 != 0,
            can_reserve: support & 0x02 != 0,
        })
    }

    fn own_completion(code: u8) -> Option<&'static str> {
        (code == 0x81).then_some("the SEL is being erased")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read() {
        let data = [0x51, 0x22, 0x00, 0xe0, 0x3f, 0x4e, 0x17, 0x6e, 0x5f, 0xff, 0xff, 0xff, 0xff, 0x8a];
        let info = GetSelInfo.answer(&data).unwrap();
        assert_eq!((info.version, info.records, info.free), (0x51, 34, 0x3fe0));
        assert_eq!(
            (info.last_addition, info.last_erase),
            (Timestamp::Clock(0x5f6e_174e), Timestamp::Unspecified)
        );
        assert!(info.has_overflowed && info.can_reserve);
    }
}
