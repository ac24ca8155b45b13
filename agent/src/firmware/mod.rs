// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware of the board and of network adapters: which manifests are believed, and what is to be done by them.
//!
//! [`set`] believes a manifest set, [`matching`] finds the entry for each component, [`plan`] decides, [`state`] is what
//! follows from that, and [`journal`] what is remembered of it; all that is pure. [`check()`] puts it together,
//! [`apply()`] does it, by the [`backend`]s.

pub mod apply;
pub mod backend;
mod check;
pub mod journal;
pub mod lint;
pub mod matching;
pub mod plan;
mod reset;
pub mod set;
pub mod signature;
pub mod state;
pub mod table;
mod variable;
pub mod version;

#[cfg(test)]
mod fixture;

use anyhow::{Context, Result};
use stage1_contract::firmware::SetSource;

use crate::config::Settings;
use crate::host::Machine;
use crate::inventory::Client;
use set::{Believed, Candidate};
use signature::Keys;

pub use apply::apply;
pub use check::{Known, Look, check, facts};
pub use reset::reset;

/// Where an image has the public keys of manifest sets.
pub const KEYS: &str = "/etc/stage1/firmware.pub";
/// Where an image has a manifest set; its signature is beside it, with `.sig` added.
pub const SET: &str = "/etc/stage1/firmware.toml";

/// The manifest set that counts: of the image's and the inventory's the one with the greater serial. What is there and not
/// believed is told to `problem`.
pub fn manifests(
    machine: &Machine,
    settings: &Settings,
    inventory: Option<&Client>,
    mut problem: impl FnMut(String),
) -> Option<Believed> {
    if settings.firmware_unsigned {
        log::warn!(
            "firmware manifests that nobody has signed are believed: whoever can change them can flash this host (setting firmware-unsigned)"
        );
    }
    let keys = match keys(machine) {
        Ok(keys) => keys,
        Err(error) => {
            problem(format!("{error:#}"));
            return None;
        }
    };
    let mut believed = Vec::new();
    let mut consider = |name: &str, candidate: Result<Option<Candidate>>| {
        let candidate = match candidate {
            Ok(Some(candidate)) => candidate,
            Ok(None) => return,
            Err(error) => return problem(format!("{error:#}")),
        };
        match set::believe(&candidate, &keys, settings.firmware_unsigned) {
            Ok(set) => believed.push(set),
            Err(error) => problem(format!("the firmware manifests of {name}: {error}")),
        }
    };
    consider("the image", of_image(machine));
    if let Some(client) = inventory {
        consider("the inventory", of_inventory(client));
    }
    set::newest(believed)
}

fn keys(machine: &Machine) -> Result<Keys> {
    if !machine.has(KEYS) {
        return Ok(Keys::default());
    }
    let pem = machine.read(KEYS)?;
    Keys::parse(&String::from_utf8_lossy(&pem)).with_context(|| format!("reading {KEYS}"))
}

fn of_image(machine: &Machine) -> Result<Option<Candidate>> {
    if !machine.has(SET) {
        return Ok(None);
    }
    let read = |path: &str| -> Result<String> {
        String::from_utf8(machine.read(path)?).with_context(|| format!("reading {path}"))
    };
    let signature = format!("{SET}.sig");
    let signature = if machine.has(&signature) { Some(read(&signature)?) } else { None };
    Ok(Some(Candidate { source: SetSource::Image, text: read(SET)?, signature }))
}

fn of_inventory(client: &Client) -> Result<Option<Candidate>> {
    let served = client.firmware_manifests().context("asking for firmware manifests")?;
    Ok(served.map(|manifests| Candidate {
        source: SetSource::Inventory,
        text: manifests.set,
        signature: manifests.signature,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firmware::signature::tests::{pem, sign};

    const TEXT: &str = "schema = 1\nserial = 7\nexpires = \"2027-06-30\"\n";

    /// What is believed of an image with these files, as serial and signed, and what is told.
    fn believed(files: &[(&str, &str)], unsigned: bool) -> (Option<(u64, bool)>, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("etc/stage1")).unwrap();
        for (name, content) in files {
            std::fs::write(dir.path().join("etc/stage1").join(name), content).unwrap();
        }
        let settings = Settings { firmware_unsigned: unsigned, ..Settings::default() };
        let mut problems = Vec::new();
        let set = manifests(&Machine::at(dir.path()), &settings, None, |words| problems.push(words));
        (set.map(|believed| (believed.set.serial, believed.signed)), problems)
    }

    #[test]
    fn the_images_manifests_are_believed_where_its_key_has_signed_them() {
        let (key, signature) = (pem(1), sign(TEXT));
        let signed = [("firmware.toml", TEXT), ("firmware.toml.sig", &signature), ("firmware.pub", &key)];
        assert_eq!(believed(&signed, false), (Some((7, true)), Vec::new()));
        assert_eq!(believed(&[], false), (None, Vec::new()));

        let refused = |files: &[(&str, &str)], words: &str| {
            let (set, problems) = believed(files, false);
            assert_eq!((set, problems.len()), (None, 1), "{problems:?}");
            assert!(problems[0].contains(words), "{problems:?}");
        };
        refused(&[("firmware.toml", TEXT)], "the firmware manifests of the image: it is not signed");
        refused(&signed[..2], "the image has no key");
        refused(&[signed[0], signed[1], ("firmware.pub", &pem(2))], "none of the image's keys'");
        refused(&[signed[0], signed[1], ("firmware.pub", "no key")], "reading /etc/stage1/firmware.pub");
        assert_eq!(believed(&signed[..1], true), (Some((7, false)), Vec::new()));
    }
}
