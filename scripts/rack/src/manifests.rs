// SPDX-License-Identifier: MIT OR Apache-2.0
//! The firmware that a rack offers its hosts: manifest sets by the templates of `firmware-manifests/rack.toml`, signed with
//! a key of the rack's own.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context, Result};
use ring::digest::{SHA256, digest};
use toml::{Table, Value};

use crate::chip::Bios;
use crate::firmware_nic::NicImage;
use crate::inventory::Inventory;
use crate::paths::Paths;
use crate::spec::OfferSpec;

/// The entry for network adapters with updatable firmware.
pub const NIC: &str = "rack-nic";
/// The entry for BIOS chips.
pub const BIOS: &str = "rack-board-mtd";

const TEMPLATES: &str = include_str!("../../../firmware-manifests/rack.toml");

/// A signing key, and the manifest sets made so far. Each set has a higher serial than the one before.
pub struct Manifests {
    directory: PathBuf,
    inventory: Arc<Inventory>,
    paths: Paths,
    serial: AtomicI64,
}

impl Manifests {
    /// Makes a key in `directory`, and publishes the set of `offer` in the inventory.
    pub(crate) fn offer(
        offer: &OfferSpec,
        directory: PathBuf,
        inventory: &Arc<Inventory>,
        paths: &Paths,
    ) -> Result<Manifests> {
        fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
        let serial = AtomicI64::new(0);
        let manifests =
            Manifests { directory, inventory: Arc::clone(inventory), paths: paths.clone(), serial };
        manifests.make_key("rack")?;
        manifests.publish(&manifests.fill_in(offer)?)?;
        Ok(manifests)
    }

    /// The public key that hosts verify the sets with, in PEM.
    pub(crate) fn public_key(&self) -> Result<Vec<u8>> {
        let path = self.directory.join("rack.key.pub");
        fs::read(&path).with_context(|| format!("reading {}", path.display()))
    }

    /// The next set: the templates filled in from `offer`. The inventory serves its images.
    pub fn fill_in(&self, offer: &OfferSpec) -> Result<Table> {
        let mut set: Table = toml::from_str(TEMPLATES).context("reading firmware-manifests/rack.toml")?;
        let serial = self.serial.fetch_add(1, Ordering::Relaxed) + 1;
        set.insert("serial".to_string(), Value::Integer(serial));
        if let Some(version) = &offer.nic {
            let image = self.image(&format!("nic-{version}.bin"), &NicImage::new(version).to_bytes())?;
            merge(entry(&mut set, NIC)?, &desired(version, image));
        }
        if let Some(version) = offer.bios {
            let bios = Bios::read(version, &self.paths)?;
            let image = self.image(&format!("bios-{}.code", bios.version), &bios.code)?;
            merge(entry(&mut set, BIOS)?, &desired(&bios.version, image));
        }
        for (name, keys) in &offer.entries {
            let keys = keys.as_table().with_context(|| format!("firmware.entries.{name} is not a table"))?;
            merge(entry(&mut set, name)?, keys);
        }
        Ok(set)
    }

    /// Adds a file to the inventory; returns its `image` table for a manifest.
    pub fn image(&self, name: &str, bytes: &[u8]) -> Result<Table> {
        let url = self.inventory.add_image(name, bytes)?;
        let sha256: String =
            digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let size = i64::try_from(bytes.len()).context("the image is too large")?;
        Ok(Table::from_iter([
            ("urls".to_string(), Value::from(vec![url])),
            ("size".to_string(), Value::Integer(size)),
            ("sha256".to_string(), Value::String(sha256)),
        ]))
    }

    /// Signs the set, and publishes it.
    pub fn publish(&self, set: &Table) -> Result<()> {
        let path = self.sign(set, "rack")?;
        self.publish_file(&path)
    }

    /// Writes the set, and its signature by the key of that name; returns the set's file.
    pub fn sign(&self, set: &Table, key: &str) -> Result<PathBuf> {
        let serial = set.get("serial").and_then(Value::as_integer).context("the set has no serial")?;
        let path = self.directory.join(format!("{serial}.toml"));
        fs::write(&path, set.to_string()).with_context(|| format!("writing {}", path.display()))?;
        let key = self.key(key);
        self.firmware(&["sign".as_ref(), "--key".as_ref(), key.as_os_str(), path.as_os_str()])?;
        Ok(path)
    }

    /// Publishes a set's file, with the signature next to it.
    pub fn publish_file(&self, path: &Path) -> Result<()> {
        self.firmware(&["publish".as_ref(), path.as_os_str()])
    }

    /// Makes a key with that name. Hosts trust the one named `rack`.
    pub fn make_key(&self, name: &str) -> Result<()> {
        self.firmware(&["keygen".as_ref(), self.key(name).as_os_str()])
    }

    fn key(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.key"))
    }

    fn firmware(&self, arguments: &[&OsStr]) -> Result<()> {
        self.inventory.run(&[&[OsStr::new("firmware")], arguments].concat()).map(drop)
    }
}

fn desired(version: &str, image: Table) -> Table {
    let version = Table::from_iter([("want".to_string(), Value::from(version))]);
    Table::from_iter([
        ("version".to_string(), Value::Table(version)),
        ("image".to_string(), Value::Table(image)),
    ])
}

fn entry<'a>(set: &'a mut Table, name: &str) -> Result<&'a mut Table> {
    let entries = set.get_mut("entry").and_then(Value::as_array_mut).into_iter().flatten();
    let mut tables = entries.filter_map(Value::as_table_mut);
    let found = tables.find(|table| table.get("name").and_then(Value::as_str) == Some(name));
    found.with_context(|| format!("firmware-manifests/rack.toml has no entry {name}"))
}

/// Merges tables recursively. Anything else is replaced; so is a method, as an entry has only one.
fn merge(into: &mut Table, from: &Table) {
    for (key, new) in from {
        match (into.get_mut(key), new) {
            (Some(Value::Table(old)), Value::Table(new)) if key != "method" => merge(old, new),
            _ => drop(into.insert(key.clone(), new.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_in() {
        let mut set: Table = toml::from_str(TEMPLATES).unwrap();
        let image = Table::from_iter([("size".to_string(), Value::Integer(7))]);
        merge(entry(&mut set, NIC).unwrap(), &desired("22.39.2048", image));
        let entry = entry(&mut set, NIC).unwrap();
        assert_eq!(entry["version"]["want"].as_str(), Some("22.39.2048"));
        assert_eq!(entry["version"]["source"].as_str(), Some("devlink:fw"));
        assert_eq!(entry["image"]["size"].as_integer(), Some(7));
        assert!(super::entry(&mut set, "other").is_err());
        assert!(super::entry(&mut set, BIOS).is_ok());
    }

    #[test]
    fn tables_are_merged_except_methods() {
        let mut old: Table = toml::from_str("method = { devlink = 1 }\nlimits = { a = 1, b = 2 }").unwrap();
        merge(&mut old, &toml::from_str("method = { exec = 1 }\nlimits = { b = 3 }").unwrap());
        assert_eq!(old, toml::from_str("method = { exec = 1 }\nlimits = { a = 1, b = 3 }").unwrap());
    }
}
