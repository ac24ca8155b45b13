// SPDX-License-Identifier: MIT OR Apache-2.0
//! Registration: the report, and the action that the inventory answers.

use std::ops::ControlFlow::{self, Break, Continue};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;
use stage1_contract::firmware::FirmwareReport;
use stage1_contract::{Action, Facts, Identity, PortNeighbours, Registration, RunKind};

use super::bmc::ReadBmc;
use super::{FinalAction, RunMode, Stages};
use crate::facts;
use crate::inventory::Client;
use crate::json;
use crate::run::report::report;
use crate::run::{StageContext, StageHandle};

/// Waiting time if the inventory's action `wait` has no duration.
const WAIT: Duration = Duration::from_secs(30);

/// What the inventory answered.
pub struct Registered {
    /// What follows; `Continue` if the host is to boot.
    pub next: ControlFlow<FinalAction>,
    /// The desired BMC configuration, as the inventory sent it.
    pub bmc: Option<Value>,
    /// The neighbours in the report.
    pub neighbours: Vec<PortNeighbours>,
}

impl Stages {
    /// Registers, again and again while the inventory's action is `wait`. The report has what is known so far about the
    /// BMC and the neighbours.
    pub(crate) fn register(
        &self,
        stage: &StageContext,
        client: &Client,
        identity: &Identity,
        facts: Facts,
        bmc: &StageHandle<Option<ReadBmc>>,
        firmware: Option<&FirmwareReport>,
    ) -> Result<Registered> {
        let kind = if self.options.mode == RunMode::Run { RunKind::Run } else { RunKind::Register };
        let deadline = Instant::now() + self.settings.wait_timeout;
        let mut report = report(&self.run, kind, identity.clone(), facts);
        report.firmware = firmware.cloned();
        loop {
            // Links have come up since the facts were discovered.
            report.facts.nics.iter_mut().for_each(|nic| facts::refresh_link(&self.machine, nic));
            report.lldp = self.lldp.snapshot();
            report.bmc = bmc.peek(|bmc| bmc.as_ref().map(|bmc| bmc.report().clone())).flatten();
            (report.problems, report.timeline) = (self.run.problems(), self.run.timeline());
            if self.options.plan {
                let next = Break(FinalAction::Show(json::pretty(&report)));
                return Ok(Registered { next, bmc: None, neighbours: report.lldp });
            }
            let Registration { action, seconds, bmc, .. } = client.register(&report)?;
            let word = json::word(&action);
            stage.note(format!("action {word}"));
            let next = match action {
                _ if self.options.mode == RunMode::Register => {
                    Break(FinalAction::Show(format!("{}: registered, action {word}\n", identity.id)))
                }
                Action::Boot => Continue(()),
                Action::Shutdown => Break(FinalAction::PowerOff),
                Action::Reboot => Break(FinalAction::Reboot),
                Action::Rescue => Break(FinalAction::Rescue("requested by the inventory".to_string())),
                Action::Wait => {
                    let pause = seconds.map_or(WAIT, |seconds| Duration::from_secs(seconds.into()));
                    self.wait(stage, pause, deadline, "action")?;
                    continue;
                }
                Action::Unknown(action) => bail!("unknown action from the inventory: {action:?}"),
            };
            return Ok(Registered { next, bmc, neighbours: report.lldp });
        }
    }
}
