// SPDX-License-Identifier: MIT OR Apache-2.0
//! A recording of what was read from a machine, so that another machine can read the same.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// How many links are followed on the way to one file; the kernel's own limit (`MAXSYMLINKS`).
const LINKS: usize = 40;

/// A part of the machine's file tree, by paths relative to its root.
#[derive(Debug, Default)]
pub struct Recording(Mutex<BTreeMap<PathBuf, Entry>>);

/// A file system object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A directory.
    Directory,
    /// A file with its content; empty if only its existence was checked.
    File(Vec<u8>),
    /// A symbolic link with its target.
    Link(PathBuf),
}

impl Recording {
    /// Adds the object at `path` of the machine whose files are below `root`, with the symbolic links on the way to it.
    pub fn add(&self, root: &Path, path: &Path, entry: Entry) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((parent, name)) = path.parent().zip(path.file_name()) else { return };
        // A link itself is not followed, only the links on the way to it.
        let place = match entry {
            Entry::Link(_) => follow(&mut entries, root, parent).join(name),
            _ => follow(&mut entries, root, path),
        };
        match entries.entry(place) {
            Slot::Vacant(slot) => drop(slot.insert(entry)),
            Slot::Occupied(mut slot) => {
                if matches!(slot.get(), Entry::File(content) if content.is_empty()) {
                    slot.insert(entry);
                }
            }
        }
    }

    /// All recorded objects, by path relative to the root.
    pub fn entries(&self) -> BTreeMap<PathBuf, Entry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// `path` with all symbolic links resolved, relative to the root. The links on the way are recorded with relative targets,
/// so that the recording can be unpacked anywhere.
fn follow(entries: &mut BTreeMap<PathBuf, Entry>, root: &Path, path: &Path) -> PathBuf {
    let mut place = PathBuf::new();
    let mut ahead: Vec<OsString> = names(path);
    ahead.reverse();
    let mut links = 0;
    while let Some(name) = ahead.pop() {
        if name == ".." {
            place.pop();
            continue;
        }
        let next = place.join(&name);
        match fs::read_link(root.join(&next)) {
            Ok(target) if links < LINKS => {
                links += 1;
                if target.is_absolute() {
                    let up: PathBuf = place.components().map(|_| "..").collect();
                    entries.insert(next, Entry::Link(up.join(target.strip_prefix("/").unwrap_or(&target))));
                    place.clear();
                } else {
                    entries.insert(next, Entry::Link(target.clone()));
                }
                ahead.extend(names(&target).into_iter().rev());
            }
            _ => place = next,
        }
    }
    place
}

fn names(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    parts.map(|part| part.as_os_str().to_os_string()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::Arc;

    use super::*;
    use crate::host::Machine;

    #[test]
    fn a_file_that_is_read_through_links_is_recorded_with_the_links() {
        let dir = tempfile::tempdir().unwrap();
        let device = dir.path().join("sys/devices/pci0000:00/0000:00:02.0");
        fs::create_dir_all(&device).unwrap();
        fs::create_dir_all(dir.path().join("sys/class/net")).unwrap();
        fs::write(device.join("vendor"), "0x8086\n").unwrap();
        symlink("../../../bus/pci/drivers/igb", device.join("driver")).unwrap();
        symlink("../../devices/pci0000:00/0000:00:02.0", dir.path().join("sys/class/net/eth0")).unwrap();

        let recording = Arc::new(Recording::default());
        let machine = Machine::at(dir.path()).recorded(Arc::clone(&recording));
        assert_eq!(machine.names("/sys/class/net"), ["eth0"]);
        assert!(machine.has("/sys/class/net/eth0/vendor"));
        assert_eq!(machine.attribute("/sys/class/net/eth0/vendor").as_deref(), Some("0x8086"));
        assert_eq!(machine.link_name("/sys/class/net/eth0/driver").as_deref(), Some("igb"));
        assert_eq!(machine.attribute("/sys/class/net/eth0/device"), None);

        let device = Path::new("sys/devices/pci0000:00/0000:00:02.0");
        let expected = [
            (
                PathBuf::from("sys/class/net/eth0"),
                Entry::Link("../../devices/pci0000:00/0000:00:02.0".into()),
            ),
            (device.to_path_buf(), Entry::Directory),
            (device.join("driver"), Entry::Link("../../../bus/pci/drivers/igb".into())),
            (device.join("vendor"), Entry::File(b"0x8086\n".to_vec())),
        ];
        assert_eq!(recording.entries(), BTreeMap::from(expected));
    }
}
