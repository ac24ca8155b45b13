// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration of ports: what each source gives a port, and what of it the kernel and the resolver get. No IO.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use netlink::route::{Address, Rule, Target};

/// Metric of the routes of the port that reaches the inventory.
const METRIC_PREFERRED: u32 = 512;
/// Metric of the routes of the port that the host was booted from (`BOOTIF=`).
const METRIC_BOOT: u32 = 768;
/// Metric of other routes, so that an administrator's own win; the interface index is added.
const METRIC: u32 = 1024;
/// Number of a port's own routing table; the interface index is added.
const TABLE: u32 = 10_000;
/// Priority of the rules that select a port's table by the source address: before the main table, 32766.
const RULE_PRIORITY: u32 = 1000;
/// resolv.conf(5), MAXNS.
const MAX_NAME_SERVERS: usize = 3;
/// musl's limit for the list of search domains, in bytes.
const MAX_SEARCH: usize = 255;

/// Where a configuration comes from. Of several on one port the name servers of the first are used first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// The kernel command line or the settings file.
    Static,
    /// DHCPv4.
    Dhcp4,
    /// IPv6 router advertisements.
    RouterAdvertisement,
    /// DHCPv6.
    Dhcp6,
}

/// What one source configures on one port. It is valid until the source replaces or withdraws it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PortConfig {
    /// Addresses with their prefix lengths; each brings the route to its own prefix.
    pub(crate) addresses: Vec<(IpAddr, u8)>,
    /// Further routes, most of them through gateways.
    pub(crate) routes: Vec<Route>,
    /// Name servers. A link-local one is reached through this port.
    pub(crate) name_servers: Vec<IpAddr>,
    /// Search domains. Each must be a valid host name: see [`is_domain`].
    pub(crate) search: Vec<String>,
    /// NTP servers.
    pub(crate) ntp_servers: Vec<IpAddr>,
    /// MTU in bytes.
    pub(crate) mtu: Option<u16>,
}

/// A route of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// Destination.
    pub(crate) to: IpAddr,
    /// Prefix length of the destination in bits.
    pub(crate) prefix: u8,
    /// Gateway, of the same family, inside or outside the port's prefixes; `None`: the destination is on the link.
    pub(crate) via: Option<IpAddr>,
}

/// Something in the kernel that the agent has configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Object {
    /// In the order in which they are added: an address before the routes that have it as source, the routes on the
    /// link before those through gateways.
    Address(Address),
    /// A route.
    Route(Target),
    /// A rule.
    Rule(Rule),
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(Address { ip, prefix, .. }) => write!(f, "the address {ip}/{prefix}"),
            Self::Route(Target { to, prefix, via: Some(via), .. }) => {
                write!(f, "the route to {to}/{prefix} via {via}")
            }
            Self::Route(Target { to, prefix, .. }) => write!(f, "the route to {to}/{prefix}"),
            Self::Rule(Rule { from, table, .. }) => write!(f, "the rule for {from}, table {table}"),
        }
    }
}

/// The configurations of all ports.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    ports: BTreeMap<u32, Port>,
    /// Name servers of no port.
    pub(super) name_servers: Vec<IpAddr>,
    /// The port that reaches the inventory.
    pub(super) preferred: Option<u32>,
}

#[derive(Clone, Debug, Default)]
struct Port {
    name: String,
    is_boot: bool,
    sources: BTreeMap<Source, Given>,
}

#[derive(Clone, Debug)]
struct Given {
    config: PortConfig,
    /// The port has lost its carrier since: addresses stay, so that connections survive, but nothing is sent there.
    is_suspended: bool,
}

impl Table {
    /// Records a port; `is_boot`: the host was booted from it.
    pub(super) fn add_port(&mut self, index: u32, name: &str, is_boot: bool) {
        let port = self.ports.entry(index).or_default();
        (port.name, port.is_boot) = (name.to_string(), is_boot);
    }

    /// Replaces what `source` gives the port; `None` withdraws it.
    pub(super) fn set(&mut self, index: u32, source: Source, config: Option<PortConfig>) {
        let sources = &mut self.ports.entry(index).or_default().sources;
        match config {
            Some(config) => drop(sources.insert(source, Given { config, is_suspended: false })),
            None => drop(sources.remove(&source)),
        }
    }

    /// Takes the routes and name servers of a port out of use, until their sources set them again.
    pub(super) fn suspend(&mut self, index: u32) {
        let port = self.ports.get_mut(&index);
        port.into_iter()
            .flat_map(|port| port.sources.values_mut())
            .for_each(|given| given.is_suspended = true);
    }

