// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which program manages the host: loads drivers, sets links up, gets addresses.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::Machine;

/// The program that manages the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// The agent, as PID 1.
    Agent,
    /// The init system. In stage1's images that is systemd.
    Systemd,
}

/// The program that manages the host: the agent if it is PID 1, else the init system.
pub fn manager(machine: &Machine) -> Manager {
    let file = |path: &str| fs::metadata(machine.path(path)).ok().map(|file| (file.dev(), file.ino()));
    match (file("/proc/1/exe"), file("/proc/self/exe")) {
        (Some(init), Some(agent)) if init == agent => Manager::Agent,
        _ => Manager::Systemd,
    }
}
