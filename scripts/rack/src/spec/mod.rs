// SPDX-License-Identifier: MIT OR Apache-2.0
//! The declaration of a rack, a TOML file. `racks/example.toml` has every key.

mod bmc;
mod channel;
mod firmware;
mod hardware;
mod quirks;
mod smbios;
mod switch;
mod vendor;

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

pub use bmc::{AddressSource, BmcKind, BmcSpec, EventSpec, FruSpec, Privilege, SensorSpec, UserSpec};
pub(crate) use bmc::{BOARD_KEYS, CHASSIS_KEYS, PRODUCT_KEYS};
pub use channel::{ChannelSpec, Medium};
pub use firmware::{Activation, BiosSpec, BiosVersion, FirmwareNicSpec, NicFaults, OfferSpec};
pub use hardware::{CpuSpec, DiskModel, DiskSpec, NicModel, NicSpec, NodeSpec, TpmVersion};
pub use quirks::{Names, QuirksSpec, Settling};
pub use smbios::{EntryPoint, OnboardDevice, PortConnector, SmbiosSpec};
pub use switch::{Speaks, SwitchSpec};
pub use vendor::VENDORS;

/// A rack: its network, its inventory, its switches and its hosts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RackSpec {
    /// The boot network.
    #[serde(default)]
    pub network: NetworkSpec,
    /// The inventory.
    #[serde(default)]
    pub inventory: InventorySpec,
    /// The firmware that the inventory offers; without it, hosts have no key to verify manifests.
    pub firmware: Option<OfferSpec>,
    /// The switches, in the order of the file.
    #[serde(rename = "switch", default)]
    pub switches: Vec<SwitchSpec>,
    /// The hosts, in the order of the file.
    #[serde(rename = "host", default)]
    pub hosts: Vec<HostSpec>,
}

/// The inventory's name. The name server has one record of it, and refuses the other address family, as dnsmasq does
/// without `local=`.
pub const INVENTORY_NAME: &str = "inventory.rack";

/// The boot network: one IP subnet, with one server.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkSpec {
    /// Address of the boot server: DHCP, TFTP, HTTP and inventory.
    pub server: Ipv4Addr,
    /// Length of the network's prefix in bits.
    pub prefix: u8,
    /// Whether there are a DHCP and a TFTP server.
    pub dhcp: bool,
    /// The first and the last address of DHCP leases.
    pub dhcp_range: [Ipv4Addr; 2],
    /// Seconds by which the DHCP server's responses are late.
    pub dhcp_delay: u8,
    /// Whether hosts get IPv6 addresses only. The inventory then has a name, and there is a name server; netboot needs IPv4.
    pub ipv6_only: bool,
    /// Whether the boot server is an NTP server too, which DHCP announces.
    pub ntp: bool,
}

impl Default for NetworkSpec {
    fn default() -> NetworkSpec {
        NetworkSpec {
            server: Ipv4Addr::new(10, 9, 0, 1),
            prefix: 24,
            dhcp: true,
            dhcp_range: [Ipv4Addr::new(10, 9, 0, 100), Ipv4Addr::new(10, 9, 0, 199)],
            dhcp_delay: 0,
            ipv6_only: false,
            ntp: false,
        }
    }
}

/// The inventory.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InventorySpec {
    /// Port of the inventory API, HTTPS.
    pub port: u16,
    /// Port of the boot files, HTTP.
    pub boot_port: u16,
    /// Its address, outside of the boot network, whose gateway is the boot server; by default that of the boot server.
    pub address: Option<Ipv4Addr>,
    /// Days for which its certificate is valid; by default for centuries.
    pub certificate_days: Option<u16>,
    /// The desired configuration of every host's BMC, in the format of its `bmc.toml`; empty by default.
    pub bmc: toml::Table,
}

impl Default for InventorySpec {
    fn default() -> InventorySpec {
        InventorySpec {
            port: 8443,
            boot_port: 8080,
            address: None,
            certificate_days: None,
            bmc: toml::Table::new(),
        }
    }
}

