// SPDX-License-Identifier: MIT OR Apache-2.0
//! The target: what the profile says, downloaded into memory, verified, ready to be loaded.

mod download;
mod memory;
mod overlay;
mod plan;

use std::fs::File;
use std::os::fd::AsFd;

use anyhow::{Context, Result, bail};
use stage1_contract::InstalledArtifact;
use stage1_kexec::{Image, Loaded};

pub use download::Downloader;
pub use overlay::overlay;
pub use plan::{Fetch, Plan};

/// A target in memory. Every artifact in it had the digest that the profile names.
pub struct Target {
    kernel: File,
    initrd: Option<File>,
    append: String,
    artifacts: Vec<InstalledArtifact>,
}

/// A target that the running kernel holds.
pub struct Armed {
    /// Consume this to jump.
    pub loaded: Loaded,
    /// What was loaded.
    pub artifacts: Vec<InstalledArtifact>,
}

/// Downloads what the plan names and puts it together; `last` is one more initrd segment.
///
/// # Errors
/// What could not be had, or was not what the profile says.
pub fn fetch(downloader: &Downloader, plan: &Plan, last: &[u8]) -> Result<Target> {
    match plan {
        Plan::Kernel { kernel, initrds, append, .. } => {
            let (initrd, offsets, end) = memory::for_initrds(initrds)?;
            let kernel_file = memory::file("kernel")?;
            let pieces = [(kernel, &kernel_file, 0)].into_iter();
            let pieces =
                pieces.chain(initrds.iter().zip(offsets).map(|(artifact, at)| (artifact, &initrd, at)));
            let artifacts = downloader.fetch_all(&pieces.collect::<Vec<_>>())?;
            memory::append(&initrd, end, last)?;
            let append = append.clone();
            check_kernel(&memory::content(&kernel_file)?, &append)
                .with_context(|| format!("kernel {}", artifacts[0].url))?;
            Ok(Target { kernel: kernel_file, initrd: Some(initrd), append, artifacts })
        }
        Plan::Uki { uki, append, .. } => {
            let file = memory::file("uki")?;
            let artifacts = downloader.fetch_all(&[(uki, &file, 0)])?;
            let mut target = split(&memory::content(&file)?, append, last)
                .with_context(|| format!("unified kernel image {}", artifacts[0].url))?;
            target.artifacts = artifacts;
            Ok(target)
        }
    }
}

/// A target of files that are on the host, for `stage1 kexec`.
///
/// # Errors
/// Files that cannot be read, or are no kernel.
pub fn from_files(kernel: &str, initrds: &[String], append: &str) -> Result<Target> {
    let read = |path: &str| std::fs::read(path).with_context(|| format!("reading {path}"));
    let bytes = read(kernel)?;
    if let Ok(Image::Uki(_)) = Image::parse(&bytes) {
        let mut last = Vec::new();
        for path in initrds {
            memory::pad(&mut last);
            last.extend(read(path)?);
        }
        return split(&bytes, append, &last).with_context(|| kernel.to_string());
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
    /// Those of looking at the files in memory.
    pub fn text(&self) -> Result<String> {
        let size = |file: &File| file.metadata().map(|metadata| metadata.len());
        let initrd = self.initrd.as_ref().map(size).transpose()?.unwrap_or_default();
        Ok(format!(
            "kernel   {} bytes\ninitrd   {initrd} bytes\nappend   {}\n",
            size(&self.kernel)?,
            self.append
        ))
    }

    /// Hands the target to the running kernel.
    ///
    /// # Errors
    /// The kernel's reason.
    pub fn load(self) -> Result<Armed> {
        let initrd = self.initrd.as_ref().map(AsFd::as_fd);
        let loaded =
            stage1_kexec::load(self.kernel.as_fd(), initrd, &self.append).context("loading the target")?;
        Ok(Armed { loaded, artifacts: self.artifacts })
    }
}

fn check_kernel(bytes: &[u8], append: &str) -> Result<()> {
    match Image::parse(bytes)? {
        Image::BzImage { cmdline_size } if append.len() > cmdline_size as usize => {
            bail!("it takes a command line of {cmdline_size} bytes, the profile's has {}", append.len())
        }
        Image::BzImage { .. } => Ok(()),
        Image::Uki(_) => bail!("it is a unified kernel image: name it as uki in the profile"),
    }
}

fn split(bytes: &[u8], append: &str, last: &[u8]) -> Result<Target> {
    let Image::Uki(uki) = Image::parse(bytes)? else {
        bail!("it is a plain kernel: name it as kernel in the profile");
    };
    let append = if append.is_empty() { uki.cmdline.unwrap_or_default() } else { append };
    check_kernel(uki.kernel, append)?;
    let kernel = memory::file("kernel")?;
    memory::append(&kernel, 0, uki.kernel)?;
    let initrd = memory::file("initrd")?;
    let end = memory::append(&initrd, 0, uki.initrd.unwrap_or_default())?;
    memory::append(&initrd, end, last)?;
    Ok(Target { kernel, initrd: Some(initrd), append: append.to_string(), artifacts: Vec::new() })
}
