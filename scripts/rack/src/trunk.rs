// SPDX-License-Identifier: MIT OR Apache-2.0
//! A cable with one tagged VLAN (IEEE 802.1Q). The kernel of this machine may have no VLANs, so frames are tagged and untagged
//! here: QEMU is at one end of a socket, a tap at the other.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::tap::Tap;

/// Connects a host to the tap; returns the host's end, for QEMU's `-netdev socket`. Untagged frames and those of other VLANs
/// are lost. It ends when the host's end is closed.
///
/// # Errors
/// The tap is open already.
pub(crate) fn connect(tap: &Tap, vlan: u16) -> Result<OwnedFd> {
    let network = File::from(tap.open()?);
    let (ours, theirs) = UnixStream::pair().context("creating the cable of a VLAN")?;
    thread::Builder::new()
        .name(format!("vlan{vlan}"))
        .spawn(move || drop(forward(&ours, &network, vlan)))
        .context("starting the cable of a VLAN")?;
    Ok(theirs.into())
}

/// The header of QEMU's own before each frame of a tap.
const VNET_HEADER: usize = 10;
/// Both addresses of a frame.
const ADDRESSES: usize = 12;
/// The EtherType of a tagged frame.
const TPID: [u8; 2] = [0x81, 0x00];
/// Longer than any frame.
const LONGEST: usize = 1 << 16;

fn forward(mut host: &UnixStream, mut network: &File, vlan: u16) -> io::Result<()> {
    let (mut received, mut buffer) = (Vec::new(), vec![0; LONGEST]);
    loop {
        let mut ends =
            [PollFd::new(host.as_fd(), PollFlags::POLLIN), PollFd::new(network.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ends, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            result => result?,
        };
        let [from_host, from_network] = ends.map(|end| end.any().unwrap_or_default());
        if from_host {
            match host.read(&mut buffer)? {
                0 => return Ok(()),
                length => received.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            }
            while let Some(frame) = next_frame(&mut received) {
                if let Some(frame) = untag(&frame, vlan) {
                    // Lost if the boot network is down.
                    let _ = network.write(&[&[0; VNET_HEADER], frame.as_slice()].concat());
                }
            }
        }
        if from_network {
            let length = network.read(&mut buffer)?;
            if let Some(frame) = buffer.get(VNET_HEADER..length).and_then(|frame| tag(frame, vlan)) {
                let length = u32::try_from(frame.len()).unwrap_or_default();
                host.write_all(&[&length.to_be_bytes(), frame.as_slice()].concat())?;
            }
        }
    }
}

/// Takes a whole frame from the beginning of what QEMU sent: its length in four bytes, and the frame.
fn next_frame(received: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = usize::try_from(u32::from_be_bytes(*received.first_chunk()?)).ok()?;
    let frame = received.get(4..4 + length)?.to_vec();
    received.drain(..4 + length);
    Some(frame)
}

fn tag(frame: &[u8], vlan: u16) -> Option<Vec<u8>> {
    let (addresses, rest) = frame.split_at_checked(ADDRESSES)?;
    Some([addresses, &TPID, &vlan.to_be_bytes(), rest].concat())
}

fn untag(frame: &[u8], vlan: u16) -> Option<Vec<u8>> {
    let (addresses, rest) = frame.split_at_checked(ADDRESSES)?;
    let (control, rest) = rest.strip_prefix(&TPID)?.split_first_chunk()?;
    // Without priority and drop eligibility.
    (u16::from_be_bytes(*control) & 0xfff == vlan).then(|| [addresses, rest].concat())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::namespace::Namespace;
    use crate::process::command;

    /// Who has 10.9.0.1, from 10.9.0.5.
    const ARP: &[u8] =
        b"\xff\xff\xff\xff\xff\xff\x52\x54\x00\x09\x00\x01\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01\
        \x52\x54\x00\x09\x00\x01\x0a\x09\x00\x05\x00\x00\x00\x00\x00\x00\x0a\x09\x00\x01";

    fn send(mut host: &UnixStream, frame: &[u8]) {
        host.write_all(&[&(frame.len() as u32).to_be_bytes(), frame].concat()).unwrap();
    }

    /// The sender and the target of the next response to [`ARP`]; `None` if there is none for a second.
    fn response(mut host: &UnixStream, vlan: u16) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        loop {
            host.read_exact(&mut length).ok()?;
            let mut frame = vec![0; u32::from_be_bytes(length) as usize];
            host.read_exact(&mut frame).unwrap();
            assert_eq!(frame[12..14], TPID);
            let frame = untag(&frame, vlan).unwrap();
            if frame[12..14] == [8, 6] && frame[21] == 2 {
                return Some(frame[28..32].to_vec());
            }
        }
    }

    #[test]
    fn carries_its_vlan_only() {
        let namespace = Arc::new(Namespace::new().unwrap());
        for arguments in ["tuntap add tap0 mode tap", "address add 10.9.0.1/24 dev tap0", "link set tap0 up"]
        {
            let ip = namespace.run(move || command("ip").args(arguments.split(' ')).status());
            assert!(ip.unwrap().unwrap().success());
        }
        let tap = Tap { name: "tap0".to_string(), namespace };
        let host = UnixStream::from(connect(&tap, 120).unwrap());
        host.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        send(&host, ARP);
        send(&host, &tag(ARP, 121).unwrap());
        assert_eq!(response(&host, 120), None);
        host.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // With priority 5.
        send(&host, &tag(ARP, 120 | 5 << 13).unwrap());
        assert_eq!(response(&host, 120).unwrap(), [10, 9, 0, 1]);
    }

    #[test]
    fn frames_are_taken_once_they_are_whole() {
        let mut received = b"\0\0\0\x02ab\0\0\0\x01".to_vec();
        assert_eq!(next_frame(&mut received).unwrap(), b"ab");
        assert_eq!(next_frame(&mut received), None);
        received.push(b'c');
        assert_eq!(next_frame(&mut received).unwrap(), b"c");
        assert_eq!((next_frame(&mut received), received.len()), (None, 0));
    }
}
