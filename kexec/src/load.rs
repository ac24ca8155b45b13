// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two acts: load (`kexec_file_load(2)`), execute (`reboot(2)`).

use std::convert::Infallible;
use std::ffi::{CString, c_ulong};
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::reboot::{RebootMode, reboot};
use thiserror::Error;

/// `include/uapi/linux/kexec.h`.
const KEXEC_FILE_UNLOAD: c_ulong = 1;
const KEXEC_FILE_NO_INITRAMFS: c_ulong = 4;

/// A target kernel that the running kernel holds, ready to be jumped into.
///
/// Dropping it unloads the target again.
#[derive(Debug)]
#[must_use = "a target that is dropped is unloaded again"]
pub struct Loaded(());

/// Why the running kernel did not take the target.
#[derive(Debug, Error)]
pub enum LoadError {
    /// `EPERM`.
    #[error(
        "the kernel does not permit it: CAP_SYS_BOOT is missing, or the kernel is locked down \
         (Secure Boot) and the target kernel is not signed by a key it trusts, or kexec is turned off \
         (sysctl kernel.kexec_load_disabled)"
    )]
    NotPermitted,
    /// `ENOEXEC`.
    #[error("the kernel does not recognise the target as a kernel of its own architecture")]
    NotAKernel,
    /// `ENOMEM` or `EADDRNOTAVAIL`.
    #[error(
        "not enough memory in one piece for the target: it needs its own size once more while it is loaded"
    )]
    NoMemory,
    /// `EBUSY`.
    #[error("another kexec load is under way")]
    Busy,
    /// `ENOSYS`.
    #[error("the running kernel has no kexec_file_load (CONFIG_KEXEC_FILE)")]
    NotSupported,
    /// `EKEYREJECTED`, `ENOKEY`, `EBADMSG`, `ENODATA`, `ENOPKG`.
    #[error("the target kernel's signature is missing or not trusted ({0})")]
    Signature(Errno),
    /// `EINVAL`.
    #[error(
        "the kernel refuses the target: {length} bytes of command line, an initrd in a wrong place, or a kernel it cannot place"
    )]
    Invalid {
        /// Length of the command line in bytes.
        length: usize,
    },
    /// The command line holds a NUL byte.
    #[error("the target's command line holds a NUL byte")]
    NulInCommandLine,
    /// Any other errno.
    #[error("kexec_file_load: {0}")]
    Other(Errno),
}

/// Why the jump did not happen.
#[derive(Debug, Error)]
#[error("jumping into the target kernel: {0}")]
pub struct ExecuteError(Errno);

/// Loads a target. `kernel` and `initrd` are whole files, best memfds; several initrds are
/// concatenated by the caller.
///
/// # Errors
/// [`LoadError`], one variant for each reason the kernel gives.
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
        libc::syscall(
            libc::SYS_kexec_file_load,
            kernel.as_raw_fd(),
            initrd,
            bytes.len(),
            bytes.as_ptr(),
            flags,
        )
    };
    match Errno::result(result) {
        Ok(_) => Ok(Loaded(())),
        Err(errno) => Err(LoadError::from_errno(errno, bytes.len())),
    }
}

impl Loaded {
    /// Jumps into the target. Nothing of the running system goes on.
    ///
    /// # Errors
    /// [`ExecuteError`] where the kernel refuses; the target is unloaded then.
    pub fn execute(self) -> Result<Infallible, ExecuteError> {
        reboot(RebootMode::RB_KEXEC).map_err(ExecuteError)
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // SAFETY: with KEXEC_FILE_UNLOAD the kernel looks at no other argument.
        let _ = unsafe { libc::syscall(libc::SYS_kexec_file_load, -1, -1, 0, 0, KEXEC_FILE_UNLOAD) };
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
mod tests {
    use super::*;

    #[test]
    fn each_errno_of_the_manual_has_words_of_its_own() {
        let words = |errno| LoadError::from_errno(errno, 10).to_string();
        assert!(words(Errno::EPERM).contains("locked down"));
        assert!(words(Errno::ENOEXEC).contains("does not recognise"));
        assert!(words(Errno::ENOMEM).contains("not enough memory"));
        assert!(words(Errno::EBUSY).contains("another kexec load"));
        assert!(words(Errno::ENOSYS).contains("CONFIG_KEXEC_FILE"));
        assert!(words(Errno::EKEYREJECTED).contains("signature"));
        assert!(words(Errno::EINVAL).contains("10 bytes of command line"));
        assert_eq!(words(Errno::EIO), "kexec_file_load: EIO: I/O error");
    }

    #[test]
    fn a_nul_in_the_command_line_never_reaches_the_kernel() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let fd = std::os::fd::AsFd::as_fd(&file);
        assert!(matches!(load(fd, None, "a\0b"), Err(LoadError::NulInCommandLine)));
    }
}
