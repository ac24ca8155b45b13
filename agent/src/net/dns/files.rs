// SPDX-License-Identifier: MIT OR Apache-2.0
//! What resolv.conf(5) and hosts(5) say. Pure.

use std::net::IpAddr;

/// Most name servers that are asked. A host with ports in several networks has more than the usual three.
const MAX_SERVERS: usize = 8;
/// Most domains that a name is searched in.
const MAX_SEARCH: usize = 8;

/// The content of resolv.conf(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Config {
    /// The name servers, the preferred one first.
    pub(super) servers: Vec<Server>,
    search: Vec<String>,
    ndots: usize,
}

/// A name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// Its address.
    pub(super) address: IpAddr,
    /// The port that a link-local address belongs to.
    pub(super) zone: Option<String>,
}

impl Config {
    /// Parses the file. Lines that make no sense are passed over, as libc does.
    pub(super) fn parse(text: &str) -> Self {
        let mut config = Self { servers: Vec::new(), search: Vec::new(), ndots: 1 };
        for line in text.lines() {
            let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
            let keyword = words.next().unwrap_or_default();
            match keyword {
                "nameserver" => {
                    let server = words.next().and_then(Server::parse);
                    let new = server.filter(|server| !config.servers.contains(server));
                    config.servers.extend(new.filter(|_| config.servers.len() < MAX_SERVERS));
                }
                "domain" | "search" => {
                    let domains = words.map(|domain| domain.trim_end_matches('.').to_string());
                    config.search = domains.filter(|domain| !domain.is_empty()).take(MAX_SEARCH).collect();
                }
                "options" => {
                    let ndots =
                        words.filter_map(|word| word.strip_prefix("ndots:")?.parse().ok()).next_back();
                    config.ndots = ndots.map_or(config.ndots, |ndots: usize| ndots.min(15));
                }
                _ => {}
            }
        }
        config
    }

    /// The names to ask for, one after the other. One with dots is first asked for as it is, one without in the search
    /// domains; one that ends with a dot is complete.
    pub(super) fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(complete) = name.strip_suffix('.') {
            return vec![complete.to_string()];
        }
        let mut names: Vec<String> = self.search.iter().map(|domain| format!("{name}.{domain}")).collect();
        let is_long = name.matches('.').count() >= self.ndots;
        names.insert(if is_long { 0 } else { names.len() }, name.to_string());
        names
    }
}

impl Server {
    fn parse(text: &str) -> Option<Self> {
        let (address, zone) = text.split_once('%').map_or((text, None), |(ip, zone)| (ip, Some(zone)));
        Some(Self { address: address.parse().ok()?, zone: zone.map(str::to_string) })
    }
}

/// The addresses of a name in hosts(5). `localhost` is known without the file (RFC 6761 6.3).
pub(super) fn hosts(text: &str, name: &str) -> Vec<IpAddr> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let Some(address) = words.next().and_then(|address| address.parse().ok()) else { continue };
        if words.any(|known| known.eq_ignore_ascii_case(name)) && !found.contains(&address) {
            found.push(address);
        }
    }
    if found.is_empty() && name.eq_ignore_ascii_case("localhost") {
        found = vec![[127, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolv_conf_as_dhcp_clients_and_systemd_write_it() {
        let text = "# comment\nnameserver 10.9.0.1\nnameserver\tfe80::1%eth0\nnameserver 10.9.0.1\nnameserver bad\n\
            domain first.test\nsearch rack.example. dc.example\noptions edns0 ndots:2 trust-ad\n";
        let config = Config::parse(text);
        let server = |address: &str, zone: Option<&str>| Server {
            address: address.parse().unwrap(),
            zone: zone.map(str::to_string),
        };
        assert_eq!(config.servers, [server("10.9.0.1", None), server("fe80::1", Some("eth0"))]);
        assert_eq!(config.search, ["rack.example", "dc.example"]);
        assert_eq!(config.ndots, 2);
        assert_eq!(Config::parse("").servers, []);
    }

    #[test]
    fn a_name_is_searched_in_the_domains() {
        let config = Config::parse("search a.test b.test");
        assert_eq!(config.candidates("inventory"), ["inventory.a.test", "inventory.b.test", "inventory"]);
        assert_eq!(config.candidates("i.dc"), ["i.dc", "i.dc.a.test", "i.dc.b.test"]);
        assert_eq!(config.candidates("i.dc."), ["i.dc"]);
        assert_eq!(Config::parse("").candidates("inventory"), ["inventory"]);
    }

    #[test]
    fn names_in_hosts() {
        let text = "127.0.0.1 localhost\n10.9.0.1\tinventory.test  inventory # not.this\nfd00::1 Inventory.test\nbad inventory\n";
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(hosts(text, "INVENTORY.test."), [ip("10.9.0.1"), ip("fd00::1")]);
        assert_eq!(hosts(text, "inventory"), [ip("10.9.0.1")]);
        assert_eq!(hosts(text, "not.this"), [] as [IpAddr; 0]);
        assert_eq!(hosts("", "localhost").len(), 2);
    }
}
