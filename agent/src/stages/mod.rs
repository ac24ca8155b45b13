// SPDX-License-Identifier: MIT OR Apache-2.0
//! The stages of the pipeline.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

mod bmc;
mod boot;
mod clock;
mod firmware;
mod health;
mod host;
mod image;
mod lldp;
mod register;

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;
use stage1_contract::firmware::manifest::Activation;
use stage1_kexec::Loaded;

use crate::config::{SettingError, Settings};
use crate::host::{Cancellation, Machine, task};
use crate::inventory::{Client, Error};
use crate::json;
use crate::lldp::Collector;
use crate::run::report::Amendments;
use crate::run::{NotAssigned, Run, StageContext};
use crate::target::Loader;

pub use boot::TargetDetail;
pub use firmware::CheckedFirmware;
pub use register::Registered;

/// How long a progress event may take.
const EVENT_TIMEOUT: Duration = Duration::from_secs(5);

/// Options of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunOptions {
    /// How far the run goes.
    pub mode: RunMode,
    /// Print what would be done; change nothing.
    pub plan: bool,
    /// Whether the agent runs at boot, so that the image must be complete.
    pub at_boot: bool,
}

/// How far a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunMode {
    /// Register, then the inventory's action.
    Run,
    /// Register.
    Register,
    /// From the profile to the jump.
    Boot,
}

/// What follows the pipeline.
#[derive(Debug)]
pub enum FinalAction {
    /// Jump into the target.
    Execute(Loaded),
    /// Power the host off.
    PowerOff,
    /// Reboot.
    Reboot,
    /// Reset the host, so that new firmware runs.
    Reset(Activation),
    /// Stay, with a shell on the console, for this reason.
    Rescue(String),
    /// Print this text.
    Show(String),
}

/// The work of the stages, with what all of them share.
pub struct Stages {
    /// The run that records them.
    pub run: Run,
    /// The machine they work on.
    pub machine: Machine,
    /// The settings.
    pub settings: Settings,
    /// Errors in the settings.
    pub setting_errors: Vec<SettingError>,
    /// The options of the run.
    pub options: RunOptions,
    /// Collects LLDP neighbours.
    pub(crate) lldp: Collector,
    /// Amends the report, one field at a time.
    amendments: Amendments,
    /// Loads the target.
    loader: Loader,
    /// Cancelled once the target is loaded.
    loaded: Cancellation,
}

impl Stages {
    /// The stages of a run, none of which has started.
    pub fn new(
        run: &Run,
        machine: &Machine,
        (settings, setting_errors): (Settings, Vec<SettingError>),
        options: RunOptions,
    ) -> Self {
        let lldp = Collector::new(machine, Self::lldp_options(&settings, options));
        let amendments = Amendments::default();
        Self {
            run: run.clone(),
            machine: machine.clone(),
            settings,
            setting_errors,
            options,
            lldp,
            amendments,
            loader: stage1_kexec::load,
            loaded: Cancellation::default(),
        }
    }

    /// The same stages; the target is loaded by `loader`.
    #[must_use]
    pub fn with_loader(self, loader: Loader) -> Self {
        Self { loader, ..self }
    }

    /// The target is loaded: what the jump does not need is not waited for.
    pub(crate) fn end_health(&self) {
        self.loaded.cancel();
    }

    /// Amends the report by one of its fields, the problems and the timeline.
    fn amend(
        &self,
        client: &Client,
        field: &str,
        value: &impl Serialize,
        timeout: Duration,
    ) -> Result<(), Error> {
        self.amendments.send(&self.run, client, field, json::value(value), timeout)
    }

    /// Waits before the inventory is asked again for `what`.
    fn wait(
        &self,
        stage: &StageContext,
        pause: Duration,
        deadline: Instant,
        what: &'static str,
    ) -> Result<()> {
        let pause = pause.max(Duration::from_secs(1));
        if Instant::now() + pause >= deadline {
            let waited_s = self.settings.wait_timeout.as_secs();
            return Err(NotAssigned { what, waited_s }.into());
        }
        log::info!("the inventory has no {what} for this host yet; asking again in {} s", pause.as_secs());
        Ok(stage.cancellation().sleep(pause)?)
    }

    /// From now on sends events, on a detached thread.
    fn send_events(&self, client: Client) {
        let (sender, events) = std::sync::mpsc::channel();
        self.run.send_events_to(sender);
        task::detach("events", move || {
            for event in events {
                if let Err(error) = client.event(&event, EVENT_TIMEOUT) {
                    log::debug!("{error}");
                }
            }
        });
    }
}
