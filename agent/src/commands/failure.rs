// SPDX-License-Identifier: MIT OR Apache-2.0
//! The end of a failed run: the cause is reported to the inventory, the waterfall printed, and the failure policy
//! applied.

use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use stage1_contract::{EventKind, Identity, StageName, waterfall};

use super::{FAILED, Flags, STOPPED, WIDTH, settings};
use crate::config::{OnFailure, Settings};
use crate::facts::{self, Group};
use crate::host::{Machine, Manager, manager, power};
use crate::inventory::{Client, Transport};
use crate::net;
use crate::run::{Cause, Failure, Run};
use crate::stages::RunOptions;

/// Time limit for reaching the inventory in a failed run, including the wait for the network.
const REPORT: Duration = Duration::from_secs(10);
/// Pause before a failed host reboots or powers off: time to read the cause, and no fast reboot loop.
const PAUSE: Duration = Duration::from_secs(30);

/// A run that ended early.
pub(super) struct Failed<'a> {
    pub(super) run: &'a Run,
    pub(super) machine: &'a Machine,
    pub(super) settings: &'a Settings,
    pub(super) options: RunOptions,
}

/// Reports the cause to the inventory and to the console, and does what the failure policy requires. A signal is no
/// failure of the host: its sender decides what follows.
pub(super) fn fail(failed: &Failed, cause: &Cause) -> u8 {
    let Failed { run, machine, settings, options } = failed;
    run.save(Some(&cause.to_string()));
    if !options.plan {
        match failed.report(cause) {
            Ok(()) => log::info!("reported to the inventory"),
            Err(error) => log::warn!("not reported to the inventory: {error:#}"),
        }
    }
    let _ = std::io::stderr().write_all(waterfall(&run.timeline(), WIDTH).as_bytes());
    match cause {
        Cause::Failed(Failure { advice: Some(advice), .. }) => log::error!("{cause}; to solve it: {advice}"),
        _ => log::error!("{cause}"),
    }
    match (cause, manager(machine)) {
        (Cause::Failed(_), Manager::Systemd) if options.at_boot => {
            apply_policy(&cause.to_string(), settings.on_failure);
            FAILED
        }
        // PID 1 applies the policy.
        (Cause::Signal(_), Manager::Agent) if options.at_boot => STOPPED,
        _ => FAILED,
    }
}

/// The failure policy of this machine's settings.
pub fn policy() -> OnFailure {
    settings(&Machine::real(), &Flags::default())
        .map_or(OnFailure::Rescue, |(settings, _)| settings.on_failure)
}

/// Reboots or powers off after a pause, if the failure policy requires it.
pub fn apply_policy(reason: &str, policy: OnFailure) {
    let (what, act): (&str, fn() -> _) = match policy {
        OnFailure::Rescue => return,
        OnFailure::Reboot => ("rebooting", power::restart),
        OnFailure::PowerOff => ("powering off", power::off),
    };
    print(&format!("{reason}; {what} in {} s (setting on-failure)", PAUSE.as_secs()));
    sleep(PAUSE);
    let Err(error) = act();
    print(&format!("{error:#}"));
}

impl Failed<'_> {
    /// Sends the cause as an event. At boot it waits a short time for the network and determines the identity again:
    /// the run may have failed before it had either.
    fn report(&self, cause: &Cause) -> Result<()> {
        let deadline = Instant::now() + REPORT;
        if self.settings.inventory.is_empty() {
            bail!("no inventory is set");
        }
        let stage = match cause {
            Cause::Failed(failure) => failure.stage.clone(),
            Cause::Signal(_) => StageName::Unknown("run".to_string()),
        };
        if matches!(stage, StageName::Network | StageName::Identity) {
            bail!("there is no {stage}");
        }
        let identity = match self.run.identity() {
            Some(identity) => identity.clone(),
            None => self.identify()?,
        };
        let left = || deadline.saturating_duration_since(Instant::now());
        if self.options.at_boot {
            let inventory = Vec::new();
            let settings = Settings { network_timeout: left(), inventory, ..self.settings.clone() };
            net::bring_up(self.machine, Manager::Systemd, &settings, &|| false)?;
        }
        let transport = Transport::new(self.machine, self.settings)?;
        let client = Client::new(transport, &self.settings.inventory, &identity.id, left());
        let message = match cause {
            Cause::Failed(failure) => failure.message.clone(),
            signal @ Cause::Signal(_) => signal.to_string(),
        };
        Ok(client.event(&self.run.event(EventKind::Failed, &stage, &message), left())?)
    }

    fn identify(&self) -> Result<Identity> {
        let (facts, _) = facts::discover(self.machine, &[Group::Smbios, Group::Nics]);
        facts::identify(self.machine, &facts).context("the host's identity is not known")
    }
}

/// A line on the console. Unlike `eprintln!` it does not panic if there is none.
fn print(line: &str) {
    let _ = writeln!(std::io::stderr(), "stage1: {line}");
}
