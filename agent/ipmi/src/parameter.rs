// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parameters: values that one pair of commands gets and sets by number: those of LAN, serial over LAN and booting.

use super::codes::codes;
use super::{Malformed, Reader};

/// A value that is read by its parameter selector.
pub trait Parameter: Sized {
    /// Its name, for messages: "LAN parameter 3, IP address".
    const NAME: &'static str;
    /// The parameter selector.
    const NUMBER: u8;

    /// Decodes its data.
    ///
    /// # Errors
    /// [`Malformed`] if the data is too short.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed>;
}

/// A value that can be set.
pub trait Writable: Parameter {
    /// Encodes its data.
    fn encode(&self) -> Vec<u8>;
}

codes! {
    /// Parameter 0 of each such family: a lock that keeps two from writing at once (IPMI 2.0, tables 23-4, 26-5 and
    /// 28-14).
    pub enum SetInProgress {
        /// Not locked; writing it unlocks, and may discard what was not committed.
        Complete = 0,
        /// Locked; writing it locks.
        InProgress = 1,
        /// Applies what was written, where the BMC delays it until then; many BMCs do not support it.
        Commit = 2,
    }
}

impl Parameter for SetInProgress {
    const NAME: &'static str = "parameter 0, set in progress";
    const NUMBER: u8 = 0;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self::from(reader.byte("set in progress")? & 0x03))
    }
}

impl Writable for SetInProgress {
    fn encode(&self) -> Vec<u8> {
        vec![(*self).into()]
    }
}

/// The completion codes of their own that the commands which get and set parameters share (IPMI 2.0, tables 23-2, 23-3,
/// 26-2, 26-3, 28-12 and 28-13).
pub(super) fn own_completion(code: u8) -> Option<&'static str> {
    match code {
        NOT_SUPPORTED => Some("parameter not supported"),
        0x81 => Some("locked by another party (set in progress)"),
        0x82 => Some("parameter can only be read"),
        0x83 => Some("parameter can only be written"),
        _ => None,
    }
}

/// The one that means that there is no such parameter.
pub(super) const NOT_SUPPORTED: u8 = 0x80;
