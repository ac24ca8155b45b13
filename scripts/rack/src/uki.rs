// SPDX-License-Identifier: MIT OR Apache-2.0
//! A unified kernel image of the target, with systemd's stub, as `ukify` builds it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::process::{command, explain, output};

/// Where the image's own sections begin, above those of the stub, and the distance from each to the next.
const FIRST: u64 = 0x1000_0000;
const DISTANCE: u64 = 0x1000_0000;

/// Writes the image to `to`, with objcopy.
pub(crate) fn build(stub: &Path, kernel: &Path, initrd: &Path, cmdline: &str, to: &Path) -> Result<()> {
    let text = to.with_extension("cmdline");
    fs::write(&text, cmdline).with_context(|| format!("writing {}", text.display()))?;
    let mut objcopy = command("objcopy");
    let mut address = FIRST;
    for (name, file) in [(".cmdline", text.as_path()), (".initrd", initrd), (".linux", kernel)] {
        objcopy.arg("--add-section").arg(format!("{name}={}", file.display()));
        objcopy.arg("--change-section-vma").arg(format!("{name}={address:#x}"));
        address += DISTANCE;
    }
    objcopy.arg(stub).arg(to);
    let output = output(&mut objcopy).map_err(|error| explain("objcopy", error))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "building {}: {}", to.display(), errors.trim_end());
    Ok(())
}
