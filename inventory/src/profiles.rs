// SPDX-License-Identifier: MIT OR Apache-2.0
//! Profiles, and their files in the data folder.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ring::digest::{Context as Hash, SHA256};
use stage1_contract::{Artifact, Profile, VERSION};
use stage1_kexec::{Image, USUAL_COMMAND_LINE, longest_command_line};

use crate::folder::Folder;
use crate::hex;
use crate::store::Store;

/// The source files and the kernel command line of a new profile.
pub(crate) struct Sources<'a> {
    pub(crate) kernel: Option<&'a Path>,
    pub(crate) initrds: &'a [PathBuf],
    pub(crate) uki: Option<&'a Path>,
    pub(crate) append: &'a str,
}

/// Copies the files of a profile into the data folder and adds the profile, or replaces the one of the same name.
///
/// Copies are named by their digest, so that a download in progress is not affected.
pub(crate) fn add(folder: &Folder, store: &Store, name: &str, sources: &Sources) -> Result<Profile> {
    check_name(name)?;
    if let Some(file) = sources.kernel.or(sources.uki) {
        check_command_line(file, sources.append)?;
    }
    let import = |path: &Path| {
        import(path, &folder.images()).with_context(|| format!("copying {} to the images", path.display()))
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

/// Adds a profile whose files may be anywhere, or replaces the one of the same name; whether it is new.
pub(crate) fn put(folder: &Folder, store: &Store, profile: &Profile) -> Result<bool, PutError> {
    check(profile).map_err(PutError::Refused)?;
    let urls = profile.kernel.iter().chain(&profile.uki).flat_map(|artifact| &artifact.urls);
    let own = urls.filter_map(|url| url.strip_prefix(IMAGES_URL)).find(|name| !name.contains('/'));
    match own.map(|name| folder.images().join(name)).filter(|path| path.is_file()) {
        Some(path) => check_command_line(&path, &profile.append),
        None => check_usual_command_line(&profile.append),
    }
    .map_err(PutError::Refused)?;
    Ok(store.put_profile(profile)?)
}

/// Why a profile was not put.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PutError {
    #[error("{0:#}")]
    Refused(anyhow::Error),
    #[error(transparent)]
    Store(#[from] anyhow::Error),
}

/// Why a profile was not removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemovalError {
    #[error("removing profile {0:?}: no such profile")]
    Unknown(String),
    #[error("removing profile {name:?}: assigned to {hosts} host(s); assign another profile to them first")]
    Assigned { name: String, hosts: u32 },
    #[error(transparent)]
    Store(#[from] anyhow::Error),
}

/// Removes a profile that is assigned to no host. Its files stay until [`prune`].
pub(crate) fn remove(store: &Store, name: &str) -> Result<(), RemovalError> {
    let name = name.to_string();
    match store.assignments(&name)? {
        0 if store.remove_profile(&name)? => Ok(()),
        0 => Err(RemovalError::Unknown(name)),
        hosts => Err(RemovalError::Assigned { name, hosts }),
    }
}

/// Removes the copies that no profile uses any more and returns their names. Other files in the
/// folder are left alone.
pub(crate) fn prune(folder: &Folder, store: &Store) -> Result<Vec<String>> {
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

/// Validates a profile.
pub(crate) fn check(profile: &Profile) -> Result<()> {
    check_name(&profile.name)?;
    if profile.kernel.is_some() == profile.uki.is_some() {
        bail!("a profile needs either a kernel or a unified kernel image");
    }
    if profile.uki.is_some() && !profile.initrds.is_empty() {
        bail!("a unified kernel image contains its own initrd; remove the initrds");
    }
    if profile.append.contains(char::is_control) {
        bail!("append is not one line: remove line breaks and other control characters");
    }
    for artifact in profile.kernel.iter().chain(&profile.initrds).chain(&profile.uki) {
        if artifact.urls.is_empty() {
            bail!("an artifact without URL");
        }
        if !is_digest(&artifact.sha256) {
            bail!("{:?} is not a SHA-256 digest in lower-case hex", artifact.sha256);
        }
    }
    Ok(())
}

/// Refuses a command line that the file, a bzImage or a unified kernel image, does not accept, before each host has downloaded
/// it to find that out. What another file accepts is not known.
fn check_command_line(file: &Path, append: &str) -> Result<()> {
    // Until there can be something to refuse, a large file is not read.
    if append.len() <= USUAL_COMMAND_LINE as usize / 2 {
        return Ok(());
    }
    let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let longest = match Image::parse(&bytes) {
        Ok(Image::Uki(uki)) => Some(uki.longest_command_line),
        _ => longest_command_line(&bytes),
    };
    match longest {
        Some(longest) if append.len() > longest as usize => {
            bail!("append: command line too long: {} bytes, this kernel accepts {longest}", append.len())
        }
        _ => Ok(()),
    }
}

/// The same for a kernel that is elsewhere.
fn check_usual_command_line(append: &str) -> Result<()> {
    if append.len() > USUAL_COMMAND_LINE as usize {
        bail!(
            "append: command line too long: {} bytes, kernels accept {USUAL_COMMAND_LINE}; one that is built for more must be \
             in images/, where its limit can be read",
            append.len()
        );
    }
    Ok(())
}

/// A path on the same server; agents resolve it against their base URL.
const IMAGES_URL: &str = "/images/";

/// Names are used in URLs, on command lines and in logs.
fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > 64 || name.starts_with(['.', '-']) || !name.chars().all(is_plain) {
        bail!(
            "{name:?} is not a valid profile name; use up to 64 letters, digits, '.', '_' and '-', the first one a letter, digit or '_'"
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

/// Whether this is a name that `import` makes.
fn is_copy(name: &str) -> bool {
    name.split_once('-').is_some_and(|(digest, _)| is_digest(digest))
}

/// Copies a file into `images`, as `SHA256-NAME`.
fn import(source: &Path, images: &Path) -> Result<Artifact> {
    let base = source.file_name().context("the path has no file name")?.to_string_lossy();
    let base: String = base.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let mut from = File::open(source)?;
    let partial = images.join(format!(".{base}.{}.partial", std::process::id()));
    let copied = copy_and_hash(&mut from, &partial).and_then(|(sha256, size)| {
        if size == 0 {
            bail!("the file is empty");
        }
        let name = format!("{sha256}-{base}");
        fs::rename(&partial, images.join(&name))?;
        File::open(images)?.sync_all()?;
        Ok(Artifact { urls: vec![format!("{IMAGES_URL}{name}")], sha256, size })
    });
    if copied.is_err() {
        // The first error is the one to report.
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
    Ok((hex::encode(hash.finish().as_ref()), size))
}
