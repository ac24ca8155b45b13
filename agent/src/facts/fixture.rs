// SPDX-License-Identifier: MIT OR Apache-2.0
//! Trees of files as `/proc` and `/sys` have them, for tests.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::host::Machine;

/// The files of a machine, in a temporary folder that is removed on drop.
pub struct Tree(TempDir);

impl Tree {
    /// A tree of files by absolute path; a path that ends in `/` is an empty folder.
    pub fn new<C: AsRef<[u8]>>(files: impl IntoIterator<Item = (impl AsRef<str>, C)>) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        files.into_iter().for_each(|(path, content)| tree.add(path.as_ref(), content.as_ref()));
        tree
    }

    /// The same tree with symbolic links to absolute paths in it, which need not be there.
    pub fn links<'a>(self, links: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        for (path, target) in links {
            let path = self.place(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            symlink(self.place(target), path).unwrap();
        }
        self
    }

    /// The machine with these files.
    pub fn machine(&self) -> Machine {
        Machine::at(self.0.path())
    }

    fn add(&self, path: &str, content: &[u8]) {
        let place = self.place(path);
        if path.ends_with('/') {
            return fs::create_dir_all(place).unwrap();
        }
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, content).unwrap();
    }

    fn place(&self, path: &str) -> PathBuf {
        self.0.path().join(Path::new(path).strip_prefix("/").unwrap())
    }
}
