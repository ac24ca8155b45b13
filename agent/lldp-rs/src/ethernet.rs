// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ethernet frames that carry LLDP or CDP.

use crate::address::MacAddress;
use crate::lldpdu::Lldpdu;
use crate::problem::Problem;
use crate::read::Reader;
use alloc::vec::Vec;

/// Nearest bridge: every bridge stops frames to it, so the sender is at the other end of the cable
/// (802.1AB-2016 Table 7-1).
pub const NEAREST_BRIDGE: MacAddress = MacAddress([0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e]);
/// Nearest bridge that is not a two-port MAC relay (802.1AB-2016 Table 7-1).
pub const NEAREST_NON_TPMR_BRIDGE: MacAddress = MacAddress([0x01, 0x80, 0xc2, 0x00, 0x00, 0x03]);
/// Nearest customer bridge (802.1AB-2016 Table 7-1).
pub const NEAREST_CUSTOMER_BRIDGE: MacAddress = MacAddress([0x01, 0x80, 0xc2, 0x00, 0x00, 0x00]);
/// Where Cisco devices send CDP.
pub const CDP_MULTICAST: MacAddress = MacAddress([0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcc]);

/// The EtherType of LLDP (802.1AB-2016 7.3).
pub const ETHER_TYPE_LLDP: u16 = 0x88cc;

/// Shortest frame without its checksum (802.3-2018 3.2.8).
const SHORTEST: usize = 60;
/// Up to here the field is a length, not an EtherType (802.3-2018 3.2.6).
const LONGEST_LENGTH: u16 = 1500;
/// SNAP header for LLDP where there is no EtherType (802.1AB-2016 7.3, LLC encapsulation).
const SNAP_LLDP: [u8; 8] = [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00, 0x88, 0xcc];
/// SNAP header of CDP: OUI 00-00-0C, protocol 0x2000.
const SNAP_CDP: [u8; 8] = [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x0c, 0x20, 0x00];

/// The bytes for a packet socket: an untagged frame with an LLDPDU, padded to the shortest frame.
///
/// ```
/// use lldp_rs::{ChassisId, Lldpdu, MacAddress, Text, ethernet};
///
/// let source = MacAddress([0, 0x1b, 0x21, 1, 2, 3]);
/// let lldpdu = Lldpdu::solicit(ChassisId::Local(Text::from("a")), source, 20, "node1")?;
/// let bytes = ethernet::lldp_frame(ethernet::NEAREST_BRIDGE, source, &lldpdu);
/// assert_eq!(bytes.len(), 60);
///
/// let frame = ethernet::Frame::decode(&bytes)?;
/// let ethernet::Payload::Lldp(payload) = frame.payload else { panic!("not LLDP") };
/// assert_eq!(Lldpdu::decode(payload)?, lldpdu);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn lldp_frame(destination: MacAddress, source: MacAddress, lldpdu: &Lldpdu) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(destination.0);
    bytes.extend(source.0);
    bytes.extend(ETHER_TYPE_LLDP.to_be_bytes());
    bytes.append(&mut lldpdu.encode());
    bytes.resize(bytes.len().max(SHORTEST), 0);
    bytes
}

/// A received Ethernet frame without preamble and checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Destination address.
    pub destination: MacAddress,
    /// Source address.
    pub source: MacAddress,
    /// VLAN tags, the outermost first; mostly none.
    pub tags: Vec<VlanTag>,
    /// What it carries.
    pub payload: Payload<'a>,
}

/// A VLAN tag (802.1Q-2018 9.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VlanTag {
    /// 0x8100 for a C-VLAN tag, 0x88a8 for an S-VLAN tag.
    pub tpid: u16,
    /// Priority (3 bits), drop eligible (1 bit), VLAN (12 bits).
    pub control: u16,
}

impl VlanTag {
    /// The VLAN; 0: the frame has a priority but no VLAN.
    pub fn vlan(self) -> u16 {
        self.control & 0xfff
    }
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// An LLDPDU, and padding: for [`Lldpdu::decode`](crate::Lldpdu::decode).
    Lldp(&'a [u8]),
    /// A CDP message without padding: for [`Cdp::decode`](crate::cdp::Cdp::decode).
    Cdp(&'a [u8]),
    /// Something else.
    Other {
        /// The EtherType, or the payload's length when it is 1500 or less.
        ether_type: u16,
        /// The payload.
        payload: &'a [u8],
    },
}

impl<'a> Frame<'a> {
    /// Reads a frame as a packet socket gives it. The problem, if there is one, is that the frame is cut.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Problem> {
        let mut reader = Reader::new(bytes);
        let destination = MacAddress(reader.array()?);
        let source = MacAddress(reader.array()?);
        let mut tags = Vec::new();
        let mut ether_type = reader.u16()?;
        while matches!(ether_type, 0x8100 | 0x88a8 | 0x9100) {
            tags.push(VlanTag { tpid: ether_type, control: reader.u16()? });
            ether_type = reader.u16()?;
        }
        let payload = match ether_type {
            ETHER_TYPE_LLDP => Payload::Lldp(reader.rest()),
            length @ ..=LONGEST_LENGTH => {
                let cut = Problem::BeyondEnd { declared: length.into(), available: reader.left() };
                let payload = reader.take(length.into()).map_err(|_| cut)?;
                match payload.split_first_chunk() {
                    Some((&SNAP_LLDP, lldpdu)) => Payload::Lldp(lldpdu),
                    Some((&SNAP_CDP, message)) => Payload::Cdp(message),
                    _ => Payload::Other { ether_type, payload },
                }
            }
            _ => Payload::Other { ether_type, payload: reader.rest() },
        };
        Ok(Self { destination, source, tags, payload })
    }
}
