// SPDX-License-Identifier: MIT OR Apache-2.0
//! A DHCPv4 server in raw frames, which answers as a test wants it, right or wrong.

#![allow(unsafe_code, reason = "system calls that nix does not have")]

use std::collections::BTreeMap;
use std::mem::{size_of, zeroed};
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::thread;

use netlink::packet::{Datagram, datagram};

use super::lab::Site;

/// A message of the client.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    /// Message type: 1 is DHCPDISCOVER, 3 DHCPREQUEST, 4 DHCPDECLINE.
    pub(super) kind: u8,
    /// Source address of the packet.
    pub(super) source: Ipv4Addr,
    /// Destination address of the packet.
    pub(super) destination: Ipv4Addr,
    /// How many of its kind it is, from 1 on.
    pub(super) number: usize,
    pub(super) options: BTreeMap<u8, Vec<u8>>,
}

/// How the server answers.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Message type; 0 is none at all.
    pub(super) kind: u8,
    pub(super) address: [u8; 4],
    pub(super) server: [u8; 4],
    /// Options between the message type and the end.
    pub(super) options: Vec<u8>,
    /// Bytes of `sname`.
    pub(super) sname: Vec<u8>,
    /// Whether it goes to the client's address only.
    pub(super) is_unicast: bool,
    /// Whether the frame has the tag of this VLAN.
    pub(super) vlan: Option<u16>,
}

/// What the server has heard.
pub(super) type Log = Arc<Mutex<Vec<Heard>>>;

/// Starts a server at the site's end of a cable, which lets `change` change each answer that would be right.
pub(super) fn serve(site: &Site, far: &str, change: impl Fn(&Heard, &mut Answer) + Send + 'static) -> Log {
    let log = Log::default();
    let (far, heard) = (far.to_string(), log.clone());
    site.run(move || {
        let socket = Raw::open(&far);
        thread::spawn(move || {
            while let Some(frame) = socket.receive() {
                if let Some((request, message)) = hear(&frame, &heard) {
                    let kind = if request.kind == 1 { 2 } else { 5 };
                    let mut answer = Answer {
                        kind,
                        address: [10, 9, 0, 50],
                        server: [10, 9, 0, 1],
                        options: [MASK, ROUTER, DNS, &lease(3600)].concat(),
                        sname: Vec::new(),
                        is_unicast: false,
                        vlan: None,
                    };
                    change(&request, &mut answer);
                    heard.lock().unwrap().push(request);
                    if answer.kind != 0 {
                        socket.send(&frame_of(&answer, &message, socket.mac));
                    }
                }
            }
        });
    });
    log
}

pub(super) const MASK: &[u8] = &[1, 4, 255, 255, 255, 0];
pub(super) const ROUTER: &[u8] = &[3, 4, 10, 9, 0, 1];
pub(super) const DNS: &[u8] = &[6, 4, 10, 9, 0, 1];

/// The lease time.
pub(super) fn lease(seconds: u32) -> Vec<u8> {
    [&[51, 4][..], &seconds.to_be_bytes()].concat()
}

/// A request in a frame, and its message.
fn hear(frame: &[u8], log: &Log) -> Option<(Heard, Vec<u8>)> {
    let packet = frame.get(14..).filter(|_| frame[12..14] == [8, 0])?;
    let Datagram { source, destination, destination_port: 67, payload, .. } = datagram(packet)? else {
        return None;
    };
    let (mut options, mut rest) = (BTreeMap::new(), payload.get(240..)?);
    while let [code @ 1..=254, length, after @ ..] = rest {
        let (value, next) = after.split_at(usize::from(*length));
        options.insert(*code, value.to_vec());
        rest = next;
    }
    let kind = options[&53][0];
    let number = log.lock().unwrap().iter().filter(|heard| heard.kind == kind).count() + 1;
    Some((Heard { kind, source, destination, number, options }, payload.to_vec()))
}

fn frame_of(answer: &Answer, request: &[u8], mac: [u8; 6]) -> Vec<u8> {
    let mut message = request[..240].to_vec();
    message[0] = 2;
    message[12..28].fill(0);
    let is_nak = answer.kind == 6;
    if !is_nak {
        message[16..20].copy_from_slice(&answer.address);
    }
    message[44..44 + answer.sname.len()].copy_from_slice(&answer.sname);
    message.extend([53, 1, answer.kind, 54, 4]);
    message.extend(answer.server);
    if !is_nak {
        message.extend(&answer.options);
    }
    message.push(255);
    message.resize(message.len().max(300), 0);
    let destination = if answer.is_unicast { answer.address } else { [255; 4] };
    let datagram = Datagram {
        source: answer.server.into(),
        destination: destination.into(),
        source_port: 67,
        destination_port: 68,
        payload: &message,
    };
    let to = if answer.is_unicast { &request[28..34] } else { &[255; 6] };
    let tag = answer.vlan.map(|vlan| [&[0x81, 0][..], &vlan.to_be_bytes()].concat()).unwrap_or_default();
    [to, &mac, &tag, &[8, 0], &datagram.encode()].concat()
}

/// A packet socket of a port for whole frames.
struct Raw {
    fd: OwnedFd,
    mac: [u8; 6],
}

impl Raw {
    fn open(port: &str) -> Self {
        let index = nix::net::if_::if_nametoindex(port).unwrap();
        let protocol = (libc::ETH_P_ALL as u16).to_be();
        // SAFETY: no pointers.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        assert!(fd >= 0, "{}", std::io::Error::last_os_error());
        // SAFETY: `socket` has just opened it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: all zeros is a valid `sockaddr_ll`.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        (address.sll_family, address.sll_protocol) = (libc::AF_PACKET as u16, protocol);
        address.sll_ifindex = index.cast_signed();
        let mut length = size_of::<libc::sockaddr_ll>() as u32;
        // SAFETY: the address is a `sockaddr_ll` of that length.
        assert_eq!(unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), length) }, 0);
        // SAFETY: the same.
        unsafe { libc::getsockname(fd.as_raw_fd(), (&raw mut address).cast(), &raw mut length) };
        let mac = *address.sll_addr.first_chunk().unwrap();
        Self { fd, mac }
    }

    /// The next frame; `None` once the port is gone.
    fn receive(&self) -> Option<Vec<u8>> {
        let mut frame = vec![0_u8; 2048];
        loop {
            // SAFETY: the pointer and the length are those of `frame`.
            let length =
                unsafe { libc::recv(self.fd.as_raw_fd(), frame.as_mut_ptr().cast(), frame.len(), 0) };
            match usize::try_from(length) {
                Ok(length) => {
                    frame.truncate(length);
                    return Some(frame);
                }
                // The port is down for now.
                Err(_) if std::io::Error::last_os_error().raw_os_error() == Some(libc::ENETDOWN) => {}
                Err(_) => return None,
            }
        }
    }

    fn send(&self, frame: &[u8]) {
        // SAFETY: the pointer and the length are those of `frame`.
        unsafe { libc::send(self.fd.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
    }
}
