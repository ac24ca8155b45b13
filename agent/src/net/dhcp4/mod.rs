// SPDX-License-Identifier: MIT OR Apache-2.0
//! DHCPv4 on one port. [`client`] decides, without IO; [`port`] has the sockets.

pub(super) mod client;
pub(super) mod port;
mod socket;
mod timing;
