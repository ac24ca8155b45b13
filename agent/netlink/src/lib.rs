// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is said to the kernel and to DHCP servers about network interfaces: encode requests, decode answers, and nothing
//! else. Sockets are the caller's.
//!
//! - [`message`]: netlink's messages and attributes, whatever the family
//! - [`route`]: rtnetlink: links, addresses, routes
//! - [`devlink`]: generic netlink's family of adapters: versions, flashing, activation
//! - [`ethtool`]: the structures of ethtool's ioctl
//! - [`dhcp`]: DHCPv4

#![forbid(unsafe_code)]

mod bytes;
pub mod devlink;
pub mod dhcp;
pub mod ethtool;
pub mod message;
pub mod route;
