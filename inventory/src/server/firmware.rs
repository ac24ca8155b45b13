// SPDX-License-Identifier: MIT OR Apache-2.0
//! Verbs for firmware manifests: keys, signatures, and what agents are served.
//!
//! Keys are PEM files as OpenSSL's (RFC 8410): PKCS #8 for the private one, SubjectPublicKeyInfo for the public one. A
//! signature is Ed25519 (RFC 8032) of the file's bytes, base64 on one line, in a file of its name and `.sig`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use stage1_contract::VERSION;
use stage1_contract::firmware::manifest::SCHEMA;
use stage1_contract::firmware::{ManifestSet, SignedManifests};

use crate::server::folder::{Folder, write_new};
use crate::server::output::print;
use crate::server::store::Store;

/// What an Ed25519 SubjectPublicKeyInfo has before the 32 bytes of the key (RFC 8410, 4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Verbs for firmware manifests.
#[derive(Subcommand)]
pub enum FirmwareVerb {
    /// Make a key: KEY to sign with, and KEY.pub for the image
    Keygen {
        /// The file to write; it must not be there yet
        key: PathBuf,
    },
    /// Sign a manifest set: writes SET.sig
    Sign {
        /// The private key
        #[arg(long, value_name = "KEY")]
        key: PathBuf,
        /// The manifest set
        set: PathBuf,
    },
    /// Check SET.sig
    Verify {
        /// The public key
        #[arg(long, value_name = "KEY.pub")]
        key: PathBuf,
        /// The manifest set
        set: PathBuf,
    },
    /// Serve a manifest set, with SET.sig where that is there, to the agents
    Publish {
        /// The manifest set
        set: PathBuf,
    },
}

/// Does what a verb for firmware manifests says; only `publish` needs the inventory's folder `dir`.
pub fn firmware(dir: &Path, verb: FirmwareVerb) -> Result<()> {
    match verb {
        FirmwareVerb::Keygen { key } => keygen(&key),
        FirmwareVerb::Sign { key, set } => sign(&key, &set),
        FirmwareVerb::Verify { key, set } => verify(&key, &set),
        FirmwareVerb::Publish { set } => publish(&Folder::open(dir)?, &set),
    }
}

fn keygen(path: &Path) -> Result<()> {
    let public_path = path.with_added_extension("pub");
    if let Some(there) = [path, &public_path].into_iter().find(|path| path.exists()) {
        bail!("{} is there already; a key is never overwritten", there.display());
    }
    let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
    let document = made.map_err(|_| anyhow!("the kernel gave no random bytes"))?;
    let pair =
        Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(|error| anyhow!("making a key: {error}"))?;
    let public = [&SPKI, pair.public_key().as_ref()].concat();
    write_new(path, 0o600, pem("PRIVATE KEY", document.as_ref()).as_bytes())?;
    write_new(&public_path, 0o644, pem("PUBLIC KEY", &public).as_bytes())?;
    print(&format!(
        "{}  keep it secret\n{}  goes into the image as /etc/stage1/firmware.pub\n",
        path.display(),
        public_path.display()
    ))
}

fn sign(key: &Path, set: &Path) -> Result<()> {
    let (text, _) = read_set(set)?;
    let der = read_pem(key, "PRIVATE KEY")?;
    // OpenSSL's private keys come without the public one.
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
        .map_err(|error| anyhow!("{} is no Ed25519 private key: {error}", key.display()))?;
    let signature = format!("{}\n", STANDARD.encode(pair.sign(text.as_bytes())));
    let path = set.with_added_extension("sig");
    fs::write(&path, signature).with_context(|| format!("writing {}", path.display()))
}

fn verify(key: &Path, set: &Path) -> Result<()> {
    let (text, manifests) = read_set(set)?;
    let Some(signature) = read_signature(set)? else { bail!("{} is not signed", set.display()) };
    let signature = STANDARD.decode(&signature).with_context(|| format!("reading {}.sig", set.display()))?;
    let der = read_pem(key, "PUBLIC KEY")?;
    let public = der.strip_prefix(&SPKI).filter(|bytes| bytes.len() == 32);
    let public = public.with_context(|| format!("{} is no Ed25519 public key", key.display()))?;
    UnparsedPublicKey::new(&ED25519, public)
        .verify(text.as_bytes(), &signature)
        .map_err(|_| anyhow!("{}: the signature is not one of {}", set.display(), key.display()))?;
    print(&format!(
        "{}: serial {}, {} entries, signed with {}\n",
        set.display(),
        manifests.serial,
        manifests.entries.len(),
        key.display()
    ))
}

fn publish(folder: &Folder, set: &Path) -> Result<()> {
    let (text, manifests) = read_set(set)?;
    let signature = read_signature(set)?;
    let signed = if signature.is_some() { "signed" } else { "not signed: only images that allow it take it" };
    let store = Store::open(&folder.database())?;
    let serial = i64::try_from(manifests.serial).context("the serial is too large")?;
    store.publish(serial, &SignedManifests { version: VERSION, set: text, signature })?;
    print(&format!("serial {serial}, {} entries, {signed}\n", manifests.entries.len()))
}

/// A manifest set's text, and what it says.
fn read_set(path: &Path) -> Result<(String, ManifestSet)> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let set: ManifestSet = toml::from_str(&text)
        .map_err(|error| anyhow!("{}: {}", path.display(), error.to_string().trim_end()))?;
    if set.schema != SCHEMA {
        bail!("{}: it has schema {}, this program knows schema {SCHEMA}", path.display(), set.schema);
    }
    Ok((text, set))
}

fn read_signature(set: &Path) -> Result<Option<String>> {
    let path = set.with_added_extension("sig");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim().to_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(|line| format!("{}\n", String::from_utf8_lossy(line)));
    format!("-----BEGIN {label}-----\n{}-----END {label}-----\n", lines.collect::<String>())
}

fn read_pem(path: &Path, label: &str) -> Result<Vec<u8>> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let body = text
        .split_once(&format!("-----BEGIN {label}-----"))
        .and_then(|(_, rest)| rest.split_once(&format!("-----END {label}-----")))
        .with_context(|| format!("{} holds no {label} in PEM", path.display()))?
        .0;
    STANDARD
        .decode(body.split_whitespace().collect::<String>())
        .with_context(|| format!("reading {}", path.display()))
}
