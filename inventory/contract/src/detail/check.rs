// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything that can be known to be wrong with a detail before a host boots with it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::names::{check_domain, check_hostname};
use super::{Detail, Dns};
use crate::FieldError;

impl Detail {
    /// The mistakes in the detail, each with its field; none if a target can use it.
    ///
    /// What a target makes of a mistake is mostly silence: systemd-networkd ignores a line that it cannot parse, and the
    /// kernel a file that it cannot create. So a detail with a mistake is for nobody.
    pub fn check(&self) -> Vec<FieldError> {
        let mut errors = Errors::default();
        if !self.hostname.is_empty() {
            errors.check("hostname", check_hostname(&self.hostname));
        }
        errors.interfaces(&self.interfaces);
        errors.dns(&self.dns);
        for (i, server) in self.ntp.iter().enumerate() {
            if server.parse::<IpAddr>().is_err() {
                errors.check(&format!("ntp[{i}]"), check_domain(server, "an IP address or a host name"));
            }
        }
        errors.files(self);
        errors.0
    }
}

/// The mistakes found so far.
#[derive(Default)]
pub(super) struct Errors(Vec<FieldError>);

impl Errors {
    pub(super) fn add(&mut self, field: &str, detail: impl Into<String>) {
        self.0.push(FieldError::new(field, detail));
    }

    pub(super) fn check(&mut self, field: &str, result: Result<(), String>) {
        if let Err(detail) = result {
            self.add(field, detail);
        }
    }

    fn dns(&mut self, dns: &Dns) {
        let mut servers = BTreeSet::new();
        for (i, server) in dns.servers.iter().enumerate() {
            let field = format!("dns.servers[{i}]");
            match server.parse::<IpAddr>() {
                Ok(address) if !servers.insert(address) => {
                    self.add(&field, format!("{server} is listed twice"));
                }
                Ok(address) => self.check(&field, check_server(&address)),
                Err(_) => self.add(&field, format!("{server:?} is not an IP address")),
            }
        }
        for (i, domain) in dns.search.iter().enumerate() {
            // systemd.network(5): a domain after ~ is for routing queries only.
            let name = domain.strip_prefix('~').unwrap_or(domain);
            if name != "." {
                self.check(&format!("dns.search[{i}]"), check_domain(name, "a domain"));
            }
        }
    }
}

fn check_server(address: &IpAddr) -> Result<(), String> {
    match address.is_unspecified() || address.is_multicast() {
        true => Err(format!("{address} is not the address of a server")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
