// SPDX-License-Identifier: MIT OR Apache-2.0
//! A machine in a tar: everything that is read to discover its facts, so that it can be read again elsewhere.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use stage1_contract::Facts;
use tar::{Archive, Builder, EntryType, Header};

use super::scrub::Scrubber;
use super::{discover, everything};
use crate::host::{Entry, Machine, Recording};

/// Bytes of a file in a capture. What is read to discover facts is never longer than some 100 KiB.
const FILE_LIMIT: u64 = 16 << 20;
/// Bytes of a capture. That of a machine with hundreds of disks has some 10 MiB.
const CAPTURE_LIMIT: u64 = 1 << 30;
/// Entries of a capture.
const ENTRIES_LIMIT: usize = 1_000_000;
/// Zeros at the end of a tar: two blocks.
const END: usize = 1024;
const BLOCK: u64 = 512;
const CUT_OFF: &str = "its end is missing: the file was cut off; copy it again";

/// Files that are no tar by what they begin with, and the program that makes one of them.
const COMPRESSED: [(&[u8], &str, &str); 5] = [
    (b"\x1f\x8b", "gzip", "gunzip"),
    (b"\x28\xb5\x2f\xfd", "zstd", "unzstd"),
    (b"\xfd7zXZ\0", "xz", "unxz"),
    (b"BZh", "bzip2", "bunzip2"),
    (b"PK\x03\x04", "zip", "unzip"),
];

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
    let (facts, mut problems) = discover(&machine, everything());
    let scrubber = scrub_key.map(|key| Scrubber::new(&facts, key));
    let mut entries = recording.entries();
    entries.retain(|path, entry| {
        let too_long = matches!(entry, Entry::File(content) if content.len() as u64 > FILE_LIMIT);
        if too_long {
            problems.push(format!("capturing /{}: longer than {FILE_LIMIT} bytes, left out", path.display()));
        }
        !too_long
    });
    let entries = scrubbed(entries, scrubber.as_ref());
    let file = File::create_new(path).with_context(|| format!("creating {}", path.display()))?;
    if let Err(error) = write(&file, &entries) {
        let _ = fs::remove_file(path);
        return Err(error.context(format!("writing {}", path.display())));
    }
    Ok((facts, problems))
}

/// A captured tree, unpacked into a temporary folder that is removed on drop.
pub(crate) struct Unpacked {
    folder: PathBuf,
    /// Locked while a file is being written.
    writing: Arc<Mutex<()>>,
}

