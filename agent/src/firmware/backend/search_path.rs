// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the kernel searches for the firmware files that drivers request
//! (Documentation/driver-api/firmware/fw_search_path.rst).

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::host::Machine;

const PATH: &str = "/sys/module/firmware_class/parameters/path";
/// The size of the kernel's variable in bytes, with the NUL at its end.
const LONGEST: usize = 256;

/// As long as this value lives, the kernel searches the folder of one file first.
pub(super) struct SearchPath {
    machine: Machine,
    before: String,
    file: String,
}

impl SearchPath {
    /// Sets the search path to the folder of `image`, an absolute path.
    ///
    /// # Errors
    /// If the kernel cannot represent the path, or does not accept it.
    pub fn leading_to(machine: &Machine, image: &Path) -> Result<Self> {
        let found = || {
            let folder = image.parent()?.to_str().filter(|folder| folder.starts_with('/'))?;
            Some((folder, image.file_name()?.to_str()?.to_string()))
        };
        let (folder, file) =
            found().with_context(|| format!("{} is not an absolute path", image.display()))?;
        ensure!(
            folder.len() < LONGEST && !folder.contains('\n'),
            "the kernel cannot use {folder} as its firmware search path: too long, or with a line break"
        );
        let before = machine.attribute(PATH).unwrap_or_default();
        let path = Self { machine: machine.clone(), before, file };
        path.set(folder)?;
        Ok(path)
    }

    /// The name of the file in that folder.
    pub fn file(&self) -> &str {
        &self.file
    }

    fn set(&self, folder: &str) -> Result<()> {
        // A write of zero bytes does not reach the kernel.
        let written = if folder.is_empty() { "\0" } else { folder };
        fs::write(self.machine.path(PATH), written)
            .with_context(|| format!("setting the firmware search path in {PATH}"))
    }
}

impl Drop for SearchPath {
    fn drop(&mut self) {
        if let Err(error) = self.set(&self.before) {
            log::warn!("{error:#}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::fixture::Tree;

    #[test]
    fn the_search_path_is_restored() {
        for (before, after) in [("", "\0"), ("/lib/site\n", "/lib/site")] {
            let tree = Tree::new([(PATH, before)]);
            let machine = tree.machine();
            let path = SearchPath::leading_to(&machine, Path::new("/run/stage1/firmware/new.bin")).unwrap();
            assert_eq!(path.file(), "new.bin");
            assert_eq!(machine.attribute(PATH).as_deref(), Some("/run/stage1/firmware"));
            drop(path);
            assert_eq!(machine.read(PATH).unwrap(), after.as_bytes());
        }
    }

    #[test]
    fn a_path_that_the_kernel_cannot_use_is_refused() {
        let machine = Tree::new([(PATH, "")]).machine();
        let long = format!("/{}/new.bin", "x".repeat(LONGEST));
        for image in ["new.bin", "/run/..", long.as_str()] {
            assert!(SearchPath::leading_to(&machine, Path::new(image)).is_err(), "{image}");
        }
    }
}
