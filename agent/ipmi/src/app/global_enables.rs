// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get BMC Global Enables (IPMI 2.0, section 22.2).

use crate::{Command, Malformed, NetFn, Reader};

/// Get BMC Global Enables: whether event logging and the event message buffer are enabled.
#[derive(Clone, Copy, Debug)]
pub struct GetBmcGlobalEnables;

/// What the BMC does with events and messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalEnables {
    /// Events are written to the SEL.
    pub logging: bool,
    /// Events are kept for the host in the event message buffer.
    pub event_buffer: bool,
    /// A full event message buffer raises an interrupt.
    pub event_interrupt: bool,
    /// A message for the host raises an interrupt.
    pub message_interrupt: bool,
}

impl Command for GetBmcGlobalEnables {
    const NAME: &'static str = "Get BMC Global Enables";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x2f;
    type Answer = GlobalEnables;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<GlobalEnables, Malformed> {
        let enables = Reader::new(data).byte("global enables")?;
        Ok(GlobalEnables {
            logging: enables & 0x08 != 0,
            event_buffer: enables & 0x04 != 0,
            event_interrupt: enables & 0x02 != 0,
            message_interrupt: enables & 0x01 != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enables_are_read() {
        let enables = GetBmcGlobalEnables.answer(&[0x0c]).unwrap();
        assert!(enables.logging && enables.event_buffer);
        assert!(!enables.event_interrupt && !enables.message_interrupt);
    }
}
