// SPDX-License-Identifier: MIT OR Apache-2.0
//! A running rack.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use crate::boot::{BootFiles, Trusts};
use crate::host::{Host, KernelBoot};
use crate::inventory::Inventory;
use crate::manifests::Manifests;
use crate::namespace::Namespace;
use crate::network::{self, Foreign};
use crate::ntp::NtpServer;
use crate::paths::Paths;
use crate::process::Process;
use crate::spec::{HostSpec, NicSpec, RackSpec};
use crate::switch::Switch;
use crate::tap::Tap;

/// Network, switches, inventory and hosts. Dropping it takes everything down.
pub struct Rack {
    // Dropped in this order.
    hosts: Vec<Arc<Host>>,
    manifests: Option<Manifests>,
    inventory: Arc<Inventory>,
    _dnsmasq: Option<Process>,
    ntp: Option<NtpServer>,
    switches: Vec<Switch>,
    _foreign: Option<Foreign>,
    _namespace: Arc<Namespace>,
    spec: RackSpec,
    paths: Paths,
    directory: PathBuf,
    _lock: File,
}

impl Rack {
    /// Brings up the rack `name` in a folder of that name, which is emptied first: network and inventory serve, hosts are
    /// off.
    ///
    /// # Errors
    /// A rack of that name is up, or a part of it cannot be started.
    pub fn up(name: &str, spec: &RackSpec, paths: &Paths) -> Result<Rack> {
        let directory = paths.racks.join(name);
        let lock = lock(paths, name)?;
        if directory.exists() {
            fs::remove_dir_all(&directory).with_context(|| format!("emptying {}", directory.display()))?;
        }
        fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;

        let namespace = Arc::new(Namespace::new()?);
        let (own, foreign) =
            (taps_of(spec, |nic| nic.switch.is_none() && !nic.foreign), taps_of(spec, |nic| nic.foreign));
        network::connect(&namespace, &spec.network, spec.inventory.address, &own, &directory)?;
        let foreign = match foreign.is_empty() {
            true => None,
            false => Some(Foreign::up(&foreign, &directory.join("foreign"))?),
        };
        let switches = (0..)
            .zip(&spec.switches)
            .map(|(number, switch)| Switch::up(spec, number, directory.join(&switch.name), &namespace))
            .collect::<Result<Vec<_>>>()?;

        let folder = directory.join("inventory");
        let inventory =
            Inventory::new(&paths.inventory, folder, &spec.network, &spec.inventory, Arc::clone(&namespace))?;
        inventory.start()?;
        let (boot, boot_url) = (inventory.boot_directory(), inventory.boot_url());
        let files = BootFiles { directory: &boot, url: &boot_url, inventory_url: &inventory.url() };
        files.write_shared(paths)?;
        let inventory = Arc::new(inventory);
        let manifests = match &spec.firmware {
            Some(offer) => Some(Manifests::offer(offer, directory.join("firmware"), &inventory, paths)?),
            None => None,
        };
        let firmware = manifests.as_ref().map(Manifests::public_key).transpose()?;
        let trusts = Trusts { ca: inventory.ca()?, firmware };
        let mut hosts = Vec::new();
        for (number, host) in spec.hosts.iter().enumerate() {
            files.write_host(host, paths, &trusts)?;
            let kernel_boot = KernelBoot {
                kernel: files.kernel(),
                initramfs: files.initramfs(host),
                append: files.append(host),
            };
            let folder = directory.join(&host.name);
            let taps = taps(number, host, &namespace, &switches, foreign.as_ref())?;
            hosts.push(Host::new(spec, number, taps, kernel_boot, folder, &namespace, paths)?);
        }
        let settings = network::dnsmasq_settings(&spec.network, spec.inventory.address, &boot, &boot_url);
        let dnsmasq =
            spec.network.dhcp.then(|| network::serve(&namespace, &settings, &directory)).transpose()?;
        let ntp = spec.network.ntp.then(|| NtpServer::up(&namespace, directory.join("ntp"))).transpose()?;
        Ok(Rack {
            hosts,
            manifests,
            inventory,
            _dnsmasq: dnsmasq,
            ntp,
            switches,
            _foreign: foreign,
            _namespace: namespace,
            spec: spec.clone(),
            paths: paths.clone(),
            directory,
            _lock: lock,
        })
    }

