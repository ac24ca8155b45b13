// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1-inventory firmware`: keys, signatures and publication of firmware manifests.
//!
//! Keys are PEM files like OpenSSL's (RFC 8410): PKCS #8 for the private one, SubjectPublicKeyInfo for the public one. A
//! signature is Ed25519 (RFC 8032) of the file's bytes, base64 on one line, in a file of the same name with `.sig` appended.

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

use crate::folder::{Folder, write_new};
use crate::output::print;
use crate::store::Store;

/// The prefix of an Ed25519 SubjectPublicKeyInfo, before the 32 bytes of the key (RFC 8410, section 4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Sign, verify and publish firmware manifests
#[derive(Subcommand)]
pub(crate) enum FirmwareCommand {
    /// Generate a key pair: KEY to sign with, and KEY.pub for the image
    ///
    /// Keep KEY secret, away from the inventory. KEY.pub goes into the image as /etc/stage1/firmware.pub. An existing
    /// file is never overwritten.
    #[command(after_help = examples!(
        "stage1-inventory firmware keygen fleet.key",
        "openssl genpkey -algorithm ed25519 -out fleet.key    # the same, with OpenSSL",
    ))]
    Keygen {
        /// The file to create
        key: PathBuf,
    },
    /// Sign a manifest set
    ///
    /// Writes the signature to SET.sig. Sign again after each change of SET.
    #[command(after_help = examples!(
        "stage1-inventory firmware sign --key fleet.key fleet.toml",
        "stage1-inventory firmware verify --key fleet.key.pub fleet.toml",
    ))]
    Sign {
        /// The private key
        #[arg(long, value_name = "KEY")]
        key: PathBuf,
        /// The manifest set
        set: PathBuf,
    },
    /// Verify the signature of a manifest set
    ///
    /// Checks SET.sig, as agents do with the public key in their image.
    #[command(after_help = examples!(
        "stage1-inventory firmware verify --key fleet.key.pub fleet.toml",
        "stage1-inventory firmware verify --key /etc/stage1/firmware.pub fleet.toml",
    ))]
    Verify {
        /// The public key
        #[arg(long, value_name = "KEY.pub")]
        key: PathBuf,
        /// The manifest set
        set: PathBuf,
    },
    /// Publish a manifest set to the agents
    ///
    /// SET.sig is published with it if it exists; images refuse an unsigned set by default. The serial of the set must
    /// be greater than that of every published one.
    #[command(after_help = examples!(
        "stage1-inventory firmware publish fleet.toml",
        "stage1-inventory --dir /srv/inventory firmware publish fleet.toml",
    ))]
    Publish {
        /// The manifest set
        set: PathBuf,
    },
}

/// Runs a command on firmware manifests; only `publish` uses the data folder `dir`.
pub(crate) fn firmware(dir: &Path, command: FirmwareCommand) -> Result<()> {
    match command {
        FirmwareCommand::Keygen { key } => keygen(&key),
        FirmwareCommand::Sign { key, set } => sign(&key, &set),
        FirmwareCommand::Verify { key, set } => verify(&key, &set),
        FirmwareCommand::Publish { set } => publish(&Folder::open(dir)?, &set),
    }
}

fn keygen(path: &Path) -> Result<()> {
    let public_path = path.with_added_extension("pub");
    if let Some(existing) = [path, &public_path].into_iter().find(|path| path.exists()) {
        bail!("writing {}: file exists, and a key is never overwritten", existing.display());
    }
    let generated = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
    let document = generated.map_err(|_| anyhow!("generating a key: no random bytes from the kernel"))?;
    let pair = Ed25519KeyPair::from_pkcs8(document.as_ref())
        .map_err(|error| anyhow!("generating a key: {error}"))?;
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
    // OpenSSL's private keys do not contain the public one.
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
        .map_err(|error| anyhow!("reading {}: not an Ed25519 private key: {error}", key.display()))?;
    let signature = format!("{}\n", STANDARD.encode(pair.sign(text.as_bytes())));
    let path = set.with_added_extension("sig");
    fs::write(&path, signature).with_context(|| format!("writing {}", path.display()))
}

fn verify(key: &Path, set: &Path) -> Result<()> {
    let (text, manifests) = read_set(set)?;
    let Some(signature) = read_signature(set)? else {
        bail!("verifying {}: not signed, there is no {0}.sig", set.display())
    };
    let signature = STANDARD.decode(&signature).with_context(|| format!("reading {}.sig", set.display()))?;
    let der = read_pem(key, "PUBLIC KEY")?;
    let public = der.strip_prefix(&SPKI).filter(|bytes| bytes.len() == 32);
    let public = public.with_context(|| format!("reading {}: not an Ed25519 public key", key.display()))?;
    UnparsedPublicKey::new(&ED25519, public).verify(text.as_bytes(), &signature).map_err(|_| {
        anyhow!("verifying {}: the signature was not made with {}", set.display(), key.display())
    })?;
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
    let signed = if signature.is_some() {
        "signed"
    } else {
        "not signed: only images with the setting firmware-unsigned accept it"
    };
    let store = Store::open(&folder.database())?;
    let serial = i64::try_from(manifests.serial)
        .with_context(|| format!("publishing {}: the serial is too large", set.display()))?;
    store.publish(serial, &SignedManifests { version: VERSION, set: text, signature })?;
    print(&format!("serial {serial}, {} entries, {signed}\n", manifests.entries.len()))
}

/// The text of a manifest set, and the set.
fn read_set(path: &Path) -> Result<(String, ManifestSet)> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let set: ManifestSet = toml::from_str(&text)
        .map_err(|error| anyhow!("reading {}: {}", path.display(), error.to_string().trim_end()))?;
    if set.schema != SCHEMA {
        bail!("reading {}: schema {} is not supported, only {SCHEMA} is", path.display(), set.schema);
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
        .with_context(|| format!("reading {}: no {label} in PEM", path.display()))?
        .0;
    STANDARD
        .decode(body.split_whitespace().collect::<String>())
        .with_context(|| format!("reading {}", path.display()))
}
