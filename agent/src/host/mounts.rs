// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's virtual file systems.

use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

/// Flags for file systems that have neither programs nor devices.
const NO_PROGRAMS: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NOEXEC).union(MsFlags::MS_NODEV);

/// Mounts those that every image needs, unless they are mounted; returns the errors.
pub fn mount_all() -> Vec<String> {
    let table = [
        ("proc", "/proc", NO_PROGRAMS, ""),
        ("sysfs", "/sys", NO_PROGRAMS, ""),
        ("devtmpfs", "/dev", MsFlags::MS_NOSUID, "mode=0755"),
        ("devpts", "/dev/pts", MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC, "mode=0620"),
        ("tmpfs", "/run", MsFlags::MS_NOSUID | MsFlags::MS_NODEV, "mode=0755"),
        ("tmpfs", "/tmp", MsFlags::MS_NOSUID | MsFlags::MS_NODEV, "mode=1777"),
    ];
    table.into_iter().filter_map(mount_one).collect()
}

/// Mounts the UEFI variables, if the machine was booted by UEFI and the module efivarfs is loaded; returns the error.
pub fn mount_firmware_variables() -> Option<String> {
    let folder = "/sys/firmware/efi/efivars";
    Path::new(folder).exists().then(|| mount_one(("efivarfs", folder, NO_PROGRAMS, "")))?
}

fn mount_one((kind, target, flags, data): (&str, &str, MsFlags, &str)) -> Option<String> {
    let _ = std::fs::create_dir_all(target);
    match mount(Some(kind), target, Some(kind), flags, Some(data)) {
        Ok(()) | Err(Errno::EBUSY) => None,
        Err(errno) => Some(format!("mounting {kind} on {target}: {errno}")),
    }
}
