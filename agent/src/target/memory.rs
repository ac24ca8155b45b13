// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files in memory (memfd_create(2)) for what `kexec_file_load` takes.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::plan::Fetch;

/// The kernel finds the next segment of an initrd at a multiple of four bytes
/// (Documentation/driver-api/early-userspace/buffer-format.rst).
const ALIGNMENT: u64 = 4;

/// An empty file in memory.
pub fn file(name: &str) -> Result<File> {
    let fd =
        memfd_create(name, MFdFlags::MFD_CLOEXEC).with_context(|| format!("making memory for the {name}"))?;
    Ok(File::from(fd))
}

/// A file with room for the initrds one after the other: where each begins, and where the last ends.
pub fn for_initrds(initrds: &[Fetch]) -> Result<(File, Vec<u64>, u64)> {
    let mut end: u64 = 0;
    let mut offsets = Vec::new();
    for initrd in initrds {
        offsets.push(end);
        end = (end + initrd.size).next_multiple_of(ALIGNMENT);
    }
    Ok((file("initrd")?, offsets, end))
}

/// Writes a segment at `end`; returns where the next one goes.
pub fn append(file: &File, end: u64, bytes: &[u8]) -> Result<u64> {
    file.write_all_at(bytes, end).context("writing into memory")?;
    let next = (end + bytes.len() as u64).next_multiple_of(ALIGNMENT);
    file.set_len(next).context("writing into memory")?;
    Ok(next)
}

/// Pads a segment in a buffer.
pub fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT as usize), 0);
}

/// The whole content.
pub fn content(mut file: &File) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).context("reading back from memory")?;
    Ok(bytes)
}
