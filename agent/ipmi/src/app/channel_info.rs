// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get Channel Info (IPMI 2.0, section 22.24).

use crate::codes::codes;
use crate::{Command, Malformed, NetFn, Reader};

/// Reads what a channel is. Most BMCs refuse a channel that does not exist with CCh.
#[derive(Clone, Copy, Debug)]
pub struct GetChannelInfo {
    /// 0 to 15; 14 is the channel of this request, 15 the system interface.
    pub channel: u8,
}

/// What a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelInfo {
    /// Channel number, 0 to 15.
    pub channel: u8,
    /// What it runs over.
    pub medium: Medium,
    /// How messages are put on it (IPMI 2.0, table 6-2): 01h IPMB, 05h KCS, 06h SMIC, 07h and 08h BT.
    pub protocol: u8,
    /// Whether it has sessions.
    pub sessions: Sessions,
    /// The sessions open on it now, 0 to 63.
    pub active_sessions: u8,
    /// IANA enterprise number of who defined the protocol; IPMI itself is 7154.
    pub vendor: u32,
}

codes! {
    /// What a channel runs over (IPMI 2.0, table 6-3).
    pub enum Medium {
        /// IPMB, the bus within the chassis.
        Ipmb = 0x01,
        /// ICMB 1.0.
        Icmb10 = 0x02,
        /// ICMB 0.9.
        Icmb09 = 0x03,
        /// Ethernet.
        Lan = 0x04,
        /// RS-232.
        Serial = 0x05,
        /// A network other than Ethernet.
        OtherLan = 0x06,
        /// The SMBus of PCI.
        PciSmbus = 0x07,
        /// SMBus 1.0 or 1.1.
        Smbus1 = 0x08,
        /// SMBus 2.0.
        Smbus2 = 0x09,
        /// USB 1.x.
        Usb1 = 0x0a,
        /// USB 2.x.
        Usb2 = 0x0b,
        /// KCS, SMIC, BT or SSIF.
        SystemInterface = 0x0c,
    }
}

codes! {
    /// What sessions a channel has.
    pub enum Sessions {
        /// None.
        Sessionless = 0,
        /// One at a time.
        Single = 1,
        /// Many.
        Multiple = 2,
        /// One or many, by other settings.
        SessionBased = 3,
    }
}

impl Command for GetChannelInfo {
    const NAME: &'static str = "Get Channel Info";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x42;
    type Answer = ChannelInfo;

    fn data(&self) -> Vec<u8> {
        vec![self.channel & 0x0f]
    }

    fn answer(&self, data: &[u8]) -> Result<ChannelInfo, Malformed> {
        let mut reader = Reader::new(data);
        let channel = reader.byte("channel number")? & 0x0f;
        let medium = Medium::from(reader.byte("channel medium")? & 0x7f);
        let protocol = reader.byte("channel protocol")? & 0x1f;
        let sessions = reader.byte("session support")?;
        let [low, middle, high] = reader.array("vendor ID")?;
        Ok(ChannelInfo {
            channel,
            medium,
            protocol,
            sessions: Sessions::from(sessions >> 6),
            active_sessions: sessions & 0x3f,
            vendor: u32::from_le_bytes([low, middle, high, 0]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lan_channel_is_read() {
        assert_eq!(GetChannelInfo { channel: 1 }.data(), [1]);
        // As the iDRAC of a Dell answers.
        let info = GetChannelInfo { channel: 1 }
            .answer(&[0x01, 0x04, 0x01, 0x81, 0xf2, 0x1b, 0x00, 0x00, 0x00])
            .unwrap();
        assert_eq!((info.channel, info.medium, info.protocol), (1, Medium::Lan, 1));
        assert_eq!((info.sessions, info.active_sessions, info.vendor), (Sessions::Multiple, 1, 7154));
    }

    #[test]
    fn the_system_interface_is_read() {
        let info =
            GetChannelInfo { channel: 15 }.answer(&[0x0f, 0x0c, 0x05, 0, 0xf2, 0x1b, 0, 0xff, 0xff]).unwrap();
        assert_eq!((info.medium, info.sessions), (Medium::SystemInterface, Sessions::Sessionless));
    }
}
