// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files that a rack uses, and the folder of its own files.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// UEFI's code and its variables' first state (package `ovmf`).
pub(crate) const UEFI_CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
/// See [`UEFI_CODE`].
pub(crate) const UEFI_VARIABLES: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";
/// iPXE for UEFI, on top of the firmware's network driver (package `ipxe`).
pub(crate) const IPXE_UEFI: &str = "/usr/lib/ipxe/snponly.efi";

/// Folders and programs of a checkout.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The output of `scripts/build`.
    pub dist: PathBuf,
    /// The folder with a folder for each rack.
    pub racks: PathBuf,
    /// The program of the inventory.
    pub inventory: PathBuf,
    /// The unpacked Debian package of `dist/vmlinuz`.
    pub(crate) kernel_package: PathBuf,
    /// The stub of unified kernel images, of Debian's unpacked package.
    pub(crate) uki_stub: PathBuf,
    /// The unpacked Debian package of a newer UEFI, from `scripts/rack/firmware/build`.
    pub(crate) newer_uefi: PathBuf,
    /// The UEFI that accepts capsules, from `scripts/rack/firmware/ovmf/build`.
    pub capsule_uefi: PathBuf,
}

impl Paths {
    /// The paths of the checkout that this program was built from, with the inventory in the folder of this program.
    ///
    /// # Errors
    /// The inventory is not built.
    pub fn of_checkout() -> Result<Paths> {
        let checkout =
            Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("finding the checkout")?;
        let program = env::current_exe().context("finding this program")?;
        // A test is one folder deeper than a program.
        let found = program.ancestors().skip(1).take(2).map(|folder| folder.join("stage1-inventory"));
        let inventory = found
            .into_iter()
            .find(|path| path.is_file())
            .context("stage1-inventory is missing: run cargo build -p stage1-inventory")?;
        Ok(Paths {
            dist: checkout.join("dist"),
            racks: checkout.join("target/rack"),
            inventory,
            kernel_package: checkout.join("target/debian/kernel"),
            uki_stub: checkout.join("target/debian/stub/usr/lib/systemd/boot/efi/linuxx64.efi.stub"),
            newer_uefi: checkout.join("target/debian/ovmf-newer"),
            capsule_uefi: checkout.join("target/ovmf-capsule"),
        })
    }

    /// A file in `dist/`.
    ///
    /// # Errors
    /// It is not built.
    pub fn built(&self, name: &str) -> Result<PathBuf> {
        let path = self.dist.join(name);
        ensure!(path.is_file(), "{} is missing: run scripts/build", path.display());
        Ok(path)
    }

    /// The newer UEFI's file that corresponds to the installed one.
    pub(crate) fn newer_uefi(&self, installed: &str) -> Result<PathBuf> {
        let path = self.newer_uefi.join(installed.trim_start_matches('/'));
        ensure!(path.is_file(), "{} is missing: run scripts/rack/firmware/build", path.display());
        Ok(path)
    }

    /// A file of the UEFI that accepts capsules.
    pub fn capsule_uefi(&self, name: &str) -> Result<PathBuf> {
        let path = self.capsule_uefi.join(name);
        ensure!(path.is_file(), "{} is missing: run scripts/rack/firmware/ovmf/build", path.display());
        Ok(path)
    }
}

/// A file of an installed Debian package.
pub fn installed(path: &str) -> Result<&Path> {
    let path = Path::new(path);
    ensure!(path.is_file(), "{} is missing: run scripts/setup", path.display());
    Ok(path)
}
