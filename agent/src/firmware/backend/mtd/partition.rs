// SPDX-License-Identifier: MIT OR Apache-2.0
//! A partition of a flash chip: compared, rewritten, read back.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use super::{ioctl, table};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;

use super::table::{changed_blocks, first_difference};
use crate::firmware::backend::deadline::within;
use crate::firmware::backend::{Outcome, Progress, Stored};
use crate::host::Machine;

const TABLE: &str = "/proc/mtd";

/// A partition, by its name: device numbers may change between boots.
#[derive(Clone, Debug)]
pub struct Partition {
    machine: Machine,
    name: String,
}

/// An open partition.
struct Found {
    device: File,
    size: usize,
    block: usize,
}

impl Partition {
    /// The partition of that name.
    pub fn new(machine: &Machine, name: &str) -> Self {
        Self { machine: machine.clone(), name: name.to_string() }
    }

    /// The whole content of the partition.
    ///
    /// # Errors
    /// If there is no such partition, or it cannot be read.
    pub fn read(&self) -> Result<Vec<u8>> {
        self.read_from(&self.open(false)?)
    }

    pub(in crate::firmware) fn check(&self, image: &Path) -> Result<()> {
        self.prepare(image).map(drop)
    }

    pub(in crate::firmware) fn write(
        &self,
        image: &Path,
        limit: Duration,
        progress: &mut dyn FnMut(Progress),
    ) -> Outcome {
        let prepared = self.prepare(image).and_then(|(found, image)| {
            let old = self.read_from(&found)?;
            Ok((found, image, old))
        });
        let (found, image, old) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Outcome::Refused(format!("{error:#}")),
        };
        let name = self.name.clone();
        // A chip that does not become ready blocks the thread in the kernel.
        let work = move |report: &dyn Fn(Progress)| rewrite(&found, &name, &old, &image, report);
        within(limit, "mtd", work, progress)
    }

    pub(in crate::firmware) fn read_back(&self, image: &Path) -> Result<Stored> {
        let image = read_image(image)?;
        Ok(first_difference(&self.read()?, &image).map_or(Stored::Image, Stored::Different))
    }

    /// The partition, open for writing, and the image, which has its size.
    fn prepare(&self, image: &Path) -> Result<(Found, Vec<u8>)> {
        let (path, image) = (image, read_image(image)?);
        let (found, name) = (self.open(true)?, &self.name);
        ensure!(
            image.len() == found.size,
            "{} has {} bytes, but the MTD partition {name} has {}",
            path.display(),
            image.len(),
            found.size
        );
        let flags =
            ioctl::info(&found.device).with_context(|| format!("querying the MTD partition {name}"))?;
        ensure!(flags.flags & ioctl::MTD_WRITEABLE != 0, "the MTD partition {name} is read-only");
        for start in (0..found.size).step_by(found.block) {
            let locked = ioctl::is_locked(&found.device, start as u32, found.block as u32);
            let locked = locked.with_context(|| format!("querying the locks of the MTD partition {name}"))?;
            ensure!(!locked, "the MTD partition {name} is locked at {start:#x}");
        }
        Ok((found, image))
    }

    fn open(&self, for_writing: bool) -> Result<Found> {
        let name = &self.name;
        let text = self.machine.read(TABLE).context("listing the MTD partitions")?;
        let mut named = table::partitions(&String::from_utf8_lossy(&text));
        named.retain(|partition| partition.name == *name);
        let partition = match named.as_slice() {
            [partition] => partition,
            [] => bail!("no MTD partition {name} found"),
            _ => bail!("{} MTD partitions {name} found", named.len()),
        };
        // The ioctls have 32-bit offsets.
        let fits = |bytes: u64| u32::try_from(bytes).ok().map(|bytes| bytes as usize);
        let sizes = fits(partition.size).zip(fits(partition.erase_size));
        let (size, block) = sizes.with_context(|| format!("the MTD partition {name} is too large"))?;
        ensure!(
            size % block == 0,
            "the size of the MTD partition {name} is not a multiple of its erase block"
        );
        let path = self.machine.path(format!("/dev/{}", partition.device));
        // A read-only device cannot be opened for writing.
        let device = OpenOptions::new().read(true).write(for_writing).open(&path);
        let device =
            device.with_context(|| format!("opening the MTD partition {name}, {}", path.display()))?;
        Ok(Found { device, size, block })
    }

    fn read_from(&self, found: &Found) -> Result<Vec<u8>> {
        let mut bytes = vec![0; found.size];
        let read = found.device.read_exact_at(&mut bytes, 0);
        read.with_context(|| format!("reading the MTD partition {}", self.name))?;
        Ok(bytes)
    }
}

