// SPDX-License-Identifier: MIT OR Apache-2.0
//! The image of a component, in memory that nobody can change after its digest was checked.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::display::hex;
use anyhow::{Context, Result, ensure};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use ring::digest::{self, SHA256};

/// Pages that are being written: memfd_create(2).
pub(super) struct Unsealed(File);

/// A sealed image. Its path is a link to this descriptor, so it can be read for as long as this value lives.
pub(super) struct Image {
    path: PathBuf,
    file: File,
}

impl Unsealed {
    /// An empty image.
    ///
    /// # Errors
    /// Those of memfd_create(2).
    pub(super) fn new() -> Result<Self> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let memory = memfd_create(c"firmware", flags).context("creating a file in memory")?;
        Ok(Self(memory.into()))
    }

    /// An image of these bytes.
    ///
    /// # Errors
    /// Those of memfd_create(2), and of writing to it: no memory.
    pub(super) fn of(bytes: &[u8]) -> Result<Self> {
        let mut image = Self::new()?;
        image.0.write_all(bytes).context("writing to a file in memory")?;
        Ok(image)
    }

    /// To write to.
    pub(super) fn file(&self) -> &File {
        &self.0
    }

    /// Seals it, then checks the digest of what was sealed, and names it `path`.
    ///
    /// # Errors
    /// If it is not what the digest is of, or cannot be sealed or named.
    pub(super) fn seal(mut self, path: &Path, sha256: &str) -> Result<Image> {
        let seals =
            SealFlag::F_SEAL_SEAL | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE;
        fcntl(&self.0, FcntlArg::F_ADD_SEALS(seals)).context("sealing the image")?;
        let found = self.digest().context("reading the sealed image")?;
        ensure!(
            found.eq_ignore_ascii_case(sha256),
            "the image in memory has the digest {found} in place of {sha256}"
        );
        let target = format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd());
        let naming = || format!("naming the image {}", path.display());
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).with_context(naming),
            _ => symlink(target, path).with_context(naming)?,
        }
        Ok(Image { path: path.to_path_buf(), file: self.0 })
    }

    fn digest(&mut self) -> io::Result<String> {
        let (mut context, mut buffer) = (digest::Context::new(&SHA256), vec![0; 1 << 16]);
        self.0.rewind()?;
        loop {
            match self.0.read(&mut buffer)? {
                0 => return Ok(hex(context.finish().as_ref())),
                length => context.update(buffer.get(..length).unwrap_or_default()),
            }
        }
    }
}

impl Image {
    /// Keeps it for as long as this process lives: somebody may still have to read it.
    pub(super) fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // The name may be that of a later image.
        let own = format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd());
        if fs::read_link(&self.path).is_ok_and(|target| target == Path::new(&own)) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn what_was_verified_cannot_be_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("eth0.bin");
        let image = Unsealed::of(b"abc").unwrap();
        let mut writer = image.file().try_clone().unwrap();
        let image = image.seal(&path, SHA256_OF_ABC).unwrap();
        assert!(writer.write_all(b"x").is_err() && writer.set_len(0).is_err());
        assert!(File::create(&path).is_err(), "a second agent would truncate it");
        assert_eq!(fs::read(&path).unwrap(), b"abc");
        drop(image);
        assert!(!path.exists() && fs::read_link(&path).is_err());
    }

    #[test]
    fn another_image_is_refused_and_a_later_one_keeps_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("eth0.bin");
        let error = Unsealed::of(b"abd").unwrap().seal(&path, SHA256_OF_ABC).err().unwrap();
        assert!(error.to_string().starts_with("the image in memory has the digest a52d"), "{error}");
        assert!(fs::read_link(&path).is_err());
        let first = Unsealed::of(b"abc").unwrap().seal(&path, SHA256_OF_ABC).unwrap();
        let _second = Unsealed::of(b"abc").unwrap().seal(&path, SHA256_OF_ABC).unwrap();
        drop(first);
        assert_eq!(fs::read(&path).unwrap(), b"abc");
    }
}
