// SPDX-License-Identifier: MIT OR Apache-2.0
//! The neighbours: heard beside everything else, and told of when they come.

use std::time::Duration;

use anyhow::Result;
use stage1_contract::PortNeighbours;

use super::{Aim, Purpose, Stages};
use crate::config::Settings;
use crate::inventory::Client;
use crate::lldp;
use crate::lldp::ports::{Mode, Options};
use crate::run::{StageContext, StageHandle};

/// How long a run that boots tells of neighbours before it jumps.
const NEIGHBOURS: Duration = Duration::from_secs(5);

impl Stages<'_> {
    /// Who is at the other end of each port. A port that stays silent is a problem.
    pub fn collect_neighbours(&self, stage: &StageContext) -> Result<()> {
        let options = Self::lldp_options(self.settings, self.purpose);
        if options.mode == Mode::Off {
            stage.note("turned off");
            return Ok(());
        }
        if let Err(error) = self.lldp.start(self.machine, &[]) {
            stage.problem(format!("{error:#}"));
            return Ok(());
        }
        self.lldp.wait(&|| false);
        let ports = self.lldp.snapshot();
        lldp::table::problems(&ports, options.timeout).into_iter().for_each(|problem| stage.problem(problem));
        stage.note(lldp::table::summary(&ports));
        Ok(())
    }

    /// Waits for the end of the collection, and amends the report where it had not all of it.
    pub(super) fn tell_neighbours(
        &self,
        stage: &StageContext,
        client: &Client,
        lldp: StageHandle<()>,
        told: Vec<PortNeighbours>,
    ) -> Result<()> {
        let had_ended = lldp.has_ended();
        // A collection that failed is a problem already; what it heard is still good.
        let _ = lldp.join();
        let ports = self.lldp.snapshot();
        if had_ended && ports == told {
            stage.note("the report had them all");
            return Ok(());
        }
        let timeout = if self.lldp.is_over() { NEIGHBOURS } else { self.settings.inventory_timeout };
        match self.amend(client, "lldp", &ports, timeout) {
            Ok(()) => stage.note("the inventory has those that came after the report"),
            Err(error) => stage.problem(error.to_string()),
        }
        Ok(())
    }

    /// How neighbours are collected. A plan asks no switch, and a boot by hand has no use for neighbours.
    pub(super) fn lldp_options(settings: &Settings, purpose: Purpose) -> Options {
        let mode = if purpose.plan || purpose.aim == Aim::Boot { Mode::Off } else { settings.lldp };
        let waits = if purpose.at_boot { Options::AT_BOOT } else { Options::BY_HAND };
        Options { mode, timeout: settings.lldp_timeout, restore: settings.lldp_restore, ..waits }
    }
}
