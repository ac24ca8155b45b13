// SPDX-License-Identifier: MIT OR Apache-2.0
//! A rack that is up.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use crate::boot::BootFiles;
use crate::host::{Host, KernelBoot};
use crate::inventory::Inventory;
use crate::namespace::Namespace;
use crate::network;
use crate::paths::Paths;
use crate::process::Process;
use crate::spec::{HostSpec, RackSpec};

/// Network, inventory and hosts. Dropping it takes everything down.
pub struct Rack {
    // In the order in which they go down.
    hosts: Vec<Host>,
    inventory: Inventory,
    _dnsmasq: Option<Process>,
    _namespace: Arc<Namespace>,
    paths: Paths,
    directory: PathBuf,
    _lock: File,
}

impl Rack {
    /// Brings the rack `name` up, in a folder of that name that is emptied first: network and inventory serve, hosts
    /// are off.
    pub fn up(name: &str, spec: &RackSpec, paths: &Paths) -> Result<Rack> {
        let directory = paths.racks.join(name);
        let lock = lock(&directory)?;
        if directory.exists() {
            fs::remove_dir_all(&directory).with_context(|| format!("emptying {}", directory.display()))?;
        }
        fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;

        let namespace = Arc::new(Namespace::new()?);
        let taps = |host: &HostSpec, first: usize| -> Vec<String> {
            (first..first + host.nics.len()).map(|number| format!("tap{number}")).collect()
        };
        let all_taps: Vec<String> = spec.hosts.iter().fold(Vec::new(), |mut all, host| {
            all.extend(taps(host, all.len()));
            all
        });
        network::connect(&namespace, &spec.network, &all_taps, &directory)?;

        let folder = directory.join("inventory");
        let inventory =
            Inventory::new(&paths.inventory, folder, &spec.network, &spec.inventory, Arc::clone(&namespace))?;
        inventory.start()?;
        let (boot, boot_url) = (inventory.boot_directory(), inventory.boot_url());
        let files = BootFiles { directory: &boot, url: &boot_url, inventory_url: &inventory.url() };
        files.write_shared(paths)?;
        let ca = inventory.ca()?;
        let mut hosts = Vec::new();
        let mut first_tap = 0;
        for host in &spec.hosts {
            files.write_host(host, paths, &ca)?;
            let kernel_boot = KernelBoot {
                kernel: files.kernel(),
                initramfs: files.initramfs(host),
                append: files.append(host),
            };
            let taps = taps(host, first_tap);
            first_tap += taps.len();
            let folder = directory.join(&host.name);
            hosts.push(Host::new(host.clone(), taps, kernel_boot, folder, Arc::clone(&namespace))?);
        }
        let dnsmasq = if spec.network.dhcp {
            Some(network::serve(&namespace, &spec.network, &directory, &boot, &boot_url)?)
        } else {
            None
        };
        let paths = paths.clone();
        Ok(Rack { hosts, inventory, _dnsmasq: dnsmasq, _namespace: namespace, paths, directory, _lock: lock })
    }

    /// All hosts, in the order of the spec.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The host of that name.
    pub fn host(&self, name: &str) -> Result<&Host> {
        self.hosts.iter().find(|host| host.name() == name).with_context(|| {
            let names: Vec<&str> = self.hosts.iter().map(Host::name).collect();
            format!("there is no host {name:?}; there are: {}", names.join(", "))
        })
    }

    /// Takes the hosts' power away and ends the inventory. Dropping the rack does that too.
    pub fn go_down(&self) {
        self.hosts.iter().for_each(Host::cut);
        self.inventory.stop();
    }

    /// The inventory.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// Where it keeps its files.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where it finds its files.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }
}

fn lock(directory: &Path) -> Result<File> {
    let path = directory.with_extension("lock");
    let parent = path.parent().context("finding the racks' folder")?;
    fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("{} is up already; `rack down` takes it down", directory.display())
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("locking {}", path.display())),
    }
}
