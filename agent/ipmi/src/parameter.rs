// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parameters: values that one pair of commands gets and sets by their number, as those of LAN, of serial over LAN
//! and of booting are.

use super::codes::codes;
use super::{Malformed, Reader};

/// A value with a number.
pub trait Parameter: Sized {
    /// What it is, for messages.
    const NAME: &'static str;
    /// Its number, the parameter selector.
    const NUMBER: u8;

    /// Reads its data.
    ///
    /// # Errors
    /// [`Malformed`].
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed>;
}

/// A value that can be set.
pub trait Writable: Parameter {
    /// Its data.
    fn encode(&self) -> Vec<u8>;
}

codes! {
    /// Parameter 0 of each such family: a lock that keeps two from writing at once (IPMI 2.0, tables 23-4, 26-5 and
    /// 28-14).
    pub enum SetInProgress {
        /// Nobody writes; setting it unlocks, and may undo what was not committed.
        Complete = 0,
        /// Somebody writes; setting it locks.
        InProgress = 1,
        /// Makes what was written count, where the BMC holds it back until then; many know no such thing.
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
        0x81 => Some("another has it set in progress"),
        0x82 => Some("parameter can only be read"),
        0x83 => Some("parameter can only be written"),
        _ => None,
    }
}

/// The one of them that says that there is no such parameter.
pub(super) const NOT_SUPPORTED: u8 = 0x80;
