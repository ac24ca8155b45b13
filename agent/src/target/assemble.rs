// SPDX-License-Identifier: MIT OR Apache-2.0
//! A target, put together from the profile's files or from files of the host.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use super::plan::one_line;
use super::{Downloader, Overlay, Plan, memory};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

use anyhow::{Context, Result, bail};
use stage1_contract::InstalledArtifact;
use stage1_kexec::{Image, LoadError, Loaded};

use crate::display::size;

/// A target in memory. Every downloaded artifact has the digest that the profile states.
pub struct Target {
    kernel: File,
    initrd: Option<File>,
    append: String,
    artifacts: Vec<InstalledArtifact>,
}

/// A target that is loaded into the running kernel.
pub struct Armed {
    /// Executing it consumes it.
    pub loaded: Loaded,
    /// What was loaded.
    pub artifacts: Vec<InstalledArtifact>,
}

/// How a kernel, an initrd and a command line are loaded: [`stage1_kexec::load`], or for a rehearsal a function that loads
/// nothing and returns [`Loaded::nothing`].
pub type Loader = fn(BorrowedFd, Option<BorrowedFd>, &str) -> Result<Loaded, LoadError>;

/// Downloads the plan's files and assembles the target, with `overlay` around the profile's initrds.
///
/// # Errors
/// A file that cannot be downloaded, or does not match the profile.
pub fn fetch(downloader: Downloader, plan: &Plan, overlay: &Overlay) -> Result<Target> {
    match plan {
        Plan::Kernel { kernel, initrds, append, .. } => {
            let (initrd, offsets, end) = memory::for_initrds(&overlay.directories, initrds)?;
            let kernel_file = memory::file("kernel")?;
            let pieces = [(kernel, &kernel_file, 0)].into_iter();
            let pieces =
                pieces.chain(initrds.iter().zip(offsets).map(|(artifact, at)| (artifact, &initrd, at)));
            let artifacts = downloader.fetch_all(&pieces.collect::<Vec<_>>())?;
            memory::append(&initrd, end, &overlay.files)?;
            let append = append.clone();
            check_kernel(&memory::content(&kernel_file)?, &append)
                .with_context(|| format!("kernel {}", artifacts[0].url))?;
            Ok(Target { kernel: kernel_file, initrd: Some(initrd), append, artifacts })
        }
        Plan::Uki { uki, append, .. } => {
            let file = memory::file("uki")?;
            let artifacts = downloader.fetch_all(&[(uki, &file, 0)])?;
            let mut target = split(&memory::content(&file)?, append, overlay)
                .with_context(|| format!("unified kernel image {}", artifacts[0].url))?;
            target.artifacts = artifacts;
            Ok(target)
        }
    }
}

/// A target of files that are on the host, for `stage1 kexec`.
///
/// # Errors
/// A file that cannot be read, or is not a kernel.
pub fn from_files(kernel: &str, initrds: &[String], append: &str) -> Result<Target> {
    let read = |path: &str| std::fs::read(path).with_context(|| format!("reading {path}"));
    let append = one_line(append)?;
    let bytes = read(kernel)?;
    if let Ok(Image::Uki(_)) = Image::parse(&bytes) {
        let mut overlay = Overlay::default();
        for path in initrds {
            memory::pad(&mut overlay.files);
            overlay.files.extend(read(path)?);
        }
        return split(&bytes, append, &overlay).with_context(|| kernel.to_string());
    }
    check_kernel(&bytes, append).with_context(|| kernel.to_string())?;
    let file = memory::file("kernel")?;
    memory::append(&file, 0, &bytes)?;
    let initrd = memory::file("initrd")?;
    let mut end = 0;
    for path in initrds {
        end = memory::append(&initrd, end, &read(path)?)?;
    }
    let initrd = (!initrds.is_empty()).then_some(initrd);
    Ok(Target { kernel: file, initrd, append: append.to_string(), artifacts: Vec::new() })
}

impl Target {
    /// The target for people.
    ///
    /// # Errors
    /// Those of fstat.
    pub fn text(&self) -> Result<String> {
        let length = |file: &File| file.metadata().map(|metadata| metadata.len());
        let kernel = length(&self.kernel)?;
        let initrd = self.initrd.as_ref().map(length).transpose()?.unwrap_or_default();
        Ok(format!("kernel   {}\ninitrd   {}\nappend   {}\n", size(kernel), size(initrd), self.append))
    }

