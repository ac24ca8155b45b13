// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands to NVMe controllers and SCSI disks. All of them only read.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]
#![allow(unsafe_code, reason = "system calls that nix does not have")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;

/// Identify (NVMe 1.4 5.15).
pub(super) const IDENTIFY: u8 = 0x06;
/// Get Log Page (NVMe 1.4 5.14).
pub(super) const GET_LOG_PAGE: u8 = 0x02;

/// How much sense data is kept; the descriptor format with an ATA descriptor has 22 bytes.
const SENSE_LENGTH: u8 = 32;

/// `struct nvme_admin_cmd`, include/uapi/linux/nvme_ioctl.h.
#[repr(C)]
#[derive(Default)]
struct NvmeAdminCommand {
    opcode: u8,
    flags: u8,
    reserved: u16,
    nsid: u32,
    cdw2: u32,
    cdw3: u32,
    metadata: u64,
    addr: u64,
    metadata_len: u32,
    data_len: u32,
    cdw10: u32,
    cdw11: u32,
    cdw12: u32,
    cdw13: u32,
    cdw14: u32,
    cdw15: u32,
    timeout_ms: u32,
    result: u32,
}

/// `sg_io_hdr_t`, include/scsi/sg.h.
#[repr(C)]
struct SgIoHeader {
    interface_id: libc::c_int,
    dxfer_direction: libc::c_int,
    cmd_len: u8,
    mx_sb_len: u8,
    iovec_count: u16,
    dxfer_len: u32,
    dxferp: *mut u8,
    cmdp: *const u8,
    sbp: *mut u8,
    timeout: u32,
    flags: u32,
    pack_id: libc::c_int,
    usr_ptr: *mut u8,
    status: u8,
    masked_status: u8,
    msg_status: u8,
    sb_len_wr: u8,
    host_status: u16,
    driver_status: u16,
    resid: libc::c_int,
    duration: u32,
    info: u32,
}

const SG_DXFER_NONE: libc::c_int = -1;
const SG_DXFER_FROM_DEV: libc::c_int = -3;

nix::ioctl_readwrite!(nvme_ioctl_admin_cmd, b'N', 0x41, NvmeAdminCommand);
nix::ioctl_readwrite_bad!(sg_io, 0x2285, SgIoHeader);

/// The result of a SCSI command.
pub(super) struct ScsiAnswer {
    /// The data that came back, which can be less than was asked for.
    pub data: Vec<u8>,
    /// The sense data.
    pub sense: Vec<u8>,
    /// The SCSI status: 0 good, 2 check condition.
    pub status: u8,
}

/// The `length` bytes that an NVMe controller answers to an admin command that reads.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] where the controller does not know the command or the page.
pub(super) fn nvme(
    controller: &Path,
    opcode: u8,
    nsid: u32,
    cdw10: u32,
    length: usize,
    timeout: Duration,
) -> io::Result<Vec<u8>> {
    let file = File::open(controller)?;
    let mut data = vec![0_u8; length];
    let mut command = NvmeAdminCommand {
        opcode,
        nsid,
        addr: data.as_mut_ptr() as u64,
        data_len: length as u32,
        cdw10,
        timeout_ms: timeout.as_millis() as u32,
        ..NvmeAdminCommand::default()
    };
    // SAFETY: the command is laid out as the kernel has it; `addr` and `data_len` are those of `data`, which lives on.
    let status = unsafe { nvme_ioctl_admin_cmd(file.as_raw_fd(), &raw mut command) }?;
    // Figure 126 without Do Not Retry and More: Invalid Command Opcode, Invalid Field in Command; figure 128: Invalid
    // Log Page.
    match status & 0x7ff {
        0 => Ok(data),
        0x001 | 0x002 | 0x109 => Err(io::ErrorKind::Unsupported.into()),
        status => Err(io::Error::other(format!("the controller returned status {status:#05x}"))),
    }
}

/// What a SCSI disk answers to a command that reads `length` bytes, or none.
///
/// # Errors
/// Those of the transport. An error of the disk itself is in the answer's status and sense data.
pub(super) fn scsi(
    disk: &Path,
    command: &[u8; 16],
    length: usize,
    timeout: Duration,
) -> io::Result<ScsiAnswer> {
    // Without O_NONBLOCK a drive that has no medium cannot be opened.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(disk)?;
    let mut data = vec![0_u8; length];
    let mut sense = vec![0_u8; usize::from(SENSE_LENGTH)];
    let mut header = SgIoHeader {
        interface_id: libc::c_int::from(b'S'),
        dxfer_direction: if length == 0 { SG_DXFER_NONE } else { SG_DXFER_FROM_DEV },
        cmd_len: command.len() as u8,
        mx_sb_len: SENSE_LENGTH,
        iovec_count: 0,
        dxfer_len: length as u32,
        dxferp: data.as_mut_ptr(),
        cmdp: command.as_ptr(),
        sbp: sense.as_mut_ptr(),
        timeout: timeout.as_millis() as u32,
        flags: 0,
        pack_id: 0,
        usr_ptr: std::ptr::null_mut(),
        status: 0,
        masked_status: 0,
        msg_status: 0,
        sb_len_wr: 0,
        host_status: 0,
        driver_status: 0,
        resid: 0,
        duration: 0,
        info: 0,
    };
    // SAFETY: the header is laid out as the kernel has it; its pointers and lengths are those of `data`, `command` and
    // `sense`, which live on.
    unsafe { sg_io(file.as_raw_fd(), &raw mut header) }?;
    // DID_NO_CONNECT, DID_BUS_BUSY, DID_TIME_OUT and so on, include/scsi/scsi_status.h.
    match header.host_status {
        0 => {}
        3 => return Err(Errno::ETIMEDOUT.into()),
        status => return Err(io::Error::other(format!("the SCSI host answers with status {status:#04x}"))),
    }
    data.truncate(length.saturating_sub(usize::try_from(header.resid).unwrap_or_default()));
    sense.truncate(usize::from(header.sb_len_wr));
    Ok(ScsiAnswer { data, sense, status: header.status })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_as_long_as_the_kernels() {
        assert_eq!(size_of::<NvmeAdminCommand>(), 72);
        assert_eq!(size_of::<SgIoHeader>(), 88);
    }
}
