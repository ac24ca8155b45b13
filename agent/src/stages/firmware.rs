// SPDX-License-Identifier: MIT OR Apache-2.0
//! The firmware: the running versions compared with the manifests, and flashed.

use std::ops::ControlFlow::{self, Break, Continue};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use stage1_contract::Facts;
use stage1_contract::firmware::manifest::Activation;
use stage1_contract::firmware::{Decision, FirmwareReport};

use super::{FinalAction, RunMode, Stages};
use crate::bmc;
use crate::config::{self, BmcMode};
use crate::firmware::set::VerifiedManifest;
use crate::firmware::{self, ApplyContext, CheckContext, CheckResult};
use crate::host::critical_section;
use crate::inventory::{Client, Transport};
use crate::run::StageContext;
use ipmi::app::{GetWatchdogTimer, SetWatchdogTimer, Watchdog, WatchdogAction};

/// Time limit for stopping the BMC's watchdog.
const WATCHDOG: Duration = Duration::from_secs(10);

/// Firmware compared with the manifests; empty without manifests.
#[derive(Default)]
pub struct CheckedFirmware(Option<(CheckResult, FirmwareReport)>);

impl CheckedFirmware {
    /// The comparison, for the report.
    pub fn report(&self) -> Option<&FirmwareReport> {
        self.0.as_ref().map(|(_, report)| report)
    }
}

/// Whether the report has something to be flashed or activated.
pub(super) fn is_pending(report: &FirmwareReport) -> bool {
    let mut components = report.components.iter();
    components.any(|component| matches!(component.decision, Decision::Update | Decision::PendingActivation))
}

impl Stages {
    /// Reads and verifies the firmware manifests. That needs no identity, so it is done as soon as there is a network.
    pub(crate) fn read_manifests(
        &self,
        stage: &StageContext,
        transport: Transport,
    ) -> Result<(Transport, Option<VerifiedManifest>)> {
        if self.settings.firmware == config::Firmware::Off || self.options.mode == RunMode::Boot {
            stage.note("left alone");
            return Ok((transport, None));
        }
        let timeout = self.settings.inventory_timeout;
        let client = Client::new(transport.clone(), &self.settings.inventory, "", timeout);
        let problem = |problem| stage.problem(problem);
        let set = firmware::manifests(&self.machine, &self.settings, Some(&client), problem);
        stage.cancellation().check()?;
        stage.note(set.as_ref().map_or_else(
            || firmware::table::NO_MANIFESTS.to_string(),
            |verified| format!("serial {}, {} entries", verified.set.serial, verified.set.entries.len()),
        ));
        Ok((transport, set))
    }

    /// Compares the firmware with the manifests and the inventory's journal of attempts.
    pub(crate) fn check_firmware(
        &self,
        stage: &StageContext,
        client: &Client,
        facts: &Facts,
        manifests: Option<VerifiedManifest>,
    ) -> Result<CheckedFirmware> {
        let Some(set) = manifests else {
            stage.note("no manifests");
            return Ok(CheckedFirmware(None));
        };
        let mut problem = |problem| stage.problem(problem);
        let (checked, report) =
            firmware::check(&self.check_context(client), facts, set, !self.options.plan, &mut problem);
        stage.cancellation().check()?;
        stage.problems(firmware::table::problems(&report));
        stage.note(firmware::table::summary(&report));
        Ok(CheckedFirmware(Some((checked, report))))
    }

    /// Flashes what is behind, unless the inventory asked for a shell. New firmware comes before the inventory's
    /// action. A host that must not be reset, or must not boot with the firmware that it has, stays.
    pub(crate) fn flash(
        &self,
        stage: &StageContext,
        client: &Client,
        firmware: CheckedFirmware,
        next: ControlFlow<FinalAction>,
    ) -> Result<ControlFlow<FinalAction>> {
        let next = self.flash_before(stage, client, firmware, next)?;
        if matches!(next, Break(FinalAction::Rescue(_))) {
            // A shell is not delayed by the wait for switches.
            self.lldp.shutdown();
        }
        Ok(next)
    }

