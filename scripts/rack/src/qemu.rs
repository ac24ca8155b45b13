// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's command line. Always emulated, never KVM: a test does the same on every machine.

use std::path::{Path, PathBuf};

use crate::spec::{Boot, DiskModel, DiskSpec, Firmware, HostSpec, NicModel, SmbiosSpec};

/// The program.
pub const PROGRAM: &str = "qemu-system-x86_64";
/// The host's UEFI variables, in its directory.
pub const UEFI_VARIABLES: &str = "uefi-variables.fd";

/// What a host is to QEMU. Relative paths are in the host's directory.
pub struct Machine<'a> {
    /// What it is.
    pub spec: &'a HostSpec,
    /// The tap of each NIC.
    pub taps: &'a [String],
    /// UEFI's code.
    pub uefi_code: &'a Path,
    /// The kernel for [`Boot::Kernel`].
    pub kernel: &'a Path,
    /// The initramfs for [`Boot::Kernel`].
    pub initramfs: &'a Path,
    /// The kernel command line for [`Boot::Kernel`].
    pub append: &'a str,
    /// Number of the inherited descriptor on which QEMU is controlled.
    pub control_fd: i32,
}

/// The file of disk `number`, in the host's directory.
pub fn disk_file(number: usize) -> PathBuf {
    PathBuf::from(format!("disk{number}.img"))
}

impl Machine<'_> {
    /// The arguments for [`PROGRAM`]. The machine is paused until it is told to go on.
    pub fn arguments(&self) -> Vec<String> {
        let spec = self.spec;
        let mut arguments: Vec<String> = [
            "-nodefaults -display none -serial stdio -S",
            "-machine q35,graphics=off -accel tcg,thread=multi",
            // Newer models let the kernel use `rep stosb`, which emulates slowly.
            "-cpu Nehalem",
        ]
        .iter()
        .flat_map(|words| words.split(' '))
        .map(str::to_string)
        .collect();
        let mut add = |name: &str, value: String| arguments.extend([format!("-{name}"), value]);

        add("name", spec.name.clone());
        add("m", spec.memory_mib.to_string());
        add("chardev", format!("socket,id=control,fd={}", self.control_fd));
        add("mon", "chardev=control,mode=control".to_string());
        if !spec.reboots {
            add("action", "reboot=shutdown".to_string());
        }
        if spec.firmware == Firmware::Uefi {
            let code = escape(&self.uefi_code.to_string_lossy());
            add("drive", format!("if=pflash,format=raw,readonly=on,file={code}"));
            add("drive", format!("if=pflash,format=raw,file={UEFI_VARIABLES}"));
        }
        if spec.boot == Boot::UefiHttp {
            // OVMF tries PXE first: 80 s until it gives up.
            for family in ["IPv4", "IPv6"] {
                add("fw_cfg", format!("name=opt/org.tianocore/{family}PXESupport,string=n"));
            }
        }
        if spec.boot == Boot::Kernel {
            add("kernel", self.kernel.to_string_lossy().into_owned());
            add("initrd", self.initramfs.to_string_lossy().into_owned());
            add("append", self.append.to_string());
        }
        for (number, tap) in self.taps.iter().enumerate() {
            add("netdev", format!("tap,id=net{number},ifname={tap},script=no,downscript=no"));
            add("device", self.nic(number));
        }
        for (number, disk) in spec.disks.iter().enumerate() {
            let file = disk_file(number);
            add("drive", format!("if=none,id=disk{number},format=raw,file={}", file.display()));
            add("device", disk_device(&spec.name, number, disk));
        }
        for table in smbios(&spec.smbios) {
            add("smbios", table);
        }
        arguments
    }

    fn nic(&self, number: usize) -> String {
        let Some(nic) = self.spec.nics.get(number) else { return String::new() };
        let model = match nic.model {
            NicModel::VirtioNetPci => "virtio-net-pci",
            NicModel::E1000e => "e1000e",
        };
        let mut device = format!("{model},id=nic{number},netdev=net{number},mac={}", nic.mac);
        if self.spec.boot != Boot::Kernel && nic.connected {
            device.push_str(&format!(",bootindex={}", number + 1));
        }
        // OVMF has a driver for virtio; for e1000e the ROM has one, which is iPXE itself.
        let has_own_driver = self.spec.firmware == Firmware::Uefi && nic.model == NicModel::VirtioNetPci;
        if has_own_driver || self.spec.boot == Boot::Kernel {
            device.push_str(",romfile=");
        }
        device
    }
}

fn disk_device(host: &str, number: usize, disk: &DiskSpec) -> String {
    // virtio-blk cuts serial numbers at 20 bytes.
    let host = host.get(..host.len().min(14)).unwrap_or(host);
    let device = match disk.model {
        DiskModel::Virtio => "virtio-blk-pci".to_string(),
        DiskModel::Nvme => "nvme".to_string(),
        DiskModel::Sata => format!("ide-hd,bus=ide.{number}"),
    };
    format!("{device},drive=disk{number},serial={host}-disk{number}")
}

