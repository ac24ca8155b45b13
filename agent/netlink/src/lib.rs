// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is said to the kernel and to DHCP servers about network interfaces: encode requests, decode answers, and nothing
//! else. Sockets are the caller's.
//!
//! - [`message`] has netlink's messages and attributes, whatever the family
//! - [`route`] has rtnetlink: links, addresses, routes
//! - [`devlink`] has generic netlink's family of adapters: versions, flashing, activation
//! - [`ethtool`] has the structures of ethtool's ioctl
//! - [`dhcp`] has DHCPv4

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod bytes;
pub mod devlink;
pub mod dhcp;
pub mod ethtool;
pub mod message;
pub mod route;