    fn flash_before(
        &self,
        stage: &StageContext,
        client: &Client,
        firmware: CheckedFirmware,
        next: ControlFlow<FinalAction>,
    ) -> Result<ControlFlow<FinalAction>> {
        let Some((checked, _)) = firmware.0.filter(|_| self.flashes_before(&next)) else {
            stage.note("left alone");
            return Ok(next);
        };
        if let Err(error) = critical_section::may_end(&self.machine) {
            return Ok(Break(FinalAction::Rescue(error.to_string())));
        }
        let quarantine = checked.quarantine.join(", ");
        let reset = if checked.acts {
            self.apply_firmware(stage, client, checked)?
        } else {
            stage.note("nothing to do");
            Continue(None)
        };
        Ok(match reset {
            Break(rescue) => Break(rescue),
            Continue(Some(by)) => Break(FinalAction::Reset(by)),
            Continue(None) if quarantine.is_empty() => next,
            Continue(None) => Break(FinalAction::Rescue(format!(
                "quarantine: the firmware of {quarantine} is not the required version"
            ))),
        })
    }

    /// Flashes, and amends the report. Returns the reset that is needed then, or why the host must stay.
    fn apply_firmware(
        &self,
        stage: &StageContext,
        client: &Client,
        checked: CheckResult,
    ) -> Result<ControlFlow<FinalAction, Option<Activation>>> {
        let (facts, _) = firmware::facts(&self.machine);
        // The inventory may have taken a day to decide on this host.
        let mut problem = |problem| stage.problem(problem);
        let (checked, _) =
            firmware::check(&self.check_context(client), &facts, checked.set, true, &mut problem);
        self.stop_watchdog(stage).unwrap_or_else(|error| stage.problem(format!("{error:#}")));
        let progress = |message: String| stage.progress(&message);
        let context = ApplyContext {
            check: self.check_context(client),
            transport: client.transport(),
            progress: &progress,
            cancellation: stage.cancellation(),
        };
        let applied = firmware::apply(&context, &facts, checked);
        stage.problems(applied.problems);
        if applied.lost_link {
            self.wait_for_network(stage).map_or_else(|error| stage.problem(format!("{error:#}")), drop);
        }
        stage.note(firmware::table::summary(&applied.report));
        let sent = self.amend(client, "firmware", &applied.report, self.settings.inventory_timeout);
        sent.unwrap_or_else(|error| stage.problem(error.to_string()));
        if applied.broken {
            return Ok(Break(FinalAction::Rescue(
                "firmware is broken: the host must not be reset".to_string(),
            )));
        }
        stage.cancellation().check()?;
        Ok(Continue(applied.reset))
    }

    /// Stops the BMC's own watchdog: it would reset the host during a write.
    fn stop_watchdog(&self, stage: &StageContext) -> Result<()> {
        if self.settings.bmc == BmcMode::Off {
            return Ok(());
        }
        let deadline = Instant::now() + WATCHDOG;
        let Some(mut bmc) = bmc::open(&self.machine, false, deadline, stage.cancellation())? else {
            return Ok(());
        };
        let state = match bmc.ask(&GetWatchdogTimer) {
            Ok(state) => state,
            Err(error) if error.is_absent() => return Ok(()),
            Err(error) => return Err(error).context("reading the BMC's watchdog, which may reset the host"),
        };
        if !state.is_running {
            return Ok(());
        }
        ensure!(
            self.settings.bmc == BmcMode::Apply,
            "the BMC's watchdog is running, and may reset the host while firmware is written: with the setting bmc=apply \
             it is stopped"
        );
        let watchdog = Watchdog { action: WatchdogAction::Nothing, ..state.watchdog };
        bmc.ask(&SetWatchdogTimer { watchdog }).context("stopping the BMC's watchdog")
    }

    /// Whether firmware is flashed before `next`.
    pub(super) fn flashes_before(&self, next: &ControlFlow<FinalAction>) -> bool {
        self.settings.firmware == config::Firmware::Apply
            && matches!(next, Continue(()) | Break(FinalAction::PowerOff | FinalAction::Reboot))
    }

    fn check_context<'b>(&'b self, client: &'b Client) -> CheckContext<'b> {
        CheckContext { machine: &self.machine, settings: &self.settings, inventory: Some(client), only: None }
    }
}
