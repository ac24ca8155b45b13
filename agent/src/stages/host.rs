// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host itself: its image, drivers, network, facts and identity.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use stage1_contract::{Facts, Identity};

use super::clock::RunClock;
use super::{Stages, image};
use crate::facts;
use crate::host::task::Task;
use crate::host::{Manager, manager, modules, mounts, ports};
use crate::inventory::{Client, Transport};
use crate::net::{self, ntp};
use crate::run::StageContext;

/// How long udev may take to name the ports of the drivers that were loaded.
const NAMES_TIMEOUT: Duration = Duration::from_secs(10);
/// How long all drivers may take. One that hangs in its device must not keep the host from its failure policy.
const MODULES_TIMEOUT: Duration = Duration::from_secs(120);

impl Stages {
    /// Checks that the initramfs is whole. A machine that was not booted by one has none.
    pub(crate) fn check_image(&self, stage: &StageContext) -> Result<()> {
        if !self.options.at_boot && manager(&self.machine) == Manager::Systemd {
            stage.note("not booted from an initramfs of stage1");
            return Ok(());
        }
        image::check(stage, &self.machine)
    }

    /// Loads a driver for every device.
    pub(crate) fn load_modules(&self, stage: &StageContext) -> Result<()> {
        if self.options.plan {
            stage.note("none, since this is a plan");
            return Ok(());
        }
        if !self.machine.is_live() {
            stage.note("none: this is a captured machine");
            return Ok(());
        }
        let manager = manager(&self.machine);
        if manager == Manager::Systemd && !image::is_ours(&self.machine) {
            stage.note("left to systemd");
            return Ok(());
        }
        // Also in our image with systemd: one process is faster than one for each device, and modules without an alias are
        // loaded in the same way. udev only names the ports.
        let current = Arc::new(Mutex::new(String::new()));
        let (machine, file) = (self.machine.clone(), current.clone());
        let load = move || {
            modules::load_all(&machine, &|module| {
                module.clone_into(&mut file.lock().unwrap_or_else(PoisonError::into_inner));
            })
        };
        let task = Task::start("modules", load).context("starting a thread")?;
        let loaded = match task.wait(MODULES_TIMEOUT) {
            Ok(loaded) => loaded,
            Err(error) => {
                let module = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
                stage.problem(format!(
                    "module {module}: {error} after {} s, and those after it are not loaded: look at the device's firmware",
                    MODULES_TIMEOUT.as_secs()
                ));
                modules::Loaded::default()
            }
        };
        stage.problems(loaded.problems.into_iter().chain(mounts::mount_firmware_variables()));
        let cancelled = || stage.cancellation().is_cancelled();
        let unnamed = ports::wait_until_named(&self.machine, NAMES_TIMEOUT, &cancelled);
        if !unnamed.is_empty() {
            stage.problem(format!(
                "{}: not named by udev within {} s",
                unnamed.join(", "),
                NAMES_TIMEOUT.as_secs()
            ));
        }
        stage.note(format!("{} kernel modules", loaded.count));
        Ok(())
    }

    /// Waits until some port has an address and reaches the inventory, if one does; as PID 1 it sets links up and runs DHCP.
    pub(crate) fn bring_up_network(&self, stage: &StageContext) -> Result<()> {
        if !self.machine.is_live() {
            stage.note("none: this is a captured machine");
            return Ok(());
        }
        stage.note(self.network(stage)?);
        Ok(())
    }

    /// Waits until some port has an address, and returns which reaches the inventory. A plan sets no link up.
    fn network(&self, stage: &StageContext) -> Result<String> {
        if self.options.plan {
            return self.wait_for_network(stage);
        }
        let cancelled = || stage.cancellation().is_cancelled();
        net::bring_up(&self.machine, manager(&self.machine), &self.settings, &cancelled)
    }

    /// Waits until some port has an address, which somebody else sees to.
    pub(super) fn wait_for_network(&self, stage: &StageContext) -> Result<String> {
        let cancelled = || stage.cancellation().is_cancelled();
        net::bring_up(&self.machine, Manager::Systemd, &self.settings, &cancelled)
    }

    /// Discovers the machine's facts.
    pub(crate) fn discover_facts(&self, stage: &StageContext) -> Result<Facts> {
        let (facts, problems) = facts::discover(&self.machine, facts::everything());
        stage.problems(problems);
        stage.note(facts::one_line(&facts));
        Ok(facts)
    }

    /// Chooses the host's identity.
    pub(crate) fn choose_identity(&self, stage: &StageContext, facts: &Facts) -> Result<Identity> {
        let identity = facts::identify(&self.machine, facts)?;
        stage.note(format!("{} ({})", identity.id, identity.reason));
        self.run.identify(&identity);
        Ok(identity)
    }

    /// Checks the settings. They fail a run only once there is a network, so that the inventory can be informed.
    pub(crate) fn check_settings(&self, stage: &StageContext) -> Result<Transport> {
        if let Some(error) = self.setting_errors.first() {
            bail!("{error}");
        }
        if self.settings.inventory.is_empty() {
            bail!("no inventory is set");
        }
        if self.settings.allow_http {
            log::warn!(
                "plain http is allowed: anybody on the network can read and change the data (setting allow-http)"
            );
        }
        let transport = Transport::new(&self.machine, &self.settings)?;
        stage.note(self.settings.inventory.join(", "));
        let announced = ntp::announced(&self.machine);
        let clock = RunClock::new(&self.machine, self.options.at_boot, &self.settings.ntp, &announced);
        Ok(transport.with_pause(Arc::new(stage.cancellation().clone())).with_clock(Arc::new(clock)))
    }

    /// A client of the inventory for this host. From here on the inventory gets an event for every stage.
    pub(crate) fn client(&self, transport: Transport, identity: &Identity) -> Client {
        let client =
            Client::new(transport, &self.settings.inventory, &identity.id, self.settings.inventory_timeout);
        if !self.options.plan {
            self.send_events(client.clone());
        }
        client
    }
}
