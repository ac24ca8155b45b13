// SPDX-License-Identifier: MIT OR Apache-2.0
//! A machine in a tar: everything that discovering its facts reads, so that it can be read again elsewhere.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use stage1_inventory::Facts;
use tar::{Archive, Builder, EntryType, Header};

use super::scrub::Scrubber;
use super::{discover, everything};
use crate::machine::{Entry, Machine, Recording};

/// Discovers the facts of `machine` and writes what was read on the way to `path`; with `scrub_key`, without what
/// names this one machine.
///
/// # Errors
/// Those of writing; a file that is not whole is removed.
pub fn capture(machine: Machine, path: &Path, scrub_key: Option<&[u8]>) -> Result<(Facts, Vec<String>)> {
    let recording = Arc::new(Recording::default());
    let machine = machine.recorded(Arc::clone(&recording));
    let (facts, problems) = discover(&machine, everything());
    let scrubber = scrub_key.map(|key| Scrubber::new(&facts, key));
    let entries = scrubbed(recording.entries(), scrubber.as_ref());
    let file = File::create_new(path).with_context(|| format!("creating {}", path.display()))?;
    if let Err(error) = write(&file, &entries) {
        let _ = fs::remove_file(path);
        return Err(error.context(format!("writing {}", path.display())));
    }
    Ok((facts, problems))
}

/// A captured tree, unpacked for as long as this lives.
pub struct Unpacked(PathBuf);

impl Unpacked {
    /// Unpacks a captured tar.
    ///
    /// # Errors
    /// Where it cannot be read, or is no tar.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
        let place = std::env::temp_dir().join("stage1-capture-XXXXXX");
        let unpacked = Self(nix::unistd::mkdtemp(&place).context("making a temporary folder")?);
        let mut archive = Archive::new(BufReader::new(file));
        archive.unpack(&unpacked.0).with_context(|| format!("unpacking {}", path.display()))?;
        Ok(unpacked)
    }

    /// The machine in it.
    pub fn machine(&self) -> Machine {
        Machine::at(&self.0)
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn scrubbed(entries: BTreeMap<PathBuf, Entry>, scrubber: Option<&Scrubber>) -> BTreeMap<PathBuf, Entry> {
    let Some(scrubber) = scrubber else { return entries };
    let path = |path: PathBuf| PathBuf::from(OsString::from_vec(scrubber.scrub(path.as_os_str().as_bytes())));
    let entry = |entry| match entry {
        Entry::Directory => Entry::Directory,
        Entry::File(content) => Entry::File(scrubber.scrub(&content)),
        Entry::Link(target) => Entry::Link(path(target)),
    };
    entries.into_iter().map(|(place, what)| (path(place), entry(what))).collect()
}

fn write(file: &File, entries: &BTreeMap<PathBuf, Entry>) -> Result<()> {
    let mut tar = Builder::new(BufWriter::new(file));
    for (path, entry) in entries.iter().filter(|(path, _)| !path.as_os_str().is_empty()) {
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(0);
        match entry {
            Entry::Directory => {
                header.set_entry_type(EntryType::Directory);
                header.set_mode(0o755);
                tar.append_data(&mut header, path, &[][..])
            }
            Entry::File(content) => {
                header.set_size(content.len() as u64);
                tar.append_data(&mut header, path, content.as_slice())
            }
            Entry::Link(target) => {
                header.set_entry_type(EntryType::Symlink);
                tar.append_link(&mut header, path, target)
            }
        }
        .with_context(|| path.display().to_string())?;
    }
    tar.into_inner()?.flush()?;
    Ok(file.sync_all()?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A machine with one port and one disk, both with something of its own.
    fn machine(root: &Path) -> Machine {
        let device = root.join("sys/devices/pci0000:00/0000:00:02.0");
        fs::create_dir_all(device.join("net/eth0")).unwrap();
        fs::create_dir_all(root.join("sys/class/net")).unwrap();
        fs::create_dir_all(root.join("sys/block/vda/device")).unwrap();
        let files = [
            ("sys/devices/pci0000:00/0000:00:02.0/net/eth0/type", "1\n"),
            ("sys/devices/pci0000:00/0000:00:02.0/net/eth0/address", "ac:1f:6b:01:02:03\n"),
            ("sys/devices/pci0000:00/0000:00:02.0/net/eth0/addr_assign_type", "0\n"),
            ("sys/block/vda/size", "2048\n"),
            ("sys/block/vda/serial", "WD-7731245\n"),
        ];
        for (path, content) in files {
            fs::write(root.join(path), content).unwrap();
        }
        symlink("../..", device.join("net/eth0/device")).unwrap();
        symlink("../../devices/pci0000:00/0000:00:02.0/net/eth0", root.join("sys/class/net/eth0")).unwrap();
        Machine::at(root)
    }

    #[test]
    fn a_capture_reads_back_as_the_machine_did() {
        let dir = tempfile::tempdir().unwrap();
        let tar = dir.path().join("machine.tar");
        let (facts, problems) = capture(machine(&dir.path().join("root")), &tar, None).unwrap();
        assert_eq!(facts.nics[0].pci_address.as_deref(), Some("0000:00:02.0"));
        let unpacked = Unpacked::open(&tar).unwrap();
        assert_eq!(discover(&unpacked.machine(), everything()), (facts, problems));
    }

    #[test]
    fn a_scrubbed_capture_has_the_same_shape_and_nothing_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let tar = dir.path().join("machine.tar");
        let (facts, _) = capture(machine(&dir.path().join("root")), &tar, Some(b"key")).unwrap();
        let bytes = fs::read(&tar).unwrap();
        for secret in ["ac:1f:6b:01:02:03", "WD-7731245"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
        let unpacked = Unpacked::open(&tar).unwrap();
        let (scrubbed, _) = discover(&unpacked.machine(), everything());
        assert_eq!(scrubbed.nics[0].pci_address, facts.nics[0].pci_address);
        assert_ne!(scrubbed.nics[0].mac, facts.nics[0].mac);
        assert_eq!(scrubbed.nics[0].mac, scrubbed.nics[0].permanent_mac);
        assert_eq!(scrubbed.disks[0].serial.as_ref().map(String::len), Some("WD-7731245".len()));
    }

    #[test]
    fn a_file_that_is_there_is_not_overwritten_and_other_files_are_no_captures() {
        let dir = tempfile::tempdir().unwrap();
        let tar = dir.path().join("machine.tar");
        fs::write(&tar, "mine").unwrap();
        let machine = machine(&dir.path().join("root"));
        let error = capture(machine, &tar, None).unwrap_err();
        assert!(format!("{error:#}").contains("machine.tar: File exists"), "{error:#}");
        assert_eq!(fs::read(&tar).unwrap(), b"mine");
        assert!(Unpacked::open(&tar).is_err());
    }
}