fn smbios(spec: &SmbiosSpec) -> Vec<String> {
    let SmbiosSpec { bios, system, baseboard, chassis } = spec;
    [
        table(0, &[("vendor", &bios.vendor), ("version", &bios.version), ("date", &bios.date)]),
        table(
            1,
            &[
                ("manufacturer", &system.manufacturer),
                ("product", &system.product),
                ("version", &system.version),
                ("serial", &system.serial),
                ("uuid", &system.uuid),
                ("sku", &system.sku),
                ("family", &system.family),
            ],
        ),
        table(
            2,
            &[
                ("manufacturer", &baseboard.manufacturer),
                ("product", &baseboard.product),
                ("version", &baseboard.version),
                ("serial", &baseboard.serial),
                ("asset", &baseboard.asset),
                ("location", &baseboard.location),
            ],
        ),
        table(
            3,
            &[
                ("manufacturer", &chassis.manufacturer),
                ("version", &chassis.version),
                ("serial", &chassis.serial),
                ("asset", &chassis.asset),
                ("sku", &chassis.sku),
            ],
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn table(number: u8, fields: &[(&str, &Option<String>)]) -> Option<String> {
    let mut table = format!("type={number}");
    for (name, value) in fields {
        if let Some(value) = value {
            table.push_str(&format!(",{name}={}", escape(value)));
        }
    }
    fields.iter().any(|(_, value)| value.is_some()).then_some(table)
}

/// A comma ends an option's value unless it is doubled.
fn escape(value: &str) -> String {
    value.replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::RackSpec;

    fn arguments(host: &str) -> String {
        let spec = RackSpec::parse(&format!("[[host]]\nname = 'a'\n{host}")).unwrap();
        let host = &spec.hosts[0];
        let taps: Vec<String> = (0..host.nics.len()).map(|number| format!("tap{number}")).collect();
        let machine = Machine {
            spec: host,
            taps: &taps,
            uefi_code: Path::new("/ovmf,4M.fd"),
            kernel: Path::new("/dist/vmlinuz"),
            initramfs: Path::new("initramfs"),
            append: "console=ttyS0 panic=-1",
            control_fd: 7,
        };
        machine.arguments().join(" ")
    }

    const NIC: &str = "[[host.nic]]\nmac = '52:54:00:09:00:01'\n";

    #[test]
    fn boots_a_bios_host_from_its_rom() {
        let line = arguments(NIC);
        assert!(
            line.contains("virtio-net-pci,id=nic0,netdev=net0,mac=52:54:00:09:00:01,bootindex=1"),
            "{line}"
        );
        assert!(line.contains("tap,id=net0,ifname=tap0,script=no,downscript=no"), "{line}");
        assert!(
            line.contains("socket,id=control,fd=7") && line.contains("-action reboot=shutdown"),
            "{line}"
        );
        for absent in ["romfile", "pflash", "-kernel", "fw_cfg", "kvm", "smbios"] {
            assert!(!line.contains(absent), "{absent} in {line}");
        }
    }

    #[test]
    fn boots_a_uefi_host_by_http_only() {
        let line = arguments(&format!("firmware = 'uefi'\nboot = 'uefi-http'\nreboots = true\n{NIC}"));
        assert!(line.contains("readonly=on,file=/ovmf,,4M.fd"), "{line}");
        assert!(line.contains("bootindex=1,romfile=") && line.contains("IPv4PXESupport,string=n"), "{line}");
        assert!(!line.contains("reboot=shutdown"), "{line}");
    }

    #[test]
    fn gives_the_kernel_without_a_network() {
        let line = arguments("boot = 'kernel'");
        assert!(
            line.contains("-kernel /dist/vmlinuz -initrd initramfs -append console=ttyS0 panic=-1"),
            "{line}"
        );
        assert!(!line.contains("netdev"), "{line}");
    }

    #[test]
    fn leaves_an_unplugged_port_out_of_the_boot_order() {
        let line = arguments(&format!(
            "{NIC}[[host.nic]]\nmodel = 'e1000e'\nmac = '52:54:00:09:00:02'\nconnected = false\n"
        ));
        assert!(line.ends_with("e1000e,id=nic1,netdev=net1,mac=52:54:00:09:00:02"), "{line}");
    }

    #[test]
    fn describes_disks_and_tables() {
        let line = arguments(
            "boot = 'kernel'\n[[host.disk]]\nsize_mib = 1\n[[host.disk]]\nmodel = 'nvme'\nsize_mib = 1\n\
             [[host.disk]]\nmodel = 'sata'\nsize_mib = 1\n[host.smbios.system]\nmanufacturer = 'Foo, Inc.'\nserial = 'S1'\n\
             [host.smbios.chassis]\nasset = 'A'\n",
        );
        for expected in [
            "-device virtio-blk-pci,drive=disk0,serial=a-disk0",
            "-device nvme,drive=disk1,serial=a-disk1",
            "-device ide-hd,bus=ide.2,drive=disk2,serial=a-disk2",
            "-smbios type=1,manufacturer=Foo,, Inc.,serial=S1 -smbios type=3,asset=A",
        ] {
            assert!(line.contains(expected), "{expected} not in {line}");
        }
    }
}
