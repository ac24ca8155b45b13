// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds SMBIOS tables: structures field by field, and the entry point before them.

/// A structure: its fields in their order, and the strings that they name.
#[derive(Clone, Debug)]
pub struct Structure {
    fields: Vec<u8>,
    strings: Vec<Vec<u8>>,
}

impl Structure {
    pub fn new(kind: u8, handle: u16) -> Self {
        let [low, high] = handle.to_le_bytes();
        Self { fields: vec![kind, 0, low, high], strings: Vec::new() }
    }

    pub fn byte(mut self, value: u8) -> Self {
        self.fields.push(value);
        self
    }

    pub fn word(self, value: u16) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    pub fn dword(self, value: u32) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    pub fn qword(self, value: u64) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.fields.extend_from_slice(bytes);
        self
    }

    /// A string, and the field that names it; an empty one has only the field, with 0.
    pub fn text(self, text: &str) -> Self {
        if text.is_empty() { self.byte(0) } else { self.raw_text(text.as_bytes()) }
    }

    pub fn raw_text(self, text: &[u8]) -> Self {
        let number = u8::try_from(self.strings.len() + 1).unwrap();
        self.unnamed(text).byte(number)
    }

    /// A string that no field names.
    pub fn unnamed(mut self, text: &[u8]) -> Self {
        self.strings.push(text.to_vec());
        self
    }

    /// As firmware of an older version has it.
    pub fn cut(mut self, length: usize) -> Self {
        self.fields.truncate(length);
        self
    }

    /// With another byte at `offset`.
    pub fn replaced(mut self, offset: usize, byte: u8) -> Self {
        self.fields[offset] = byte;
        self
    }

    /// With all strings the same.
    pub fn with_text(mut self, text: &str) -> Self {
        self.strings.fill(text.as_bytes().to_vec());
        self
    }

    pub fn built(&self) -> Vec<u8> {
        let mut bytes = self.fields.clone();
        bytes[1] = u8::try_from(bytes.len()).unwrap();
        for string in &self.strings {
            bytes.extend_from_slice(string);
            bytes.push(0);
        }
        bytes.push(0);
        if self.strings.is_empty() {
            bytes.push(0);
        }
        bytes
    }
}

/// Entry point and structure table, as the kernel's files have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    pub entry_point: Vec<u8>,
    pub table: Vec<u8>,
}

impl Tables {
    /// With a 64-bit entry point.
    pub fn bits64(major: u8, minor: u8, structures: &[Structure]) -> Self {
        let table = table(structures);
        Self { entry_point: entry64(major, minor, u32::try_from(table.len()).unwrap()), table }
    }

    /// With a 32-bit entry point.
    pub fn bits32(major: u8, minor: u8, structures: &[Structure]) -> Self {
        let table = table(structures);
        Self { entry_point: entry32(major, minor, &table, structures.len()), table }
    }

    /// With the entry point of SMBIOS 2.0.
    pub fn legacy(major: u8, minor: u8, structures: &[Structure]) -> Self {
        let table = table(structures);
        Self { entry_point: legacy(major << 4 | minor, &table, structures.len()), table }
    }
}

fn table(structures: &[Structure]) -> Vec<u8> {
    structures.iter().flat_map(Structure::built).collect()
}

/// DSP0134 5.2.2.
pub fn entry64(major: u8, minor: u8, length: u32) -> Vec<u8> {
    let mut entry = b"_SM3_\0\x18".to_vec();
    entry.extend_from_slice(&[major, minor, 0, 1, 0]);
    entry.extend_from_slice(&length.to_le_bytes());
    entry.extend_from_slice(&0x20u64.to_le_bytes());
    checked(entry, 5)
}

/// DSP0134 5.2.1.
pub fn entry32(major: u8, minor: u8, table: &[u8], count: usize) -> Vec<u8> {
    let mut entry = b"_SM_\0\x1f".to_vec();
    entry.extend_from_slice(&[major, minor, 0xff, 0, 0, 0, 0, 0, 0, 0]);
    entry.extend(legacy(major << 4 | minor & 15, table, count));
    checked(entry, 4)
}

/// DSP0134 5.2.1, 10h to 1Eh, which is all of it in SMBIOS 2.0.
pub fn legacy(bcd: u8, table: &[u8], count: usize) -> Vec<u8> {
    let mut entry = b"_DMI_\0".to_vec();
    entry.extend_from_slice(&u16::try_from(table.len()).unwrap().to_le_bytes());
    entry.extend_from_slice(&0x20u32.to_le_bytes());
    entry.extend_from_slice(&u16::try_from(count).unwrap().to_le_bytes());
    entry.push(bcd);
    checked(entry, 5)
}

/// Makes the bytes' sum zero.
pub fn checked(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    bytes[at] = 0;
    bytes[at] = bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte));
    bytes
}
