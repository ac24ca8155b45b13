// SPDX-License-Identifier: MIT OR Apache-2.0
//! A DHCPv4 exchange without a network: the DHCPDISCOVER of a client, and the offer of a server.

use std::time::Duration;

use netlink::dhcp::{Exchange, Identity, Reply};

fn main() -> Result<(), &'static str> {
    let identity = Identity {
        mac: [0x52, 0x54, 0, 0x12, 0x34, 0x56],
        vendor_class: "example".to_string(),
        ..Identity::default()
    };
    let exchange = Exchange { id: *b"\x39\x03\xf3\x26", identity };
    let discover = exchange.discover(Duration::ZERO);
    println!("DHCPDISCOVER, {} bytes:", discover.len());
    for line in discover.chunks(16) {
        println!("  {}", line.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "));
    }
    match exchange.parse(&offer(&discover)).ok_or("no reply to this exchange")? {
        Reply::Offer(lease) => println!("offer: {lease:?}"),
        Reply::Ack(lease) => println!("ack: {lease:?}"),
        Reply::Nak { server, message } => println!("nak: {server:?}: {message:?}"),
    }
    Ok(())
}

/// 192.0.2.50/24 for an hour, with a router and a name server.
fn offer(discover: &[u8]) -> Vec<u8> {
    let mut offer = discover[..240].to_vec();
    offer[0] = 2; // BOOTREPLY
    offer[16..20].copy_from_slice(&[192, 0, 2, 50]);
    offer.extend_from_slice(&[53, 1, 2]); // DHCPOFFER
    offer.extend_from_slice(&[1, 4, 255, 255, 255, 0]);
    offer.extend_from_slice(&[3, 4, 192, 0, 2, 1]);
    offer.extend_from_slice(&[6, 4, 192, 0, 2, 53]);
    offer.extend_from_slice(&[51, 4, 0, 0, 0x0e, 0x10]);
    offer.push(255);
    offer
}
