// SPDX-License-Identifier: MIT OR Apache-2.0
//! The folder that holds everything the inventory knows.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use ring::rand::{SecureRandom, SystemRandom};

/// The inventory's folder, and what is where in it.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Opens `path`, making it and what is missing in it.
    pub fn create(path: &Path) -> Result<Self> {
        let folder = Folder(path.to_path_buf());
        for dir in [path, &folder.images(), &folder.boot()] {
            fs::create_dir_all(dir).with_context(|| format!("making the folder {}", dir.display()))?;
        }
        // SQLite gives its side files the permissions of the database.
        write_new(&folder.database(), 0o600, b"")?;
        write_new(&folder.operator_token(), 0o600, format!("{}\n", random_hex()?).as_bytes())?;
        Ok(folder)
    }

    /// Opens a folder that a server was started on before.
    pub fn open(path: &Path) -> Result<Self> {
        let folder = Folder(path.to_path_buf());
        if !folder.database().exists() {
            bail!(
                "{} holds no inventory; name its folder with --dir, or start one with `stage1-inventory serve --dir {}`",
                path.display(),
                path.display()
            );
        }
        Ok(folder)
    }

    pub fn database(&self) -> PathBuf {
        self.0.join("inventory.db")
    }

    pub fn ca_certificate(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    pub fn ca_key(&self) -> PathBuf {
        self.0.join("ca.key")
    }

    pub fn operator_token(&self) -> PathBuf {
        self.0.join("operator.token")
    }

    /// There only where the operator asks the agents for a token.
    pub fn agent_token(&self) -> PathBuf {
        self.0.join("agent.token")
    }

    /// There only where the operator wants something of every host's BMC.
    pub fn wanted_bmc(&self) -> PathBuf {
        self.0.join("bmc.toml")
    }

    pub fn images(&self) -> PathBuf {
        self.0.join("images")
    }

    pub fn boot(&self) -> PathBuf {
        self.0.join("boot")
    }
}

/// Reads a bearer token: the file's text without the white space around it; `None` without a file.
pub fn read_token(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => bail!("{} is empty; write a token into it", path.display()),
        Ok(text) => Ok(Some(text.trim().to_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

/// Writes a file with the permissions `mode`, unless it is there already. It appears whole.
pub fn write_new(path: &Path, mode: u32, content: &[u8]) -> Result<()> {
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

/// 32 random bytes in hex.
pub fn random_hex() -> Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| anyhow!("the kernel gave no random bytes"))?;
    Ok(hex(&bytes))
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