    /// Forgets a port that was removed.
    pub(super) fn remove_port(&mut self, index: u32) {
        self.ports.remove(&index);
        self.preferred = self.preferred.filter(|preferred| *preferred != index);
    }

    /// The ports that have a configuration in use: the preferred first, then the one that the host was booted from.
    pub(super) fn usable(&self) -> Vec<u32> {
        let usable = |index: &u32| self.in_use(*index).next().is_some();
        let mut ports: Vec<u32> = self.ports.keys().copied().filter(usable).collect();
        ports.sort_by_key(|index| self.metric(*index));
        ports
    }

    /// What must be in the kernel.
    pub(super) fn objects(&self) -> BTreeSet<Object> {
        let mut objects = BTreeSet::new();
        for (&index, port) in &self.ports {
            for given in port.sources.values() {
                for &(ip, prefix) in &given.config.addresses {
                    objects.insert(Object::Address(Address { index, ip, prefix, usable: true }));
                }
            }
            for config in self.in_use(index) {
                self.add_routes(index, config, &mut objects);
            }
        }
        objects
    }

    /// The MTU of each port that has one.
    pub(super) fn mtus(&self) -> BTreeMap<u32, u16> {
        let mtu = |port: &Port| port.sources.values().find_map(|given| given.config.mtu);
        self.ports.iter().filter_map(|(index, port)| Some((*index, mtu(port)?))).collect()
    }

    /// The content of /etc/resolv.conf. Once it is known which port reaches the inventory, only its name servers are used,
    /// if it has any: those of another network may not know the inventory's name.
    pub(super) fn resolv_conf(&self) -> String {
        let ports = match self.preferred {
            Some(port) if self.in_use(port).any(|config| !config.name_servers.is_empty()) => vec![port],
            _ => self.usable(),
        };
        let mut servers: Vec<String> = self.name_servers.iter().map(ToString::to_string).collect();
        let mut search: Vec<&str> = Vec::new();
        for index in ports {
            let name = self.ports.get(&index).map_or("", |port| port.name.as_str());
            for config in self.in_use(index) {
                servers.extend(config.name_servers.iter().map(|server| name_server(*server, name)));
                search.extend(config.search.iter().map(String::as_str).filter(|domain| is_domain(domain)));
            }
        }
        let mut text = String::new();
        for server in unique(servers.iter().map(String::as_str)).into_iter().take(MAX_NAME_SERVERS) {
            text.push_str(&format!("nameserver {server}\n"));
        }
        let mut length = 0;
        let search: Vec<&str> = unique(search.into_iter())
            .into_iter()
            .take_while(|domain| {
                length += domain.len() + 1;
                length <= MAX_SEARCH
            })
            .collect();
        if !search.is_empty() {
            text.push_str(&format!("search {}\n", search.join(" ")));
        }
        text
    }

    /// The NTP servers of all ports, without duplicates.
    pub(super) fn ntp_servers(&self) -> Vec<IpAddr> {
        let mut servers: Vec<IpAddr> = Vec::new();
        for index in self.usable() {
            for server in self.in_use(index).flat_map(|config| &config.ntp_servers) {
                if !servers.contains(server) {
                    servers.push(*server);
                }
            }
        }
        servers
    }

    fn in_use(&self, index: u32) -> impl Iterator<Item = &PortConfig> {
        let sources = self.ports.get(&index).into_iter().flat_map(|port| port.sources.values());
        sources.filter(|given| !given.is_suspended).map(|given| &given.config)
    }

    /// Routes are in the main table, by metric, and in a table of the port, which is used by what has the port's address
    /// as source: so it leaves by this port, whichever is preferred.
    fn add_routes(&self, index: u32, config: &PortConfig, objects: &mut BTreeSet<Object>) {
        let metric = self.metric(index);
        let table = TABLE.saturating_add(index);
        let source = |ip: IpAddr| {
            // The kernel refuses an IPv6 source until duplicate address detection is over.
            config.addresses.iter().map(|(address, _)| *address).find(|a| a.is_ipv4() && ip.is_ipv4())
        };
        let connected = config.addresses.iter().map(|(ip, prefix)| Route {
            to: network(*ip, *prefix),
            prefix: *prefix,
            via: None,
        });
        for Route { to, prefix, via } in connected.chain(config.routes.iter().copied()) {
            // The host's own address as gateway: everything is on the link.
            let via = via.filter(|via| config.addresses.iter().all(|(address, _)| address != via));
            let target = |table| Target { index, to, prefix, via, source: source(to), metric, table };
            objects.insert(Object::Route(target(None)));
            objects.insert(Object::Route(target(Some(table))));
        }
        for (ip, _) in &config.addresses {
            objects.insert(Object::Rule(Rule { from: *ip, table, priority: RULE_PRIORITY }));
        }
    }

