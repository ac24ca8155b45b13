// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a response of the kernel, of a driver of a DHCP server and of a router: `cargo +nightly fuzz run decode`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netlink::devlink::{self, Device};
use netlink::dhcp::{Exchange, Identity, Reply};
use netlink::{dhcpv6, ethtool, message, ndp, packet, route};

fuzz_target!(|bytes: &[u8]| {
    kernel(bytes);
    driver(bytes);
    dhcp(bytes);
    router(bytes);
    dhcp_v6(bytes);
});

fn kernel(bytes: &[u8]) {
    assert!(route::parse(bytes).len() <= message::messages(bytes).count());
    let device = Device::pci("0000:3b:00.0");
    for message in message::messages(bytes) {
        let _ = (message.code(), message.words());
        for (kind, value) in message::attributes(message.body) {
            let written = message::attribute(kind, value);
            assert_eq!(
                message::find(&written, kind),
                Some(value),
                "an attribute reads back as it was written"
            );
        }
        let _ = (devlink::family(message.body), devlink::flash_group(message.body));
        let _ = (devlink::info(message.body), devlink::flash_status(message.body, &device));
    }
}

fn driver(bytes: &[u8]) {
    let _ = (ethtool::permanent_address(bytes), ethtool::driver_information(bytes));
    let _ = (ethtool::link_settings(bytes), ethtool::wake_on_lan(bytes), ethtool::module_length(bytes));
    assert!(ethtool::private_flag_count(bytes) <= 32);
    if let Some(mask) = ethtool::private_flag_mask(bytes, "fw-lldp-agent") {
        assert_eq!(mask.count_ones(), 1);
    }
    let _ = ethtool::private_flags(bytes);
}

/// As options of a reply to this exchange, since a fuzzer would hardly find the fields before them; the first byte selects
/// the fields that have them.
fn dhcp(bytes: &[u8]) {
    let identity = Identity { mac: [0x52, 0x54, 0, 0, 0, 1], ..Identity::default() };
    let exchange = Exchange { id: [1, 2, 3, 4], identity };
    let mut reply = exchange.discover(std::time::Duration::ZERO);
    reply.truncate(240);
    reply[0] = 2;
    reply[16..20].copy_from_slice(&[192, 0, 2, 50]);
    if let [overload, rest @ ..] = bytes {
        let (fields, rest) = rest.split_at(rest.len().min(192));
        reply[44..44 + fields.len()].copy_from_slice(fields);
        reply.extend_from_slice(&[52, 1, overload & 3, 53, 1, 5]);
        reply.extend_from_slice(rest);
    }
    if let Some(Reply::Offer(lease) | Reply::Ack(lease)) = exchange.parse(&reply) {
        assert!((1..=32).contains(&lease.prefix), "{lease:?}");
        assert!(lease.routes.iter().all(|(_, prefix, _)| *prefix <= 32), "{lease:?}");
        assert!(lease.search.iter().all(|name| !name.contains(char::is_control)), "{lease:?}");
        let _ = exchange.request(std::time::Duration::ZERO, &lease);
    }
    let _ = exchange.parse(bytes);
    let _ = packet::Arp::parse(bytes);
    if let Some(datagram) = packet::datagram(bytes) {
        assert_eq!(packet::datagram(&datagram.encode()), Some(datagram), "a datagram reads back");
    }
}

/// As options of an advertisement.
fn router(bytes: &[u8]) {
    let mut message = vec![ndp::ROUTER_ADVERTISEMENT; 16];
    message[1] = 0;
    message.extend_from_slice(bytes);
    if let Some(advertisement) = ndp::advertisement(&message) {
        let is_clean = |name: &str| !name.is_empty() && !name.contains(char::is_whitespace);
        assert!(advertisement.search.iter().all(|(name, _)| is_clean(name)), "{advertisement:?}");
        assert!(advertisement.name_servers.iter().all(|(server, _)| !server.is_multicast()), "{advertisement:?}");
    }
    let _ = ndp::advertisement(bytes);
}

/// As further options of a reply to this client.
fn dhcp_v6(bytes: &[u8]) {
    let client = dhcpv6::Client {
        transaction: [1, 2, 3],
        duid: dhcpv6::duid_ll([0x52, 0x54, 0, 0, 0, 1]),
        iaid: 7,
        user_class: "fuzz".to_string(),
        vendor_class: (1, "fuzz".to_string()),
        architecture: None,
    };
    let solicit = client.message(dhcpv6::Kind::Solicit, std::time::Duration::ZERO, None);
    // Type, transaction and client identifier of a message of ours, then a server identifier.
    let mut reply = solicit[..4 + 4 + client.duid.len()].to_vec();
    reply[0] = 7;
    reply.extend_from_slice(&[0, 2, 0, 1, 9]);
    reply.extend_from_slice(bytes);
    if let Some(dhcpv6::Reply::Reply(lease)) = client.parse(&reply) {
        assert!(lease.addresses.iter().all(|(_, preferred, valid)| preferred <= valid), "{lease:?}");
        let _ = client.message(dhcpv6::Kind::Renew, std::time::Duration::ZERO, Some(&lease));
    }
    let _ = client.parse(bytes);
}
