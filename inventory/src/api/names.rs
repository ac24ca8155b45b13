// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names of the server: in its certificate, and in the URL for the agents.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustls::pki_types::ServerName;

/// The names in the certificate: the configured ones, the local ones, and the listening address.
pub(crate) fn certified_names(
    configured: &[ServerName<'static>],
    address: IpAddr,
) -> Vec<ServerName<'static>> {
    let mut names = configured.to_vec();
    names.extend(ServerName::try_from("localhost"));
    names.extend([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(ServerName::from));
    names.extend((!address.is_unspecified()).then(|| address.into()));
    names.extend(host_name());
    names
}

/// The host part of the URL for the agents: the listening address if it is specific, else a name.
pub(crate) fn public_name(configured: &[ServerName<'static>], address: IpAddr) -> String {
    let name = configured.first().cloned().or_else(host_name).filter(|_| address.is_unspecified());
    match name.unwrap_or_else(|| address.into()) {
        ServerName::IpAddress(address) => match IpAddr::from(address) {
            IpAddr::V6(address) => format!("[{address}]"),
            IpAddr::V4(address) => address.to_string(),
        },
        name => name.to_str().into_owned(),
    }
}

fn host_name() -> Option<ServerName<'static>> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    ServerName::try_from(name.trim().to_string()).ok()
}
