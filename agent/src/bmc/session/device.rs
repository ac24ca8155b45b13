// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's IPMI device, on top of KCS, SMIC, BT or SSIF (include/uapi/linux/ipmi.h).

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]
#![allow(unsafe_code, reason = "system calls that nix does not have")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Transport, TransportError};
use crate::host::Machine;
use ipmi::{Completion, NetFn};

/// Folders of the devices, and what their names have before the number: those of the kernel, of devfs, and of old udev rules.
const FOLDERS: [(&str, &str); 3] = [("/dev", "ipmi"), ("/dev/ipmi", ""), ("/dev/ipmidev", "")];

/// `IPMI_MAX_MSG_LENGTH`, include/uapi/linux/ipmi_msgdefs.h.
const LONGEST_MESSAGE: usize = 272;
const SYSTEM_INTERFACE: libc::c_int = 0x0c;
const BMC_CHANNEL: libc::c_short = 0x0f;
const RESPONSE: libc::c_int = 1;

/// `struct ipmi_system_interface_addr`.
#[repr(C)]
#[derive(Default)]
struct Address {
    addr_type: libc::c_int,
    channel: libc::c_short,
    lun: u8,
}

/// `struct ipmi_msg`.
#[repr(C)]
struct Message {
    netfn: u8,
    cmd: u8,
    data_len: u16,
    data: *mut u8,
}

/// `struct ipmi_req`.
#[repr(C)]
struct Sent {
    addr: *mut Address,
    addr_len: libc::c_uint,
    msgid: libc::c_long,
    msg: Message,
}

/// `struct ipmi_recv`.
#[repr(C)]
struct Received {
    recv_type: libc::c_int,
    addr: *mut Address,
    addr_len: libc::c_uint,
    msgid: libc::c_long,
    msg: Message,
}

mod ioctl {
    nix::ioctl_read!(send_command, b'i', 13, super::Sent);
    nix::ioctl_readwrite!(receive_msg_trunc, b'i', 11, super::Received);
}

/// An open IPMI device.
pub(crate) struct Device {
    file: File,
    last_id: libc::c_long,
}

impl Device {
    /// Opens the machine's IPMI devices, by their numbers: a machine may have several BMCs, and the first node may be of an
    /// interface that is not there.
    ///
    /// # Errors
    /// If there are devices and none can be opened: those of open(2); the message names the device.
    pub(crate) fn open_all(machine: &Machine) -> io::Result<Vec<Self>> {
        let mut refused = None;
        for (folder, prefix) in FOLDERS {
            let mut devices = Vec::new();
            for path in nodes(machine, folder, prefix) {
                let error = match OpenOptions::new().read(true).write(true).open(machine.path(&path)) {
                    Ok(file) => {
                        devices.push(Self { file, last_id: 0 });
                        continue;
                    }
                    Err(error) => error,
                };
                // A node whose driver has found no BMC opens with ENODEV or ENXIO.
                let is_absent =
                    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENODEV | libc::ENXIO));
                if !is_absent {
                    refused.get_or_insert_with(|| io::Error::new(error.kind(), format!("{path}: {error}")));
                }
            }
            // The other folders have other names of the same devices.
            if !devices.is_empty() {
                return Ok(devices);
            }
        }
        refused.map_or_else(|| Ok(Vec::new()), Err)
    }

    /// Passes a request to the driver. `IPMICTL_SEND_COMMAND_SETTIME` could set its timeout, but the driver uses that for
    /// IPMB and LAN only (`i_ipmi_req_sysintf`, ipmi_msghandler.c).
    fn send(&self, id: libc::c_long, net_fn: NetFn, code: u8, data: &[u8]) -> nix::Result<()> {
        let mut address = Address { addr_type: SYSTEM_INTERFACE, channel: BMC_CHANNEL, lun: 0 };
        let mut data = data.to_vec();
        let mut sent = Sent {
            addr: &raw mut address,
            addr_len: size_of::<Address>() as libc::c_uint,
            msgid: id,
            msg: Message {
                netfn: net_fn as u8,
                cmd: code,
                data_len: u16::try_from(data.len()).map_err(|_| Errno::EMSGSIZE)?,
                data: data.as_mut_ptr(),
            },
        };
        // SAFETY: the request has the layout that the kernel defines; its pointers and lengths are those of `address` and
        // `data`, which live on.
        unsafe { ioctl::send_command(self.file.as_raw_fd(), &raw mut sent) }.map(drop)
    }

    /// The next message that was received.
    fn receive(&self) -> nix::Result<Incoming> {
        let mut address = [Address::default(), Address::default(), Address::default(), Address::default()];
        let mut data = vec![0; LONGEST_MESSAGE];
        let mut received = Received {
            recv_type: 0,
            addr: address.as_mut_ptr(),
            addr_len: size_of_val(&address) as libc::c_uint,
            msgid: 0,
            msg: Message { netfn: 0, cmd: 0, data_len: LONGEST_MESSAGE as u16, data: data.as_mut_ptr() },
        };
        // SAFETY: the message has the layout that the kernel defines; its pointers and lengths are those of `address` and
        // `data`, which live on.
        unsafe { ioctl::receive_msg_trunc(self.file.as_raw_fd(), &raw mut received) }?;
        data.truncate(usize::from(received.msg.data_len));
        Ok(Incoming {
            kind: received.recv_type,
            id: received.msgid,
            net_fn: received.msg.netfn,
            code: received.msg.cmd,
            data,
        })
    }

    /// Waits for a message.
    fn wait(&self, deadline: Instant) -> Result<(), TransportError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left.as_millis()).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) => Err(TransportError::Timeout),
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(TransportError::Closed(format!("waiting for the IPMI device: {errno}"))),
        }
    }
}

