// SPDX-License-Identifier: MIT OR Apache-2.0
//! A machine in a tar: everything that is read to discover its facts, so that it can be read again elsewhere.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use stage1_contract::Facts;
use tar::{Archive, Builder, EntryType, Header};

use super::scrub::Scrubber;
use super::{discover, everything};
use crate::host::{Entry, Machine, Recording};

/// Discovers the facts of `machine` and writes what was read on the way to `path`; with `scrub_key`, without what
/// identifies this machine.
///
/// # Errors
/// Where the file cannot be written; an incomplete file is removed.
pub(crate) fn capture(
    machine: Machine,
    path: &Path,
    scrub_key: Option<&[u8]>,
) -> Result<(Facts, Vec<String>)> {
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

/// A captured tree, unpacked into a temporary folder that is removed on drop.
pub(crate) struct Unpacked(PathBuf);

impl Unpacked {
    /// Unpacks a captured tar.
    ///
    /// # Errors
    /// Where it cannot be read, or is no tar.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
        let place = std::env::temp_dir().join("stage1-capture-XXXXXX");
        let unpacked = Self(nix::unistd::mkdtemp(&place).context("making a temporary folder")?);
        unpacked.fill(BufReader::new(file)).with_context(|| format!("unpacking {}", path.display()))?;
        Ok(unpacked)
    }

    /// A capture is untrusted: no link in it may lead out of the folder, neither now nor when it is read.
    fn fill(&self, tar: impl Read) -> Result<()> {
        for entry in Archive::new(tar).entries()? {
            let mut entry = entry?;
            let path = entry.path()?.into_owned();
            let depth = path.components().count().saturating_sub(1);
            let inside = match entry.header().entry_type() {
                EntryType::Regular | EntryType::Directory => true,
                EntryType::Symlink => entry.link_name()?.is_some_and(|target| stays_inside(&target, depth)),
                _ => false,
            };
            if !inside || !entry.unpack_in(&self.0)? {
                bail!("{}: not an entry of a capture: a link out of it, or a special file", path.display());
            }
        }
        Ok(())
    }

    /// The machine in it.
    pub(crate) fn machine(&self) -> Machine {
        Machine::at(&self.0)
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether a link `depth` folders below the root is one as `/sys` has them: up no further than the root, then down.
fn stays_inside(target: &Path, depth: usize) -> bool {
    let up = target.components().take_while(|part| *part == Component::ParentDir).count();
    up <= depth && target.components().skip(up).all(|part| matches!(part, Component::Normal(_)))
}

fn scrubbed(entries: BTreeMap<PathBuf, Entry>, scrubber: Option<&Scrubber>) -> BTreeMap<PathBuf, Entry> {
    let Some(scrubber) = scrubber else { return entries };
    let path = |path: PathBuf| PathBuf::from(OsString::from_vec(scrubber.scrub(path.as_os_str().as_bytes())));
    let entry = |place: &Path, entry| match entry {
        Entry::Directory => Entry::Directory,
        Entry::File(content) if place.ends_with("dmi/tables/DMI") => {
            Entry::File(scrubber.scrub_tables(&content))
        }
        Entry::File(content) => Entry::File(scrubber.scrub(&content)),
        Entry::Link(target) => Entry::Link(path(target)),
    };
    let clean = |(place, what): (PathBuf, Entry)| {
        let what = entry(&place, what);
        (path(place), what)
    };
    entries.into_iter().map(clean).collect()
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
    fn a_scrubbed_capture_has_the_same_shape_and_nothing_that_identifies() {
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
    fn a_link_out_of_a_capture_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for (index, target) in ["/sys", "../..", "a/../../..", "./.."].into_iter().enumerate() {
            let tar = dir.path().join(format!("{index}.tar"));
            let mut header = Header::new_gnu();
            header.set_entry_type(EntryType::Symlink);
            header.set_size(0);
            let mut builder = Builder::new(File::create(&tar).unwrap());
            builder.append_link(&mut header, "sys/block", target).unwrap();
            builder.into_inner().unwrap();
            let error = format!("{:#}", Unpacked::open(&tar).err().unwrap());
            assert!(
                error.ends_with("sys/block: not an entry of a capture: a link out of it, or a special file"),
                "{error}"
            );
        }
        assert!(stays_inside(Path::new("../../devices/pci0000:00"), 2));
        assert!(!stays_inside(Path::new("../../../devices"), 2));
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
