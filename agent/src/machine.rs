// SPDX-License-Identifier: MIT OR Apache-2.0
//! The only home of real paths.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The machine the agent works on: the running one, or a captured tree of its files.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
}

impl Machine {
    /// The running machine.
    pub fn real() -> Self {
        Self::at("/")
    }

    /// A machine whose `/sys`, `/proc` and `/etc` lie below `root`.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where `path`, absolute on the machine, really lies.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The content of a file.
    ///
    /// # Errors
    /// Those of reading; the message names the file.
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let path = self.path(path);
        fs::read(&path).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    }

    /// A one-line attribute as `/sys` and `/proc/sys` have them, without white space around it.
    /// Absent and unreadable attributes are `None`, as are empty ones.
    pub fn attribute(&self, path: impl AsRef<Path>) -> Option<String> {
        let bytes = fs::read(self.path(path)).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        (!text.is_empty()).then(|| text.to_string())
    }

    /// The names in a directory, sorted; none where it is absent.
    pub fn names(&self, path: impl AsRef<Path>) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(path))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// The last component of a symbolic link's target, which is how `/sys` names drivers and
    /// devices.
    pub fn link_name(&self, path: impl AsRef<Path>) -> Option<String> {
        let target = fs::read_link(self.path(path)).ok()?;
        Some(target.file_name()?.to_str()?.to_string())
    }

    /// Whether there is such a file or directory.
    pub fn has(&self, path: impl AsRef<Path>) -> bool {
        self.path(path).exists()
    }

    /// The kernel's id of this boot.
    pub fn boot_id(&self) -> Option<String> {
        self.attribute("/proc/sys/kernel/random/boot_id")
    }
}