impl Unpacked {
    /// An empty folder.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub(crate) fn empty() -> Result<Self> {
        let place = std::env::temp_dir().join("stage1-capture-XXXXXX");
        let folder = nix::unistd::mkdtemp(&place)
            .with_context(|| format!("making a temporary folder in {}", std::env::temp_dir().display()))?;
        Ok(Self { folder, writing: Arc::default() })
    }

    /// What removes the folder when a signal ends the process; afterwards nothing is written into it.
    pub(crate) fn remover(&self) -> impl Fn() + Send + 'static {
        let (folder, writing) = (self.folder.clone(), Arc::clone(&self.writing));
        move || {
            std::mem::forget(writing.lock().unwrap_or_else(PoisonError::into_inner));
            let _ = fs::remove_dir_all(&folder);
        }
    }

    /// Unpacks a captured tar.
    ///
    /// # Errors
    /// Where it cannot be read, is no tar, or is not whole.
    pub(crate) fn fill(&self, path: &Path) -> Result<()> {
        let mut file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
        let unpacking = || format!("unpacking {}", path.display());
        let length = check_tar(&mut file, path).with_context(unpacking)?;
        self.unpack(BufReader::new(file), length).with_context(unpacking)
    }

    /// A capture is untrusted: no link in it may lead out of the folder, neither now nor when it is read.
    fn unpack(&self, tar: impl Read, length: u64) -> Result<()> {
        let mut left = CAPTURE_LIMIT;
        for (number, entry) in Archive::new(tar).entries()?.enumerate() {
            let mut entry = entry?;
            let path = entry.path()?.into_owned();
            let size = entry.size();
            if size > FILE_LIMIT {
                bail!("{}: {size} bytes, longer than any file of a capture", path.display());
            }
            left = left.checked_sub(size).filter(|_| number < ENTRIES_LIMIT).with_context(|| {
                format!("more than {ENTRIES_LIMIT} entries or {CAPTURE_LIMIT} bytes: not a capture")
            })?;
            let end = entry.raw_file_position().saturating_add(size.next_multiple_of(BLOCK));
            if end.saturating_add(END as u64) > length {
                bail!("{CUT_OFF}");
            }
            let depth = path.components().count().saturating_sub(1);
            let inside = match entry.header().entry_type() {
                EntryType::Regular | EntryType::Directory => true,
                EntryType::Symlink => entry.link_name()?.is_some_and(|target| stays_inside(&target, depth)),
                _ => false,
            };
            let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            if !inside || !entry.unpack_in(&self.folder)? {
                bail!("{}: not an entry of a capture: a link out of it, or a special file", path.display());
            }
            drop(writing);
        }
        Ok(())
    }

    /// The machine in it.
    pub(crate) fn machine(&self) -> Machine {
        Machine::at(&self.folder)
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A tar has `ustar` at 257 and ends in two blocks of zeros (POSIX.1, pax): one that was cut off would be another machine.
///
/// Returns its length.
fn check_tar(file: &mut File, path: &Path) -> Result<u64> {
    let mut start = [0; 512];
    let length = file.metadata()?.len();
    let read = Read::by_ref(file).take(512).read(&mut start)?;
    if let Some((_, format, tool)) = COMPRESSED.iter().find(|(magic, ..)| start[..read].starts_with(magic)) {
        bail!("it is compressed with {format}: uncompress it first: {tool} {}", path.display());
    }
    if read < start.len() || start[257..262] != *b"ustar" {
        bail!("it is no tar; `stage1 facts --capture FILE` writes one");
    }
    let mut end = Vec::new();
    file.seek(SeekFrom::Start(length.saturating_sub(END as u64)))?;
    Read::by_ref(file).take(END as u64).read_to_end(&mut end)?;
    if end != [0; END] || length % BLOCK != 0 {
        bail!("{CUT_OFF}");
    }
    file.rewind()?;
    Ok(length)
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

    fn open(tar: &Path) -> Result<Unpacked> {
        let unpacked = Unpacked::empty()?;
        unpacked.fill(tar)?;
        Ok(unpacked)
    }

    #[test]
    fn a_capture_that_was_cut_off_or_compressed_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let tar = dir.path().join("machine.tar");
        capture(machine(&dir.path().join("root")), &tar, None).unwrap();
        let whole = fs::read(&tar).unwrap();
        let error = |content: &[u8]| {
            fs::write(&tar, content).unwrap();
            format!("{:#}", open(&tar).err().unwrap())
        };
        for length in [600, whole.len() / 2, whole.len() - 512, whole.len() - 1] {
            let error = error(&whole[..length]);
            assert!(error.contains("its end is missing: the file was cut off"), "{length}: {error}");
        }
        // The end of a disk's answer is zeros, too.
        let mut header = Header::new_gnu();
        header.set_size(4096);
        header.set_path("sys/block/sda/size").unwrap();
        header.set_cksum();
        let zeros = error(&[header.as_bytes().as_slice(), &[0; 3 * END]].concat());
        assert!(zeros.contains("its end is missing"), "{zeros}");
        let gzip = error(b"\x1f\x8b\x08\0\0");
        assert!(gzip.contains("compressed with gzip: uncompress it first: gunzip /"), "{gzip}");

        let mut header = Header::new_gnu();
        header.set_size(FILE_LIMIT + 1);
        header.set_path("sys/block/sda/size").unwrap();
        header.set_cksum();
        let long = error(&[header.as_bytes().as_slice(), &[0; 2 * END]].concat());
        assert!(long.contains("sys/block/sda/size: 16777217 bytes, longer than any file"), "{long}");
    }

    #[test]
    fn a_signal_removes_the_folder_and_nothing_is_written_into_it_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let tar = dir.path().join("machine.tar");
        capture(machine(&dir.path().join("root")), &tar, None).unwrap();
        let unpacked = Unpacked::empty().unwrap();
        let remove = unpacked.remover();
        unpacked.fill(&tar).unwrap();
        assert!(unpacked.folder.join("sys/block/vda").exists());
        remove();
        assert!(!unpacked.folder.exists());
        assert!(unpacked.writing.try_lock().is_err());
    }

    /// Every text that the hexadecimal digits in `bytes` may stand for, from either digit on.
    fn decoded(bytes: &[u8]) -> Vec<Vec<u8>> {
        let runs = bytes.split(|byte| !byte.is_ascii_hexdigit()).filter(|run| run.len() > 1);
        let value = |digit: u8| (digit as char).to_digit(16).unwrap() as u8;
        let decode =
            |run: &[u8]| run.chunks_exact(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect();
        runs.flat_map(|run| [decode(run), decode(&run[1..])]).collect()
    }

    #[test]
    fn no_hexadecimal_number_in_a_scrubbed_capture_is_a_serial_number() {
        let dir = tempfile::tempdir().unwrap();
        let (root, serial) = (dir.path().join("root"), "SMADEUP123456");
        let machine = machine(&root);
        let hex = crate::display::hex_with(serial.as_bytes(), "");
        let model = "4d414445205550";
        fs::write(root.join("sys/block/vda/serial"), serial).unwrap();
        fs::write(root.join("sys/block/vda/wwid"), format!("nvme.144d-{hex}-{model}-00000001\n")).unwrap();
        fs::write(root.join("sys/block/vda/device/wwid"), format!("x{}\n", hex.to_uppercase())).unwrap();
        let holds = |tar: &Path| {
            let has = |text: &Vec<u8>| {
                text.windows(serial.len()).any(|part| part.eq_ignore_ascii_case(serial.as_bytes()))
            };
            decoded(&fs::read(tar).unwrap()).iter().any(has)
        };
        let (plain, scrubbed) = (dir.path().join("plain.tar"), dir.path().join("scrubbed.tar"));
        capture(machine.clone(), &plain, None).unwrap();
        capture(machine, &scrubbed, Some(b"key")).unwrap();
        assert!(holds(&plain) && !holds(&scrubbed));
        // What is not secret stays.
        let text = String::from_utf8_lossy(&fs::read(&scrubbed).unwrap()).into_owned();
        assert!(text.contains(&format!("-{model}-00000001")), "the model");
    }

    #[test]
    fn a_capture_reads_back_as_the_machine_did() {
        let dir = tempfile::tempdir().unwrap();
        let tar = dir.path().join("machine.tar");
        let (facts, problems) = capture(machine(&dir.path().join("root")), &tar, None).unwrap();
        assert_eq!(facts.nics[0].pci_address.as_deref(), Some("0000:00:02.0"));
        let unpacked = open(&tar).unwrap();
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
        let unpacked = open(&tar).unwrap();
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
            let error = format!("{:#}", open(&tar).err().unwrap());
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
        let error = format!("{:#}", open(&tar).err().unwrap());
        assert!(
            error.ends_with("machine.tar: it is no tar; `stage1 facts --capture FILE` writes one"),
            "{error}"
        );
    }
}
