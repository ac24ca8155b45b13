// SPDX-License-Identifier: MIT OR Apache-2.0
//! The only home of real paths.

mod recording;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use recording::{Entry, Recording};

/// Where a captured tree keeps what devices answered: `DEVICE/QUESTION`.
const ANSWERS: &str = "/stage1-answers";

/// The machine the agent works on: the running one, or a captured tree of its files.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
    live: bool,
    recording: Option<Arc<Recording>>,
}

impl Machine {
    /// The running machine.
    pub fn real() -> Self {
        Self { root: PathBuf::from("/"), live: true, recording: None }
    }

    /// A machine whose `/sys`, `/proc` and `/etc` lie below `root`.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), live: false, recording: None }
    }

    /// Whether it is the running machine.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// The same machine; what is read of it from here on is also put into `recording`.
    #[must_use]
    pub fn recorded(self, recording: Arc<Recording>) -> Self {
        Self { recording: Some(recording), ..self }
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
        let real = self.path(&path);
        let bytes = fs::read(&real)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", real.display())))?;
        self.record(path.as_ref(), || Entry::File(bytes.clone()));
        Ok(bytes)
    }

    /// A one-line attribute as `/sys` and `/proc/sys` have them, without white space around it.
    /// Absent and unreadable attributes are `None`, as are empty ones.
    pub fn attribute(&self, path: impl AsRef<Path>) -> Option<String> {
        let bytes = self.read(path).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        (!text.is_empty()).then(|| text.to_string())
    }

    /// The names in a directory, sorted; none where it is absent.
    pub fn names(&self, path: impl AsRef<Path>) -> Vec<String> {
        let path = path.as_ref();
        let mut names: Vec<String> = fs::read_dir(self.path(path))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        if self.recording.is_some() {
            for name in &names {
                self.has(path.join(name));
            }
        }
        names
    }

    /// The last component of a symbolic link's target, which is how `/sys` names drivers and
    /// devices.
    pub fn link_name(&self, path: impl AsRef<Path>) -> Option<String> {
        let target = fs::read_link(self.path(&path)).ok()?;
        self.record(path.as_ref(), || Entry::Link(target.clone()));
        Some(target.file_name()?.to_str()?.to_string())
    }

    /// The path without symbolic links, absolute on the machine: in `/sys`, a device's place among its buses.
    pub fn resolve(&self, path: impl AsRef<Path>) -> Option<PathBuf> {
        let real = fs::canonicalize(self.path(&path)).ok()?;
        let root = fs::canonicalize(&self.root).ok()?;
        self.has(&path);
        Some(Path::new("/").join(real.strip_prefix(root).ok()?))
    }

    /// Whether there is such a file or directory.
    pub fn has(&self, path: impl AsRef<Path>) -> bool {
        let real = self.path(&path);
        let Ok(metadata) = fs::metadata(&real) else { return false };
        self.record(path.as_ref(), || match metadata.is_dir() {
            true => Entry::Directory,
            false => Entry::File(Vec::new()),
        });
        true
    }

    /// What `device` answers to `question`, where that takes more than reading a file: an ioctl, a netlink
    /// request. `ask` does it on the running machine; a captured tree has the answer that was recorded, if any.
    /// `None` is a device that cannot be asked this, which `ask` tells by [`io::ErrorKind::Unsupported`].
    ///
    /// # Errors
    /// Those of asking.
    pub fn ask(
        &self,
        device: &str,
        question: &str,
        ask: impl FnOnce() -> io::Result<Vec<u8>>,
    ) -> io::Result<Option<Vec<u8>>> {
        let path = Path::new(ANSWERS).join(device).join(question);
        let answer = if self.live { ask() } else { fs::read(self.path(&path)) };
        match answer {
            Ok(answer) => {
                self.record(&path, || Entry::File(answer.clone()));
                Ok(Some(answer))
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
            Err(error) if !self.live && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The kernel's id of this boot.
    pub fn boot_id(&self) -> Option<String> {
        self.attribute("/proc/sys/kernel/random/boot_id")
    }

    fn record(&self, path: &Path, entry: impl FnOnce() -> Entry) {
        if let Some(recording) = &self.recording {
            recording.add(&self.root, path, entry());
        }
    }
}
