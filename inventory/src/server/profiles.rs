// SPDX-License-Identifier: MIT OR Apache-2.0
//! Profiles, and the files they are made of.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ring::digest::{Context as Hash, SHA256};
use stage1_contract::{Artifact, Profile, VERSION};

use crate::server::folder::{Folder, hex};
use crate::server::store::Store;

/// The files and the command line of a new profile.
pub struct Sources<'a> {
    pub kernel: Option<&'a Path>,
    pub initrds: &'a [PathBuf],
    pub uki: Option<&'a Path>,
    pub append: &'a str,
}

/// Copies the files of a profile into the folder and adds it; one of the same name is replaced.
///
/// The copies are named after their content, so what a running boot downloads never changes.
pub fn add(folder: &Folder, store: &Store, name: &str, sources: &Sources) -> Result<Profile> {
    check_name(name)?;
    let import = |path: &Path| {
        import(path, &folder.images()).with_context(|| format!("copying {} into the images", path.display()))
    };
    let profile = Profile {
        version: VERSION,
        name: name.to_string(),
        kernel: sources.kernel.map(import).transpose()?,
        initrds: sources.initrds.iter().map(|path| import(path)).collect::<Result<_>>()?,
        append: sources.append.to_string(),
        uki: sources.uki.map(import).transpose()?,
    };
    check(&profile)?;
    store.put_profile(&profile)?;
    Ok(profile)
}

/// What became of a wish to remove a profile.
pub enum Removal {
    Done,
    Unknown,
    Assigned(u32),
}

impl Removal {
    /// In words.
    pub fn describe(&self, name: &str) -> String {
        match self {
            Removal::Done => format!("profile {name} is removed"),
            Removal::Unknown => format!("there is no profile {name:?}"),
            Removal::Assigned(hosts) => {
                format!("profile {name} is assigned to {hosts} hosts; assign them another one first")
            }
        }
    }
}

/// Removes a profile that no host is to boot. Its files stay until [`prune`].
pub fn remove(store: &Store, name: &str) -> Result<Removal> {
    match store.assignments(name)? {
        0 if store.remove_profile(name)? => Ok(Removal::Done),
        0 => Ok(Removal::Unknown),
        hosts => Ok(Removal::Assigned(hosts)),
    }
}

/// Removes the copies that no profile uses any more, and returns their names. Files that somebody
/// else put among them stay.
pub fn prune(folder: &Folder, store: &Store) -> Result<Vec<String>> {
    let profiles = store.profiles()?;
    let used: BTreeSet<&str> = profiles
        .iter()
        .flat_map(|profile| profile.kernel.iter().chain(&profile.initrds).chain(&profile.uki))
        .flat_map(|artifact| &artifact.urls)
        .filter_map(|url| url.strip_prefix(IMAGES_URL))
        .collect();
    let images = folder.images();
    let mut removed = Vec::new();
    for entry in fs::read_dir(&images).with_context(|| format!("reading {}", images.display()))? {
        let entry = entry.with_context(|| format!("reading {}", images.display()))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if is_copy(&name) && !used.contains(name.as_str()) {
            fs::remove_file(entry.path()).with_context(|| format!("removing {}", entry.path().display()))?;
            removed.push(name);
        }
    }
    removed.sort();
    Ok(removed)
}

/// Says what is wrong with a profile.
pub fn check(profile: &Profile) -> Result<()> {
    check_name(&profile.name)?;
    if profile.kernel.is_some() == profile.uki.is_some() {
        bail!("a profile has either a kernel or a unified kernel image");
    }
    if profile.uki.is_some() && !profile.initrds.is_empty() {
        bail!("a unified kernel image brings its own initrd; leave the initrds out");
    }
    for artifact in profile.kernel.iter().chain(&profile.initrds).chain(&profile.uki) {
        if artifact.urls.is_empty() {
            bail!("an artifact has no URL");
        }
        if !is_digest(&artifact.sha256) {
            bail!("{:?} is no SHA-256 in lower-case hex", artifact.sha256);
        }
    }
    Ok(())
}

/// Relative to the agents' base URL this is a path on the same server.
const IMAGES_URL: &str = "/images/";

/// Names stand in URLs, on command lines and in logs.
fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > 64 || name.starts_with(['.', '-']) || !name.chars().all(is_plain) {
        bail!(
            "{name:?} is no name for a profile; use up to 64 letters, digits and . _ - with no . or - in front"
        );
    }
    Ok(())
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-".contains(c)
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether `import` gave this name.
fn is_copy(name: &str) -> bool {
    name.split_once('-').is_some_and(|(digest, _)| is_digest(digest))
}

/// Copies a file into `images`, as `SHA256-NAME`.
fn import(source: &Path, images: &Path) -> Result<Artifact> {
    let base = source.file_name().context("it has no file name")?.to_string_lossy();
    let base: String = base.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let mut from = File::open(source)?;
    let partial = images.join(format!(".{base}.{}.partial", std::process::id()));
    let copied = copy_and_hash(&mut from, &partial).and_then(|(sha256, size)| {
        if size == 0 {
            bail!("it is empty");
        }
        let name = format!("{sha256}-{base}");
        fs::rename(&partial, images.join(&name))?;
        File::open(images)?.sync_all()?;
        Ok(Artifact { urls: vec![format!("{IMAGES_URL}{name}")], sha256, size })
    });
    if copied.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&partial);
    }
    copied
}

fn copy_and_hash(from: &mut File, to: &Path) -> Result<(String, u64)> {
    let mut to = File::create(to)?;
    let mut hash = Hash::new(&SHA256);
    let mut size = 0;
    let mut chunk = vec![0; 1 << 20];
    loop {
        let read = from.read(&mut chunk)?;
        let Some(part) = chunk.get(..read).filter(|part| !part.is_empty()) else { break };
        hash.update(part);
        to.write_all(part)?;
        size += read as u64;
    }
    to.sync_all()?;
    Ok((hex(hash.finish().as_ref()), size))
}