impl Transport for Device {
    fn exchange(
        &mut self,
        net_fn: NetFn,
        code: u8,
        data: &[u8],
        timeout: Duration,
    ) -> Result<Vec<u8>, TransportError> {
        let deadline = Instant::now() + timeout;
        self.last_id = self.last_id.wrapping_add(1);
        match self.send(self.last_id, net_fn, code, data) {
            Ok(()) => {}
            // Newer drivers accept nothing for half a minute after a reset of the BMC (`IPMI_MAINTENANCE_MODE_STATE_RESET`).
            Err(Errno::EBUSY | Errno::EAGAIN) => return Ok(vec![Completion::NODE_BUSY.0]),
            Err(errno) => return Err(TransportError::Closed(format!("writing to the IPMI device: {errno}"))),
        }
        loop {
            self.wait(deadline)?;
            match self.receive() {
                Ok(incoming) if incoming.is_response_to(self.last_id) => {
                    return incoming.response(net_fn, code);
                }
                Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(Errno::EMSGSIZE) => {
                    return Err(TransportError::Malformed(format!(
                        "response of over {LONGEST_MESSAGE} bytes"
                    )));
                }
                Err(errno) => {
                    return Err(TransportError::Closed(format!("reading the IPMI device: {errno}")));
                }
            }
        }
    }
}

/// The paths of the devices in a folder, in the order of their numbers.
fn nodes(machine: &Machine, folder: &str, prefix: &str) -> Vec<String> {
    let number = |name: &String| name.strip_prefix(prefix)?.parse::<u32>().ok();
    let mut numbers: Vec<u32> = machine.names(folder).iter().filter_map(number).collect();
    numbers.sort_unstable();
    numbers.into_iter().map(|number| format!("{folder}/{prefix}{number}")).collect()
}

/// A message from the driver.
struct Incoming {
    kind: libc::c_int,
    id: libc::c_long,
    net_fn: u8,
    code: u8,
    data: Vec<u8>,
}

impl Incoming {
    /// Every program that has the device open receives events, and a response that came after its timeout is received now.
    fn is_response_to(&self, id: libc::c_long) -> bool {
        self.kind == RESPONSE && self.id == id
    }

    /// The completion code and the data, if they belong to this command: message IDs are the driver's own, a KCS interface
    /// does not transfer them.
    fn response(self, net_fn: NetFn, code: u8) -> Result<Vec<u8>, TransportError> {
        if (self.net_fn, self.code) != (net_fn as u8 | 1, code) {
            let (net_fn, code) = (self.net_fn, self.code);
            return Err(TransportError::Malformed(format!(
                "response to another command (network function {net_fn:#04x}, command {code:#04x})"
            )));
        }
        Ok(self.data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(kind: libc::c_int, id: libc::c_long, net_fn: u8, code: u8) -> Incoming {
        Incoming { kind, id, net_fn, code, data: vec![0] }
    }

    #[test]
    fn ioctls_are_the_kernels() {
        assert_eq!(nix::request_code_read!(b'i', 13, size_of::<Sent>()), 0x8028_690d);
        assert_eq!(nix::request_code_readwrite!(b'i', 11, size_of::<Received>()), 0xc030_690b);
        assert_eq!(size_of::<Address>(), 8);
    }

    #[test]
    fn responses_to_earlier_requests_and_events_are_ignored() {
        assert!(incoming(RESPONSE, 7, 0x07, 0x01).is_response_to(7));
        assert!(!incoming(RESPONSE, 6, 0x07, 0x01).is_response_to(7));
        assert!(!incoming(2, 7, 0x07, 0x01).is_response_to(7));
    }

    #[test]
    fn a_response_to_another_command_is_malformed() {
        assert_eq!(incoming(RESPONSE, 7, 0x07, 0x01).response(NetFn::App, 0x01).unwrap(), [0]);
        assert!(incoming(RESPONSE, 7, 0x07, 0x02).response(NetFn::App, 0x01).is_err());
        assert!(incoming(RESPONSE, 7, 0x06, 0x01).response(NetFn::App, 0x01).is_err());
    }

    #[test]
    fn a_machine_without_a_device_has_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Device::open_all(&Machine::at(folder.path())).unwrap().is_empty());
    }

    #[test]
    fn nodes_of_any_number_are_found_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::at(folder.path());
        std::fs::create_dir_all(folder.path().join("dev/ipmi")).unwrap();
        for name in ["ipmi10", "ipmi2", "ipmi", "ipmib", "ipmi/1"] {
            let path = folder.path().join("dev").join(name);
            if !path.exists() {
                std::fs::write(path, "").unwrap();
            }
        }
        assert_eq!(nodes(&machine, "/dev", "ipmi"), ["/dev/ipmi2", "/dev/ipmi10"]);
        assert_eq!(nodes(&machine, "/dev/ipmi", ""), ["/dev/ipmi/1"]);
        assert_eq!(Device::open_all(&machine).unwrap().len(), 2, "the other folder has the same devices");
    }

    #[test]
    fn a_file_that_is_no_device_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("dev")).unwrap();
        std::fs::write(folder.path().join("dev/ipmi0"), "").unwrap();
        let mut device = Device::open_all(&Machine::at(folder.path())).unwrap().remove(0);
        let result = device.exchange(NetFn::App, 0x01, &[], Duration::from_millis(10));
        assert!(matches!(result, Err(TransportError::Closed(_))), "{result:?}");
    }
}
