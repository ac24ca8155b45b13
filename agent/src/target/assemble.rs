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
