// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file systems of the kernel.

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

/// Mounts what is not mounted yet; returns what did not work.
pub fn mount_all() -> Vec<String> {
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC | MsFlags::MS_NODEV;
    let table = [
        ("proc", "/proc", quiet, ""),
        ("sysfs", "/sys", quiet, ""),
        ("devtmpfs", "/dev", MsFlags::MS_NOSUID, "mode=0755"),
        ("devpts", "/dev/pts", MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC, "mode=0620"),
        ("tmpfs", "/run", MsFlags::MS_NOSUID | MsFlags::MS_NODEV, "mode=0755"),
        ("tmpfs", "/tmp", MsFlags::MS_NOSUID | MsFlags::MS_NODEV, "mode=1777"),
    ];
    let mut problems = Vec::new();
    for (kind, target, flags, data) in table {
        let _ = std::fs::create_dir_all(target);
        match mount(Some(kind), target, Some(kind), flags, Some(data)) {
            Ok(()) | Err(Errno::EBUSY) => {}
            Err(errno) => problems.push(format!("mounting {kind} on {target}: {errno}")),
        }
    }
    problems
}
