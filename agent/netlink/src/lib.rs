// SPDX-License-Identifier: MIT OR Apache-2.0
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod bytes;
pub mod devlink;
pub mod dhcp;
pub mod dhcpv6;
pub mod dns;
pub mod ethtool;
pub mod link;
pub mod message;
pub mod ndp;
pub mod packet;
pub mod route;
