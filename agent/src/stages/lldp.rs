// SPDX-License-Identifier: MIT OR Apache-2.0
//! The neighbours: collected in parallel with everything else, and reported when they are received.

use std::time::Duration;

use anyhow::Result;
use stage1_contract::PortNeighbours;

use super::{RunMode, RunOptions, Stages};
use crate::config::Settings;
use crate::inventory::Client;
use crate::lldp;
use crate::lldp::ports::{Mode, Options};
use crate::run::StageContext;

/// Time limit for the amendment in a run that is about to jump.
const BEFORE_JUMP: Duration = Duration::from_secs(5);

impl Stages {
    /// Collects the neighbours of each port. A port without a neighbour is a problem.
    pub(crate) fn collect_neighbours(&self, stage: &StageContext) -> Result<Vec<PortNeighbours>> {
        let options = Self::lldp_options(&self.settings, self.options);
        if options.mode == Mode::Off {
            stage.note(match (self.options.plan, self.options.mode) {
                (true, _) => "none, since this is a plan",
                (_, RunMode::Boot) => "none, since nothing is registered",
                _ => "off (setting lldp)",
            });
            return Ok(Vec::new());
        }
        if let Err(error) = self.lldp.start(&self.machine, &[]) {
            stage.problem(format!("{error:#}"));
            return Ok(Vec::new());
        }
        self.lldp.wait(&|| stage.cancellation().is_cancelled());
        if stage.cancellation().is_cancelled() {
            self.lldp.shutdown();
        }
        stage.cancellation().check()?;
        let ports = self.lldp.snapshot();
        stage.problems(lldp::table::problems(&ports, options.timeout));
        stage.note(lldp::table::summary(&ports));
        Ok(ports)
    }

    /// Amends the report with the neighbours, unless it had them all; `known` are those in the report.
    pub(crate) fn report_neighbours(
        &self,
        stage: &StageContext,
        client: &Client,
        neighbours: Vec<PortNeighbours>,
        known: Vec<PortNeighbours>,
    ) -> Result<()> {
        if self.options.plan || neighbours == known {
            stage.note("the report had them all");
            return Ok(());
        }
        let timeout = if self.lldp.is_over() { BEFORE_JUMP } else { self.settings.inventory_timeout };
        match self.amend(client, "lldp", &neighbours, timeout) {
            Ok(()) => stage.note("reported"),
            Err(error) => stage.problem(error.to_string()),
        }
        Ok(())
    }

    /// How neighbours are collected. A plan sends nothing to a switch, and a boot by hand needs no neighbours.
    pub(super) fn lldp_options(settings: &Settings, options: RunOptions) -> Options {
        let is_off = options.plan || options.mode == RunMode::Boot;
        let mode = if is_off { Mode::Off } else { settings.lldp };
        let waits = if options.at_boot { Options::AT_BOOT } else { Options::BY_HAND };
        Options { mode, timeout: settings.lldp_timeout, restore: settings.lldp_restore, ..waits }
    }
}
