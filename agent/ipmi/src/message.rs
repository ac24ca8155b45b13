// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every IPMI message has (IPMI 2.0, section 5).

use std::fmt;

use thiserror::Error;

/// A command: what is asked, and how the answer is read.
pub trait Command {
    /// Its name, as the specification spells it: "Get Device ID".
    const NAME: &'static str;
    /// Its network function.
    const NET_FN: NetFn;
    /// Its number within the network function (IPMI 2.0, appendix G).
    const CODE: u8;
    /// What is answered.
    type Answer;

    /// The request's data bytes.
    fn data(&self) -> Vec<u8>;

    /// Reads the answer's data bytes, the completion code not among them, of an answer whose completion code is 00h.
    ///
    /// # Errors
    /// [`Malformed`] where they are not what the specification wants. Bytes past the known ones are ignored.
    fn answer(&self, data: &[u8]) -> Result<Self::Answer, Malformed>;

    /// Whether it changes anything in the BMC that outlives it. Such a command is not sent again where it is not known
    /// what became of it.
    const CHANGES: bool = false;

    /// The completion code of its own, if any, that says that there is no such parameter.
    const ABSENT: Option<u8> = None;

    /// What a completion code of 80h to BEh means for this command, where its section says so.
    fn own_completion(_code: u8) -> Option<&'static str> {
        None
    }
}

/// A network function (IPMI 2.0, table 5-1): its even number, of the request.
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

/// The completion code of an answer (IPMI 2.0, table 5-2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Completion(pub u8);

impl Completion {
    /// 00h: as it was asked.
    pub const NORMAL: Self = Self(0x00);
    /// C0h: the BMC is busy.
    pub const NODE_BUSY: Self = Self(0xc0);
    /// C1h: the BMC does not know the command.
    pub const INVALID_COMMAND: Self = Self(0xc1);
    /// C3h: the BMC, or what stands before it, gave up waiting.
    pub const TIMEOUT: Self = Self(0xc3);
    /// C5h: the reservation was lost.
    pub const RESERVATION_CANCELLED: Self = Self(0xc5);
    /// C9h: a parameter is out of range.
    pub const OUT_OF_RANGE: Self = Self(0xc9);
    /// CBh: what was asked for is not there.
    pub const NOT_PRESENT: Self = Self(0xcb);
    /// CCh: a field of the request is not valid.
    pub const INVALID_FIELD: Self = Self(0xcc);
    /// CEh: no answer could be given.
    pub const NO_ANSWER: Self = Self(0xce);
    /// D1h: the BMC is in an update of its firmware.
    pub const IN_UPDATE: Self = Self(0xd1);
    /// D2h: the BMC initialises itself.
    pub const IN_INITIALISATION: Self = Self(0xd2);
    /// FFh: something else went wrong.
    pub const UNSPECIFIED: Self = Self(0xff);

    /// Whether the same request may be answered otherwise a moment later: busy, out of space for a moment, in
    /// initialisation, in an update, or a wire that is not there now.
    pub fn may_pass(self) -> bool {
        matches!(self.0, 0xc0 | 0xc3 | 0xce | 0xcf | 0xd0 | 0xd1 | 0xd2 | 0xff)
    }

    /// Whether it says that there is no such command, parameter or object, which is an answer of its own kind.
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
            0xce => "no answer could be given",
            0xcf => "cannot execute a duplicated request",
            0xd0 => "SDR repository in update mode",
            0xd1 => "device in firmware update mode",
            0xd2 => "BMC initialisation in progress",
            0xd3 => "destination unavailable",
            0xd4 => "insufficient privilege, or refused by the firmware firewall",
            0xd5 => "not supported in the present state",
            0xd6 => "command or its parameter disabled",
            0xff => "unspecified error",
            0x01..=0x7e => "an OEM's code",
            0x80..=0xbe => "a code of the command's own",
            _ => "a reserved code",
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

/// Answer bytes that are not what the specification wants.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    /// It ends too soon.
    #[error("the answer has {have} bytes, and {field} wants byte {wanted}")]
    Short {
        /// The field that is cut.
        field: &'static str,
        /// The number of bytes up to the field's end.
        wanted: usize,
        /// The number of bytes there are.
        have: usize,
    },
    /// A field says what cannot be.
    #[error("{field} is {value:#x}, which cannot be: {why}")]
    Impossible {
        /// The field.
        field: &'static str,
        /// What it says.
        value: u32,
        /// Why that cannot be.
        why: &'static str,
    },
}

/// Takes fields from an answer, in their order. Numbers are little-endian (IPMI 2.0, section 5.3).
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
        let wanted = self.at.saturating_add(count);
        let short = Malformed::Short { field, wanted, have: self.data.len() };
        let bytes = self.data.get(self.at..wanted).ok_or(short)?;
        self.at = wanted;
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
        assert_eq!(reader.word("b").unwrap_err().to_string(), "the answer has 3 bytes, and b wants byte 4");
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
