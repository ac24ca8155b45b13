// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host's BIOS chip with updatable firmware: a file of 4 MiB with OVMF's variables and code.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::paths::{Paths, UEFI_CODE, UEFI_VARIABLES, installed};
use crate::spec::BiosVersion;

/// Size of the chip in bytes.
pub(crate) const CHIP_BYTES: usize = 4 << 20;
/// Size of its first part, the variables, in bytes.
const VARIABLES_BYTES: usize = 0x84000;
/// A file next to the newer UEFI: Debian's version of it, which is also its version in SMBIOS.
const VERSION: &str = "version";

/// The content of a chip.
#[derive(Clone, Debug)]
pub struct Bios {
    /// The UEFI variables, as delivered.
    pub variables: Vec<u8>,
    /// The code, which an update replaces.
    pub code: Vec<u8>,
    /// Its version in SMBIOS type 0.
    pub version: String,
}

impl Bios {
    /// Reads a version of OVMF.
    ///
    /// # Errors
    /// Its files are missing, or have the wrong size.
    pub fn read(version: BiosVersion, paths: &Paths) -> Result<Bios> {
        let files: [PathBuf; 2] = match version {
            BiosVersion::Old => {
                [installed(UEFI_VARIABLES)?.to_path_buf(), installed(UEFI_CODE)?.to_path_buf()]
            }
            BiosVersion::New => [paths.newer_uefi(UEFI_VARIABLES)?, paths.newer_uefi(UEFI_CODE)?],
            BiosVersion::Capsule => {
                [paths.capsule_uefi("old/OVMF_VARS.fd")?, paths.capsule_uefi("old/OVMF_CODE.fd")?]
            }
        };
        let read = |path: &Path| fs::read(path).with_context(|| format!("reading {}", path.display()));
        let [variables, code] = files;
        let smbios_version = match version {
            BiosVersion::Old => "0.0.0".to_string(),
            BiosVersion::Capsule => "1.0.0".to_string(),
            BiosVersion::New => {
                String::from_utf8_lossy(&read(&paths.newer_uefi(VERSION)?)?).trim().to_string()
            }
        };
        let bios = Bios { variables: read(&variables)?, code: read(&code)?, version: smbios_version };
        let bytes = bios.variables.len() + bios.code.len();
        ensure!(
            bytes == CHIP_BYTES,
            "{} and its variables have {bytes} bytes, expected {CHIP_BYTES}",
            code.display()
        );
        Ok(bios)
    }

    /// Reads the code in a chip, without the variables, which every boot writes.
    pub(crate) fn code_in(chip: &Path) -> Result<Vec<u8>> {
        let mut bytes = fs::read(chip).with_context(|| format!("reading {}", chip.display()))?;
        ensure!(
            bytes.len() == CHIP_BYTES,
            "{} has {} bytes, expected {CHIP_BYTES}",
            chip.display(),
            bytes.len()
        );
        Ok(bytes.split_off(VARIABLES_BYTES))
    }

    /// Writes the whole chip.
    pub fn program(&self, chip: &Path) -> Result<()> {
        let bytes = [self.variables.as_slice(), &self.code].concat();
        fs::write(chip, bytes).with_context(|| format!("writing {}", chip.display()))
    }
}
