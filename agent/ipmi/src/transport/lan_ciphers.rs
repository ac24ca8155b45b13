// SPDX-License-Identifier: MIT OR Apache-2.0
//! LAN parameters 22 to 24: the cipher suites of RMCP+ and who may use them (IPMI 2.0, table 23-4).

use super::LanParameter;
use crate::app::Privilege;
use crate::{Malformed, Parameter, Reader, Writable};

/// Parameter 22: how many entries parameter 23 has, 0 to 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CipherEntryCount(pub u8);

/// Parameter 23: the numbers of the cipher suites, and zeros after [`CipherEntryCount`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CipherEntries(pub Vec<u8>);

/// Parameter 24: for each entry of parameter 23 the highest privilege that a session with that cipher suite may have;
/// `Privilege::Other(0)` if the suite may not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CipherPrivileges(pub [Privilege; 16]);

impl LanParameter for CipherEntryCount {}

impl Parameter for CipherEntryCount {
    const NAME: &'static str = "LAN parameter 22, cipher suite entry support";
    const NUMBER: u8 = 22;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count = reader.byte("cipher suite entry count")? & 0x1f;
        Ok(Self(count.min(16)))
    }
}

impl LanParameter for CipherEntries {}

impl Parameter for CipherEntries {
    const NAME: &'static str = "LAN parameter 23, cipher suite entries";
    const NUMBER: u8 = 23;

    /// Some BMCs return no more bytes than there are entries.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.byte("cipher suite entries")?;
        Ok(Self(reader.rest().iter().copied().take(16).collect()))
    }
}

impl LanParameter for CipherPrivileges {}

impl Parameter for CipherPrivileges {
    const NAME: &'static str = "LAN parameter 24, cipher suite privilege levels";
    const NUMBER: u8 = 24;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.byte("cipher suite privilege levels")?;
        let pairs: [u8; 8] = reader.array("cipher suite privilege levels")?;
        let mut levels = pairs.into_iter().flat_map(|pair| [Privilege::of(pair), Privilege::of(pair >> 4)]);
        Ok(Self([(); 16].map(|()| levels.next().unwrap_or(Privilege::Other(0)))))
    }
}

impl Writable for CipherPrivileges {
    fn encode(&self) -> Vec<u8> {
        let (pairs, _) = self.0.as_chunks();
        let pairs = pairs.iter().map(|&[low, high]| u8::from(low) & 0x0f | u8::from(high) << 4);
        std::iter::once(0).chain(pairs).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciphers_are_read() {
        let count = |byte| CipherEntryCount::decode(&mut Reader::new(&[byte])).unwrap();
        assert_eq!((count(5), count(0xff)), (CipherEntryCount(5), CipherEntryCount(16)));
        let entries = |bytes: &[u8]| CipherEntries::decode(&mut Reader::new(bytes)).unwrap();
        assert_eq!(entries(&[0, 3, 17]), CipherEntries(vec![3, 17]));
        assert_eq!(entries(&[0; 20]), CipherEntries(vec![0; 16]));
    }

    #[test]
    fn privileges_go_there_and_back() {
        // As `ipmitool lan print` shows: Cipher Suite Priv Max XaaaXXaXXXXXXXX.
        let bytes = [0, 0x40, 0x44, 0x00, 0x04, 0, 0, 0, 0];
        let privileges = CipherPrivileges::decode(&mut Reader::new(&bytes)).unwrap();
        let administrators: Vec<_> = privileges
            .0
            .iter()
            .enumerate()
            .filter_map(|(entry, &level)| (level == Privilege::Administrator).then_some(entry))
            .collect();
        assert_eq!(administrators, [1, 2, 3, 6]);
        assert_eq!(privileges.0[0], Privilege::Other(0));
        assert_eq!(privileges.encode(), bytes);
        assert!(CipherPrivileges::decode(&mut Reader::new(&bytes[..8])).is_err());
    }
}
