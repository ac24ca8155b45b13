// SPDX-License-Identifier: MIT OR Apache-2.0
//! Set User Password (IPMI 2.0, section 22.30): its four operations, each as a command of its own.

use std::fmt;

use crate::{Command, Completion, Malformed, NetFn};

/// Enables or disables a user.
#[derive(Clone, Copy, Debug)]
pub struct EnableUser {
    /// The user's number, 1 to 63.
    pub user: u8,
    /// Whether the user may log in.
    pub is_enabled: bool,
}

/// Gives a user a password.
#[derive(Clone, Copy, Debug)]
pub struct SetUserPassword {
    /// The user's number, 1 to 63.
    pub user: u8,
    /// The password.
    pub password: Password,
}

/// Checks whether a user has this password. Some BMCs accept any password here.
#[derive(Clone, Copy, Debug)]
pub struct TestUserPassword {
    /// The user's number, 1 to 63.
    pub user: u8,
    /// The password.
    pub password: Password,
}

/// How a password is stored. Only one of 20 bytes can be longer than 16; only one of 16 can be used with IPMI 1.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordSize {
    /// 16 bytes.
    Sixteen = 16,
    /// 20 bytes.
    Twenty = 20,
}

/// A password, and how it is stored. Never shown.
#[derive(Clone, Copy)]
pub struct Password {
    bytes: [u8; 20],
    size: PasswordSize,
}

impl Password {
    /// `None` if it is empty, longer than the size, or has a NUL, which would end it.
    pub fn new(password: &str, size: PasswordSize) -> Option<Self> {
        let mut bytes = [0; 20];
        bytes.get_mut(..size as usize)?.get_mut(..password.len())?.copy_from_slice(password.as_bytes());
        (!password.is_empty() && !password.contains('\0')).then_some(Self { bytes, size })
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Password(not shown, {:?})", self.size)
    }
}

impl TestUserPassword {
    /// 80h: the size is right and the password is not.
    pub const WRONG: Completion = Completion(0x80);
    /// 81h: the password is stored with the other size.
    pub const OTHER_SIZE: Completion = Completion(0x81);
}

const CODE: u8 = 0x47;

/// The operations (byte 2).
const DISABLE: u8 = 0;
const ENABLE: u8 = 1;
const SET: u8 = 2;
const TEST: u8 = 3;

impl Command for EnableUser {
    const NAME: &'static str = "Set User Password (enable or disable)";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = CODE;
    const CHANGES: bool = true;
    // Some need a moment after the password was set.
    const NOT_YET: &'static [u8] = &[0xcc, 0xd5];
    type Answer = ();

    /// With a password that is ignored: the specification requires none, but Sun's X4140, for one, refuses without
    /// (FreeIPMI's workaround). ipmitool always sends it.
    fn data(&self) -> Vec<u8> {
        let mut data = vec![self.user & 0x3f, if self.is_enabled { ENABLE } else { DISABLE }];
        data.extend([0; PasswordSize::Sixteen as usize]);
        data
    }

    fn answer(&self, _: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

impl Command for SetUserPassword {
    const NAME: &'static str = "Set User Password";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = CODE;
    const CHANGES: bool = true;
    const NOT_YET: &'static [u8] = &[0xd5];
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        with_password(self.user, SET, self.password)
    }

    fn answer(&self, _: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

impl Command for TestUserPassword {
    const NAME: &'static str = "Set User Password (test)";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = CODE;
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        with_password(self.user, TEST, self.password)
    }

    fn answer(&self, _: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }

    fn own_completion(code: u8) -> Option<&'static str> {
        match Completion(code) {
            Self::WRONG => Some("the password is wrong"),
            Self::OTHER_SIZE => Some("the password is stored with another size"),
            _ => None,
        }
    }
}

fn with_password(user: u8, operation: u8, Password { bytes, size }: Password) -> Vec<u8> {
    let is_twenty = u8::from(size == PasswordSize::Twenty) << 7;
    let mut data = vec![is_twenty | user & 0x3f, operation];
    data.extend(bytes.iter().take(size as usize));
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_operations_are_written() {
        assert_eq!(
            EnableUser { user: 3, is_enabled: true }.data(),
            *b"\x03\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        );
        assert_eq!(EnableUser { user: 3, is_enabled: false }.data()[..2], [3, 0]);
        let password = Password::new("secret", PasswordSize::Sixteen).unwrap();
        assert_eq!(SetUserPassword { user: 3, password }.data(), *b"\x03\x02secret\0\0\0\0\0\0\0\0\0\0");
        let password = Password::new("secret-of-20-letters", PasswordSize::Twenty).unwrap();
        assert_eq!(TestUserPassword { user: 3, password }.data(), *b"\x83\x03secret-of-20-letters");
    }

    #[test]
    fn a_password_that_does_not_fit_is_refused() {
        assert!(Password::new("0123456789abcdef", PasswordSize::Sixteen).is_some());
        assert!(Password::new("0123456789abcdefg", PasswordSize::Sixteen).is_none());
        assert!(Password::new("0123456789abcdefg", PasswordSize::Twenty).is_some());
        assert!(Password::new("0123456789abcdefghijk", PasswordSize::Twenty).is_none());
        assert!(Password::new("", PasswordSize::Twenty).is_none());
        assert!(Password::new("a\0b", PasswordSize::Twenty).is_none());
    }

    #[test]
    fn a_password_is_never_shown() {
        let password = Password::new("hunter2", PasswordSize::Sixteen).unwrap();
        let shown = format!("{:?}", SetUserPassword { user: 2, password });
        assert_eq!(shown, "SetUserPassword { user: 2, password: Password(not shown, Sixteen) }");
        assert_eq!(format!("{password:?}").find("104"), None, "'h' as a number");
    }

    #[test]
    fn a_failed_test_gives_the_reason() {
        assert_eq!(TestUserPassword::own_completion(0x80), Some("the password is wrong"));
        assert_eq!(TestUserPassword::own_completion(0x81), Some("the password is stored with another size"));
    }
}
