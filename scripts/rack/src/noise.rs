// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames with LLDP's EtherType and random content.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, bind, send, socket};

use crate::namespace::Namespace;

/// Sends noise until it is dropped.
pub(crate) struct NoiseSource {
    _stop: Sender<()>,
}

/// Destination nearest bridge (802.1Q table 8-1), an unused source address, LLDP's EtherType.
const HEADER: [u8; 14] = [0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e, 0x52, 0x54, 0x00, 0x00, 0x00, 0xff, 0x88, 0xcc];
/// The longest Ethernet frame without FCS, in bytes.
const LONGEST: usize = 1514;
/// The interval between bursts.
const TICK: Duration = Duration::from_millis(10);

impl NoiseSource {
    /// Sends `rate` frames per second on each of `ports`, devices of the namespace.
    pub fn send(namespace: Arc<Namespace>, ports: &[&str], rate: u32) -> Result<NoiseSource> {
        let names: Vec<String> = ports.iter().map(|port| (*port).to_string()).collect();
        let sockets =
            namespace.run(move || names.iter().map(|port| open(port)).collect::<Result<Vec<_>>>())??;
        let (stop, stopped) = mpsc::channel();
        thread::Builder::new()
            .name("noise".to_string())
            .spawn(move || send_until(&stopped, &sockets, rate))
            .context("starting the noise source")?;
        Ok(NoiseSource { _stop: stop })
    }
}

/// A packet socket at `port` in the calling thread's namespace.
fn open(port: &str) -> Result<OwnedFd> {
    let address = getifaddrs()
        .context("listing the devices")?
        .filter(|device| device.interface_name == port)
        .find_map(|device| device.address?.as_link_addr().copied())
        .with_context(|| format!("no device {port}"))?;
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)
        .with_context(|| format!("opening a packet socket for {port}"))?;
    bind(socket.as_raw_fd(), &address).with_context(|| format!("binding a packet socket to {port}"))?;
    Ok(socket)
}

fn send_until(stopped: &Receiver<()>, ports: &[OwnedFd], rate: u32) {
    let (begin, mut sent, mut noise) = (Instant::now(), 0, Noise(1));
    let mut frame = Vec::with_capacity(LONGEST);
    while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        let due = (begin.elapsed().as_secs_f64() * f64::from(rate)) as u64;
        for _ in sent..due {
            noise.fill(&mut frame);
            for port in ports {
                // Lost on a port without carrier or with a full queue.
                let _ = send(port.as_raw_fd(), &frame, MsgFlags::MSG_DONTWAIT);
            }
        }
        sent = due;
    }
}

/// Pseudo-random bytes (Marsaglia's xorshift).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Replaces `frame` by a new one of random length.
    fn fill(&mut self, frame: &mut Vec<u8>) {
        frame.clear();
        frame.extend(HEADER);
        let length = HEADER.len() + (self.next() % (LONGEST - HEADER.len()) as u64) as usize;
        while frame.len() < length {
            frame.extend(self.next().to_le_bytes());
        }
        frame.truncate(length);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::process::command;
    use crate::tap::Tap;

    #[test]
    fn floods_a_port_until_it_is_dropped() {
        let namespace = Arc::new(Namespace::new().unwrap());
        for arguments in ["tuntap add swp1 mode tap", "link set swp1 up"] {
            let ip = namespace.run(move || command("ip").args(arguments.split(' ')).status());
            assert!(ip.unwrap().unwrap().success());
        }
        let tap = Tap { name: "swp1".to_string(), namespace: Arc::clone(&namespace) };
        let mut host = std::fs::File::from(tap.open().unwrap());
        let noise = NoiseSource::send(Arc::clone(&namespace), &["swp1"], 1000).unwrap();
        let (mut frame, mut kinds) = ([0; 2048], std::collections::BTreeSet::new());
        while kinds.len() < 100 {
            let length = host.read(&mut frame).unwrap();
            // QEMU's own header is before the frame; devices of a namespace send others too.
            let frame = &frame[10..length];
            if frame.starts_with(&HEADER) {
                kinds.insert(frame[HEADER.len()..].to_vec());
            }
        }
        drop(noise);
        let missing = NoiseSource::send(namespace, &["swp2"], 1).err().unwrap().to_string();
        assert_eq!(missing, "no device swp2");
    }
}
