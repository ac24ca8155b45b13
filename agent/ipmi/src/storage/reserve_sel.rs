// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reserve SEL (IPMI 2.0, section 31.4).

use crate::{Command, Malformed, NetFn, Reader};

/// Asks for a number that becomes void as soon as the log changes under who holds it.
#[derive(Clone, Copy, Debug)]
pub struct ReserveSel;

impl Command for ReserveSel {
    const NAME: &'static str = "Reserve SEL";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x42;
    type Answer = u16;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<u16, Malformed> {
        Reader::new(data).word("reservation ID")
    }

    fn own_completion(code: u8) -> Option<&'static str> {
        (code == 0x81).then_some("the SEL is being erased")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_is_read() {
        assert_eq!(ReserveSel.answer(&[0x34, 0x12]).unwrap(), 0x1234);
        assert!(ReserveSel.answer(&[0x34]).is_err());
    }
}
