// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::address::MacAddress;
use crate::dot3::{Dot3, MacPhy};
use crate::fault::{DecodeError, EncodeError, Fault, Kind};
use crate::id::{ChassisId, PortId};
use crate::med::{DeviceType, Med, MedCapabilities};
use crate::tlv::{Tlv, Value};
use alloc::vec::Vec;

/// An LLDP data unit: TLVs in the order of the wire, of which the first three are valid and identify the neighbour
/// (802.1AB-2016 8.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lldpdu {
    chassis_id: ChassisId,
    port_id: PortId,
    ttl: u16,
    tlvs: Vec<Tlv>,
}

impl Lldpdu {
    /// Reads what follows the EtherType of a frame. Bytes after the end of the LLDPDU are padding.
    ///
    /// As 802.1AB-2016 9.2.7.7 has it, only a fault in the chassis ID, port ID or time to live discards the LLDPDU;
    /// other faulty TLVs are kept raw and are listed by [`faults`](Self::faults), and unknown ones are kept too. More
    /// lenient than the standard: the End TLV may be missing.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut walk = Walk { bytes, offset: 0 };
        let (first, chassis_id) = walk.mandatory(Kind::CHASSIS_ID, |value| match value {
            Value::ChassisId(id) => Some(id.clone()),
            _ => None,
        })?;
        let (second, port_id) = walk.mandatory(Kind::PORT_ID, |value| match value {
            Value::PortId(id) => Some(id.clone()),
            _ => None,
        })?;
        let (third, ttl) = walk.mandatory(Kind::TIME_TO_LIVE, |value| match value {
            Value::TimeToLive(seconds) => Some(*seconds),
            _ => None,
        })?;
        let mut tlvs = Vec::from([first, second, third]);
        let mut offset = walk.offset;
        for tlv in &mut walk {
            let kind = tlv.kind();
            // 9.2.7.7.1: a shutdown LLDPDU is valid whatever follows the time to live.
            if ttl != 0 && matches!(kind, Kind::CHASSIS_ID | Kind::PORT_ID | Kind::TIME_TO_LIVE) {
                return Err(DecodeError::Repeated { kind, offset });
            }
            offset += tlv.as_bytes().len();
            tlvs.push(tlv);
            if kind == Kind::END {
                break;
            }
        }
        Ok(Self { chassis_id, port_id, ttl, tlvs })
    }

    /// An LLDPDU with these optional TLVs, and the End TLV. `ttl` is in seconds.
    pub fn new(
        chassis_id: ChassisId,
        port_id: PortId,
        ttl: u16,
        optional: impl IntoIterator<Item = Value>,
    ) -> Result<Self, EncodeError> {
        let mut tlvs = Vec::new();
        for value in
            [Value::ChassisId(chassis_id.clone()), Value::PortId(port_id.clone()), Value::TimeToLive(ttl)]
        {
            tlvs.push(Tlv::new(value)?);
        }
        for value in optional {
            let kind = value.kind();
            if matches!(kind, Kind::CHASSIS_ID | Kind::PORT_ID | Kind::TIME_TO_LIVE | Kind::END) {
                return Err(EncodeError::Misplaced { kind });
            }
            tlvs.push(Tlv::new(value)?);
        }
        tlvs.push(Tlv::new(Value::End)?);
        Ok(Self { chassis_id, port_id, ttl, tlvs })
    }

    /// The LLDPDU of an end station that requests an immediate response.
    ///
    /// A switch sends fast to a neighbour that is new to it (802.1AB-2016 9.2.5, txFast), so `chassis_id` should be one
    /// it has not seen; some, as lldpd before 1.0.20, do so only for LLDP-MED endpoints (the fast start of
    /// ANSI/TIA-1057), so it is one.
    ///
    /// ```
    /// use lldp_rs::{ChassisId, Lldpdu, MacAddress, Text};
    ///
    /// let port = MacAddress([0, 0x1b, 0x21, 1, 2, 3]);
    /// let lldpdu = Lldpdu::solicit(ChassisId::Local(Text::from("boot 7f3a")), port, 20, "node1")?;
    /// assert_eq!(Lldpdu::decode(&lldpdu.encode()).as_ref(), Ok(&lldpdu));
    ///
    /// let shutdown = lldpdu.shutdown();
    /// assert!(shutdown.is_shutdown());
    /// assert_eq!(shutdown.chassis_id(), lldpdu.chassis_id());
    /// # Ok::<(), lldp_rs::EncodeError>(())
    /// ```
    pub fn solicit(
        chassis_id: ChassisId,
        port: MacAddress,
        ttl: u16,
        system_name: &str,
    ) -> Result<Self, EncodeError> {
        let med = Med::Capabilities {
            capabilities: MedCapabilities::CAPABILITIES,
            device: DeviceType::ENDPOINT_CLASS_I,
        };
        let optional = [Value::SystemName(system_name.into()), Value::Med(med)];
        Self::new(chassis_id, PortId::MacAddress(port), ttl, optional)
    }

    /// The LLDPDU of an end station that is no LLDP-MED device: some switches do not answer these, or want to know the
    /// other end's MAC and PHY.
    pub fn station(
        chassis_id: ChassisId,
        port: MacAddress,
        ttl: u16,
        system_name: &str,
        phy: MacPhy,
    ) -> Result<Self, EncodeError> {
        let optional = [Value::SystemName(system_name.into()), Value::Dot3(Dot3::MacPhy(phy))];
        Self::new(chassis_id, PortId::MacAddress(port), ttl, optional)
    }

    /// The shutdown LLDPDU of the same sender: neighbours remove it at once
    /// (802.1AB-2016 8.5.4: time to live 0, and only the mandatory TLVs).
    pub fn shutdown(&self) -> Self {
        let mut bytes: Vec<u8> = self.tlvs.iter().take(2).flat_map(Tlv::as_bytes).copied().collect();
        // A time to live TLV with two bytes of zero, and the end.
        bytes.extend([3 << 1, 2, 0, 0, 0, 0]);
        let tlvs = Walk { bytes: &bytes, offset: 0 }.collect();
        Self { chassis_id: self.chassis_id.clone(), port_id: self.port_id.clone(), ttl: 0, tlvs }
    }

    /// The bytes that follow the EtherType; exactly those that were decoded, without padding.
    pub fn encode(&self) -> Vec<u8> {
        self.tlvs.iter().flat_map(Tlv::as_bytes).copied().collect()
    }

    /// The sending device.
    pub fn chassis_id(&self) -> &ChassisId {
        &self.chassis_id
    }

    /// The sending port.
    pub fn port_id(&self) -> &PortId {
        &self.port_id
    }

    /// Time to live in seconds.
    pub fn ttl(&self) -> u16 {
        self.ttl
    }

    /// Whether this is a shutdown LLDPDU (802.1AB-2016 8.5.4).
    pub fn is_shutdown(&self) -> bool {
        self.ttl == 0
    }

    /// All TLVs in the order of the wire, mandatory ones and End included.
    pub fn tlvs(&self) -> &[Tlv] {
        &self.tlvs
    }

    /// The values of the TLVs, without the faulty ones.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.tlvs.iter().filter_map(|tlv| tlv.value().ok())
    }

    /// The TLVs that could not be read, and why.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.tlvs.iter().filter_map(|tlv| tlv.value().err())
    }
}

/// From TLV to TLV.
struct Walk<'a> {
    bytes: &'a [u8],
    /// Where the next TLV is.
    offset: usize,
}

impl Walk<'_> {
    /// The next TLV, which must be the `expected` one and good (802.1AB-2016 9.2.7.7.1).
    fn mandatory<T>(
        &mut self,
        expected: Kind,
        select: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<(Tlv, T), DecodeError> {
        let offset = self.offset;
        let missing = |found| DecodeError::Missing { expected, found, offset };
        let tlv = self.next().ok_or(missing(None))?;
        match tlv.value() {
            Err(fault) if fault.kind == expected => Err(DecodeError::Malformed(fault.clone())),
            Err(fault) => Err(missing(Some(fault.kind))),
            Ok(value) => {
                let selected = select(value).ok_or(missing(Some(tlv.kind())))?;
                Ok((tlv, selected))
            }
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = Tlv;

    fn next(&mut self) -> Option<Tlv> {
        let tlv = Tlv::decode(self.bytes, self.offset)?;
        self.offset += tlv.as_bytes().len();
        Some(tlv)
    }
}
