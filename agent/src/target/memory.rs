// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files in memory (memfd_create(2)) for `kexec_file_load(2)`.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::plan::Fetch;

/// Each archive of concatenated cpio archives begins at a multiple of four bytes
/// (Documentation/driver-api/early-userspace/buffer-format.rst).
const ALIGNMENT: u64 = 4;

/// An empty memfd; `name` is for messages and /proc.
pub(crate) fn file(name: &str) -> Result<File> {
    let fd = memfd_create(name, MFdFlags::MFD_CLOEXEC)
        .with_context(|| format!("creating a memfd for the {name}"))?;
    Ok(File::from(fd))
}

/// A memfd for the concatenated initrds after `first`, the offset of each, and the end of the last.
pub(crate) fn for_initrds(first: &[u8], initrds: &[Fetch]) -> Result<(File, Vec<u64>, u64)> {
    let file = file("initrd")?;
    let mut end = append(&file, 0, first)?;
    let mut offsets = Vec::new();
    for initrd in initrds {
        offsets.push(end);
        end = (end + initrd.size).next_multiple_of(ALIGNMENT);
    }
    Ok((file, offsets, end))
}

/// Writes an archive at `end`; returns the offset of the next one.
pub(crate) fn append(file: &File, end: u64, bytes: &[u8]) -> Result<u64> {
    file.write_all_at(bytes, end).context("writing to memory")?;
    let next = (end + bytes.len() as u64).next_multiple_of(ALIGNMENT);
    file.set_len(next).context("writing to memory")?;
    Ok(next)
}

/// Pads a buffer for the next archive.
pub(crate) fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT as usize), 0);
}

/// The whole content of a memfd.
pub(crate) fn content(mut file: &File) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).context("reading back from memory")?;
    Ok(bytes)
}
