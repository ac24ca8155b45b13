// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's own copy of the open attempts: a UEFI variable (Documentation/filesystems/efivarfs.rst). The journal of
//! the inventory is authoritative; this copy is for an inventory that has lost it. Finished attempts are not kept here,
//! so that an operator can delete them in the inventory.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]
#![allow(unsafe_code, reason = "system calls that nix does not have")]

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::libc::c_int;
use stage1_contract::VERSION;
use stage1_contract::firmware::Journal;

use crate::host::Machine;
use crate::json;

const FOLDER: &str = "/sys/firmware/efi/efivars";
const VARIABLE: &str = "/sys/firmware/efi/efivars/Stage1Firmware-8b2f3d8e-7a0c-4a52-9d53-6c1f1a9b7e40";
/// Non-volatile, for boot services and at runtime (UEFI 8.2).
const ATTRIBUTES: [u8; 4] = 7_u32.to_le_bytes();
/// In bytes. NVRAM is small, and normally fewer attempts are open at once than fit.
const LARGEST: usize = 2048;
/// `FS_IMMUTABLE_FL` of linux/fs.h: efivarfs sets it to protect variables from accidental deletion.
const IMMUTABLE: c_int = 0x10;

// The kernel's argument is an int, although the number of the request encodes the size of a long (fs/ioctl.c).
nix::ioctl_read!(read_flags, b'f', 1, nix::libc::c_long);
nix::ioctl_write_ptr!(write_flags, b'f', 2, nix::libc::c_long);

/// The open attempts; none if the variable does not exist or is malformed.
pub(super) fn read(machine: &Machine) -> Journal {
    let none = Journal { version: VERSION, attempts: Vec::new() };
    let Ok(bytes) = machine.read(VARIABLE) else { return none };
    let content = bytes.get(ATTRIBUTES.len()..).unwrap_or_default();
    serde_json::from_slice(content).unwrap_or_else(|error| {
        log::warn!("ignoring a malformed {VARIABLE}: {error}");
        none
    })
}

/// Stores the open attempts of `journal`. Does nothing on a machine without UEFI variables.
///
/// # Errors
/// If the firmware refuses to store them.
pub(super) fn write(machine: &Machine, journal: &Journal) -> Result<()> {
    let path = machine.path(VARIABLE);
    if !machine.path(FOLDER).is_dir() {
        return Ok(());
    }
    let mut open = Journal { version: VERSION, attempts: journal.attempts.clone() };
    open.attempts.retain(|attempt| attempt.outcome.is_none());
    while json::compact(&open).len() > LARGEST {
        open.attempts.remove(0);
    }
    if open == read(machine) {
        return Ok(());
    }
    if open.attempts.is_empty() { remove(&path) } else { replace(&path, &json::compact(&open)) }
        .with_context(|| format!("writing {}", path.display()))
}

fn replace(path: &Path, content: &[u8]) -> Result<()> {
    unprotect(path)?;
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    // efivarfs takes the whole variable in one write.
    Ok(file.write_all(&[&ATTRIBUTES, content].concat())?)
}

fn remove(path: &Path) -> Result<()> {
    unprotect(path)?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn unprotect(path: &Path) -> Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut flags = 0;
    // SAFETY: the kernel writes an int into a long.
    match unsafe { read_flags(file.as_raw_fd(), &raw mut flags) } {
        // A filesystem without flags has no protection to remove.
        Err(Errno::ENOTTY) => return Ok(()),
        flags => flags.context("reading its inode flags")?,
    };
    if flags & i64::from(IMMUTABLE) != 0 {
        let flags = flags & !i64::from(IMMUTABLE);
        // SAFETY: the kernel reads an int from a long.
        unsafe { write_flags(file.as_raw_fd(), &raw const flags) }.context("clearing its immutable flag")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::fixture::Tree;
    use stage1_contract::firmware::{Attempt, AttemptOutcome, Phase};

    fn attempt(device: &str, outcome: Option<AttemptOutcome>) -> Attempt {
        Attempt {
            entry: "nic".to_string(),
            device: device.to_string(),
            version: "1.2.3".to_string(),
            from: "1.2.2".to_string(),
            boot_id: "1".to_string(),
            time: 0,
            phase: Phase::Armed,
            outcome,
            detail: None,
        }
    }

    #[test]
    fn open_attempts_are_stored_and_finished_ones_are_not() {
        let none = Tree::new([("/etc/hostname", "a")]).machine();
        let mut journal = Journal { version: VERSION, attempts: vec![attempt("board", None)] };
        write(&none, &journal).unwrap();
        assert_eq!(read(&none).attempts, []);

        let tree = Tree::new([("/sys/firmware/efi/efivars/Other-1", "\x07\0\0\0x")]);
        let machine = tree.machine();
        // A shorter content replaces a longer one completely.
        journal.attempts.push(attempt("serial/SN1", Some(AttemptOutcome::Failed)));
        write(&machine, &journal).unwrap();
        assert_eq!(read(&machine).attempts, [attempt("board", None)]);
        assert_eq!(machine.read(VARIABLE).unwrap()[..4], ATTRIBUTES);

        journal.attempts[0].outcome = Some(AttemptOutcome::Confirmed);
        write(&machine, &journal).unwrap();
        assert!(!machine.has(VARIABLE));
        journal.attempts.extend((0..40).map(|number| attempt(&format!("serial/SN{number}"), None)));
        write(&machine, &journal).unwrap();
        let kept = read(&machine).attempts;
        assert!(kept.len() > 4 && kept.last() == journal.attempts.last(), "{}", kept.len());
    }
}
