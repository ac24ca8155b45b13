// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the kernel looks for the files that drivers ask for (Documentation/driver-api/firmware/fw_search_path.rst).

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::host::Machine;

const PATH: &str = "/sys/module/firmware_class/parameters/path";
/// The length of the kernel's variable, with its NUL.
const LONGEST: usize = 256;

/// The kernel looks first in the folder of one file, for as long as this lives.
pub struct SearchPath {
    machine: Machine,
    before: String,
    file: String,
}

impl SearchPath {
    /// Has it look in the folder of `image`, an absolute path.
    ///
    /// # Errors
    /// Where it cannot be told to, or would not find the file under that name.
    pub fn leading_to(machine: &Machine, image: &Path) -> Result<Self> {
        let found = || {
            let folder = image.parent()?.to_str().filter(|folder| folder.starts_with('/'))?;
            Some((folder, image.file_name()?.to_str()?.to_string()))
        };
        let (folder, file) = found().with_context(|| format!("{} is no absolute path", image.display()))?;
        ensure!(folder.len() < LONGEST && !folder.contains('\n'), "the kernel cannot be told of {folder}");
        let before = machine.attribute(PATH).unwrap_or_default();
        let path = Self { machine: machine.clone(), before, file };
        path.set(folder)?;
        Ok(path)
    }

    /// The name under which the file is found.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Leaves it as it is now.
    pub fn leave(self) {
        std::mem::forget(self);
    }

    fn set(&self, folder: &str) -> Result<()> {
        // A write of no bytes does not reach the kernel.
        let written = if folder.is_empty() { "\0" } else { folder };
        fs::write(self.machine.path(PATH), written)
            .with_context(|| format!("telling the kernel where firmware is, in {PATH}"))
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
    fn the_search_path_is_as_before_afterwards() {
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
    fn what_the_kernel_cannot_find_is_refused() {
        let machine = Tree::new([(PATH, "")]).machine();
        let long = format!("/{}/new.bin", "x".repeat(LONGEST));
        for image in ["new.bin", "/run/..", long.as_str()] {
            assert!(SearchPath::leading_to(&machine, Path::new(image)).is_err(), "{image}");
        }
    }
}
