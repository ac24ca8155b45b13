// SPDX-License-Identifier: MIT OR Apache-2.0
//! The neighbours at the other end of each port: LLDP, solicited rather than awaited, and CDP.
//!
//! One thread serves all ports, from their first carrier on, for as long as the agent runs: ports are found as they appear,
//! and the result can be read at any time. It sets no port up. At the end it sends shutdown LLDPDUs.

mod collector;
mod device;
mod filter;
mod firmware_agent;
mod firmware_flags;
mod neighbours;
pub mod ports;
mod report;
mod schedule;
mod socket;
pub(crate) mod table;
mod worker;

pub(crate) use collector::Collector;
