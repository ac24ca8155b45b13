// SPDX-License-Identifier: MIT OR Apache-2.0
//! Set SEL Time (IPMI 2.0, section 31.11).

use crate::{Command, Malformed, NetFn};

/// Sets the BMC's clock.
#[derive(Clone, Copy, Debug)]
pub struct SetSelTime {
    /// Seconds since 1970.
    pub seconds: u32,
}

impl Command for SetSelTime {
    const NAME: &'static str = "Set SEL Time";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x49;
    const CHANGES: bool = true;
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        self.seconds.to_le_bytes().to_vec()
    }

    fn answer(&self, _data: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_byte_goes_first() {
        assert_eq!(SetSelTime { seconds: 0x5f6e_174e }.data(), [0x4e, 0x17, 0x6e, 0x5f]);
    }
}
