// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::problem::Problem;
use crate::read::{Reader, bit};
use alloc::vec::Vec;

/// Power over Ethernet (802.3-2018 79.3.2), with the extensions of 802.3at and 802.3bt.
///
/// Power values are in tenths of a watt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MdiPower {
    /// The sender gives power (PSE); else it takes power (PD).
    pub is_source: bool,
    /// It can give power.
    pub supported: bool,
    /// It does so now.
    pub enabled: bool,
    /// The pairs that carry power can be chosen.
    pub pairs_selectable: bool,
    /// The pairs: 1 signal, 2 spare (RFC 3621 pethPsePortPowerPairs).
    pub pairs: u8,
    /// Power class plus one: 1 is class 0, 5 is class 4 and above (RFC 3621 pethPsePortPowerClassifications).
    pub class: u8,
    /// What 802.3at added (79.3.2.4 to 79.3.2.6).
    pub allocation: Option<PowerAllocation>,
}

impl MdiPower {
    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, Problem> {
        let support = reader.u8()?;
        Ok(Self {
            is_source: support & 1 != 0,
            supported: support & 2 != 0,
            enabled: support & 4 != 0,
            pairs_selectable: support & 8 != 0,
            pairs: reader.u8()?,
            class: reader.u8()?,
            allocation: if reader.left() < PowerAllocation::LENGTH {
                None
            } else {
                Some(PowerAllocation::decode(reader)?)
            },
        })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let support = bit(0, self.is_source)
            | bit(1, self.supported)
            | bit(2, self.enabled)
            | bit(3, self.pairs_selectable);
        out.extend([support.to_le_bytes()[0], self.pairs, self.class]);
        if let Some(allocation) = &self.allocation {
            allocation.encode(out);
        }
    }
}

/// Power requested and allocated (802.3-2018 79.3.2.4 to 79.3.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PowerAllocation {
    /// 0 type 2 source, 1 type 2 device, 2 type 1 source, 3 type 1 device.
    pub power_type: u8,
    /// For a source: 0 unknown, 1 primary, 2 backup. For a device: 0 unknown, 1 the source, 2 local, 3 both.
    pub source: u8,
    /// The device takes power over all four pairs with one classification signature (802.3bt).
    pub four_pair_identified: bool,
    /// 0 unknown, 1 critical, 2 high, 3 low.
    pub priority: u8,
    /// Power requested by the device, in tenths of a watt.
    pub requested: u16,
    /// Power allocated by the source, in tenths of a watt.
    pub allocated: u16,
    /// What 802.3bt added (802.3bt-2018 79.3.2).
    pub four_pair: Option<FourPairPower>,
}

