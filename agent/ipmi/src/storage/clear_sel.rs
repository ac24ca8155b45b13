// SPDX-License-Identifier: MIT OR Apache-2.0
//! Clear SEL (IPMI 2.0, section 31.9): one command, which begins the erasure, or asks how far it is.

use crate::{Command, Malformed, NetFn, Reader};

/// Begins to erase the whole log.
#[derive(Clone, Copy, Debug)]
pub struct ClearSel {
    /// Of Reserve SEL.
    pub reservation: u16,
}

/// Asks how far the erasure is.
#[derive(Clone, Copy, Debug)]
pub struct ClearSelStatus {
    /// Of Reserve SEL.
    pub reservation: u16,
}

/// How far an erasure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// It goes on.
    InProgress,
    /// The log is empty.
    Completed,
}

impl Command for ClearSel {
    const NAME: &'static str = "Clear SEL";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x47;
    const CHANGES: bool = true;
    type Answer = Erasure;

    fn data(&self) -> Vec<u8> {
        request(self.reservation, 0xaa)
    }

    fn answer(&self, data: &[u8]) -> Result<Erasure, Malformed> {
        erasure(data)
    }
}

impl Command for ClearSelStatus {
    const NAME: &'static str = "Clear SEL";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x47;
    type Answer = Erasure;

    fn data(&self) -> Vec<u8> {
        request(self.reservation, 0x00)
    }

    fn answer(&self, data: &[u8]) -> Result<Erasure, Malformed> {
        erasure(data)
    }
}

fn request(reservation: u16, action: u8) -> Vec<u8> {
    let [low, high] = reservation.to_le_bytes();
    vec![low, high, b'C', b'L', b'R', action]
}

fn erasure(data: &[u8]) -> Result<Erasure, Malformed> {
    match Reader::new(data).byte("erasure progress")? & 0x0f {
        0 => Ok(Erasure::InProgress),
        1 => Ok(Erasure::Completed),
        value => Err(Malformed::Impossible {
            field: "erasure progress",
            value: value.into(),
            why: "0 is in progress, 1 is completed",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_erases_and_what_asks_differ_in_the_last_byte() {
        assert_eq!(ClearSel { reservation: 0x0102 }.data(), [2, 1, 0x43, 0x4c, 0x52, 0xaa]);
        assert_eq!(ClearSelStatus { reservation: 0x0102 }.data(), [2, 1, 0x43, 0x4c, 0x52, 0x00]);
    }

    #[test]
    fn the_progress_is_read() {
        let status = ClearSelStatus { reservation: 1 };
        assert_eq!(status.answer(&[0xf0]).unwrap(), Erasure::InProgress);
        assert_eq!(status.answer(&[0x01]).unwrap(), Erasure::Completed);
        assert!(status.answer(&[0x02]).is_err());
    }
}
