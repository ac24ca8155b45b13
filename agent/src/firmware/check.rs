// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is to be done about the firmware of this machine, from all that is known.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use stage1_contract::Facts;
use stage1_contract::facts::PowerSupply;
use stage1_contract::firmware::manifest::{Component, Method, Source};
use stage1_contract::firmware::{FirmwareReport, Journal, ManifestSet};

use super::backend::tool::Tool;
use super::journal;
use super::matching::{Matches, Reading, matches};
use super::plan::{Conditions, Plan, Planned, plan};
use super::set::Believed;
use super::variable;
use crate::bmc;
use crate::config::Settings;
use crate::facts::{self, Group};
use crate::host::Machine;
use crate::inventory::Client;
use ipmi::app::GetDeviceId;

/// How long a BMC may take to answer.
const BMC: Duration = Duration::from_secs(10);

/// Where is looked.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// The settings.
    pub settings: &'a Settings,
    /// The inventory; by hand there may be none, and then nobody knows what was tried.
    pub inventory: Option<&'a Client>,
    /// Only components of this kind.
    pub only: Option<Component>,
}

/// What a plan is made from, beside the machine's components.
#[derive(Clone, Debug)]
pub struct Known {
    /// The manifest set.
    pub set: Believed,
    /// What was tried; `None` where it cannot be read.
    pub journal: Option<Journal>,
    /// What holds in this boot.
    pub conditions: Conditions,
    /// Whether something is to be flashed or activated.
    pub acts: bool,
    /// The entries for whose sake this host boots no target.
    pub quarantine: Vec<String>,
}

/// The facts that firmware is matched by, and what went wrong with them.
pub fn facts(machine: &Machine) -> (Facts, Vec<String>) {
    facts::discover(machine, &[Group::Smbios, Group::Firmware, Group::Nics, Group::Pci])
}

/// What is known for a plan by `set`, with its outcome. With `settle`, attempts of earlier boots are brought to their end,
/// and the inventory is told.
pub fn check(
    look: &Look,
    facts: &Facts,
    set: Believed,
    settle: bool,
    problem: &mut dyn FnMut(String),
) -> (Known, FirmwareReport) {
    let found = look.find(facts, &set.set);
    let conditions = look.conditions(facts, &set, &found);
    let own = variable::read(look.machine);
    let mut journal = match look.inventory.map(Client::firmware_journal) {
        None => Some(own),
        Some(Ok(journal)) => Some(journal::merge(journal, own)),
        Some(Err(error)) => {
            problem(format!("asking for the journal: {error}"));
            None
        }
    };
    if let Some(journal) = &mut journal
        && journal::settle(journal, &conditions.boot_id, &found.matched)
        && settle
        && let Err(error) = look.keep(journal)
    {
        problem(format!("recording how the last attempts ended: {error:#}"));
    }
    let plan = plan(found, journal.as_ref(), &conditions);
    let report = report(&plan, &set, conditions.now);
    let (acts, quarantine) = (plan.acts(), plan.quarantine().into_iter().map(str::to_string).collect());
    (Known { set, journal, conditions, acts, quarantine }, report)
}

impl Look<'_> {
    /// The components with their entries and versions, those that only tools can tell too.
    pub fn find<'a>(&self, facts: &Facts, set: &'a ManifestSet) -> Matches<'a> {
        let mut found = matches(facts, set);
        if let Some(only) = self.only {
            found.matched.retain(|matched| matched.device.component == only);
            found.skipped.retain(|skipped| skipped.component == only);
        }
        for matched in &mut found.matched {
            if let (Source::Tool, Method::Exec(exec)) = (&matched.entry.version.source, &matched.entry.method)
            {
                let told = Tool::new(exec, &matched.device.name, matched.device.port.as_deref()).versions();
                matched.reading = told
                    .map(|told| Reading { running: told.running, stored: told.stored, lowest: None })
                    .map_err(|error| format!("{error:#}"));
            }
        }
        found
    }

    /// The inventory, where there is one, remembers what the journal says now; then the host itself does, where it can, which
    /// forgets attempts that have ended.
    ///
    /// # Errors
    /// Where the inventory does not.
    pub fn keep(&self, journal: &Journal) -> Result<()> {
        if let Some(inventory) = self.inventory {
            inventory.put_firmware_journal(journal, self.settings.inventory_timeout)?;
        }
        if let Err(error) = variable::write(self.machine, journal) {
            log::warn!("the journal of firmware is the inventory's alone: {error:#}");
        }
        Ok(())
    }

    fn conditions(&self, facts: &Facts, set: &Believed, found: &Matches) -> Conditions {
        let now = now();
        let needs_bmc = found.matched.iter().any(|matched| matched.entry.requires.bmc);
        Conditions {
            boot_id: self.machine.boot_id().unwrap_or_default(),
            now,
            expired: set.is_expired(now),
            power: power(facts),
            bmc: needs_bmc.then(|| self.bmc_answers()),
            memory_bytes: facts::available_bytes(self.machine),
        }
    }

    fn bmc_answers(&self) -> bool {
        let bmc = bmc::open(self.machine, false, Instant::now() + BMC);
        bmc.ok().flatten().is_some_and(|mut bmc| bmc.ask(&GetDeviceId).is_ok())
    }
}

/// A plan by `set`, as the report has it.
pub fn report(plan: &Plan, set: &Believed, now: u64) -> FirmwareReport {
    FirmwareReport {
        set: Some(set.report(now)),
        components: plan.components.iter().map(Planned::report).collect(),
        skipped: plan.skipped.clone(),
    }
}

/// The clock, in seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// Whether every power supply that is there works and is plugged in (DSP0134 7.40).
fn power(facts: &Facts) -> Option<bool> {
    let supplies = &facts.smbios.as_ref()?.power_supplies;
    let present: Vec<&PowerSupply> = supplies.iter().filter(|supply| supply.present == Some(true)).collect();
    let works = |supply: &&PowerSupply| {
        supply.plugged != Some(false) && supply.status.as_deref().is_none_or(|status| status == "OK")
    };
    (!present.is_empty()).then(|| present.iter().all(works))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stage1_contract::facts::Smbios;

    #[test]
    fn power_is_sane_where_every_supply_that_is_there_works() {
        let supply = |present, plugged, status: &str| PowerSupply {
            present: Some(present),
            plugged: Some(plugged),
            status: Some(status.to_string()),
            ..PowerSupply::default()
        };
        let of = |power_supplies| {
            power(&Facts { smbios: Some(Smbios { power_supplies, ..Smbios::default() }), ..Facts::default() })
        };
        let good = supply(true, true, "OK");
        assert_eq!(of(vec![good.clone(), supply(false, false, "Unknown")]), Some(true));
        assert_eq!(of(vec![good.clone(), supply(true, false, "OK")]), Some(false));
        assert_eq!(of(vec![good, supply(true, true, "Critical")]), Some(false));
        assert_eq!(of(Vec::new()), None);
        assert_eq!(power(&Facts::default()), None);
    }
}
