// SPDX-License-Identifier: MIT OR Apache-2.0
//! The BIOS chip that can be flashed: a file of 4 MiB with OVMF's variables and code.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::paths::{Paths, UEFI_CODE, UEFI_VARIABLES, installed};
use crate::spec::BiosVersion;

/// Bytes of the chip.
pub const CHIP_BYTES: usize = 4 << 20;
/// Bytes of its first part, the variables.
const VARIABLES_BYTES: usize = 0x84000;
/// Next to the newer UEFI: Debian's version of it, by which it calls itself.
const VERSION: &str = "version";

/// What is in a chip.
#[derive(Clone, Debug)]
pub struct Bios {
    /// The UEFI variables, as delivered.
    pub variables: Vec<u8>,
    /// The code: what an update brings.
    pub code: Vec<u8>,
    /// What it calls itself in SMBIOS.
    pub version: String,
}

impl Bios {
    /// That version of OVMF.
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
        let called = match version {
            BiosVersion::Old => "0.0.0".to_string(),
            BiosVersion::Capsule => "1.0.0".to_string(),
            BiosVersion::New => {
                String::from_utf8_lossy(&read(&paths.newer_uefi(VERSION)?)?).trim().to_string()
            }
        };
        let bios = Bios { variables: read(&variables)?, code: read(&code)?, version: called };
        let bytes = bios.variables.len() + bios.code.len();
        ensure!(bytes == CHIP_BYTES, "{} and its variables have {bytes} bytes", code.display());
        Ok(bios)
    }

    /// The code that is in a chip, without the variables, which every boot writes.
    pub fn code_in(chip: &Path) -> Result<Vec<u8>> {
        let mut bytes = fs::read(chip).with_context(|| format!("reading {}", chip.display()))?;
        ensure!(bytes.len() == CHIP_BYTES, "{} has {} bytes", chip.display(), bytes.len());
        Ok(bytes.split_off(VARIABLES_BYTES))
    }

    /// Writes all of the chip, as an external programmer would.
    pub fn program(&self, chip: &Path) -> Result<()> {
        let bytes = [self.variables.as_slice(), &self.code].concat();
        fs::write(chip, bytes).with_context(|| format!("writing {}", chip.display()))
    }
}
