// SPDX-License-Identifier: MIT OR Apache-2.0
//! The BMC: read, configured as desired, and reported.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;
use stage1_contract::firmware::FirmwareReport;
use stage1_contract::{BmcCredentials, BmcHealth, BmcReport, Secret, VERSION};

use super::firmware::is_pending;
use super::{FinalAction, RunMode, Stages};
use crate::bmc::WatchdogState;
use crate::bmc::{self, BmcSession, Survey};
use crate::config::BmcMode;
use crate::host::modules;
use crate::inventory::Client;
use crate::run::StageContext;

/// The BMC after it was read.
pub struct ReadBmc {
    session: BmcSession,
    survey: Survey,
    /// Remaining time for the BMC.
    left: Duration,
}

/// The BMC after it was configured.
pub struct ConfiguredBmc {
    session: BmcSession,
    survey: Survey,
    /// Remaining time for the BMC.
    left: Duration,
}

/// The desired configuration of the BMC, and what is needed to apply it.
pub struct DesiredBmc {
    config: Option<Value>,
    client: Client,
    is_flashing: bool,
}

impl ReadBmc {
    /// The BMC as it was read.
    pub fn report(&self) -> &BmcReport {
        &self.survey.report
    }
}

impl Stages {
    /// Reads the BMC; `None` if there is none, or it must not be accessed. Errors of the BMC are problems, not
    /// failures.
    pub(crate) fn read_bmc(&self, stage: &StageContext, is_expected: bool) -> Result<Option<ReadBmc>> {
        if self.settings.bmc == BmcMode::Off || self.options.mode == RunMode::Boot {
            stage.note("left alone");
            return Ok(None);
        }
        let deadline = Instant::now() + self.settings.bmc_timeout;
        let mut session = match bmc::open(&self.machine, is_expected, deadline, stage.cancellation()) {
            Ok(Some(session)) => session,
            Ok(None) => {
                stage.note("there is none");
                return Ok(None);
            }
            Err(error) => {
                stage.problem(format!("{error:#}"));
                return Ok(None);
            }
        };
        let (mut survey, problems) = bmc::survey(&mut session);
        stage.problems(problems);
        stage.note(if survey.is_some() { "read" } else { "no response" });
        // Before anything is waited for: it may have seconds left. If one is desired, it is set later.
        if let Some(survey) = survey.as_mut().filter(|survey| self.has_left_watchdog(survey)) {
            stage.problems(bmc::stop_watchdog(&mut session, survey));
            stage.note("read, the watchdog stopped");
        }
        let left = deadline.saturating_duration_since(Instant::now());
        Ok(survey.map(|survey| ReadBmc { session, survey, left }))
    }

    /// The inventory's configuration of the BMC. While firmware is being flashed the watchdog is not set.
    pub(crate) fn desired_bmc(
        &self,
        config: Option<Value>,
        client: &Client,
        firmware: Option<&FirmwareReport>,
        next: &ControlFlow<FinalAction>,
    ) -> DesiredBmc {
        let is_flashing = self.flashes_before(next) && firmware.is_some_and(is_pending);
        DesiredBmc { config, client: client.clone(), is_flashing }
    }

    /// Applies the desired configuration and verifies it.
    pub(crate) fn configure_bmc(
        &self,
        stage: &StageContext,
        bmc: Option<ReadBmc>,
        desired: DesiredBmc,
    ) -> Result<Option<ConfiguredBmc>> {
        let Some(ReadBmc { mut session, mut survey, left }) = bmc else {
            stage.note("left alone");
            return Ok(None);
        };
        session.set_deadline(Instant::now() + left);
        stage.note(match self.settings.bmc {
            BmcMode::Apply if !self.options.plan => self.apply_bmc(stage, desired, &mut session, &mut survey),
            _ => "read only".to_string(),
        });
        // Storing a generated password at the inventory moves the deadline.
        let left = session.deadline().saturating_duration_since(Instant::now());
        Ok(Some(ConfiguredBmc { session, survey, left }))
    }

    fn has_left_watchdog(&self, survey: &Survey) -> bool {
        let may_write = self.settings.bmc == BmcMode::Apply && !self.options.plan;
        may_write && survey.config.watchdog.is_some_and(WatchdogState::is_left_by_firmware)
    }

    /// Applies the desired configuration, and returns the outcome as a short note.
    fn apply_bmc(
        &self,
        stage: &StageContext,
        desired: DesiredBmc,
        session: &mut BmcSession,
        survey: &mut Survey,
    ) -> String {
        let DesiredBmc { config, client, is_flashing } = desired;
        match bmc::desired(&self.machine, config) {
            Ok(Some(mut desired)) => {
                if is_flashing && desired.watchdog.take().is_some() {
                    stage.problem("the BMC's watchdog is not set in a boot that flashes firmware");
                }
                // An operating system before this boot started it, and nothing here resets it.
                let is_driven = modules::is_loaded(&self.machine, "ipmi_watchdog");
                if let Some(left) = survey.config.watchdog.filter(|left| left.is_of_system() && !is_driven)
                    && desired.watchdog.is_none()
                {
                    stage.problem(left.to_string());
                    desired.watchdog = Some(bmc::STOP);
                }
                if let Err(error) = bmc::read_key(&self.machine, &mut desired) {
                    stage.problem(format!("{error:#}"));
                }
                let escrow = |user: &str, password: &Secret| {
                    let (user, password) = (user.to_string(), password.clone());
                    Ok(client.bmc_credentials(&BmcCredentials { version: VERSION, user, password })?)
                };
                stage.problems(bmc::configure(session, survey, &desired, &escrow));
                survey.report.outcome.as_ref().map_or_else(String::new, bmc::text::summary)
            }
            Ok(None) => "no configuration is desired".to_string(),
            Err(error) => {
                stage.problem(format!("{error:#}"));
                "read only".to_string()
            }
        }
    }

    /// Amends the report with the BMC, and once more with what the BMC knows of the hardware, which may take minutes.
    pub(crate) fn report_bmc(
        &self,
        stage: &StageContext,
        client: &Client,
        bmc: Option<ConfiguredBmc>,
    ) -> Result<()> {
        let Some(bmc) = bmc.filter(|_| !self.options.plan) else {
            stage.note("nothing to report");
            return Ok(());
        };
        let ConfiguredBmc { mut session, mut survey, left } = bmc;
        let amend = |report: &BmcReport| self.amend(client, "bmc", report, self.settings.inventory_timeout);
        if let Err(error) = amend(&survey.report) {
            stage.problem(error.to_string());
        }
        session.set_deadline(Instant::now() + left);
        let (health, session) = self.read_health(stage, session);
        survey.report.health = health;
        match amend(&survey.report) {
            Ok(()) => stage.note(health_note(&survey.report.health)),
            Err(error) => stage.problem(error.to_string()),
        }
        if let Some(mut session) = session {
            let report = |report: &BmcReport| Ok(amend(report)?);
            stage.problems(bmc::clear_full_sel(&mut session, &mut survey, &report));
        }
        Ok(())
    }
}

fn health_note(health: &BmcHealth) -> String {
    match health.out_of_time.is_empty() {
        true => "reported".to_string(),
        false => format!("reported; out of time for: {}", health.out_of_time.join(", ")),
    }
}