/// One server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostSpec {
    /// Its name in the rack: lower-case letters, digits and `-`.
    pub name: String,
    /// Memory in MiB.
    #[serde(default = "default_memory_mib")]
    pub memory_mib: u32,
    /// Its processors.
    #[serde(default)]
    pub cpus: CpuSpec,
    /// Its NUMA nodes; may be empty.
    #[serde(rename = "node", default)]
    pub nodes: Vec<NodeSpec>,
    /// Its firmware.
    #[serde(default)]
    pub firmware: Firmware,
    /// How it loads kernel and initramfs.
    #[serde(default)]
    pub boot: Boot,
    /// The initramfs that it boots.
    #[serde(default)]
    pub image: Image,
    /// Whether a reset restarts it, as on hardware. Otherwise a reset powers it off, so that a panic is detected.
    #[serde(default)]
    pub reboots: bool,
    /// Its real-time clock at power-on, as `2026-01-31T12:00:00` in UTC; by default it is right.
    pub rtc: Option<String>,
    /// Added to the kernel command line.
    #[serde(default)]
    pub append: String,
    /// Its network ports.
    #[serde(rename = "nic", default)]
    pub nics: Vec<NicSpec>,
    /// Its disks.
    #[serde(rename = "disk", default)]
    pub disks: Vec<DiskSpec>,
    /// Its TPM.
    pub tpm: Option<TpmVersion>,
    /// Whether it has a watchdog (Intel 6300ESB) in addition to the chipset's.
    #[serde(default)]
    pub watchdog: bool,
    /// Its BMC.
    pub bmc: Option<BmcKind>,
    /// Whether it shares a folder with this machine: `share` in the folder of its files, mount tag `rack` (9p) in the host.
    #[serde(default)]
    pub share: bool,
    /// A network adapter with updatable firmware, without a cable.
    pub firmware_nic: Option<FirmwareNicSpec>,
    /// A BIOS chip with updatable firmware, instead of an unchangeable UEFI.
    pub bios: Option<BiosSpec>,
    /// Its SMBIOS tables.
    #[serde(default)]
    pub smbios: SmbiosSpec,
}

/// A host's firmware.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Firmware {
    /// SeaBIOS, a legacy BIOS.
    #[default]
    Seabios,
    /// OVMF, a UEFI.
    Uefi,
}

/// How a host loads kernel and initramfs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Boot {
    /// By iPXE over HTTP: from the NIC's ROM under SeaBIOS, from TFTP under UEFI.
    #[default]
    Ipxe,
    /// By iPXE, loaded by UEFI HTTP boot.
    UefiHttp,
    /// From QEMU, without the network.
    Kernel,
}

/// An initramfs of `dist/`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Image {
    /// With the modules of virtual hardware only.
    #[default]
    Demo,
    /// The released one, with `stage1` as `/init`.
    Init,
    /// The released one, with systemd as `/init`.
    Systemd,
    /// As the demo's, with the drivers of virtual hardware with updatable firmware.
    Firmware,
    /// The released one with systemd, and the same drivers.
    FirmwareSystemd,
    /// With the tools that facts are compared with; writes their output into the host's `share`.
    Reference,
}

impl Image {
    /// Its file name in `dist/`.
    pub fn file_name(self) -> &'static str {
        match self {
            Image::Demo => "initramfs-demo.cpio.zst",
            Image::Init => "initramfs.cpio.zst",
            Image::Systemd => "initramfs-systemd.cpio.zst",
            Image::Firmware => "initramfs-firmware.cpio",
            Image::FirmwareSystemd => "initramfs-firmware-systemd.cpio",
            Image::Reference => "initramfs-reference.cpio",
        }
    }
}