impl PowerAllocation {
    const LENGTH: usize = 5;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Problem> {
        let bits = reader.u8()?;
        Ok(Self {
            power_type: bits >> 6,
            source: (bits >> 4) & 3,
            four_pair_identified: bits & 4 != 0,
            priority: bits & 3,
            requested: reader.u16()?,
            allocated: reader.u16()?,
            four_pair: if reader.left() < FourPairPower::LENGTH {
                None
            } else {
                Some(FourPairPower::decode(reader)?)
            },
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let bits = (u32::from(self.power_type) << 6)
            | (u32::from(self.source) << 4)
            | bit(2, self.four_pair_identified)
            | u32::from(self.priority);
        out.push(bits.to_le_bytes()[0]);
        out.extend([self.requested, self.allocated].into_iter().flat_map(u16::to_be_bytes));
        if let Some(four_pair) = &self.four_pair {
            four_pair.encode(out);
        }
    }
}

/// Power over all four pairs (802.3bt-2018 79.3.2). Values of power are in tenths of a watt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FourPairPower {
    /// A dual-signature device's request for mode A.
    pub requested_a: u16,
    /// The same for mode B.
    pub requested_b: u16,
    /// Power allocated by the source on alternative A.
    pub allocated_a: u16,
    /// The same on alternative B.
    pub allocated_b: u16,
    /// The source: 0 not specified, 1 gives over two pairs, 2 and 3 over four pairs. Which of the two is to a
    /// single-signature device is disputed: 3 in lldpd, 2 in Wireshark.
    pub source_status: u8,
    /// The device: 0 not specified, 1 single-signature, 2 two-pair dual-signature, 3 four-pair dual-signature.
    pub device_status: u8,
    /// The pairs in use: 0 not specified, 1 alternative A, 2 alternative B, 3 both.
    pub pairs: u8,
    /// Class of a dual-signature device on mode A; 7: single-signature.
    pub class_a: u8,
    /// The same on mode B.
    pub class_b: u8,
    /// Class 1 to 8 of a single-signature device; 15: dual-signature.
    pub class: u8,
    /// 0 type 3 source, 1 type 4 source, 2 type 3 single-signature device, 3 type 3 dual-signature device,
    /// 4 type 4 single-signature device, 5 type 4 dual-signature device.
    pub power_type: u8,
    /// The two modes of a dual-signature device have electrically separate loads.
    pub loads_isolated: bool,
    /// The most power that the source has for this device.
    pub maximum_available: u16,
    /// The source can measure what the device takes at most.
    pub autoclass_supported: bool,
    /// It has done so.
    pub autoclass_completed: bool,
    /// The device requests that.
    pub autoclass_requested: bool,
    /// 0x1d: the device requests power off.
    pub power_down_request: u8,
    /// For how long, in seconds; 0: without limit.
    pub power_down_time: u32,
}

impl FourPairPower {
    const LENGTH: usize = 17;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Problem> {
        let [requested_a, requested_b] = [reader.u16()?, reader.u16()?];
        let [allocated_a, allocated_b] = [reader.u16()?, reader.u16()?];
        let [status_high, status_low] = reader.array()?;
        let setup = reader.u8()?;
        let maximum_available = reader.u16()?;
        let autoclass = reader.u8()?;
        let power_down = reader.u24()?;
        Ok(Self {
            requested_a,
            requested_b,
            allocated_a,
            allocated_b,
            source_status: status_high >> 6,
            device_status: (status_high >> 4) & 3,
            pairs: (status_high >> 2) & 3,
            class_a: ((status_high & 3) << 1) | (status_low >> 7),
            class_b: (status_low >> 4) & 7,
            class: status_low & 15,
            power_type: (setup >> 1) & 7,
            loads_isolated: setup & 1 != 0,
            maximum_available,
            autoclass_supported: autoclass & 4 != 0,
            autoclass_completed: autoclass & 2 != 0,
            autoclass_requested: autoclass & 1 != 0,
            power_down_request: (power_down >> 18).to_le_bytes()[0],
            power_down_time: power_down & 0x3_ffff,
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let status = (u32::from(self.source_status) << 14)
            | (u32::from(self.device_status) << 12)
            | (u32::from(self.pairs) << 10)
            | (u32::from(self.class_a) << 7)
            | (u32::from(self.class_b) << 4)
            | u32::from(self.class);
        let setup = (u32::from(self.power_type) << 1) | bit(0, self.loads_isolated);
        let autoclass = bit(2, self.autoclass_supported)
            | bit(1, self.autoclass_completed)
            | bit(0, self.autoclass_requested);
        let power_down = (u32::from(self.power_down_request) << 18) | self.power_down_time;
        let powers = [self.requested_a, self.requested_b, self.allocated_a, self.allocated_b];
        out.extend(powers.into_iter().flat_map(u16::to_be_bytes));
        let [_, _, status @ ..] = status.to_be_bytes();
        out.extend(status);
        out.push(setup.to_le_bytes()[0]);
        out.extend(self.maximum_available.to_be_bytes());
        out.push(autoclass.to_le_bytes()[0]);
        let [_, power_down @ ..] = power_down.to_be_bytes();
        out.extend(power_down);
    }
}
