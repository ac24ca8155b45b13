// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reserve Device SDR Repository (IPMI 2.0, section 35.4).

use crate::{Command, Malformed, NetFn, Reader};

/// Asks for a number that becomes void as soon as the controller's records change under who holds it.
#[derive(Clone, Copy, Debug)]
pub struct ReserveDeviceSdrRepository;

impl Command for ReserveDeviceSdrRepository {
    const NAME: &'static str = "Reserve Device SDR Repository";
    const NET_FN: NetFn = NetFn::Sensor;
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
        assert_eq!(ReserveDeviceSdrRepository.answer(&[0x05, 0x00]).unwrap(), 5);
    }
}