impl RackSpec {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// With the file and the key.
    pub fn read(path: &Path) -> Result<RackSpec> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        RackSpec::parse(&text).with_context(|| format!("reading {}", path.display()))
    }

    /// Parses the text of such a file.
    ///
    /// # Errors
    /// With the key.
    pub fn parse(text: &str) -> Result<RackSpec> {
        let spec: RackSpec = toml::from_str(text)?;
        spec.check()?;
        Ok(spec)
    }

    fn check(&self) -> Result<()> {
        ensure!(!self.hosts.is_empty(), "the rack has no host: add a [[host]] table");
        self.network.check().context("network")?;
        let (mut names, mut macs) = (BTreeSet::new(), BTreeSet::new());
        // Each has a folder with its name.
        let hosts = self.hosts.iter().map(|host| ("host", &host.name));
        for (key, name) in hosts.chain(self.switches.iter().map(|switch| ("switch", &switch.name))) {
            ensure!(is_name(name), "{key}.name: {name:?} may only have lower-case letters, digits and '-'");
            ensure!(names.insert(name), "{key}.name: {name:?} is used twice");
        }
        self.check_switches()?;
        self.check_offer()?;
        if let Some(address) = self.inventory.address {
            let network = format!("{}/{}", self.network.server, self.network.prefix);
            ensure!(
                !self.network.contains(address),
                "inventory.address: {address} is within {network}: leave it out"
            );
        }
        for host in &self.hosts {
            let name = &host.name;
            for nic in &host.nics {
                let mac = &nic.mac;
                ensure!(is_mac(mac), "host {name}: nic.mac: {mac:?} is not like \"52:54:00:09:00:0a\"");
                ensure!(macs.insert(mac), "host {name}: nic.mac: {mac:?} is used twice");
            }
            host.check(&self.network).with_context(|| format!("host {name}"))?;
        }
        Ok(())
    }
}

impl NetworkSpec {
    /// The boot server as hosts know it: its address, or its name where they have IPv6 only.
    pub(crate) fn server_name(&self) -> String {
        if self.ipv6_only { INVENTORY_NAME.to_string() } else { self.server.to_string() }
    }

    /// The network's address plus `offset`.
    pub fn address(&self, offset: u32) -> Ipv4Addr {
        Ipv4Addr::from((u32::from(self.server) & self.mask()) + offset)
    }

    fn contains(&self, address: Ipv4Addr) -> bool {
        (u32::from(address) ^ u32::from(self.server)) & self.mask() == 0
    }

    fn mask(&self) -> u32 {
        u32::MAX << (32 - u32::from(self.prefix))
    }

    fn check(&self) -> Result<()> {
        ensure!((8..=30).contains(&self.prefix), "prefix: {} is not between 8 and 30", self.prefix);
        let [first, last] = self.dhcp_range;
        ensure!(
            first <= last && self.contains(first) && self.contains(last),
            "dhcp_range: {first} to {last} is not within {}/{}",
            self.server,
            self.prefix
        );
        Ok(())
    }
}

