// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine whose files are read: the only place where a path of the machine becomes a real path.

mod recording;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use recording::{Entry, Recording};

/// Where a captured tree has the responses of devices: `DEVICE/REQUEST`.
const RESPONSES: &str = "/stage1-answers";

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

    /// The same machine; everything that is read from it is also added to `recording`.
    #[must_use]
    pub(crate) fn recorded(self, recording: Arc<Recording>) -> Self {
        Self { recording: Some(recording), ..self }
    }

    /// The real path of `path`, which is absolute on the machine.
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

    /// The beginning of a file of which each byte takes long, in pieces until `is_whole`, at most `limit` bytes.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn read_until(
        &self,
        path: impl AsRef<Path>,
        limit: usize,
        is_whole: impl Fn(&[u8]) -> bool,
    ) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path(&path))?;
        let mut bytes = Vec::new();
        let mut piece = [0; 64];
        while bytes.len() < limit && !is_whole(&bytes) {
            match file.read(&mut piece)? {
                0 => break,
                length => bytes.extend_from_slice(&piece[..length]),
            }
        }
        self.record(path.as_ref(), || Entry::File(bytes.clone()));
        Ok(bytes)
    }

    /// The text of an attribute file, as `/sys` and `/proc/sys` have them, without white space around it. `None` if it is
    /// absent, unreadable or empty.
    pub fn attribute(&self, path: impl AsRef<Path>) -> Option<String> {
        let bytes = self.read(path).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        (!text.is_empty()).then(|| text.to_string())
    }

    /// The sorted names in a directory; empty if it is absent or unreadable.
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

    /// The last component of a symbolic link's target, which is how `/sys` names drivers and devices. `None` if `path` is
    /// no symbolic link.
    pub fn link_name(&self, path: impl AsRef<Path>) -> Option<String> {
        let target = fs::read_link(self.path(&path)).ok()?;
        self.record(path.as_ref(), || Entry::Link(target.clone()));
        Some(target.file_name()?.to_str()?.to_string())
    }

    /// The path with all symbolic links resolved, absolute on the machine: in `/sys`, the device's position on its buses.
    pub fn resolve(&self, path: impl AsRef<Path>) -> Option<PathBuf> {
        let real = fs::canonicalize(self.path(&path)).ok()?;
        let root = fs::canonicalize(&self.root).ok()?;
        self.has(&path);
        Some(Path::new("/").join(real.strip_prefix(root).ok()?))
    }

    /// Whether the file or directory exists. A symbolic link to nothing does not.
    pub fn has(&self, path: impl AsRef<Path>) -> bool {
        let real = self.path(&path);
        let Ok(metadata) = fs::metadata(&real) else { return false };
        self.record(path.as_ref(), || match metadata.is_dir() {
            true => Entry::Directory,
            false => Entry::File(Vec::new()),
        });
        true
    }

    /// The response of `device` to `request`, if that takes more than reading a file: an ioctl, a netlink request. `ask`
    /// sends it on the running machine; a captured tree has the recorded response, if any. `None` if the device does not
    /// know the request, which `ask` reports as [`io::ErrorKind::Unsupported`].
    ///
    /// # Errors
    /// Those of `ask`, or of reading the recorded response.
    pub fn ask(
        &self,
        device: &str,
        request: &str,
        ask: impl FnOnce() -> io::Result<Vec<u8>>,
    ) -> io::Result<Option<Vec<u8>>> {
        let path = Path::new(RESPONSES).join(device).join(request);
        let response = if self.live { ask() } else { fs::read(self.path(&path)) };
        match response {
            Ok(response) => {
                self.record(&path, || Entry::File(response.clone()));
                Ok(Some(response))
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
            Err(error) if !self.live && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The UUID that the kernel chose for this boot (random(4)).
    pub fn boot_id(&self) -> Option<String> {
        self.attribute("/proc/sys/kernel/random/boot_id")
    }

    fn record(&self, path: &Path, entry: impl FnOnce() -> Entry) {
        if let Some(recording) = &self.recording {
            recording.add(&self.root, path, entry());
        }
    }
}