    fn metric(&self, index: u32) -> u32 {
        match self.ports.get(&index) {
            _ if self.preferred == Some(index) => METRIC_PREFERRED,
            Some(port) if port.is_boot => METRIC_BOOT,
            _ => METRIC.saturating_add(index),
        }
    }
}

/// Whether a search domain is a host name of letters, digits, hyphens and underscores (RFC 1123 2.1): nothing else gets into
/// /etc/resolv.conf.
pub(crate) fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let text = text.strip_suffix('.').unwrap_or(text);
    text.len() <= 253 && text.split('.').all(is_label)
}

/// The first address of a prefix.
fn network(ip: IpAddr, prefix: u8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix.into())).unwrap_or(0);
            IpAddr::V4((u32::from(ip) & mask).into())
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix.into())).unwrap_or(0);
            IpAddr::V6((u128::from(ip) & mask).into())
        }
    }
}

fn name_server(ip: IpAddr, port: &str) -> String {
    match ip {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => format!("{ip}%{port}"),
        _ => ip.to_string(),
    }
}

fn unique<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for text in texts {
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(last: u8) -> PortConfig {
        let ip = |host| IpAddr::from([10, last, 0, host]);
        PortConfig {
            addresses: vec![(ip(50), 24)],
            routes: vec![Route { to: IpAddr::from([0, 0, 0, 0]), prefix: 0, via: Some(ip(1)) }],
            name_servers: vec![ip(2)],
            search: vec![format!("site{last}.example")],
            ntp_servers: vec![ip(3)],
            mtu: None,
        }
    }

    fn two_ports() -> Table {
        let mut table = Table::default();
        table.add_port(2, "eth0", false);
        table.add_port(3, "eth1", false);
        table.set(2, Source::Dhcp4, Some(config(9)));
        table.set(3, Source::Dhcp4, Some(config(8)));
        table
    }

    /// Interface index and metric of the default routes in the main table.
    fn defaults(table: &Table) -> Vec<(u32, u32)> {
        let objects = table.objects();
        let defaults = objects.iter().filter_map(|object| match object {
            Object::Route(Target { prefix: 0, table: None, index, metric, .. }) => Some((*index, *metric)),
            _ => None,
        });
        let mut defaults: Vec<(u32, u32)> = defaults.collect();
        defaults.sort_unstable();
        defaults
    }

    #[test]
    fn each_port_has_a_table_of_its_own_and_a_rule_for_its_address() {
        let table = two_ports();
        let from: IpAddr = "10.8.0.50".parse().unwrap();
        let rule = Rule { from, table: 10_003, priority: 1000 };
        assert!(table.objects().contains(&Object::Rule(rule)));
        let to = IpAddr::from([0, 0, 0, 0]);
        let via = Some(IpAddr::from([10, 8, 0, 1]));
        let route =
            Target { index: 3, to, prefix: 0, via, source: Some(from), metric: 1027, table: Some(10_003) };
        assert!(table.objects().contains(&Object::Route(route)), "{:#?}", table.objects());
        // 2 ports: an address, a rule, and in 2 tables the prefix and the default.
        assert_eq!(table.objects().len(), 2 * (1 + 1 + 4));
    }

    #[test]
    fn the_preferred_port_wins_then_the_boot_port() {
        let mut table = two_ports();
        assert_eq!((defaults(&table), table.usable()), (vec![(2, 1026), (3, 1027)], vec![2, 3]));
        table.add_port(3, "eth1", true);
        assert_eq!((defaults(&table), table.usable()), (vec![(2, 1026), (3, 768)], vec![3, 2]));
        table.preferred = Some(2);
        assert_eq!((defaults(&table), table.usable()), (vec![(2, 512), (3, 768)], vec![2, 3]));
    }

    #[test]
    fn name_servers_and_search_domains_follow_the_preferred_port() {
        let mut table = two_ports();
        let both = "nameserver 10.9.0.2\nnameserver 10.8.0.2\nsearch site9.example site8.example\n";
        assert_eq!(table.resolv_conf(), both);
        table.preferred = Some(3);
        assert_eq!(table.resolv_conf(), "nameserver 10.8.0.2\nsearch site8.example\n");
        table.set(3, Source::Dhcp4, Some(PortConfig { name_servers: Vec::new(), ..config(8) }));
        assert_eq!(table.resolv_conf(), "nameserver 10.9.0.2\nsearch site8.example site9.example\n");
        assert_eq!(table.ntp_servers(), [IpAddr::from([10, 8, 0, 3]), IpAddr::from([10, 9, 0, 3])]);
    }

    #[test]
    fn name_servers_of_the_settings_come_first_and_link_local_ones_have_their_port() {
        let mut table = two_ports();
        table.name_servers = vec!["fd00:9::53".parse().unwrap()];
        let router = PortConfig { name_servers: vec!["fe80::1".parse().unwrap()], ..PortConfig::default() };
        table.set(3, Source::RouterAdvertisement, Some(router));
        table.preferred = Some(3);
        let expected =
            "nameserver fd00:9::53\nnameserver 10.8.0.2\nnameserver fe80::1%eth1\nsearch site8.example\n";
        assert_eq!(table.resolv_conf(), expected);
    }

    #[test]
    fn a_port_without_carrier_keeps_its_address_only() {
        let mut table = two_ports();
        table.suspend(2);
        assert_eq!((defaults(&table), table.usable()), (vec![(3, 1027)], vec![3]));
        let address = Address { index: 2, ip: "10.9.0.50".parse().unwrap(), prefix: 24, usable: true };
        let of_port = |object: &Object| match object {
            Object::Address(address) => address.index == 2,
            Object::Route(target) => target.index == 2,
            Object::Rule(rule) => rule.table == 10_002,
        };
        let left: Vec<Object> = table.objects().into_iter().filter(of_port).collect();
        assert_eq!(left, [Object::Address(address)]);
        assert_eq!(table.resolv_conf(), "nameserver 10.8.0.2\nsearch site8.example\n");
        table.set(2, Source::Dhcp4, Some(config(9)));
        assert_eq!(defaults(&table), [(2, 1026), (3, 1027)]);
        table.remove_port(2);
        assert_eq!(defaults(&table), [(3, 1027)]);
        table.set(3, Source::Dhcp4, None);
        assert!(table.objects().is_empty());
    }

    #[test]
    fn only_host_names_get_into_the_resolver_s_file() {
        let long = format!("{}.example", "x".repeat(64));
        for bad in ["", ".", "a..b", "a b", "evil\nnameserver 6.6.6.6", "a\0", "a#b", "ä.example", &long] {
            assert!(!is_domain(bad), "{bad:?}");
        }
        for good in ["example.com", "example.com.", "_tcp.rack-4.test", "local"] {
            assert!(is_domain(good), "{good:?}");
        }
        let mut table = two_ports();
        let search = vec!["a\nnameserver 6.6.6.6".to_string(), "good.example".to_string()];
        table.set(2, Source::Dhcp4, Some(PortConfig { search, ..config(9) }));
        assert!(
            table.resolv_conf().ends_with("\nsearch good.example site8.example\n"),
            "{}",
            table.resolv_conf()
        );
        let search = (0..40).map(|number| format!("rack{number}.example")).collect();
        table.set(2, Source::Dhcp4, Some(PortConfig { search, ..config(9) }));
        assert!(table.resolv_conf().lines().all(|line| line.len() <= 255 + "search ".len()));
    }

    #[test]
    fn a_link_local_name_server_has_its_port() {
        let mut table = two_ports();
        let name_servers = vec!["fe80::1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        table.set(2, Source::RouterAdvertisement, Some(PortConfig { name_servers, ..PortConfig::default() }));
        // After those of DHCPv4.
        let text = table.resolv_conf();
        assert!(
            text.starts_with("nameserver 10.9.0.2\nnameserver fe80::1%eth0\nnameserver 2001:db8::1\n"),
            "{text}"
        );
    }

    #[test]
    fn the_own_address_as_gateway_means_on_the_link() {
        let mut table = Table::default();
        let mut own = config(9);
        own.routes[0].via = Some(own.addresses[0].0);
        table.set(2, Source::Dhcp4, Some(own));
        let routes = table.objects().into_iter().filter_map(|object| match object {
            Object::Route(target) => Some(target.via),
            _ => None,
        });
        assert!(routes.into_iter().all(|via| via.is_none()));
    }

    #[test]
    fn prefixes_of_any_length_have_a_first_address() {
        let first = |ip: &str, prefix| network(ip.parse().unwrap(), prefix).to_string();
        assert_eq!(first("10.9.7.50", 0), "0.0.0.0");
        assert_eq!(first("10.9.7.50", 22), "10.9.4.0");
        assert_eq!(first("10.9.7.50", 32), "10.9.7.50");
        assert_eq!(first("2001:db8::7", 64), "2001:db8::");
        assert_eq!(first("2001:db8::7", 0), "::");
        assert_eq!(first("2001:db8::7", 128), "2001:db8::7");
    }
}
