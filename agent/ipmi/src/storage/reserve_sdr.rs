// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reserve SDR Repository (IPMI 2.0, section 33.11).

use crate::{Command, Malformed, NetFn, Reader};

/// Asks for a number that becomes void as soon as the repository changes under who holds it.
#[derive(Clone, Copy, Debug)]
pub struct ReserveSdrRepository;

impl Command for ReserveSdrRepository {
    const NAME: &'static str = "Reserve SDR Repository";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x22;
    type Answer = u16;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<u16, Malformed> {
        Reader::new(data).word("reservation ID")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_is_read() {
        assert_eq!(ReserveSdrRepository.answer(&[0x01, 0x80]).unwrap(), 0x8001);
    }
}
