// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two operations: load (`kexec_file_load(2)`), execute (`reboot(2)`).

#![allow(unsafe_code, reason = "system calls that nix does not have")]

use std::convert::Infallible;
use std::ffi::{CString, c_long, c_ulong};
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::reboot::{RebootMode, reboot};
use thiserror::Error;

/// `include/uapi/linux/kexec.h`.
const KEXEC_FILE_UNLOAD: c_ulong = 1;
const KEXEC_FILE_NO_INITRAMFS: c_ulong = 4;

/// include/uapi/asm-generic/unistd.h; the libc crate lacks it for musl on ARM.
#[cfg(target_arch = "aarch64")]
const KEXEC_FILE_LOAD: c_long = 294;
#[cfg(not(target_arch = "aarch64"))]
const KEXEC_FILE_LOAD: c_long = libc::SYS_kexec_file_load;

/// A target that is loaded into the running kernel and can be executed.
///
/// Dropping it unloads the target again.
#[derive(Debug)]
#[must_use = "a target that is dropped is unloaded again"]
pub struct Loaded {
    /// Whether the kernel holds it; not that of [`Loaded::nothing`].
    is_in_kernel: bool,
}

/// Why the running kernel did not load the target.
#[derive(Debug, Error)]
pub enum LoadError {
    /// `EPERM`.
    #[error(
        "not permitted: CAP_SYS_BOOT is missing, or the running kernel is locked down \
         (Secure Boot) and the target kernel is not signed with a trusted key, or kexec is disabled \
         (sysctl kernel.kexec_load_disabled)"
    )]
    NotPermitted,
    /// `ENOEXEC`.
    #[error("the running kernel does not recognise the target as a kernel of its architecture")]
    NotAKernel,
    /// `ENOMEM` or `EADDRNOTAVAIL`.
    #[error(
        "not enough memory: loading needs a contiguous area as large as the target, in addition to the target itself"
    )]
    NoMemory,
    /// `EBUSY`.
    #[error("another kexec load is in progress")]
    Busy,
    /// `ENOSYS`.
    #[error("the running kernel has no kexec_file_load (CONFIG_KEXEC_FILE)")]
    NotSupported,
    /// `EKEYREJECTED`, `ENOKEY`, `EBADMSG`, `ENODATA`, `ENOPKG`.
    #[error("the target kernel's signature is missing or not trusted ({0})")]
    Signature(Errno),
    /// `EINVAL`.
    #[error(
        "the running kernel refuses the target: its command line ({length} bytes) may be too long, or kernel or initrd do not fit into memory"
    )]
    Invalid {
        /// Length of the command line in bytes.
        length: usize,
    },
    /// The command line contains a NUL byte.
    #[error("the target's command line contains a NUL byte")]
    NulInCommandLine,
    /// Any other errno.
    #[error("kexec_file_load: {0}")]
    Other(Errno),
}

/// Why the target was not executed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ExecuteError {
    /// The running kernel refused.
    #[error("executing the target kernel: {0}")]
    Refused(Errno),
    /// The value is that of [`Loaded::nothing`].
    #[error("executing the target kernel: none is loaded")]
    NothingLoaded,
}

/// Loads a target. `kernel` and `initrd` are whole files, preferably memfds; the caller concatenates several initrds.
///
/// # Errors
/// [`LoadError`], one variant for each error of `kexec_file_load(2)`.
pub fn load(kernel: BorrowedFd, initrd: Option<BorrowedFd>, cmdline: &str) -> Result<Loaded, LoadError> {
    let cmdline = CString::new(cmdline).map_err(|_| LoadError::NulInCommandLine)?;
    let bytes = cmdline.as_bytes_with_nul();
    let (initrd, flags) = match initrd {
        Some(fd) => (fd.as_raw_fd(), 0),
        None => (-1, KEXEC_FILE_NO_INITRAMFS),
    };
    // SAFETY: both descriptors are open for the length of the call (borrowed), and the command
    // line is a NUL-terminated buffer of exactly the length given.
    let result = unsafe {
        libc::syscall(KEXEC_FILE_LOAD, kernel.as_raw_fd(), initrd, bytes.len(), bytes.as_ptr(), flags)
    };
    match Errno::result(result) {
        Ok(_) => Ok(Loaded { is_in_kernel: true }),
        Err(errno) => Err(LoadError::from_errno(errno, bytes.len())),
    }
}

impl Loaded {
    /// A value without a target, for a rehearsal of all that precedes the jump. It makes no system call: it cannot be
    /// executed, and dropping it does not unload a target that another process has loaded.
    pub fn nothing() -> Self {
        Self { is_in_kernel: false }
    }

    /// Executes the target; this ends the running system at once.
    ///
    /// # Errors
    /// [`ExecuteError`] if the kernel refuses, which also unloads the target, or if there is no target.
    pub fn execute(self) -> Result<Infallible, ExecuteError> {
        if !self.is_in_kernel {
            return Err(ExecuteError::NothingLoaded);
        }
        reboot(RebootMode::RB_KEXEC).map_err(ExecuteError::Refused)
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        if !self.is_in_kernel {
            return;
        }
        // SAFETY: with KEXEC_FILE_UNLOAD the kernel ignores all other arguments.
        let _ = unsafe { libc::syscall(KEXEC_FILE_LOAD, -1, -1, 0, 0, KEXEC_FILE_UNLOAD) };
    }
}

impl LoadError {
    fn from_errno(errno: Errno, length: usize) -> Self {
        match errno {
            Errno::EPERM | Errno::EACCES => Self::NotPermitted,
            Errno::ENOEXEC => Self::NotAKernel,
            Errno::ENOMEM | Errno::EADDRNOTAVAIL => Self::NoMemory,
            Errno::EBUSY => Self::Busy,
            Errno::ENOSYS => Self::NotSupported,
            Errno::EKEYREJECTED | Errno::ENOKEY | Errno::EBADMSG | Errno::ENODATA | Errno::ENOPKG => {
                Self::Signature(errno)
            }
            Errno::EINVAL => Self::Invalid { length },
            other => Self::Other(other),
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_types)]
mod tests {
    use super::*;

    #[test]
    fn each_errno_of_the_manual_page_has_its_own_message() {
        let text = |errno| LoadError::from_errno(errno, 10).to_string();
        assert!(text(Errno::EPERM).contains("locked down"));
        assert!(text(Errno::ENOEXEC).contains("does not recognise"));
        assert!(text(Errno::ENOMEM).contains("not enough memory"));
        assert!(text(Errno::EBUSY).contains("another kexec load"));
        assert!(text(Errno::ENOSYS).contains("CONFIG_KEXEC_FILE"));
        assert!(text(Errno::EKEYREJECTED).contains("signature"));
        assert!(text(Errno::EINVAL).contains("command line (10 bytes)"));
        assert_eq!(text(Errno::EIO), "kexec_file_load: EIO: I/O error");
    }

    #[test]
    fn a_value_without_a_target_is_never_executed() {
        let Err(error) = Loaded::nothing().execute();
        assert_eq!(error, ExecuteError::NothingLoaded);
    }

    #[test]
    fn a_nul_in_the_command_line_never_reaches_the_kernel() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let fd = std::os::fd::AsFd::as_fd(&file);
        assert!(matches!(load(fd, None, "a\0b"), Err(LoadError::NulInCommandLine)));
    }
}
