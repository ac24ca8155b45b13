// SPDX-License-Identifier: MIT OR Apache-2.0
//! The firmware: what should run, what is to be done about it, and doing it.

use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use stage1_contract::Facts;
use stage1_contract::firmware::manifest::Activation;
use stage1_contract::firmware::{Decision, FirmwareComponent, FirmwareReport};

use super::{Aim, Next, Stages};
use crate::bmc;
use crate::config;
use crate::firmware::set::VerifiedManifest;
use crate::firmware::{self, ApplyContext, CheckContext, CheckResult};
use crate::host::critical_section;
use crate::host::manager;
use crate::inventory::Client;
use crate::net;
use crate::run::StageContext;
use ipmi::app::{GetWatchdogTimer, SetWatchdogTimer, Watchdog, WatchdogAction};

/// How long stopping the BMC's watchdog may take.
const WATCHDOG: Duration = Duration::from_secs(10);

impl Stages<'_> {
    /// The firmware manifests that count. They are had as soon as there is a network, before it is known for whom.
    pub fn read_manifests(&self, stage: &StageContext) -> Option<VerifiedManifest> {
        if self.settings.firmware == config::Firmware::Off || self.purpose.aim == Aim::Boot {
            stage.note("left alone");
            return None;
        }
        // Whatever is wrong with the settings is told where they are checked.
        let transport = self.transport().ok().filter(|_| !self.settings.inventory.is_empty());
        let timeout = self.settings.inventory_timeout;
        let client = transport.map(|transport| Client::new(transport, &self.settings.inventory, "", timeout));
        let problem = |problem| stage.problem(problem);
        let set = firmware::manifests(self.machine, self.settings, client.as_ref(), problem);
        stage.note(set.as_ref().map_or_else(
            || firmware::table::NO_MANIFESTS.to_string(),
            |verified| format!("serial {}, {} entries", verified.set.serial, verified.set.entries.len()),
        ));
        set
    }

    /// What is to be done about the firmware, for which the inventory remembers what was tried. `None` where nobody says
    /// what should run.
    pub fn check_firmware(
        &self,
        stage: &StageContext,
        client: &Client,
        facts: &Facts,
        manifests: Option<VerifiedManifest>,
    ) -> Result<Option<CheckResult>> {
        let Some(set) = manifests else {
            stage.note("nothing to compare with");
            return Ok(None);
        };
        let mut problem = |problem| stage.problem(problem);
        let (known, report) =
            firmware::check(&self.check_context(client), facts, set, !self.purpose.plan, &mut problem);
        firmware::table::problems(&report).into_iter().for_each(|problem| stage.problem(problem));
        stage.note(firmware::table::summary(&report));
        *self.firmware() = Some(report);
        Ok(Some(known))
    }

    /// Flashes what is behind, unless somebody wants to look at the host as it is; then new firmware comes before what the
    /// inventory wants. A host that must not be reset any more, or is not to boot with what it has, stays.
    pub fn flash(
        &self,
        stage: &StageContext,
        client: &Client,
        known: Option<CheckResult>,
        next: ControlFlow<Next>,
    ) -> Result<ControlFlow<Next>> {
        let Some(known) = known.filter(|_| self.flashes(&next)) else {
            stage.note("left alone");
            return Ok(next);
        };
        if let Err(error) = critical_section::may_end(self.machine) {
            return Ok(Break(Next::Rescue(error.to_string())));
        }
        let quarantine = known.quarantine.join(", ");
        let reset = if known.acts {
            self.apply_firmware(stage, client, known)?
        } else {
            stage.note("nothing to do");
            Continue(None)
        };
        Ok(match reset {
            Break(rescue) => Break(rescue),
            Continue(Some(by)) => Break(Next::Reset(by)),
            Continue(None) if quarantine.is_empty() => next,
            Continue(None) => Break(Next::Rescue(format!(
                "quarantine: the firmware of {quarantine} is not as it should be"
            ))),
        })
    }

    /// Flashes, and tells the inventory. The reset that is needed then, or why the host must not go on.
    fn apply_firmware(
        &self,
        stage: &StageContext,
        client: &Client,
        known: CheckResult,
    ) -> Result<ControlFlow<Next, Option<Activation>>> {
        let (facts, _) = firmware::facts(self.machine);
        // The inventory may have taken a day to decide on this host.
        let mut problem = |problem| stage.problem(problem);
        let (known, _) = firmware::check(&self.check_context(client), &facts, known.set, true, &mut problem);
        self.stop_watchdog().unwrap_or_else(|error| stage.problem(format!("{error:#}")));
        let progress = |message: String| stage.progress(&message);
        let check = self.check_context(client);
        let context = ApplyContext { check, transport: client.transport(), progress: &progress };
        let applied = firmware::apply(&context, &facts, known);
        applied.problems.into_iter().for_each(|problem| stage.problem(problem));
        if applied.lost_link {
            net::bring_up(self.machine, manager(self.machine), self.settings.network_timeout, &|| false)
                .map_or_else(|error| stage.problem(format!("{error:#}")), drop);
        }
        stage.note(firmware::table::summary(&applied.report));
        let told = self.amend(client, "firmware", &applied.report, self.settings.inventory_timeout);
        told.unwrap_or_else(|error| stage.problem(error.to_string()));
        if applied.broken {
            return Ok(Break(Next::Rescue("firmware is broken: the host must not be reset".to_string())));
        }
        Ok(Continue(applied.reset))
    }

    /// The BMC's own watchdog would reset the host in the middle of it, or one that is broken and waits for help.
    fn stop_watchdog(&self) -> Result<()> {
        let Some(mut bmc) = bmc::open(self.machine, false, Instant::now() + WATCHDOG)? else { return Ok(()) };
        let Ok(state) = bmc.ask(&GetWatchdogTimer) else { return Ok(()) };
        if state.is_running {
            let watchdog = Watchdog { action: WatchdogAction::Nothing, ..state.watchdog };
            bmc.ask(&SetWatchdogTimer { watchdog }).context("stopping the BMC's watchdog")?;
        }
        Ok(())
    }

    /// Whether firmware is to be flashed in this run, as far as is known yet.
    pub(super) fn is_flashing(&self) -> bool {
        let acts = |component: &FirmwareComponent| {
            matches!(component.decision, Decision::Update | Decision::PendingActivation)
        };
        self.settings.firmware == config::Firmware::Apply
            && self.firmware().iter().flat_map(|report| &report.components).any(acts)
    }

    /// Whether firmware is flashed before `next`.
    fn flashes(&self, next: &ControlFlow<Next>) -> bool {
        self.settings.firmware == config::Firmware::Apply
            && matches!(next, Continue(()) | Break(Next::PowerOff | Next::Restart))
    }

    pub(super) fn check_context<'b>(&'b self, client: &'b Client) -> CheckContext<'b> {
        CheckContext { machine: self.machine, settings: self.settings, inventory: Some(client), only: None }
    }

    pub(super) fn firmware(&self) -> MutexGuard<'_, Option<FirmwareReport>> {
        self.firmware.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
