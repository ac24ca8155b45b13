// SPDX-License-Identifier: MIT OR Apache-2.0
//! The check: what is to be done about the firmware of this machine.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use stage1_contract::Facts;
use stage1_contract::facts::{PowerSupply, PowerSupplyStatus};
use stage1_contract::firmware::manifest::{Component, Method, Source};
use stage1_contract::firmware::{FirmwareReport, Journal, ManifestSet};

use super::backend::tool::Tool;
use super::journal;
use super::journal_variable;
use super::matching::{Matches, matches};
use super::plan::{Conditions, Plan, Planned, plan};
use super::reading::ReadError;
use super::set::VerifiedManifest;
use crate::bmc;
use crate::config::{BmcMode, Settings};
use crate::facts::{self, Group};
use crate::host::{Cancellation, Machine};
use crate::inventory::Client;
use ipmi::app::GetDeviceId;

/// The deadline of the BMC's answer.
const BMC: Duration = Duration::from_secs(10);

/// What a check runs on.
#[derive(Clone, Copy)]
pub(crate) struct CheckContext<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// The settings.
    pub settings: &'a Settings,
    /// The inventory, which keeps the journal. `None` if a command is used without one; then attempts are not counted.
    pub inventory: Option<&'a Client>,
    /// Only components of this kind.
    pub only: Option<Component>,
}

/// The result of a check: what a plan is made from, in addition to the machine's components.
#[derive(Clone, Debug)]
pub struct CheckResult {
    /// The manifest set.
    pub set: VerifiedManifest,
    /// The attempts so far; `None` if the journal cannot be read.
    pub journal: Option<Journal>,
    /// The state of the machine in this boot.
    pub conditions: Conditions,
    /// Whether a component is to be flashed or activated.
    pub acts: bool,
    /// The entries because of which this host must not boot a target.
    pub quarantine: Vec<String>,
}

/// The facts that components are matched by, and the problems with them.
pub(crate) fn facts(machine: &Machine) -> (Facts, Vec<String>) {
    facts::discover(machine, &[Group::Smbios, Group::Firmware, Group::Nics, Group::Pci])
}

/// Compares the machine with `set`. With `settle`, the outcomes of earlier boots' attempts are recorded in the
/// inventory.
pub(crate) fn check(
    context: &CheckContext,
    facts: &Facts,
    set: VerifiedManifest,
    settle: bool,
    problem: &mut dyn FnMut(String),
) -> (CheckResult, FirmwareReport) {
    let found = context.find(facts, &set.set);
    let conditions = context.conditions(facts, &set, &found);
    let own = journal_variable::read(context.machine);
    let mut journal = match context.inventory.map(Client::firmware_journal) {
        None => Some(own),
        Some(Ok(journal)) => Some(journal::merge(journal, own)),
        Some(Err(error)) => {
            problem(format!("reading the firmware journal from the inventory: {error}"));
            None
        }
    };
    if let Some(journal) = &mut journal
        && journal::settle(journal, &conditions.boot_id, &found.matched)
        && settle
        && let Err(error) = context.keep(journal)
    {
        problem(format!("recording the outcome of the last firmware attempts: {error:#}"));
    }
    let plan = plan(found, journal.as_ref(), &conditions);
    let report = report(&plan, &set, conditions.now);
    let (acts, quarantine) = (plan.acts(), plan.quarantine().into_iter().map(str::to_string).collect());
    (CheckResult { set, journal, conditions, acts, quarantine }, report)
}

impl CheckContext<'_> {
    /// The components with their entries and versions; for the source `tool` the version program is run.
    pub(crate) fn find<'a>(&self, facts: &Facts, set: &'a ManifestSet) -> Matches<'a> {
        let mut found = matches(facts, set);
        if let Some(only) = self.only {
            found.matched.retain(|matched| matched.device.component == only);
            found.skipped.retain(|skipped| skipped.component == only);
        }
        for matched in &mut found.matched {
            if let (Source::Tool, Method::Exec(exec)) = (&matched.entry.version.source, &matched.entry.method)
            {
                let tool = Tool::new(exec, &matched.device.name, matched.device.port.as_deref());
                matched.reading = tool.versions().map_err(|error| ReadError::Tool(format!("{error:#}")));
            }
        }
        found
    }

    /// Stores the journal: in the inventory, if there is one, then its open attempts on the host itself, if it has UEFI
    /// variables.
    ///
    /// # Errors
    /// If the inventory does not store it.
    pub(crate) fn keep(&self, journal: &Journal) -> Result<()> {
        if let Some(inventory) = self.inventory {
            inventory.put_firmware_journal(journal, self.settings.inventory_timeout)?;
        }
        if let Err(error) = journal_variable::write(self.machine, journal) {
            log::warn!("keeping the firmware journal on this host: {error:#}; only the inventory has it");
        }
        Ok(())
    }

    fn conditions(&self, facts: &Facts, set: &VerifiedManifest, found: &Matches) -> Conditions {
        let now = now();
        let needs_bmc = found.matched.iter().any(|matched| matched.entry.requires.bmc);
        Conditions {
            boot_id: self.machine.boot_id().unwrap_or_default(),
            now,
            expired: set.is_expired(now),
            power: power(facts),
            bmc: needs_bmc.then(|| self.bmc_responds()),
            memory_bytes: facts::available_bytes(self.machine),
        }
    }

    fn bmc_responds(&self) -> bool {
        if self.settings.bmc == BmcMode::Off {
            return false;
        }
        let bmc = bmc::open(self.machine, false, Instant::now() + BMC, &Cancellation::default());
        bmc.ok().flatten().is_some_and(|mut bmc| bmc.ask(&GetDeviceId).is_ok())
    }
}

/// The report of a plan by `set`.
pub(crate) fn report(plan: &Plan, set: &VerifiedManifest, now: u64) -> FirmwareReport {
    FirmwareReport {
        set: Some(set.report(now)),
        components: plan.components.iter().map(Planned::report).collect(),
        skipped: plan.skipped.clone(),
    }
}

/// The clock, in seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// Whether every power supply that is present works and is plugged in (DSP0134 7.40).
fn power(facts: &Facts) -> Option<bool> {
    let supplies = &facts.smbios.as_ref()?.power_supplies;
    let present: Vec<&PowerSupply> = supplies.iter().filter(|supply| supply.present == Some(true)).collect();
    let works = |supply: &&PowerSupply| {
        supply.plugged != Some(false)
            && supply.status.as_ref().is_none_or(|status| *status == PowerSupplyStatus::Ok)
    };
    (!present.is_empty()).then(|| present.iter().all(works))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stage1_contract::facts::Smbios;

    #[test]
    fn power_is_sane_where_every_supply_that_is_there_works() {
        let supply = |present, plugged, status| PowerSupply {
            present: Some(present),
            plugged: Some(plugged),
            status: Some(status),
            ..PowerSupply::default()
        };
        let of = |power_supplies| {
            power(&Facts { smbios: Some(Smbios { power_supplies, ..Smbios::default() }), ..Facts::default() })
        };
        let good = supply(true, true, PowerSupplyStatus::Ok);
        assert_eq!(of(vec![good.clone(), supply(false, false, PowerSupplyStatus::Unknown)]), Some(true));
        assert_eq!(of(vec![good.clone(), supply(true, false, PowerSupplyStatus::Ok)]), Some(false));
        assert_eq!(of(vec![good, supply(true, true, PowerSupplyStatus::Critical)]), Some(false));
        assert_eq!(of(Vec::new()), None);
        assert_eq!(power(&Facts::default()), None);
    }
}
