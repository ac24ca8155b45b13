// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get Channel Cipher Suites (IPMI 2.0, section 22.15).

use crate::{Command, Malformed, NetFn, Reader};

/// Reads 16 bytes of the list of a channel's cipher suites. A page with fewer is the last one.
#[derive(Clone, Copy, Debug)]
pub struct GetChannelCipherSuites {
    /// Channel number, 0 to 15.
    pub channel: u8,
    /// Which 16 bytes, 0 to 63.
    pub page: u8,
}

/// A cipher suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CipherSuite {
    /// Its number (IPMI 2.0, table 22-20): 0 is no security at all, 3 is HMAC-SHA1 with AES-CBC-128,
    /// 17 is HMAC-SHA256 with AES-CBC-128.
    pub id: u8,
    /// IANA enterprise number of its owner, where it is an OEM suite.
    pub oem: Option<u32>,
    /// Its algorithms, each with its kind: 0 to 3Fh authentication, 40h to 7Fh integrity, 80h to BFh confidentiality.
    pub algorithms: Vec<u8>,
}

impl GetChannelCipherSuites {
    /// The length of a page that is not the last one.
    pub const PAGE: usize = 16;
}

impl CipherSuite {
    /// Reads the list, all pages of it one after the other.
    ///
    /// # Errors
    /// [`Malformed`] if it ends within a suite.
    pub fn list(pages: &[u8]) -> Result<Vec<Self>, Malformed> {
        let mut suites: Vec<Self> = Vec::new();
        let mut reader = Reader::new(pages);
        while let Ok(byte) = reader.byte("cipher suite record") {
            match (byte, suites.last_mut()) {
                (0xc0, _) => {
                    let id = reader.byte("cipher suite ID")?;
                    suites.push(Self { id, oem: None, algorithms: Vec::new() });
                }
                (0xc1, _) => {
                    let id = reader.byte("cipher suite ID")?;
                    let [low, middle, high] = reader.array("OEM IANA")?;
                    let oem = Some(u32::from_le_bytes([low, middle, high, 0]));
                    suites.push(Self { id, oem, algorithms: Vec::new() });
                }
                (0x00..=0xbf, Some(suite)) => suite.algorithms.push(byte),
                (byte, _) => {
                    return Err(Malformed::Impossible {
                        field: "cipher suite record",
                        value: byte.into(),
                        why: "a record starts with C0h or C1h",
                    });
                }
            }
        }
        Ok(suites)
    }
}

impl Command for GetChannelCipherSuites {
    const NAME: &'static str = "Get Channel Cipher Suites";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x54;
    type Answer = Vec<u8>;

    fn data(&self) -> Vec<u8> {
        // Payload type 0 is IPMI; 80h lists by cipher suite.
        vec![self.channel & 0x0f, 0x00, 0x80 | self.page & 0x3f]
    }

    fn answer(&self, data: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut reader = Reader::new(data);
        reader.byte("channel number")?;
        let page = reader.rest();
        Ok(page.get(..Self::PAGE).unwrap_or(page).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_over_two_pages_is_read() {
        assert_eq!(GetChannelCipherSuites { channel: 1, page: 1 }.data(), [0x01, 0x00, 0x81]);
        // Suites 0, 1, 2, 3 and 17, as OpenBMC and others list them.
        let first = [1, 0xc0, 0, 0, 0x40, 0x80, 0xc0, 1, 1, 0x40, 0x80, 0xc0, 2, 1, 0x41, 0x80, 0xc0];
        let second = [1, 3, 1, 0x41, 0x81, 0xc0, 17, 3, 0x44, 0x81];
        let page = |data: &[u8]| GetChannelCipherSuites { channel: 1, page: 0 }.answer(data).unwrap();
        assert_eq!(page(&first).len(), GetChannelCipherSuites::PAGE);
        assert!(page(&second).len() < GetChannelCipherSuites::PAGE);
        let suites = CipherSuite::list(&[page(&first), page(&second)].concat()).unwrap();
        assert_eq!(suites.iter().map(|suite| suite.id).collect::<Vec<_>>(), [0, 1, 2, 3, 17]);
        assert_eq!(suites[4].algorithms, [3, 0x44, 0x81]);
        assert!(CipherSuite::list(&page(&first)).is_err(), "the first page ends within a suite");
    }

    #[test]
    fn an_oem_suite_is_read() {
        let suites = CipherSuite::list(&[0xc1, 0x80, 0xa2, 0x02, 0x00, 0x01]).unwrap();
        assert_eq!(suites, [CipherSuite { id: 0x80, oem: Some(674), algorithms: vec![1] }]);
        assert!(CipherSuite::list(&[0x01, 0xc0, 0x03]).is_err());
        assert!(CipherSuite::list(&[0xc0, 0x03, 0xc2]).is_err());
    }
}
