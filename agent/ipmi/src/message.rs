// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every IPMI message has (IPMI 2.0, section 5).

use std::fmt;

use thiserror::Error;

/// A command: how its request is encoded, and how its response is decoded.
pub trait Command {
    /// Its name, as the specification spells it: "Get Device ID".
    const NAME: &'static str;
    /// Its network function.
    const NET_FN: NetFn;
    /// Its number within the network function (IPMI 2.0, appendix G).
    const CODE: u8;
    /// The decoded response.
    type Answer;

    /// The request's data bytes.
    fn data(&self) -> Vec<u8>;

    /// Decodes the response's data bytes, without the completion code, which was 00h.
    ///
    /// # Errors
    /// [`Malformed`] if they are not as the specification requires. Bytes after the known ones are ignored.
    fn answer(&self, data: &[u8]) -> Result<Self::Answer, Malformed>;

    /// Whether it changes anything in the BMC. Such a command must not be sent again where its outcome is unknown.
    const CHANGES: bool = false;

    /// The command-specific completion code, if any, for "parameter not supported".
    const ABSENT: Option<u8> = None;

    /// Completion codes with which a BMC refuses a change that it takes a moment later: while it makes an account, or leaves
    /// DHCP.
    const NOT_YET: &'static [u8] = &[];

    /// What a completion code of 80h to BEh means for this command, where its section defines it.
    fn own_completion(_code: u8) -> Option<&'static str> {
        None
    }
}

/// A network function (IPMI 2.0, table 5-1), by its number in requests, which is even; responses have the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetFn {
    /// Chassis control and status.
    Chassis = 0x00,
    /// Sensors and events.
    Sensor = 0x04,
    /// The BMC itself, users, channels, the watchdog.
    App = 0x06,
    /// SEL, SDR, FRU.
    Storage = 0x0a,
    /// LAN and serial over LAN.
    Transport = 0x0c,
    /// Group extensions; the first data byte names the group: DCMI is DCh.
    Group = 0x2c,
}

/// The completion code of a response (IPMI 2.0, table 5-2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Completion(pub u8);

impl Completion {
    /// 00h: completed normally.
    pub const NORMAL: Self = Self(0x00);
    /// C0h: the BMC is busy.
    pub const NODE_BUSY: Self = Self(0xc0);
    /// C1h: the BMC does not know the command.
    pub const INVALID_COMMAND: Self = Self(0xc1);
    /// C3h: timeout while the BMC, or a bridge in front of it, processed the command.
    pub const TIMEOUT: Self = Self(0xc3);
    /// C5h: the reservation was lost.
    pub const RESERVATION_CANCELLED: Self = Self(0xc5);
    /// C7h: the request has another length than the BMC requires.
    pub const INVALID_LENGTH: Self = Self(0xc7);
    /// C9h: a parameter is out of range.
    pub const OUT_OF_RANGE: Self = Self(0xc9);
    /// CBh: the requested sensor, data or record is not present.
    pub const NOT_PRESENT: Self = Self(0xcb);
    /// CCh: a field of the request is not valid.
    pub const INVALID_FIELD: Self = Self(0xcc);
    /// CEh: the response could not be provided.
    pub const NO_ANSWER: Self = Self(0xce);
    /// D1h: the firmware of the BMC is being updated.
    pub const IN_UPDATE: Self = Self(0xd1);
    /// D2h: the BMC initialises itself.
    pub const IN_INITIALISATION: Self = Self(0xd2);
    /// FFh: something else went wrong.
    pub const UNSPECIFIED: Self = Self(0xff);

    /// Whether the same request may succeed a moment later: the BMC is busy, initialises itself, is being updated,
    /// timed out, or gives no reason (FFh).
    pub fn may_pass(self) -> bool {
        matches!(self.0, 0xc0 | 0xc3 | 0xce | 0xcf | 0xd0 | 0xd1 | 0xd2 | 0xff)
    }

    /// Whether it means that there is no such command, parameter or object: repeating the request is of no use.
    pub fn is_absent(self) -> bool {
        matches!(self.0, 0xc1 | 0xc2 | 0xcb | 0xd6)
    }

