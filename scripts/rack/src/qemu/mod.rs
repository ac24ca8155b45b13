// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's command line. Always emulated, never by KVM, so that tests behave the same on every machine.

mod devices;
mod smbios;

use std::path::{Path, PathBuf};

use crate::spec::{Boot, EntryPoint, Firmware, HostSpec};

pub use devices::NIC_ADDRESS;
pub(crate) use devices::{NIC_FLASH, SHARE, TPM_SOCKET};

/// The program.
pub(crate) const PROGRAM: &str = "qemu-system-x86_64";
/// The host's UEFI variables, in its directory.
pub(crate) const UEFI_VARIABLES: &str = "uefi-variables.fd";
/// The host's BIOS chip, in its directory.
pub const BIOS_CHIP: &str = "bios.fd";

/// A host's machine in QEMU. Relative paths are in the host's directory.
pub(crate) struct Machine<'a> {
    /// The host's declaration.
    pub spec: &'a HostSpec,
    /// Number of the inherited descriptor of each NIC's tap.
    pub(crate) tap_fds: &'a [i32],
    /// UEFI's code.
    pub(crate) uefi_code: &'a Path,
    /// The kernel for [`Boot::Kernel`].
    pub kernel: &'a Path,
    /// The initramfs for [`Boot::Kernel`].
    pub initramfs: &'a Path,
    /// The kernel command line for [`Boot::Kernel`].
    pub append: &'a str,
    /// Number of the inherited descriptor of the control connection.
    pub(crate) control_fd: i32,
}

/// The file of disk `number`, in the host's directory.
pub(crate) fn disk_file(number: usize) -> PathBuf {
    PathBuf::from(format!("disk{number}.img"))
}

impl Machine<'_> {
    /// The arguments for [`PROGRAM`]. The machine is paused until the command `cont`.
    pub fn arguments(&self) -> Vec<String> {
        let spec = self.spec;
        let mut arguments = Arguments(
            [
                "-nodefaults -display none -serial stdio -S",
                // Newer models let the kernel use `rep stosb`, which emulates slowly.
                "-cpu Nehalem",
            ]
            .iter()
            .flat_map(|words| words.split(' '))
            .map(str::to_string)
            .collect(),
        );
        // With a larger translation cache, a warm reset runs the old code of a BIOS chip that was rewritten.
        let cache = if spec.bios.is_some() { ",tb-size=16" } else { "" };
        arguments.add("accel", format!("tcg,thread=multi{cache}"));
        let entry_point = match spec.smbios.entry_point {
            EntryPoint::Version2 => 32,
            EntryPoint::Version3 => 64,
        };
        arguments.add("machine", format!("q35,graphics=off,smbios-entry-point-type={entry_point}"));
        arguments.add("name", spec.name.clone());
        arguments.add("chardev", format!("socket,id=control,fd={}", self.control_fd));
        arguments.add("mon", "chardev=control,mode=control".to_string());
        if !spec.reboots {
            arguments.add("action", "reboot=shutdown".to_string());
        }
        if let Some(rtc) = &spec.rtc {
            // By the clock of this machine, QEMU 7.2 is right within 68 years only.
            arguments.add("rtc", format!("base={rtc},clock=vm"));
        }
        self.add_firmware(&mut arguments);
        devices::add_nodes(&mut arguments, spec);
        devices::add_slots(&mut arguments, spec);
        devices::add_nics(&mut arguments, spec, self.tap_fds);
        devices::add_disks(&mut arguments, spec);
        devices::add_others(&mut arguments, spec);
        for table in smbios::tables(&spec.smbios) {
            arguments.add("smbios", table);
        }
        arguments.0
    }

    fn add_firmware(&self, arguments: &mut Arguments) {
        if let Some(bios) = &self.spec.bios {
            let readonly = if bios.readonly { "on" } else { "off" };
            arguments.add("drive", format!("if=pflash,format=raw,readonly={readonly},file={BIOS_CHIP}"));
        } else if self.spec.firmware == Firmware::Uefi {
            let code = escape(&self.uefi_code.to_string_lossy());
            arguments.add("drive", format!("if=pflash,format=raw,readonly=on,file={code}"));
            arguments.add("drive", format!("if=pflash,format=raw,file={UEFI_VARIABLES}"));
        }
        if self.spec.boot == Boot::UefiHttp {
            // Otherwise OVMF tries PXE first, for 80 s.
            for family in ["IPv4", "IPv6"] {
                arguments.add("fw_cfg", format!("name=opt/org.tianocore/{family}PXESupport,string=n"));
            }
        }
        if self.spec.boot == Boot::Kernel {
            arguments.add("kernel", self.kernel.to_string_lossy().into_owned());
            arguments.add("initrd", self.initramfs.to_string_lossy().into_owned());
            arguments.add("append", self.append.to_string());
        }
    }
}

/// A command line under construction.
struct Arguments(Vec<String>);

impl Arguments {
    fn add(&mut self, option: &str, value: String) {
        self.0.extend([format!("-{option}"), value]);
    }

