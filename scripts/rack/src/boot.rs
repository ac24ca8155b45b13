// SPDX-License-Identifier: MIT OR Apache-2.0
//! The boot server's files: iPXE scripts, the kernel, and an initramfs for each host.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use stage1_initramfs::{Compression, ImageBuilder};

use crate::paths::{IPXE_UEFI, Paths, installed};
use crate::spec::HostSpec;

/// The boot server's folder: `boot.ipxe`, `mac/MAC.ipxe`, `HOST/initramfs`, `vmlinuz` and `snponly.efi`.
pub(crate) struct BootFiles<'a> {
    /// The folder.
    pub directory: &'a Path,
    /// Base URL of the folder.
    pub url: &'a str,
    /// Base URL of the inventory.
    pub(crate) inventory_url: &'a str,
}

impl BootFiles<'_> {
    /// Writes the files that all hosts share.
    pub(crate) fn write_shared(&self, paths: &Paths) -> Result<()> {
        create(&self.directory.join("mac"))?;
        write(&self.directory.join("boot.ipxe"), BOOT_SCRIPT)?;
        copy(&paths.built("vmlinuz")?, &self.kernel())?;
        copy(installed(IPXE_UEFI)?, &self.directory.join("snponly.efi"))
    }

    /// Writes the files of `host`. Its initramfs starts with the overlay of `trusts`, so that even the agent in a truncated
    /// initramfs can report to the inventory.
    pub(crate) fn write_host(&self, host: &HostSpec, paths: &Paths, trusts: &Trusts) -> Result<()> {
        create(&self.directory.join(&host.name))?;
        let image = paths.built(host.image.file_name())?;
        let mut initramfs = site_overlay(trusts)?;
        initramfs.resize(initramfs.len().next_multiple_of(4), 0);
        initramfs.extend(fs::read(&image).with_context(|| format!("reading {}", image.display()))?);
        write(&self.initramfs(host), initramfs)?;
        for nic in &host.nics {
            let script = self.directory.join("mac").join(format!("{}.ipxe", nic.mac.replace(':', "-")));
            write(&script, self.host_script(host))?;
        }
        Ok(())
    }

    /// The kernel.
    pub fn kernel(&self) -> PathBuf {
        self.directory.join("vmlinuz")
    }

    /// The initramfs of `host`.
    pub fn initramfs(&self, host: &HostSpec) -> PathBuf {
        self.directory.join(&host.name).join("initramfs")
    }

    /// The kernel command line of `host`.
    pub fn append(&self, host: &HostSpec) -> String {
        // The boot network itself has no LLDP neighbours.
        let lldp = if host.nics.iter().any(|nic| nic.switch.is_some()) { "" } else { "stage1.lldp=off " };
        // On a busy machine the emulated timer may be late, which the kernel would take for a broken one. The kernel's EFI stub
        // finds its initrd by name.
        let append = format!(
            "console=ttyS0 panic=-1 quiet no_timer_check cryptomgr.notests initrd=initramfs stage1.inventory={} {lldp}{}",
            self.inventory_url, host.append
        );
        append.trim_end().to_string()
    }

    fn host_script(&self, host: &HostSpec) -> String {
        let (url, name, append) = (self.url, &host.name, self.append(host));
        format!("#!ipxe\nkernel {url}/vmlinuz {append}\ninitrd {url}/{name}/initramfs\nboot\n")
    }
}

/// The certificates and keys that the first stage trusts.
pub(crate) struct Trusts {
    /// The inventory's CA, in PEM.
    pub(crate) ca: Vec<u8>,
    /// The key that signs firmware manifests, in PEM.
    pub firmware: Option<Vec<u8>>,
}

const BOOT_SCRIPT: &str = "#!ipxe\nchain mac/${netX/mac:hexhyp}.ipxe\n";

fn site_overlay(trusts: &Trusts) -> Result<Vec<u8>> {
    let mut site = ImageBuilder::new("site");
    site.file("/etc/stage1/ca.pem", 0o644, trusts.ca.as_slice())?;
    if let Some(key) = &trusts.firmware {
        site.file("/etc/stage1/firmware.pub", 0o644, key.as_slice())?;
    }
    site.to_bytes(Compression::None).context("building the site overlay")
}

fn create(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))
}

fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    fs::write(path, content).with_context(|| format!("writing {}", path.display()))
}

/// Copies the content only: firmware files may be write-protected.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    write(to, fs::read(from).with_context(|| format!("reading {}", from.display()))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::RackSpec;

    #[test]
    fn gives_each_host_its_own_script_and_initramfs() {
        let directory = tempfile::tempdir().unwrap();
        let boot = directory.path().join("boot");
        let dist = directory.path().to_path_buf();
        fs::write(dist.join("initramfs-demo.cpio.zst"), b"image").unwrap();
        let paths = Paths {
            dist,
            racks: PathBuf::new(),
            inventory: PathBuf::new(),
            kernel_package: PathBuf::new(),
            uki_stub: PathBuf::new(),
            newer_uefi: PathBuf::new(),
            capsule_uefi: PathBuf::new(),
        };
        let spec = RackSpec::parse(
            "[[host]]\nname = 'a'\nappend = 'stage1.on-failure=poweroff'\n[[host.nic]]\nmac = '52:54:00:09:00:0a'\n",
        );
        let files = BootFiles { directory: &boot, url: "http://h/boot", inventory_url: "https://h/ipxe" };
        let missing = files.write_shared(&paths).unwrap_err().to_string();
        assert!(missing.ends_with("vmlinuz is missing: run scripts/build"), "{missing}");
        let trusts = Trusts { ca: b"PEM".to_vec(), firmware: Some(b"KEY".to_vec()) };
        files.write_host(&spec.unwrap().hosts[0], &paths, &trusts).unwrap();

        let script = fs::read_to_string(boot.join("mac/52-54-00-09-00-0a.ipxe")).unwrap();
        assert_eq!(
            script,
            "#!ipxe\n\
             kernel http://h/boot/vmlinuz console=ttyS0 panic=-1 quiet no_timer_check cryptomgr.notests initrd=initramfs \
             stage1.inventory=https://h/ipxe stage1.lldp=off stage1.on-failure=poweroff\n\
             initrd http://h/boot/a/initramfs\n\
             boot\n"
        );
        let initramfs = fs::read(boot.join("a/initramfs")).unwrap();
        assert!(initramfs.starts_with(b"070701") && initramfs.ends_with(b"image"));
        let members = stage1_initramfs::members(&initramfs[..initramfs.len() - 5]).unwrap();
        for (path, content) in [("etc/stage1/ca.pem", b"PEM"), ("etc/stage1/firmware.pub", b"KEY")] {
            assert_eq!(members.iter().find(|member| member.path == path).unwrap().content, content);
        }
    }
}