    /// Its declaration.
    pub fn spec(&self) -> &RackSpec {
        &self.spec
    }

    /// All hosts, in the order of the spec.
    pub fn hosts(&self) -> &[Arc<Host>] {
        &self.hosts
    }

    /// The host with that name.
    ///
    /// # Errors
    /// There is none.
    pub fn host(&self, name: &str) -> Result<&Host> {
        self.hosts.iter().map(Arc::as_ref).find(|host| host.name() == name).with_context(|| {
            let names: Vec<&str> = self.hosts.iter().map(|host| host.name()).collect();
            format!("no host {name:?} in this rack; hosts: {}", names.join(", "))
        })
    }

    /// The switch with that name.
    ///
    /// # Errors
    /// There is none.
    pub fn switch(&self, name: &str) -> Result<&Switch> {
        find(&self.switches, name)
    }

    /// Cuts the hosts' power and stops the inventory. Dropping the rack does that too.
    pub(crate) fn shut_down(&self) {
        self.hosts.iter().for_each(|host| host.cut());
        self.inventory.stop();
    }

    /// Its inventory.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// Its NTP server.
    ///
    /// # Errors
    /// Its declaration has no `network.ntp`.
    pub fn ntp(&self) -> Result<&NtpServer> {
        self.ntp.as_ref().context("the rack has no NTP server: its file has no network.ntp")
    }

    /// The firmware that it offers its hosts.
    ///
    /// # Errors
    /// Its declaration has no `[firmware]`.
    pub fn manifests(&self) -> Result<&Manifests> {
        self.manifests.as_ref().context("the rack offers no firmware: its file has no [firmware]")
    }

    /// The folder of its files.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The files that it uses.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }
}

/// The names of the taps of those NICs.
fn taps_of(spec: &RackSpec, selected: fn(&NicSpec) -> bool) -> Vec<String> {
    let mut names = Vec::new();
    for (host, spec) in spec.hosts.iter().enumerate() {
        let nics = spec.nics.iter().enumerate().filter(|(_, nic)| selected(nic));
        names.extend(nics.map(|(nic, _)| own_tap(host, nic)));
    }
    names
}

/// The name of the tap for NIC `nic` of host `host`, both counted from 0, if it is at no switch.
fn own_tap(host: usize, nic: usize) -> String {
    format!("tap{host}-{nic}")
}

/// The taps that the NICs of host `number` are plugged into.
fn taps(
    number: usize,
    host: &HostSpec,
    namespace: &Arc<Namespace>,
    switches: &[Switch],
    foreign: Option<&Foreign>,
) -> Result<Vec<Tap>> {
    let mut taps = Vec::new();
    for (nic, spec) in host.nics.iter().enumerate() {
        taps.push(match (&spec.switch, &spec.port, foreign.filter(|_| spec.foreign)) {
            (Some(switch), Some(port), _) => find(switches, switch)?.tap(port),
            (_, _, Some(foreign)) => foreign.tap(own_tap(number, nic)),
            _ => Tap { name: own_tap(number, nic), namespace: Arc::clone(namespace) },
        });
    }
    Ok(taps)
}

fn find<'a>(switches: &'a [Switch], name: &str) -> Result<&'a Switch> {
    switches.iter().find(|switch| switch.name() == name).with_context(|| {
        let names: Vec<&str> = switches.iter().map(Switch::name).collect();
        format!("no switch {name:?} in this rack; switches: {}", names.join(", "))
    })
}

/// Racks with the same name would share a folder.
fn lock(paths: &Paths, name: &str) -> Result<File> {
    fs::create_dir_all(&paths.racks).with_context(|| format!("creating {}", paths.racks.display()))?;
    let path = paths.racks.join(format!("{name}.lock"));
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("rack {name} is already up; `rack down` takes it down")
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("locking {}", path.display())),
    }
}