    fn device(&mut self, device: String) {
        self.add("device", device);
    }
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
        let machine = Machine {
            spec: host,
            tap_fds: &[8, 9],
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
            line.contains("virtio-net-pci,bus=pcie.0,id=nic0,netdev=net0,mac=52:54:00:09:00:01,bootindex=1"),
            "{line}"
        );
        assert!(line.contains("tap,id=net0,fd=8"), "{line}");
        assert!(
            line.contains("socket,id=control,fd=7") && line.contains("-action reboot=shutdown"),
            "{line}"
        );
        for absent in ["romfile", "pflash", "-kernel", "fw_cfg", "kvm", "-smbios", "-numa"] {
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
        let line = arguments("boot = 'kernel'\nrtc = '1970-01-01T00:00:00'");
        assert!(line.contains("-rtc base=1970-01-01T00:00:00,clock=vm"), "{line}");
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
        assert!(line.ends_with("e1000e,bus=pcie.0,id=nic1,netdev=net1,mac=52:54:00:09:00:02"), "{line}");
    }

    #[test]
    fn describes_disks_and_tables() {
        let line = arguments(
            "boot = 'kernel'\n[[host.disk]]\nsize_mib = 1\n[[host.disk]]\nmodel = 'nvme'\nsize_mib = 1\n\
             [[host.disk]]\nmodel = 'sata'\nsize_mib = 1\n[host.smbios.system]\nmanufacturer = 'Foo, Inc.'\nserial = 'S1'\n\
             [host.smbios.chassis]\nasset = 'A'\n",
        );
        for expected in [
            "-device virtio-blk-pci,bus=pcie.0,drive=disk0,serial=a-disk0",
            "-device nvme,bus=pcie.0,drive=disk1,serial=a-disk1",
            "-device ide-hd,bus=ide.2,drive=disk2,serial=a-disk2",
            "-smbios type=1,manufacturer=Foo,, Inc.,serial=S1 -smbios type=3,asset=A",
        ] {
            assert!(line.contains(expected), "{expected} not in {line}");
        }
    }

    #[test]
    fn connects_a_bmc_of_its_own() {
        let line = arguments("boot = 'kernel'\n[host.bmc]");
        let expected = "-chardev socket,id=bmc,path=bmc.sock,reconnect=1 -device ipmi-bmc-extern,id=bmc,chardev=bmc \
                        -device isa-ipmi-kcs,bmc=bmc";
        assert!(line.contains(expected), "{line}");
    }

    #[test]
    fn has_hardware_with_updatable_firmware() {
        let line = arguments(
            "boot = 'kernel'\nfirmware = 'uefi'\nfirmware_nic = {}\nbios = { version = 'old', readonly = true }",
        );
        for expected in [
            "-accel tcg,thread=multi,tb-size=16",
            "-drive if=pflash,format=raw,readonly=on,file=bios.fd",
            "-object memory-backend-file,id=flash,size=1048576,share=on,mem-path=nic.flash",
            "-device ivshmem-plain,memdev=flash,bus=pcie.0,addr=0x10",
        ] {
            assert!(line.contains(expected), "{expected} not in {line}");
        }
        assert!(!line.contains("ovmf") && !line.contains("uefi-variables"), "{line}");
    }

    #[test]
    fn builds_nodes_slots_and_other_devices() {
        let line = arguments(
            "boot = 'kernel'\nmemory_mib = 512\ncpus = { sockets = 2 }\ntpm = '2.0'\nwatchdog = true\n\
             bmc = 'bare'\nshare = true\nsmbios = { entry_point = '3.0' }\n\
             [[host.node]]\nmemory_mib = 256\ncpus = [0]\n[[host.node]]\nmemory_mib = 256\ncpus = [1]\nslots = [7]\n\
             [[host.disk]]\nmodel = 'nvme'\nsize_mib = 1\nslot = 7\nblock_bytes = 4096\n\
             [[host.disk]]\nmodel = 'scsi'\nsize_mib = 1\nwwn = 0x5000c50000000001\nrotation_rpm = 7200\n\
             [[host.disk]]\nmodel = 'usb'\nsize_mib = 1\n",
        );
        for expected in [
            "-machine q35,graphics=off,smbios-entry-point-type=64",
            "-smp sockets=2,cores=1,threads=1",
            "-object memory-backend-ram,id=memory1,size=256M,reserve=off -numa node,nodeid=1,memdev=memory1,cpus=1",
            "-device pxb-pcie,id=node1,bus=pcie.0,bus_nr=128,numa_node=1",
            "-device pcie-root-port,id=slot7,bus=node1,chassis=7,slot=7",
            "nvme,bus=slot7,drive=disk0,serial=a-disk0,logical_block_size=4096,physical_block_size=4096",
            "virtio-scsi-pci,id=scsi,bus=pcie.0",
            "scsi-hd,bus=scsi.0,drive=disk1,serial=a-disk1,wwn=0x5000c50000000001,rotation_rate=7200",
            "usb-storage,bus=usb.0,removable=on,drive=disk2,serial=a-disk2",
            "-chardev socket,id=tpm,path=tpm.sock -tpmdev emulator,id=tpm,chardev=tpm -device tpm-crb,tpmdev=tpm",
            "-device i6300esb,bus=pcie.0 -device ipmi-bmc-sim,id=bmc -device isa-ipmi-kcs,bmc=bmc",
            "-fsdev local,id=share,path=share,security_model=none -device virtio-9p-pci,fsdev=share,mount_tag=rack,bus=pcie.0",
        ] {
            assert!(line.contains(expected), "{expected} not in {line}");
        }
    }
}
