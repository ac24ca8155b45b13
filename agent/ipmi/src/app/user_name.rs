// SPDX-License-Identifier: MIT OR Apache-2.0
//! Set User Name and Get User Name (IPMI 2.0, sections 22.28 and 22.29).

use std::fmt;

use crate::{Command, Malformed, NetFn, Reader};

/// Reads a user's name.
#[derive(Clone, Copy, Debug)]
pub struct GetUserName {
    /// The user's number, 1 to 63.
    pub user: u8,
}

/// Gives a user a name.
#[derive(Clone, Copy, Debug)]
pub struct SetUserName {
    /// The user's number, 2 to 63: the first one's name is always empty.
    pub user: u8,
    /// The name.
    pub name: UserName,
}

/// A user's name: up to 16 bytes, with NULs after it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UserName([u8; 16]);

impl UserName {
    /// The empty name, which frees the user number.
    pub const EMPTY: Self = Self([0; 16]);

    /// `None` if it is empty, longer than 16 bytes, has other than printable ASCII characters, or a space at either end:
    /// some BMCs pad names with spaces.
    pub fn new(name: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        let is_printable = name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        (!name.is_empty() && is_printable && name.trim() == name).then_some(Self(bytes))
    }

    /// The user number is free. FFh is what memory holds that was never written.
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty() || self.0 == [0xff; 16]
    }

    /// Up to the first NUL; some BMCs return remains of an older name after it.
    fn bytes(&self) -> &[u8] {
        self.0.split(|&byte| byte == 0).next().unwrap_or_default()
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_empty() {
            true => Ok(()),
            false => String::from_utf8_lossy(self.bytes()).fmt(formatter),
        }
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.to_string())
    }
}

impl Command for GetUserName {
    const NAME: &'static str = "Get User Name";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x46;
    type Answer = UserName;

    fn data(&self) -> Vec<u8> {
        vec![self.user & 0x3f]
    }

    fn answer(&self, data: &[u8]) -> Result<UserName, Malformed> {
        Reader::new(data).array("user name").map(UserName)
    }
}

impl Command for SetUserName {
    const NAME: &'static str = "Set User Name";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x45;
    const CHANGES: bool = true;
    const NOT_YET: &'static [u8] = &[0xd5];
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        [&[self.user & 0x3f], self.name.0.as_slice()].concat()
    }

    fn answer(&self, _: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        let name = UserName::new("admin").unwrap();
        let sent = SetUserName { user: 2, name }.data();
        assert_eq!(sent, *b"\x02admin\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(GetUserName { user: 2 }.answer(&sent[1..]).unwrap(), name);
        assert_eq!((name.to_string(), name.is_empty()), ("admin".to_string(), false));
        assert_eq!(UserName::new("sixteen-letters-").unwrap().to_string(), "sixteen-letters-");
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        for name in ["", "seventeen-letters", " words", "words ", " ", "Jürgen", "nul\0"] {
            assert!(UserName::new(name).is_none(), "{name:?}");
        }
        assert_eq!(UserName::new("two words").unwrap().to_string(), "two words");
    }

    #[test]
    fn an_empty_slot_is_no_broken_answer() {
        let name = |bytes: &[u8]| GetUserName { user: 3 }.answer(bytes);
        assert!(name(&[0; 16]).unwrap().is_empty() && name(&[0xff; 16]).unwrap().is_empty());
        assert!(name(b"\0bcdefghijklmnop").unwrap().is_empty());
        assert_eq!(name(b"bob\0old-rest\0\0\0\0").unwrap().to_string(), "bob");
        assert!(name(&[]).is_err() && name(&[0; 15]).is_err());
        assert_eq!(name(&[0xff; 16]).unwrap().to_string(), "");
    }
}
