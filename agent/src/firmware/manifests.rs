// SPDX-License-Identifier: MIT OR Apache-2.0
//! The manifest set that counts: the image's or the inventory's.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use super::set;
use anyhow::{Context, Result};
use stage1_contract::firmware::SetSource;

use super::set::{Candidate, VerifiedManifest};
use super::signature::Keys;
use crate::config::Settings;
use crate::host::Machine;
use crate::inventory::Client;

/// The public keys that may sign manifest sets.
pub(crate) const KEYS: &str = "/etc/stage1/firmware.pub";
/// The manifest set of the image; the path of its signature has `.sig` appended.
pub(crate) const SET: &str = "/etc/stage1/firmware.toml";

/// The manifest set that is used: of the image's and the inventory's the one with the greater serial. A set that is not
/// verified is skipped, and reported to `problem`.
pub(crate) fn manifests(
    machine: &Machine,
    settings: &Settings,
    inventory: Option<&Client>,
    mut problem: impl FnMut(String),
) -> Option<VerifiedManifest> {
    if settings.firmware_unsigned {
        log::warn!(
            "unsigned firmware manifests are accepted (setting firmware-unsigned): whoever can change them can flash this host"
        );
    }
    let keys = match keys(machine) {
        Ok(keys) => keys,
        Err(error) => {
            problem(format!("{error:#}"));
            return None;
        }
    };
    let mut verified = Vec::new();
    let mut consider = |name: &str, candidate: Result<Option<Candidate>>| {
        let candidate = match candidate {
            Ok(Some(candidate)) => candidate,
            Ok(None) => return,
            Err(error) => return problem(format!("{error:#}")),
        };
        match set::verify(&candidate, &keys, settings.firmware_unsigned) {
            Ok(set) => verified.push(set),
            Err(error) => problem(format!("firmware manifests of {name}: {error}")),
        }
    };
    consider("the image", of_image(machine));
    if let Some(client) = inventory {
        consider("the inventory", of_inventory(client));
    }
    set::newest(verified)
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
    let served = client.firmware_manifests().context("reading the firmware manifests from the inventory")?;
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

    /// The set that is used of an image with these files, as serial and signed, and the problems.
    fn verified(files: &[(&str, &str)], unsigned: bool) -> (Option<(u64, bool)>, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("etc/stage1")).unwrap();
        for (name, content) in files {
            std::fs::write(dir.path().join("etc/stage1").join(name), content).unwrap();
        }
        let settings = Settings { firmware_unsigned: unsigned, ..Settings::default() };
        let mut problems = Vec::new();
        let set = manifests(&Machine::at(dir.path()), &settings, None, |problem| problems.push(problem));
        (set.map(|verified| (verified.set.serial, verified.signed)), problems)
    }

    #[test]
    fn the_images_manifests_are_used_if_one_of_its_keys_has_signed_them() {
        let (key, signature) = (pem(1), sign(TEXT));
        let signed = [("firmware.toml", TEXT), ("firmware.toml.sig", &signature), ("firmware.pub", &key)];
        assert_eq!(verified(&signed, false), (Some((7, true)), Vec::new()));
        assert_eq!(verified(&[], false), (None, Vec::new()));

        let refused = |files: &[(&str, &str)], message: &str| {
            let (set, problems) = verified(files, false);
            assert_eq!((set, problems.len()), (None, 1), "{problems:?}");
            assert!(problems[0].contains(message), "{problems:?}");
        };
        refused(&[("firmware.toml", TEXT)], "firmware manifests of the image: the set is not signed");
        refused(&signed[..2], "this image has no key");
        refused(&[signed[0], signed[1], ("firmware.pub", &pem(2))], "the signature is not valid for any key");
        refused(&[signed[0], signed[1], ("firmware.pub", "no key")], "reading /etc/stage1/firmware.pub");
        assert_eq!(verified(&signed[..1], true), (Some((7, false)), Vec::new()));
    }
}