    /// Loads the target into the running kernel, by `loader`.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(self, loader: Loader) -> Result<Armed> {
        let initrd = self.initrd.as_ref().map(AsFd::as_fd);
        let loaded = loader(self.kernel.as_fd(), initrd, &self.append).context("loading the target")?;
        Ok(Armed { loaded, artifacts: self.artifacts })
    }
}

fn check_kernel(bytes: &[u8], append: &str) -> Result<()> {
    match Image::parse(bytes)? {
        Image::BzImage { longest_command_line } => check_command_line(append, longest_command_line),
        Image::Uki(_) => bail!("is a unified kernel image: name it as uki in the profile, not as kernel"),
    }
}

/// Refuses a command line that the kernel does not accept.
pub(crate) fn check_command_line(append: &str, longest: u32) -> Result<()> {
    if append.len() > longest as usize {
        bail!("command line too long: {} bytes, this kernel accepts {longest}", append.len());
    }
    Ok(())
}

/// Takes a unified kernel image apart, since `kexec_file_load` takes a kernel and an initrd.
fn split(bytes: &[u8], append: &str, overlay: &Overlay) -> Result<Target> {
    let Image::Uki(uki) = Image::parse(bytes)? else {
        bail!("is not a unified kernel image: name it as kernel in the profile, not as uki");
    };
    let append = if append.is_empty() { uki.cmdline.unwrap_or_default() } else { append };
    check_command_line(append, uki.longest_command_line)?;
    let kernel = memory::file("kernel")?;
    memory::append(&kernel, 0, uki.kernel)?;
    let initrd = memory::file("initrd")?;
    // Microcode comes first: the kernel looks for it before it unpacks anything.
    let initrds = [uki.microcode, Some(&overlay.directories), uki.initrd, Some(&overlay.files)];
    let mut end = 0;
    for bytes in initrds.into_iter().flatten() {
        end = memory::append(&initrd, end, bytes)?;
    }
    Ok(Target { kernel, initrd: Some(initrd), append: append.to_string(), artifacts: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bzImage of setup code only.
    fn kernel() -> Vec<u8> {
        let mut file = vec![0; 5 * 512];
        file[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
        file[0x202..0x206].copy_from_slice(b"HdrS");
        file[0x206..0x208].copy_from_slice(&0x020f_u16.to_le_bytes());
        file[0x211] = 1;
        file[0x236] = 3;
        file[0x238..0x23c].copy_from_slice(&2047_u32.to_le_bytes());
        file
    }

    /// A PE32+ file with these sections.
    fn uki(sections: &[(&str, &[u8])]) -> Vec<u8> {
        let mut file = vec![0; 0x148 + 40 * sections.len()];
        file[..2].copy_from_slice(b"MZ");
        file[0x3c] = 0x40;
        file[0x40..0x46].copy_from_slice(b"PE\0\0\x64\x86");
        file[0x46] = sections.len() as u8;
        file[0x54] = 240;
        file[0x58..0x5a].copy_from_slice(&[0x0b, 2]);
        file[0xc4] = 16;
        for (i, (name, data)) in sections.iter().enumerate() {
            let (at, start, length) = (0x148 + 40 * i, file.len() as u32, data.len() as u32);
            file[at..at + name.len()].copy_from_slice(name.as_bytes());
            for (field, value) in [(8, length), (16, length), (20, start)] {
                file[at + field..at + field + 4].copy_from_slice(&value.to_le_bytes());
            }
            file.extend_from_slice(data);
        }
        file
    }

    #[test]
    fn a_ukis_microcode_comes_first_and_the_overlay_is_around_its_initrd() {
        let kernel = kernel();
        let sections: [(&str, &[u8]); 4] =
            [(".initrd", b"initrd"), (".ucode", b"microcode"), (".cmdline", b"quiet"), (".linux", &kernel)];
        let overlay = Overlay { directories: b"directories".to_vec(), files: b"files".to_vec() };
        let target = split(&uki(&sections), "", &overlay).unwrap();
        assert_eq!(memory::content(&target.kernel).unwrap(), kernel);
        let initrd = memory::content(target.initrd.as_ref().unwrap()).unwrap();
        assert_eq!(initrd, b"microcode\0\0\0directories\0initrd\0\0files\0\0\0");
        assert_eq!(target.append, "quiet");
        let words = |append: &str| format!("{:#}", split(&uki(&sections), append, &overlay).err().unwrap());
        assert!(words(&"a".repeat(2017)).contains("2017 bytes, this kernel accepts 2016"));
        assert!(split(&uki(&sections), &"a".repeat(2016), &overlay).is_ok());
    }
}
