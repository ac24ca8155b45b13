// SPDX-License-Identifier: MIT OR Apache-2.0
//! A capsule, handed to the kernel's loader.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use super::header;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::firmware::backend::deadline::within;
use crate::firmware::backend::{Outcome, Progress, Stored};
use crate::host::Machine;

const LOADER: &str = "/dev/efi_capsule_loader";
const ESRT: &str = "/sys/firmware/efi/esrt/entries";
/// Progress is reported after each of these steps, in bytes.
const STEP: usize = 1 << 20;

/// The firmware of a machine, as a target of capsules.
#[derive(Clone, Debug)]
pub struct Firmware {
    machine: Machine,
}

impl Firmware {
    /// The firmware of `machine`.
    pub fn new(machine: &Machine) -> Self {
        Self { machine: machine.clone() }
    }

    pub(in crate::firmware) fn check(&self, image: &Path) -> Result<()> {
        self.capsule(image).map(drop)
    }

    pub(in crate::firmware) fn write(
        &self,
        image: &Path,
        limit: Duration,
        progress: &mut dyn FnMut(Progress),
    ) -> Outcome {
        let path = self.machine.path(LOADER);
        let capsule = match self.capsule(image) {
            Ok(capsule) => capsule,
            Err(error) => return Outcome::Refused(format!("{error:#}")),
        };
        let work = move |report: &dyn Fn(Progress)| match load(&path, &capsule, report) {
            Ok(()) => Outcome::Done,
            // The kernel loads all of it or nothing.
            Err(error) => Outcome::Refused(format!("{error:#}")),
        };
        within(limit, "capsule", work, progress)
    }

    /// The running versions, by class.
    pub(in crate::firmware) fn read_back(&self) -> Result<Stored> {
        let running = self.versions();
        ensure!(!running.is_empty(), "this firmware has no ESRT");
        Ok(Stored::Versions { running, stored: BTreeMap::new() })
    }

    /// The content of a capsule that is for this firmware.
    fn capsule(&self, image: &Path) -> Result<Vec<u8>> {
        let path = image.display();
        let capsule = fs::read(image).with_context(|| format!("reading {path}"))?;
        let classes = header::classes(&capsule).with_context(|| format!("reading {path} as a capsule"))?;
        let known = self.versions();
        for class in classes {
            let known = known.contains_key(&class.to_string());
            ensure!(known, "{path} is for {class}, which is not in the ESRT of this machine");
        }
        ensure!(self.machine.has(LOADER), "the kernel has no capsule loader ({LOADER})");
        Ok(capsule)
    }

    fn versions(&self) -> BTreeMap<String, String> {
        let attribute = |entry: &str, name: &str| self.machine.attribute(format!("{ESRT}/{entry}/{name}"));
        let entries = self.machine.names(ESRT);
        entries
            .iter()
            .filter_map(|entry| {
                Some((attribute(entry, "fw_class")?.to_lowercase(), attribute(entry, "fw_version")?))
            })
            .collect()
    }
}

fn load(loader: &Path, capsule: &[u8], report: &dyn Fn(Progress)) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .open(loader)
        .with_context(|| format!("opening {}", loader.display()))?;
    let mut done = 0;
    for step in capsule.chunks(STEP) {
        file.write_all(step).context("loading the capsule")?;
        done += step.len() as u64;
        report(Progress { phase: "loading".to_string(), done, total: capsule.len() as u64 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::fixture::Tree;

    const CLASS: [u8; 16] = *b"\x52\x3c\x1d\x6f\x1e\x8b\x55\x4c\x9c\x1f\x0a\x5e\x5d\x0c\x0b\x1a";

    fn capsule(class: [u8; 16]) -> Vec<u8> {
        [&class[..], &[28, 0, 0, 0, 0, 0, 1, 0, 32, 0, 0, 0], b"data"].concat()
    }

    fn tree(more: &[(&str, &str)]) -> Tree {
        let entry = |name: &str, value: &str| (format!("{ESRT}/entry0/{name}"), value.as_bytes().to_vec());
        let files = [
            entry("fw_class", "6f1d3c52-8b1e-4c55-9c1f-0a5e5d0c0b1a\n"),
            entry("fw_version", "65536\n"),
            ("/good.cap".to_string(), capsule(CLASS)),
            ("/other.cap".to_string(), capsule([7; 16])),
            ("/half.cap".to_string(), capsule(CLASS)[..30].to_vec()),
        ];
        let more = more.iter().map(|(path, text)| (path.to_string(), text.as_bytes().to_vec()));
        Tree::new(files.into_iter().chain(more))
    }

    fn write(machine: &Machine, image: &str) -> Outcome {
        let image = machine.path(image);
        Firmware::new(machine).write(&image, Duration::from_secs(60), &mut |_| ())
    }

    #[test]
    fn a_capsule_for_this_firmware_is_loaded() {
        let tree = tree(&[(LOADER, "")]);
        let machine = tree.machine();
        assert_eq!(write(&machine, "/good.cap"), Outcome::Done);
        assert_eq!(machine.read(LOADER).unwrap(), capsule(CLASS));
        let running = [("6f1d3c52-8b1e-4c55-9c1f-0a5e5d0c0b1a".to_string(), "65536".to_string())];
        let stored = Firmware::new(&machine).read_back().unwrap();
        assert_eq!(stored, Stored::Versions { running: running.into(), stored: BTreeMap::new() });
    }

    #[test]
    fn other_capsules_are_refused() {
        let tree = tree(&[]);
        let machine = tree.machine();
        for (image, expected) in [
            ("/good.cap", "the kernel has no capsule loader (/dev/efi_capsule_loader)"),
            (
                "/other.cap",
                "is for 07070707-0707-0707-0707-070707070707, which is not in the ESRT of this machine",
            ),
            ("/half.cap", "its header has a size of 32 bytes, but the file has 30"),
            ("/none.cap", "none.cap"),
        ] {
            match write(&machine, image) {
                Outcome::Refused(why) => assert!(why.contains(expected), "{why}"),
                outcome => panic!("{image}: {outcome}"),
            }
        }
    }
}