    fn words(self) -> &'static str {
        match self.0 {
            0x00 => "done",
            0xc0 => "node busy",
            0xc1 => "invalid command",
            0xc2 => "command invalid for the LUN",
            0xc3 => "timeout",
            0xc4 => "out of space",
            0xc5 => "reservation cancelled or invalid",
            0xc6 => "request data truncated",
            0xc7 => "request data length invalid",
            0xc8 => "request data field length limit exceeded",
            0xc9 => "parameter out of range",
            0xca => "cannot return the number of requested bytes",
            0xcb => "requested sensor, data or record not present",
            0xcc => "invalid data field in request",
            0xcd => "command illegal for the sensor or record type",
            0xce => "response could not be provided",
            0xcf => "cannot execute a duplicated request",
            0xd0 => "SDR repository in update mode",
            0xd1 => "device in firmware update mode",
            0xd2 => "BMC initialisation in progress",
            0xd3 => "destination unavailable",
            0xd4 => "insufficient privilege, or refused by the firmware firewall",
            0xd5 => "not supported in the present state",
            0xd6 => "command or its parameter disabled",
            0xff => "unspecified error",
            0x01..=0x7e => "OEM code",
            0x80..=0xbe => "command-specific code",
            _ => "reserved code",
        }
    }
}

impl fmt::Display for Completion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#04x}, {}", self.0, self.words())
    }
}

impl fmt::Debug for Completion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Completion({self})")
    }
}

/// A response that is not as the specification requires.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    /// It is too short.
    #[error("response truncated: {field}: needs {needed} bytes, has {have}")]
    Short {
        /// The field that is cut.
        field: &'static str,
        /// The number of bytes up to the field's end.
        needed: usize,
        /// The number of bytes there are.
        have: usize,
    },
    /// A field has a value that the specification does not allow.
    #[error("invalid {field}: {value:#x}: {why}")]
    Impossible {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u32,
        /// What is allowed.
        why: &'static str,
    },
}

/// Takes fields from a response, in their order. Numbers are little-endian (IPMI 2.0, section 5.3).
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// At the first byte after the completion code.
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`Malformed::Short`], as with all of these.
    pub fn bytes(&mut self, field: &'static str, count: usize) -> Result<&'a [u8], Malformed> {
        let needed = self.at.saturating_add(count);
        let short = Malformed::Short { field, needed, have: self.data.len() };
        let bytes = self.data.get(self.at..needed).ok_or(short)?;
        self.at = needed;
        Ok(bytes)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`Malformed::Short`].
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Malformed> {
        let bytes = self.bytes(field, N)?;
        let mut array = [0; N];
        array.copy_from_slice(bytes);
        Ok(array)
    }

    /// The next byte.
    ///
    /// # Errors
    /// [`Malformed::Short`].
    pub fn byte(&mut self, field: &'static str) -> Result<u8, Malformed> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    /// The next two bytes.
    ///
    /// # Errors
    /// [`Malformed::Short`].
    pub fn word(&mut self, field: &'static str) -> Result<u16, Malformed> {
        self.array(field).map(u16::from_le_bytes)
    }

    /// The next four bytes.
    ///
    /// # Errors
    /// [`Malformed::Short`].
    pub fn long(&mut self, field: &'static str) -> Result<u32, Malformed> {
        self.array(field).map(u32::from_le_bytes)
    }

    /// All bytes that are left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = self.data.get(self.at..).unwrap_or_default();
        self.at = self.data.len();
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_answer_names_the_field() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.word("a").unwrap(), 0x0201);
        assert_eq!(reader.word("b").unwrap_err().to_string(), "response truncated: b: needs 4 bytes, has 3");
        assert_eq!(reader.rest(), [3]);
        assert!(reader.rest().is_empty());
    }

    #[test]
    fn what_may_pass_and_what_is_absent_are_apart() {
        let codes = || (0..=u8::MAX).map(Completion);
        assert!(codes().all(|code| !(code.may_pass() && code.is_absent())));
        assert!(Completion::NODE_BUSY.may_pass() && Completion::INVALID_COMMAND.is_absent());
        assert_eq!(Completion(0xcb).to_string(), "0xcb, requested sensor, data or record not present");
    }
}
