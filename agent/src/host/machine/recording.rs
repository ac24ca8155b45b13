// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has been read of a machine, so that it can be read again elsewhere.

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

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A directory.
    Directory,
    /// A file with its content; empty where only its being there was of interest.
    File(Vec<u8>),
    /// A symbolic link with its target.
    Link(PathBuf),
}

impl Recording {
    /// Adds what lies at `path` on the machine whose files lie below `root`, with the links that lead to it.
    pub fn add(&self, root: &Path, path: &Path, entry: Entry) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((parent, name)) = path.parent().zip(path.file_name()) else { return };
        // Of a link itself only the way to it is followed; of all else, the whole path.
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

    /// Everything so far, by path relative to the root.
    pub fn entries(&self) -> BTreeMap<PathBuf, Entry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The place of `path` without symbolic links, relative to the root. The links on the way are recorded, with
/// targets relative to where they stand, so that the tree can lie anywhere.
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
    fn what_is_read_through_links_is_recorded_where_it_lies() {
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
