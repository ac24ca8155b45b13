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
/// `Privilege::Other(0)` if the suite may not be used. 16 entries; some BMCs have fewer, and take as many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CipherPrivileges(pub Vec<Privilege>);

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
        let pairs = reader.rest().iter().take(8);
        Ok(Self(pairs.flat_map(|pair| [Privilege::of(*pair), Privilege::of(*pair >> 4)]).collect()))
    }
}

impl Writable for CipherPrivileges {
    fn encode(&self) -> Vec<u8> {
        let level = |level: Option<&Privilege>| level.map_or(0, |level| u8::from(*level) & 0x0f);
        let pairs = self.0.chunks(2).map(|pair| level(pair.first()) | level(pair.get(1)) << 4);
        std::iter::once(0).chain(pairs).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn as_many_levels_as_were_read_are_written(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            if let Ok(levels) = CipherPrivileges::decode(&mut Reader::new(&bytes)) {
                let known = bytes.get(1..bytes.len().min(9)).unwrap_or_default();
                prop_assert_eq!(&levels.encode()[1..], known);
            }
        }
    }

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
        let short = CipherPrivileges::decode(&mut Reader::new(&bytes[..3])).unwrap();
        assert_eq!((short.0.len(), short.encode().as_slice()), (4, &bytes[..3]));
        assert!(CipherPrivileges::decode(&mut Reader::new(&[])).is_err());
    }
}