impl HostSpec {
    fn check(&self, network: &NetworkSpec) -> Result<()> {
        ensure!(self.memory_mib >= 256, "memory_mib: {} is less than 256", self.memory_mib);
        if self.boot == Boot::UefiHttp && self.firmware != Firmware::Uefi {
            bail!("boot: \"uefi-http\" requires firmware = \"uefi\"");
        }
        if self.boot != Boot::Kernel && network.ipv6_only {
            bail!("boot: netboot requires IPv4, and network.ipv6_only is set: use boot = \"kernel\"");
        }
        if self.boot != Boot::Kernel && !self.nics.iter().any(NicSpec::can_netboot) {
            bail!("nic: netboot requires a connected one in the boot network; boot = \"kernel\" does not");
        }
        if self.image == Image::Reference && !self.share {
            bail!("image: \"reference\" requires share = true");
        }
        if let Some(rtc) = &self.rtc {
            ensure!(is_time(rtc), "rtc: {rtc:?} is not like \"2026-01-31T12:00:00\"");
        }
        if let Some(uuid) = &self.smbios.system.uuid {
            ensure!(is_uuid(uuid), "smbios.system.uuid: {uuid:?} is not a UUID in lower case");
        }
        if let Some(BmcKind::Whole(bmc)) = &self.bmc {
            bmc.check(network).context("bmc")?;
        }
        self.check_firmware()?;
        self.check_hardware()
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty() && name.len() <= 32 && !name.starts_with('-') && name.chars().all(allowed)
}

fn is_mac(mac: &str) -> bool {
    mac.len() == 17
        && mac.split(':').count() == 6
        && mac.split(':').all(|pair| pair.len() == 2 && is_hex(pair))
}

fn is_uuid(uuid: &str) -> bool {
    let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && uuid.split('-').all(is_hex)
}

fn is_time(time: &str) -> bool {
    let digits: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    digits == "0000-00-00T00:00:00"
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn default_memory_mib() -> u32 {
    1024
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        format!("{:#}", RackSpec::parse(text).unwrap_err())
    }

    const NIC: &str = "[[host.nic]]\nmac = '52:54:00:09:00:01'\n";

    #[test]
    fn reads_the_racks_of_this_folder() {
        let racks = Path::new(env!("CARGO_MANIFEST_DIR")).join("racks");
        let mut read = 0;
        for entry in fs::read_dir(racks).unwrap() {
            RackSpec::read(&entry.unwrap().path()).unwrap();
            read += 1;
        }
        assert!(read > 0);
    }

    #[test]
    fn fills_in_defaults() {
        let spec = RackSpec::parse(&format!("[[host]]\nname = 'a'\n{NIC}")).unwrap();
        assert_eq!(spec.network.server, Ipv4Addr::new(10, 9, 0, 1));
        assert_eq!(spec.network.address(11), Ipv4Addr::new(10, 9, 0, 11));
        let host = &spec.hosts[0];
        assert_eq!((host.firmware, host.boot, host.image), (Firmware::Seabios, Boot::Ipxe, Image::Demo));
        assert!(host.nics[0].connected);
    }

    #[test]
    fn errors_name_the_key() {
        for (text, expected) in [
            ("", "no host"),
            ("[network]\nadress = '10.9.0.1'", "`adress`"),
            ("[network]\nprefix = 31\n[[host]]\nname = 'a'", "network: prefix"),
            ("[network]\nserver = '10.8.0.1'\n[[host]]\nname = 'a'", "network: dhcp_range"),
            ("[[host]]\nmemory_mib = 512", "`name`"),
            ("[[host]]\nname = 'A'", "host.name"),
            ("[[host]]\nname = 'a'", "host a: nic"),
            ("[[host]]\nname = 'a'\nmemory_mib = 1", "host a: memory_mib"),
            ("[[host]]\nname = 'a'\nfirmware = 'bios'", "`seabios`"),
            ("[[host]]\nname = 'a'\n[[host.nic]]\nmac = '52:54'", "host a: nic.mac"),
            ("[[host]]\nname = 'a'\nboot = 'kernel'\n[host.smbios.system]\nuuid = 'x'", "smbios.system.uuid"),
            ("[[host]]\nname = 'a'\nboot = 'kernel'\n[host.smbios.system]\nuid = 'x'", "`uid`"),
            ("[[host]]\nname = 'a'\nboot = 'kernel'\n[[host.disk]]\nsize_mib = 0", "disk.size_mib"),
            ("[[host]]\nname = 'a'\nboot = 'kernel'\nimage = 'reference'", "host a: image"),
            ("[[host]]\nname = 'a'\nboot = 'kernel'\nrtc = '1970-01-01'", "host a: rtc"),
            ("[inventory]\naddress = '10.9.0.9'\n[[host]]\nname = 'a'\nboot = 'kernel'", "inventory.address"),
        ] {
            let error = error(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
        let http = error(&format!("[[host]]\nname = 'a'\nboot = 'uefi-http'\n{NIC}"));
        assert!(http.contains("host a: boot"), "{http}");
        let twice = error(&format!("[[host]]\nname = 'a'\n{NIC}[[host]]\nname = 'b'\n{NIC}"));
        assert!(twice.contains("host b: nic.mac") && twice.contains("twice"), "{twice}");
    }
}
