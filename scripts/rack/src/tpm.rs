// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host's TPM: swtpm, whose state persists over power cycles.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::namespace::Namespace;
use crate::process::{Process, command};
use crate::qemu::TPM_SOCKET;
use crate::spec::TpmVersion;
use crate::transcript::Transcript;

/// Starts the TPM of the host with its files in `directory`, for one power-on. Its socket accepts QEMU from here on.
pub(crate) fn start(version: TpmVersion, directory: &Path, namespace: &Namespace) -> Result<Process> {
    let (socket, state) = (directory.join(TPM_SOCKET), directory.join("tpm"));
    fs::create_dir_all(&state).with_context(|| format!("creating {}", state.display()))?;
    if socket.exists() {
        fs::remove_file(&socket).with_context(|| format!("removing {}", socket.display()))?;
    }
    let listener =
        UnixListener::bind(&socket).with_context(|| format!("listening on {}", socket.display()))?;
    let listener = OwnedFd::from(listener);
    let transcript = Arc::new(Transcript::create(&directory.join("tpm.log"))?);
    transcript.begin("TPM");
    let mut swtpm = command("swtpm");
    swtpm
        .args(["socket", "--terminate", "--tpmstate"])
        .arg(format!("dir={}", state.display()))
        .arg("--ctrl")
        .arg(format!("type=unixio,fd={}", listener.as_raw_fd()));
    if version == TpmVersion::V2 {
        swtpm.arg("--tpm2");
    }
    Process::spawn(namespace, swtpm, vec![listener], transcript)
}
