// SPDX-License-Identifier: MIT OR Apache-2.0
//! The HTTP client with the agent's own resolver.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::fmt;
use std::sync::Arc;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

use super::retry::Pause;
use crate::host::Machine;
use crate::net::dns;

/// Most addresses that are tried for one name: the HTTP client gives each a part of the time.
const MAX_ADDRESSES: usize = 8;

/// An HTTP client that resolves names as `machine` is configured, until `pause` is cancelled.
pub(super) fn agent(config: Config, machine: &Machine, pause: &Arc<dyn Pause>) -> Agent {
    let names = Names { machine: machine.clone(), pause: pause.clone() };
    Agent::with_parts(config, DefaultConnector::default(), names)
}

struct Names {
    machine: Machine,
    pause: Arc<dyn Pause>,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

impl Resolver for Names {
    /// The error is [`dns::Error`], as [`Error::Other`].
    fn resolve(
        &self,
        uri: &Uri,
        _config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().ok_or_else(|| Error::BadUri("no host".to_string()))?;
        let port = match (uri.port_u16(), uri.scheme_str()) {
            (Some(port), _) => port,
            (None, Some("https")) => 443,
            (None, Some("http")) => 80,
            (None, scheme) => {
                return Err(Error::BadUri(format!("unknown scheme: {}", scheme.unwrap_or("none"))));
            }
        };
        let is_cancelled = || self.pause.is_cancelled();
        let addresses = dns::resolve(&self.machine, host, *timeout.after, &is_cancelled)
            .map_err(|error| Error::Other(Box::new(error)))?;
        log::debug!("{host} resolves to {addresses:?}");
        let mut found = self.empty();
        for address in addresses.into_iter().take(MAX_ADDRESSES) {
            found.push((address, port).into());
        }
        Ok(found)
    }
}
