// SPDX-License-Identifier: MIT OR Apache-2.0
//! Taps: a host's NIC at one end, a device of a namespace at the other.

#![allow(unsafe_code, reason = "system calls that nix does not have")]

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use nix::libc;

use crate::namespace::Namespace;

/// An existing tap, and the namespace of its device. It has carrier while it is open.
pub(crate) struct Tap {
    /// The device's name.
    pub name: String,
    /// The namespace of the device.
    pub namespace: Arc<Namespace>,
}

impl Tap {
    /// Opens the host's end, for a QEMU in any namespace.
    ///
    /// # Errors
    /// It is open already.
    pub fn open(&self) -> Result<OwnedFd> {
        let name = self.name.clone();
        self.namespace.run(move || open(&name))?.with_context(|| format!("opening the tap {}", self.name))
    }
}

/// The device that creates taps.
const TUN: &str = "/dev/net/tun";

/// Opens the device that creates taps.
///
/// # Errors
/// The process may not open it.
pub fn device() -> Result<File> {
    File::options()
        .read(true)
        .write(true)
        .open(TUN)
        .with_context(|| format!("opening {TUN}; run as root, or allow all users: chmod 0666 {TUN}"))
}

/// `struct ifreq` of netdevice(7), as far as tun reads it.
#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    flags: libc::c_short,
    rest: [u8; 22],
}

nix::ioctl_write_ptr_bad!(
    /// Attaches the file to a tap.
    attach,
    libc::TUNSETIFF,
    Request
);

fn open(name: &str) -> Result<OwnedFd> {
    let mut request = Request { name: [0; libc::IFNAMSIZ], flags: 0, rest: [0; 22] };
    ensure!(name.len() < request.name.len(), "the name is too long");
    request.name.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    // A virtio NIC adds its own header; QEMU queries whether the file accepts it.
    let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
    request.flags = libc::c_short::try_from(flags).context("converting the device's flags")?;
    let file = device()?;
    // SAFETY: the request is as long as the kernel's `struct ifreq`, and the kernel only reads and writes that.
    unsafe { attach(file.as_raw_fd(), &raw const request) }.context("TUNSETIFF")?;
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::command;

    #[test]
    fn has_carrier_while_it_is_open() {
        let namespace = Arc::new(Namespace::new().unwrap());
        let ip = |arguments: &'static str| {
            let output =
                namespace.run(|| command("ip").args(arguments.split(' ')).output()).unwrap().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        ip("tuntap add swp1 mode tap");
        ip("link set swp1 up");
        let tap = Tap { name: "swp1".to_string(), namespace: Arc::clone(&namespace) };
        let open = tap.open().unwrap();
        assert!(ip("link show swp1").contains(",LOWER_UP"));
        let twice = format!("{:#}", tap.open().unwrap_err());
        assert!(twice.starts_with("opening the tap swp1: TUNSETIFF: EBUSY"), "{twice}");
        drop(open);
        assert!(ip("link show swp1").contains("NO-CARRIER"));
    }
}
