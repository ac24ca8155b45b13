// SPDX-License-Identifier: MIT OR Apache-2.0
#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

extern crate alloc;

mod address;
mod basic;
pub mod cdp;
mod dcb;
mod dot1;
mod dot3;
pub mod ethernet;
mod fault;
mod id;
mod lldpdu;
mod med;
mod neighbour;
mod power;
mod problem;
mod read;
mod text;
mod tlv;

pub use address::{MacAddress, NetworkAddress};
pub use basic::{Capabilities, InterfaceNumbering, ManagementAddress, ObjectId, SystemCapabilities};
pub use dcb::{ApplicationPriority, Cee, CeeApplication, CeeFeature, Ets, FlowControl, PerPriority};
pub use dot1::{Dot1, LinkAggregation};
pub use dot3::{Dot3, EnergyEfficient, MacPhy};
pub use fault::{DecodeError, EncodeError, Fault, Kind};
pub use id::{ChassisId, PortId};
pub use lldpdu::Lldpdu;
pub use med::{DeviceType, ExtendedPower, Med, MedCapabilities, NetworkPolicy};
pub use neighbour::{Neighbour, Protocol};
pub use power::{FourPairPower, MdiPower, PowerAllocation};
pub use problem::Problem;
pub use text::Text;
pub use tlv::{Tlv, Value};