/// Replaces the content `old` of the partition with `new`: block by block, and only the blocks that differ.
fn rewrite(found: &Found, name: &str, old: &[u8], new: &[u8], report: &dyn Fn(Progress)) -> Outcome {
    let blocks: Vec<_> = changed_blocks(old, new, found.block).collect();
    for (number, block) in blocks.iter().enumerate() {
        let (start, bytes) = (block.start, new.get(block.clone()).unwrap_or_default());
        let why = |what: &str, error: std::io::Error| {
            let blocks = blocks.len();
            format!(
                "{what} the MTD partition {name} at {start:#x}, after {number} of {blocks} blocks: {error}"
            )
        };
        if let Err(error) = ioctl::erase(&found.device, start as u32, found.block as u32) {
            let why = why("erasing", error);
            // If the first erase changed nothing, the old content is intact.
            let mut now = vec![0; bytes.len()];
            let read = found.device.read_exact_at(&mut now, start as u64);
            let same = read.is_ok() && old.get(block.clone()) == Some(&now);
            return if number == 0 && same { Outcome::Failed(why) } else { Outcome::Unknown(why) };
        }
        if let Err(error) = found.device.write_all_at(bytes, start as u64) {
            return Outcome::Unknown(why("writing", error));
        }
        let done = ((number + 1) * found.block) as u64;
        let total = (blocks.len() * found.block) as u64;
        report(Progress { phase: "writing".to_string(), done, total });
    }
    match nix::unistd::fsync(&found.device) {
        // Most MTD devices have nothing to sync.
        Ok(()) | Err(Errno::EINVAL) => Outcome::Done,
        Err(errno) => Outcome::Unknown(format!("syncing the MTD partition {name}: {errno}")),
    }
}

fn read_image(image: &Path) -> Result<Vec<u8>> {
    fs::read(image).with_context(|| format!("reading {}", image.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::fixture::Tree;

    #[test]
    fn an_image_that_must_not_be_written_is_refused() {
        const NAMES: &str = "dev:    size   erasesize  name\n";
        let line = |device: &str, size: &str, name: &str| format!("{device}: {size} 00001000 \"{name}\"\n");
        for (table, expected) in [
            (String::new(), "no MTD partition bios-code found"),
            (line("mtd0", "00001000", "bios-vars"), "no MTD partition bios-code found"),
            (
                line("mtd0", "00001000", "bios-code") + &line("mtd1", "00001000", "bios-code"),
                "2 MTD partitions bios-code found",
            ),
            (line("mtd0", "00001001", "bios-code"), "is not a multiple of its erase block"),
            (line("mtd0", "100000000", "bios-code"), "is too large"),
            (
                line("mtd0", "00002000", "bios-code"),
                "has 4096 bytes, but the MTD partition bios-code has 8192",
            ),
            (line("mtd9", "00001000", "bios-code"), "opening the MTD partition bios-code"),
            // A file is not an MTD device.
            (line("mtd0", "00001000", "bios-code"), "querying the MTD partition bios-code"),
        ] {
            let tree = Tree::new([
                ("/proc/mtd", [NAMES, &table].concat().as_bytes()),
                ("/dev/mtd0", &[0; 4096]),
                ("/image", &[1; 4096]),
            ]);
            let machine = tree.machine();
            let partition = Partition::new(&machine, "bios-code");
            let image = machine.path("/image");
            match partition.write(&image, Duration::from_secs(60), &mut |_| ()) {
                Outcome::Refused(why) => assert!(why.contains(expected), "{why}"),
                outcome => panic!("{table}: {outcome}"),
            }
            assert_eq!(machine.read("/dev/mtd0").unwrap(), [0; 4096]);
        }
    }

    #[test]
    fn the_content_is_compared_byte_by_byte() {
        let table = "mtd0: 00001000 00001000 \"BIOS\"\n";
        let mut chip = [7; 4096];
        chip[100] = 8;
        let tree = Tree::new([("/proc/mtd", table.as_bytes()), ("/dev/mtd0", &chip), ("/new", &[7; 4096])]);
        let machine = tree.machine();
        let partition = Partition::new(&machine, "BIOS");
        assert_eq!(partition.read().unwrap(), chip);
        assert_eq!(partition.read_back(&machine.path("/new")).unwrap(), Stored::Different(100));
        assert_eq!(partition.read_back(&machine.path("/dev/mtd0")).unwrap(), Stored::Image);
    }
}
