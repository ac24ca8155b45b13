// SPDX-License-Identifier: MIT OR Apache-2.0
//! The BMC: read, configured as it is wanted, and told of, beside everything else.

use std::sync::mpsc::Receiver;
use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::Result;
use serde_json::Value;
use stage1_contract::{BmcCredentials, BmcReport, Secret, VERSION};

use super::{Aim, Stages};
use crate::bmc::BmcSession;
use crate::bmc::{self, Survey};
use crate::config::BmcMode;
use crate::inventory::Client;
use crate::run::{StageContext, StageHandle};

/// How the inventory wants the BMC.
pub struct Wish {
    pub(super) wanted: Option<Value>,
    pub(super) client: Client,
}

impl Stages<'_> {
    /// Reads the BMC, and configures it as soon as it is known how it is wanted. Whatever the BMC does is at most a
    /// problem.
    pub fn configure_bmc(&self, stage: &StageContext, is_told: bool, wishes: &Receiver<Wish>) -> Result<()> {
        if self.settings.bmc == BmcMode::Off || self.purpose.aim == Aim::Boot {
            stage.note("left alone");
            return Ok(());
        }
        let deadline = Instant::now() + self.settings.bmc_timeout;
        let problems =
            |problems: Vec<String>| problems.into_iter().for_each(|problem| stage.problem(problem));
        let mut bmc = match bmc::open(self.machine, is_told, deadline) {
            Ok(Some(bmc)) => bmc,
            Ok(None) => {
                stage.note("there is none");
                return Ok(());
            }
            Err(error) => {
                stage.problem(format!("{error:#}"));
                return Ok(());
            }
        };
        let (survey, met) = bmc::survey(&mut bmc);
        problems(met);
        let Some(mut survey) = survey else { return Ok(()) };
        *self.bmc() = Some(survey.report.clone());
        let waiting = Instant::now();
        let wish = match self.settings.bmc {
            BmcMode::Apply if !self.purpose.plan => wishes.recv().ok(),
            _ => None,
        };
        // The time for the BMC is the BMC's.
        bmc.set_deadline(deadline + waiting.elapsed());
        let summary = wish.map(|wish| self.fulfil(wish, &mut bmc, &mut survey, &problems));
        stage.note(summary.unwrap_or_else(|| "read".to_string()));
        *self.bmc() = Some(survey.report.clone());
        let (health, met) = bmc::health(&mut bmc, bmc::Depth::Report);
        problems(met);
        survey.report.health = health;
        *self.bmc() = Some(survey.report);
        Ok(())
    }

    /// Configures the BMC as it is wished, and says in a few words what came of it.
    fn fulfil(
        &self,
        wish: Wish,
        bmc: &mut BmcSession,
        survey: &mut Survey,
        problems: &dyn Fn(Vec<String>),
    ) -> String {
        let Wish { wanted, client } = wish;
        match bmc::wanted(self.machine, wanted) {
            Ok(Some(mut wanted)) => {
                if self.is_flashing() && wanted.watchdog.take().is_some() {
                    problems(vec!["the watchdog is left for a boot that flashes no firmware".to_string()]);
                }
                let escrow = |user: &str, password: &Secret| {
                    let (user, password) = (user.to_string(), password.clone());
                    Ok(client.bmc_credentials(&BmcCredentials { version: VERSION, user, password })?)
                };
                problems(bmc::configure(bmc, survey, &wanted, &escrow));
                survey.report.outcome.as_ref().map_or_else(String::new, bmc::text::summary)
            }
            Ok(None) => "read; nothing is wanted of it".to_string(),
            Err(error) => {
                problems(vec![format!("{error:#}")]);
                "read".to_string()
            }
        }
    }

    /// Waits for the end of the BMC's stage, and amends the report with what came of it.
    pub(super) fn tell_bmc(&self, stage: &StageContext, client: &Client, bmc: StageHandle<()>) -> Result<()> {
        // A failure is a problem already.
        let _ = bmc.join();
        let Some(report) = self.bmc().clone() else {
            stage.note("there is nothing to tell");
            return Ok(());
        };
        match self.amend(client, "bmc", &report, self.settings.inventory_timeout) {
            Ok(()) => stage.note("the inventory has it"),
            Err(error) => stage.problem(error.to_string()),
        }
        Ok(())
    }

    pub(super) fn bmc(&self) -> MutexGuard<'_, Option<BmcReport>> {
        self.bmc.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
