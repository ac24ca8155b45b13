// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get SDR Repository Info (IPMI 2.0, section 33.9).

use super::Timestamp;
use crate::{Command, Malformed, NetFn, Reader};

/// Asks how many sensor data records there are.
#[derive(Clone, Copy, Debug)]
pub struct GetSdrRepositoryInfo;

/// What is known of the repository without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SdrRepositoryInfo {
    /// The version of the SDR's commands: 51h.
    pub version: u8,
    /// The number of records.
    pub records: u16,
    /// When a record was last added.
    pub last_addition: Timestamp,
    /// When it was last erased.
    pub last_erase: Timestamp,
}

impl Command for GetSdrRepositoryInfo {
    const NAME: &'static str = "Get SDR Repository Info";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x20;
    type Answer = SdrRepositoryInfo;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<SdrRepositoryInfo, Malformed> {
        let mut reader = Reader::new(data);
        let version = reader.byte("SDR version")?;
        let records = reader.word("record count")?;
        reader.word("free space")?;
        let last_addition = reader.long("most recent addition")?.into();
        let last_erase = reader.long("most recent erase")?.into();
        Ok(SdrRepositoryInfo { version, records, last_addition, last_erase })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_read() {
        let data = [0x51, 0x9c, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x22];
        let info = GetSdrRepositoryInfo.answer(&data).unwrap();
        assert_eq!((info.version, info.records), (0x51, 156));
        assert_eq!(info.last_addition, Timestamp::SinceStart(1));
        assert!(GetSdrRepositoryInfo.answer(&data[..12]).is_err());
    }
}
