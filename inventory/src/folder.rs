// SPDX-License-Identifier: MIT OR Apache-2.0
//! The inventory's data folder.
//!
//! | file | content |
//! | --- | --- |
//! | `inventory.db` | the database (SQLite), with the passwords of the hosts' BMCs |
//! | `ca.pem`, `ca.key` | the inventory's own CA; agents pin `ca.pem`. With a backup of `ca.key` the CA can be moved |
//! | `operator.token` | bearer token of the operator's API |
//! | `agent.token` | optional, written by the operator: bearer token of the agents' API |
//! | `bmc.toml` | optional, written by the operator: desired BMC configuration of every host |
//! | `images/` | files of the profiles, served over HTTPS at `/images/` |
//! | `boot/` | the agent's kernel, image and `boot.ipxe`, served over plain HTTP at `/boot/`, since firmware rarely supports HTTPS |

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::hex;

/// The data folder, and the path of each file in it.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Opens the folder at `path`; creates it, and whatever is missing in it.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let folder = Folder(path.to_path_buf());
        for dir in [path, &folder.images(), &folder.boot()] {
            fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
        }
        // SQLite gives its side files the permissions of the database.
        write_new(&folder.database(), 0o600, b"")?;
        write_new(&folder.operator_token(), 0o600, format!("{}\n", hex::random()?).as_bytes())?;
        Ok(folder)
    }

    /// Opens an existing inventory's folder.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let folder = Folder(path.to_path_buf());
        if !folder.database().exists() {
            bail!(
                "opening {}: not an inventory's data folder; set --dir, or create one with `stage1-inventory --dir {} serve`",
                path.display(),
                path.display()
            );
        }
        Ok(folder)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("inventory.db")
    }

    pub(crate) fn ca_certificate(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    pub(crate) fn ca_key(&self) -> PathBuf {
        self.0.join("ca.key")
    }

    pub(crate) fn operator_token(&self) -> PathBuf {
        self.0.join("operator.token")
    }

    /// Exists only where agents have to authenticate.
    pub(crate) fn agent_token(&self) -> PathBuf {
        self.0.join("agent.token")
    }

    /// Exists only where the BMCs of all hosts have a desired configuration.
    pub(crate) fn bmc_config(&self) -> PathBuf {
        self.0.join("bmc.toml")
    }

    pub(crate) fn images(&self) -> PathBuf {
        self.0.join("images")
    }

    pub(crate) fn boot(&self) -> PathBuf {
        self.0.join("boot")
    }
}

/// Reads a bearer token: the file's text without surrounding white space; `None` if the file does not exist.
pub(crate) fn read_token(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => {
            bail!("reading {}: the file is empty; write a token into it, or remove it", path.display())
        }
        Ok(text) => Ok(Some(text.trim().to_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

/// Creates a file with the permissions `mode`, atomically. A file that exists is left unchanged.
pub(crate) fn write_new(path: &Path, mode: u32, content: &[u8]) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let partial = path.with_added_extension(format!("{}.partial", std::process::id()));
    let write = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&partial)?;
        file.write_all(content)?;
        file.sync_all()?;
        match fs::hard_link(&partial, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => fs::remove_file(&partial),
        }
    };
    write().with_context(|| format!("writing {}", path.display()))
}
