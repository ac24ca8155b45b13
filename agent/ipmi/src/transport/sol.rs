// SPDX-License-Identifier: MIT OR Apache-2.0
//! Set and Get SOL Configuration Parameters (IPMI 2.0, sections 26.2 and 26.3).

use std::marker::PhantomData;

use crate::app::Privilege;
use crate::codes::codes;
use crate::parameter::{NOT_SUPPORTED, own_completion};
use crate::{Command, Malformed, NetFn, Parameter, Reader, SetInProgress, Writable};

/// A parameter of serial over LAN (IPMI 2.0, table 26-5).
pub trait SolParameter: Parameter {}

/// Get SOL Configuration Parameters (26.3).
#[derive(Clone, Copy, Debug)]
pub struct GetSolParameter<P> {
    channel: u8,
    parameter: PhantomData<P>,
}

impl<P> GetSolParameter<P> {
    /// Reads it from a channel.
    pub fn new(channel: u8) -> Self {
        Self { channel, parameter: PhantomData }
    }
}

/// Sets a parameter of serial over LAN.
#[derive(Clone, Copy, Debug)]
pub struct SetSolParameter<P> {
    /// Channel number, 0 to 15.
    pub channel: u8,
    /// The new value.
    pub value: P,
}

/// Parameter 1: whether serial over LAN is enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SolEnable(pub bool);

/// Parameter 2: what a session needs to use serial over LAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SolAuthentication {
    /// Encryption is forced.
    pub encryption: bool,
    /// Authentication is forced.
    pub authentication: bool,
    /// The lowest privilege that may use it.
    pub privilege: Privilege,
}

/// Parameter 5: the bit rate of the host's serial port after the BMC's next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SolBitRate(pub BitRate);

/// Parameter 6: the bit rate of the host's serial port now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SolVolatileBitRate(pub BitRate);

codes! {
    /// A bit rate, in bits per second.
    pub enum BitRate {
        /// The setting of the serial channel.
        AsSerial = 0x0,
        /// 9600.
        B9600 = 0x6,
        /// 19200.
        B19200 = 0x7,
        /// 38400.
        B38400 = 0x8,
        /// 57600.
        B57600 = 0x9,
        /// 115200.
        B115200 = 0xa,
    }
}

impl<P: SolParameter> Command for GetSolParameter<P> {
    const NAME: &'static str = P::NAME;
    const NET_FN: NetFn = NetFn::Transport;
    const CODE: u8 = 0x22;
    const ABSENT: Option<u8> = Some(NOT_SUPPORTED);
    type Answer = P;

    fn data(&self) -> Vec<u8> {
        // No parameter here has sets or blocks.
        vec![self.channel & 0x0f, P::NUMBER, 0, 0]
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

impl<P: SolParameter + Writable> Command for SetSolParameter<P> {
    const NAME: &'static str = P::NAME;
    const NET_FN: NetFn = NetFn::Transport;
    const CODE: u8 = 0x21;
    const CHANGES: bool = true;
    const ABSENT: Option<u8> = Some(NOT_SUPPORTED);
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

impl SolParameter for SetInProgress {}
impl SolParameter for SolEnable {}
impl SolParameter for SolAuthentication {}
impl SolParameter for SolBitRate {}
impl SolParameter for SolVolatileBitRate {}

impl Parameter for SolEnable {
    const NAME: &'static str = "SOL parameter 1, enable";
    const NUMBER: u8 = 1;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self(reader.byte("SOL enable")? & 0x01 != 0))
    }
}

impl Writable for SolEnable {
    fn encode(&self) -> Vec<u8> {
        vec![self.0.into()]
    }
}

impl Parameter for SolAuthentication {
    const NAME: &'static str = "SOL parameter 2, authentication";
    const NUMBER: u8 = 2;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let byte = reader.byte("SOL authentication")?;
        Ok(Self {
            encryption: byte & 0x80 != 0,
            authentication: byte & 0x40 != 0,
            privilege: Privilege::of(byte),
        })
    }
}

impl Writable for SolAuthentication {
    fn encode(&self) -> Vec<u8> {
        let force = u8::from(self.encryption) << 7 | u8::from(self.authentication) << 6;
        vec![force | u8::from(self.privilege) & 0x0f]
    }
}

impl Parameter for SolBitRate {
    const NAME: &'static str = "SOL parameter 5, nonvolatile bit rate";
    const NUMBER: u8 = 5;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self(BitRate::from(reader.byte("SOL bit rate")? & 0x0f)))
    }
}

impl Writable for SolBitRate {
    fn encode(&self) -> Vec<u8> {
        vec![self.0.into()]
    }
}

impl Parameter for SolVolatileBitRate {
    const NAME: &'static str = "SOL parameter 6, volatile bit rate";
    const NUMBER: u8 = 6;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self(BitRate::from(reader.byte("SOL bit rate")? & 0x0f)))
    }
}

impl Writable for SolVolatileBitRate {
    fn encode(&self) -> Vec<u8> {
        vec![self.0.into()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_over_lan_goes_there_and_back() {
        let get = GetSolParameter::<SolEnable>::new(1);
        assert_eq!(get.data(), [1, 1, 0, 0]);
        assert_eq!(
            (get.answer(&[0x11, 1]).unwrap(), get.answer(&[0x11, 0]).unwrap()),
            (SolEnable(true), SolEnable(false))
        );
        assert_eq!(SetSolParameter { channel: 1, value: SolEnable(true) }.data(), [1, 1, 1]);
        assert_eq!(SetSolParameter { channel: 1, value: SetInProgress::InProgress }.data(), [1, 0, 1]);
    }

    #[test]
    fn authentication_goes_there_and_back() {
        let value = GetSolParameter::<SolAuthentication>::new(1).answer(&[0x11, 0xc4]).unwrap();
        assert_eq!(
            value,
            SolAuthentication { encryption: true, authentication: true, privilege: Privilege::Administrator }
        );
        assert_eq!(SetSolParameter { channel: 1, value }.data(), [1, 2, 0xc4]);
        let value = SolAuthentication { encryption: true, authentication: false, privilege: Privilege::User };
        assert_eq!(value.encode(), [0x82]);
    }

    #[test]
    fn bit_rates_go_there_and_back() {
        let value = GetSolParameter::<SolBitRate>::new(1).answer(&[0x11, 0x0a]).unwrap();
        assert_eq!(value, SolBitRate(BitRate::B115200));
        assert_eq!(SetSolParameter { channel: 1, value }.data(), [1, 5, 0x0a]);
        let value = GetSolParameter::<SolVolatileBitRate>::new(1).answer(&[0x11, 0x06]).unwrap();
        assert_eq!(value, SolVolatileBitRate(BitRate::B9600));
        assert_eq!(SetSolParameter { channel: 1, value }.data(), [1, 6, 0x06]);
    }
}
