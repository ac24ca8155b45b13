// SPDX-License-Identifier: MIT OR Apache-2.0
//! Set and Get LAN Configuration Parameters (IPMI 2.0, sections 23.1 and 23.2).

use std::marker::PhantomData;

use crate::parameter::{NOT_SUPPORTED, own_completion};
use crate::{Command, Malformed, NetFn, Parameter, Reader, SetInProgress, Writable};

/// A parameter of a LAN channel (IPMI 2.0, table 23-4).
pub trait LanParameter: Parameter {}

impl LanParameter for SetInProgress {}

/// Get LAN Configuration Parameters (23.2).
#[derive(Clone, Copy, Debug)]
pub struct GetLanParameter<P> {
    channel: u8,
    set: u8,
    parameter: PhantomData<P>,
}

impl<P> GetLanParameter<P> {
    /// Reads it from a channel.
    pub fn new(channel: u8) -> Self {
        Self::entry(channel, 0)
    }

    /// Reads one entry, by its set selector, of a parameter that is a list.
    pub fn entry(channel: u8, set: u8) -> Self {
        Self { channel, set, parameter: PhantomData }
    }
}

/// Sets a LAN parameter.
#[derive(Clone, Copy, Debug)]
pub struct SetLanParameter<P> {
    /// Channel number, 0 to 15.
    pub channel: u8,
    /// The new value.
    pub value: P,
}

impl<P: LanParameter> Command for GetLanParameter<P> {
    const NAME: &'static str = P::NAME;
    const NET_FN: NetFn = NetFn::Transport;
    const CODE: u8 = 0x02;
    const ABSENT: Option<u8> = Some(NOT_SUPPORTED);
    type Answer = P;

    fn data(&self) -> Vec<u8> {
        // No parameter here has blocks.
        vec![self.channel & 0x0f, P::NUMBER, self.set, 0]
    }

    fn answer(&self, data: &[u8]) -> Result<P, Malformed> {
        let mut reader = Reader::new(data);
        reader.byte("parameter revision")?;
        P::decode(&mut reader)
    }

    fn own_completion(code: u8) -> Option<&'static str> {
        own_completion(code)
    }
}

impl<P: LanParameter + Writable> Command for SetLanParameter<P> {
    const NAME: &'static str = P::NAME;
    const NET_FN: NetFn = NetFn::Transport;
    const CODE: u8 = 0x01;
    const CHANGES: bool = true;
    const ABSENT: Option<u8> = Some(NOT_SUPPORTED);
    // The address stays read-only until the BMC has left DHCP. The lock is another matter.
    const NOT_YET: &'static [u8] = if P::NUMBER == SetInProgress::NUMBER { &[] } else { &[0x82, 0xd5] };
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        let mut data = vec![self.channel & 0x0f, P::NUMBER];
        data.extend(self.value.encode());
        data
    }

    fn answer(&self, _: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }

    fn own_completion(code: u8) -> Option<&'static str> {
        own_completion(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_read_and_written() {
        let get = GetLanParameter::<SetInProgress>::new(8);
        assert_eq!(get.data(), [0x08, 0x00, 0x00, 0x00]);
        assert_eq!(get.answer(&[0x11, 0x01]).unwrap(), SetInProgress::InProgress);
        let set = |value| SetLanParameter { channel: 8, value }.data();
        assert_eq!(set(SetInProgress::InProgress), [0x08, 0x00, 0x01]);
        assert_eq!(set(SetInProgress::Commit), [0x08, 0x00, 0x02]);
        assert_eq!(set(SetInProgress::Complete), [0x08, 0x00, 0x00]);
    }

    #[test]
    fn an_answer_without_data_names_the_parameter() {
        let get = GetLanParameter::<SetInProgress>::new(1);
        assert_eq!(
            get.answer(&[0x11]).unwrap_err().to_string(),
            "response truncated: set in progress: needs 2 bytes, has 1"
        );
    }
}
