// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an operator should look at first: parts that are broken, that are slower than they could be, or that do not fit
//! together. Found here as values; [`super::summary`] writes them as text. Pure.

mod devices;
mod memory;
mod platform;
mod processors;

use stage1_contract::Problem;
use stage1_contract::facts::Discovery;

pub(super) use devices::{DeviceFinding, Link};
pub(super) use memory::{MemoryFinding, slots, volatile_bytes};
pub(super) use platform::{ChassisPart, PlatformFinding};
pub(super) use processors::{ProcessorFinding, microcodes};

/// Something that an operator should look at.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Finding<'a> {
    /// Something could not be read.
    Problem(&'a Problem),
    Platform(PlatformFinding<'a>),
    Processors(ProcessorFinding<'a>),
    Memory(MemoryFinding<'a>),
    Device(DeviceFinding<'a>),
}

/// All findings: the problems of the discovery first, then part by part.
pub(super) fn findings(discovery: &Discovery) -> Vec<Finding<'_>> {
    let facts = &discovery.facts;
    let mut findings: Vec<Finding> = discovery.problems.iter().map(Finding::Problem).collect();
    findings.extend(platform::findings(discovery).into_iter().map(Finding::Platform));
    findings.extend(processors::findings(facts).into_iter().map(Finding::Processors));
    findings.extend(memory::findings(facts).into_iter().map(Finding::Memory));
    findings.extend(devices::findings(facts).into_iter().map(Finding::Device));
    findings
}

#[cfg(test)]
mod tests {
    use stage1_contract::facts::Watchdog;
    use stage1_contract::{Facts, Identity, IdentitySource, Problem};

    use super::*;

    #[test]
    fn nothing_is_found_in_nothing() {
        let discovery =
            Discovery { version: 1, identity: None, facts: Facts::default(), problems: Vec::new() };
        assert_eq!(findings(&discovery), []);
    }

    #[test]
    fn problems_come_first_and_watchdogs_last() {
        let problem = Problem {
            stage: stage1_contract::StageName::Facts,
            message: "sda: timed out".to_string(),
            advice: None,
        };
        let identity = Identity {
            id: String::new(),
            source: IdentitySource::Serials,
            reason: String::new(),
            candidates: Vec::new(),
        };
        let reset = Watchdog { boot_status: vec!["CARDRESET".to_string()], ..Watchdog::default() };
        let facts = Facts {
            placeholders: vec!["/system/serial".to_string()],
            watchdogs: vec![Watchdog::default(), reset.clone()],
            ..Facts::default()
        };
        let discovery = Discovery {
            version: 1,
            identity: Some(identity.clone()),
            facts,
            problems: vec![problem.clone()],
        };
        let expected = [
            Finding::Problem(&problem),
            Finding::Platform(PlatformFinding::DerivedIdentity(&identity)),
            Finding::Platform(PlatformFinding::Placeholders(vec!["system/serial"])),
            Finding::Device(DeviceFinding::WatchdogReset(&reset)),
        ];
        assert_eq!(findings(&discovery), expected);
    }
}
