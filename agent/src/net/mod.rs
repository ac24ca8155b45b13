// SPDX-License-Identifier: MIT OR Apache-2.0
//! The network: sets every port up, runs DHCP on each that has carrier, and finds out which port reaches the inventory.
//!
//! If systemd manages the network, the agent only waits for the addresses and tries the ports.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

mod apply;
mod config;
pub(crate) mod devlink;
mod dhcp4;
pub(crate) mod dns;
pub(crate) mod ethtool;
pub(crate) mod identity;
mod interfaces;
mod ipv6;
pub(crate) mod monitor;
pub(crate) mod ntp;
mod ports;
mod reach;
mod sntp;
pub(crate) mod socket;

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::config::Settings;
use crate::host::task::detach;
use crate::host::{Machine, Manager};
use monitor::Monitor;
use ports::Ports;

/// How often [`bring_up`] checks whether it was cancelled.
const CANCEL_CHECK: Duration = Duration::from_millis(50);

/// Waits until some port has a usable address and reaches the inventory, or until all ports were tried; returns the ports with
/// their addresses. Ports are followed for as long as the agent runs: one that gets carrier later is set up, one that
/// loses it is taken out of use.
///
/// # Errors
/// At the deadline (setting network-timeout), with the state of each port; earlier if there is no port, or when `cancelled` returns true.
pub(crate) fn bring_up(
    machine: &Machine,
    manager: Manager,
    settings: &Settings,
    cancelled: &dyn Fn() -> bool,
) -> Result<String> {
    let monitor = Monitor::of_links_and_addresses()?;
    let (sender, result) = channel();
    let mut ports = Ports::new(machine, manager, settings);
    detach("network", move || {
        if let Err(error) = ports.watch(monitor, &sender) {
            let _ = sender.send(Err(error));
        }
    });
    wait_for(&result, cancelled)
}

fn wait_for(result: &Receiver<Result<String>>, cancelled: &dyn Fn() -> bool) -> Result<String> {
    loop {
        match result.recv_timeout(CANCEL_CHECK) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Disconnected) => bail!("the network thread ended"),
            Err(RecvTimeoutError::Timeout) if cancelled() => bail!("cancelled"),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

#[cfg(test)]
mod tests;
