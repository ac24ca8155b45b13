// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference inventory: its server in the namespace, and its commands for operators.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stage1_contract::Detail;

use crate::console_phrases::INVENTORY_READY;
use crate::namespace::Namespace;
use crate::process::{Process, explain, output};
use crate::spec::{INVENTORY_NAME, InventorySpec, NetworkSpec};
use crate::transcript::Transcript;

/// The inventory of a rack.
pub struct Inventory {
    program: PathBuf,
    directory: PathBuf,
    network: NetworkSpec,
    spec: InventorySpec,
    namespace: Arc<Namespace>,
    log: Arc<Transcript>,
    server: Mutex<Option<Process>>,
}

/// How long the server may take to start.
const START: Duration = Duration::from_secs(30);

impl Inventory {
    /// An inventory with its database and files in `directory`; it does not serve yet.
    pub fn new(
        program: &Path,
        directory: PathBuf,
        network: &NetworkSpec,
        spec: &InventorySpec,
        namespace: Arc<Namespace>,
    ) -> Result<Inventory> {
        fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
        if !spec.bmc.is_empty() {
            let path = directory.join("bmc.toml");
            fs::write(&path, spec.bmc.to_string()).with_context(|| format!("writing {}", path.display()))?;
        }
        let log = Arc::new(Transcript::create(&directory.with_extension("log"))?);
        Ok(Inventory {
            program: program.to_path_buf(),
            directory,
            network: network.clone(),
            spec: spec.clone(),
            namespace,
            log,
            server: Mutex::new(None),
        })
    }

    /// Starts the server, and waits until it serves.
    ///
    /// # Errors
    /// It does not serve within 30 s.
    pub fn start(&self) -> Result<()> {
        let mut server = self.server();
        drop(server.take());
        // With IPv6 only, the bridge's IPv6 addresses too.
        let address = match self.network.ipv6_only {
            true => "[::]".to_string(),
            false => self.spec.address.unwrap_or(self.network.server).to_string(),
        };
        let boot = if self.network.ipv6_only { address.clone() } else { self.network.server.to_string() };
        let mut command = Command::new(&self.program);
        command.arg("serve").arg("--dir").arg(&self.directory).args([
            "--listen",
            &format!("{address}:{}", self.spec.port),
            "--boot-listen",
            &format!("{boot}:{}", self.spec.boot_port),
            "--name",
            &self.network.server.to_string(),
            "--name",
            INVENTORY_NAME,
        ]);
        if let Some(days) = self.spec.certificate_days {
            command.args(["--certificate-days", &days.to_string()]);
        }
        self.log.begin("inventory");
        *server = Some(Process::spawn(&self.namespace, command, Vec::new(), Arc::clone(&self.log))?);
        self.log.wait_for(INVENTORY_READY, START).context("starting the inventory").map(drop)
    }

    /// Stops the server. Its database stays.
    pub fn stop(&self) {
        drop(self.server().take());
    }

    /// Base URL of the contract.
    pub fn url(&self) -> String {
        let own = self.spec.address.map(|address| address.to_string());
        format!("https://{}:{}/ipxe", own.unwrap_or_else(|| self.network.server_name()), self.spec.port)
    }

    /// Base URL of the boot files.
    pub(crate) fn boot_url(&self) -> String {
        format!("http://{}:{}/boot", self.network.server_name(), self.spec.boot_port)
    }

    /// The folder of the boot files.
    pub fn boot_directory(&self) -> PathBuf {
        self.directory.join("boot")
    }

    /// Adds a file, served as `/images/NAME`; returns that path.
    pub(crate) fn add_image(&self, name: &str, bytes: &[u8]) -> Result<String> {
        let path = self.directory.join("images").join(name);
        fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
        Ok(format!("/images/{name}"))
    }

    /// Its folder.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The certificate of its CA, in PEM; exists once the server was started.
    pub(crate) fn ca(&self) -> Result<Vec<u8>> {
        let path = self.directory.join("ca.pem");
        fs::read(&path).with_context(|| format!("reading {}", path.display()))
    }

    /// Runs one of the commands for operators, and returns its output.
    ///
    /// # Errors
    /// What the command prints as its error.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.arg("--dir").arg(&self.directory).args(arguments);
        let output = output(&mut command).map_err(|error| explain("stage1-inventory", error))?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}", errors.trim_end());
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// All hosts, as `host list --json` prints them.
    pub fn hosts(&self) -> Result<Value> {
        let hosts = self.run(&["host", "list", "--json"])?;
        serde_json::from_str(&hosts).context("reading the list of hosts")
    }

    /// A host, as `host show --json` prints it.
    pub fn host(&self, id: &str) -> Result<Value> {
        let host = self.run(&["host", "show", id, "--json"])?;
        serde_json::from_str(&host).with_context(|| format!("reading host {id}"))
    }

    /// The users of a host's BMC with their passwords, as `host credentials --json` prints them.
    pub fn credentials(&self, id: &str) -> Result<Value> {
        let credentials = self.run(&["host", "credentials", id, "--json"])?;
        serde_json::from_str(&credentials).with_context(|| format!("reading the credentials of host {id}"))
    }

    /// Adds a profile of a unified kernel image.
    pub(crate) fn add_uki(&self, name: &str, uki: &Path) -> Result<()> {
        let arguments =
            ["profile".as_ref(), "add".as_ref(), name.as_ref(), "--uki".as_ref(), uki.as_os_str()];
        self.run(&arguments).map(drop)
    }

    /// Adds a profile of a kernel and one initrd.
    pub fn add_profile(&self, name: &str, kernel: &Path, initrd: &Path, append: &str) -> Result<()> {
        let arguments =
            ["profile".as_ref(), "add".as_ref(), name.as_ref(), "--kernel".as_ref(), kernel.as_os_str()];
        let more = ["--initrd".as_ref(), initrd.as_os_str(), "--append".as_ref(), OsStr::new(append)];
        self.run(&[arguments.as_slice(), more.as_slice()].concat()).map(drop)
    }

    /// Assigns a profile to the host.
    pub(crate) fn assign(&self, id: &str, profile: &str) -> Result<()> {
        self.run(&["host", "assign", id, profile]).map(drop)
    }

    /// Sets the host's next action.
    pub fn set_action(&self, id: &str, action: &str) -> Result<()> {
        self.run(&["host", "action", id, action]).map(drop)
    }

    /// Sets the host's detail.
    pub(crate) fn set_detail(&self, id: &str, detail: &Detail) -> Result<()> {
        let path = self.directory.with_file_name(format!("detail-{id}.json"));
        fs::write(&path, serde_json::to_vec_pretty(detail)?)
            .with_context(|| format!("writing {}", path.display()))?;
        let path = path.to_string_lossy();
        self.run(&["host", "detail", id, &path]).map(drop)
    }

    fn server(&self) -> MutexGuard<'_, Option<Process>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
