// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processors. Pure.

use stage1_contract::{Cpus, Facts};

/// A finding about the processors.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::facts) enum ProcessorFinding<'a> {
    /// Logical processors that are present and not online.
    OfflineProcessors { offline: u32, present: u32 },
    /// The packages run different microcode revisions, which are sorted.
    MixedMicrocode(Vec<&'a str>),
    /// Vulnerabilities of the processors without a mitigation, by the kernel's names.
    Vulnerabilities(Vec<&'a str>),
    /// More sockets are populated than the kernel uses.
    UnusedSockets { populated: usize, used: u32 },
    /// Cores of a processor that the firmware has disabled.
    DisabledCores { socket: Option<&'a str>, enabled: u16, cores: u16 },
}

pub(super) fn findings(facts: &Facts) -> Vec<ProcessorFinding<'_>> {
    let mut findings = Vec::new();
    let Some(cpus) = &facts.cpus else { return findings };
    if let Some(present) = cpus.threads_present.filter(|present| *present > cpus.threads) {
        findings.push(ProcessorFinding::OfflineProcessors { offline: present - cpus.threads, present });
    }
    let microcodes = microcodes(cpus);
    if microcodes.len() > 1 {
        findings.push(ProcessorFinding::MixedMicrocode(microcodes));
    }
    let vulnerable = cpus.vulnerabilities.iter().filter(|(_, status)| is_vulnerable(status));
    let vulnerable: Vec<&str> = vulnerable.map(|(name, _)| name.as_str()).collect();
    if !vulnerable.is_empty() {
        findings.push(ProcessorFinding::Vulnerabilities(vulnerable));
    }
    let Some(smbios) = &facts.smbios else { return findings };
    let populated = smbios.processors.iter().filter(|processor| processor.populated == Some(true)).count();
    if populated > cpus.sockets as usize {
        findings.push(ProcessorFinding::UnusedSockets { populated, used: cpus.sockets });
    }
    for processor in &smbios.processors {
        if let (Some(cores), Some(enabled)) = (processor.cores, processor.cores_enabled)
            && enabled < cores
            && enabled > 0
        {
            let socket = processor.socket.as_deref();
            findings.push(ProcessorFinding::DisabledCores { socket, enabled, cores });
        }
    }
    findings
}

/// The microcode revisions of the packages, sorted, each once.
pub(in crate::facts) fn microcodes(cpus: &Cpus) -> Vec<&str> {
    let mut microcodes: Vec<&str> =
        cpus.packages.iter().filter_map(|package| package.microcode.as_deref()).collect();
    microcodes.sort_unstable();
    microcodes.dedup();
    microcodes
}

/// The kernel's interface: `Not affected`, `Vulnerable` or `Mitigation: ...`, with details behind
/// (Documentation/ABI/testing/sysfs-devices-system-cpu).
fn is_vulnerable(status: &str) -> bool {
    status.starts_with("Vulnerable")
}

#[cfg(test)]
mod tests {
    use stage1_contract::facts::{CpuPackage, Processor, Smbios};

    use super::*;

    #[test]
    fn processors_that_are_missing_in_part() {
        let processor = |socket: &str, enabled| Processor {
            socket: Some(socket.to_string()),
            populated: Some(true),
            cores: Some(32),
            cores_enabled: Some(enabled),
            ..Processor::default()
        };
        let smbios =
            Smbios { processors: vec![processor("CPU1", 32), processor("CPU2", 16)], ..Smbios::default() };
        let vulnerabilities = [
            ("mds", "Vulnerable: no microcode"),
            ("meltdown", "Mitigation: PTI"),
            ("retbleed", "Vulnerable"),
        ];
        let cpus = Cpus {
            sockets: 1,
            threads: 64,
            threads_present: Some(128),
            vulnerabilities: vulnerabilities
                .map(|(name, words)| (name.to_string(), words.to_string()))
                .into(),
            ..Cpus::default()
        };
        let facts = Facts { smbios: Some(smbios), cpus: Some(cpus), ..Facts::default() };
        let expected = [
            ProcessorFinding::OfflineProcessors { offline: 64, present: 128 },
            ProcessorFinding::Vulnerabilities(vec!["mds", "retbleed"]),
            ProcessorFinding::UnusedSockets { populated: 2, used: 1 },
            ProcessorFinding::DisabledCores { socket: Some("CPU2"), enabled: 16, cores: 32 },
        ];
        assert_eq!(findings(&facts), expected);
    }

    #[test]
    fn packages_with_different_microcode() {
        let package =
            |revision: &str| CpuPackage { microcode: Some(revision.to_string()), ..CpuPackage::default() };
        let packages = ["0x2b", "0x2a", "0x2b"].map(package).to_vec();
        let facts = Facts { cpus: Some(Cpus { packages, ..Cpus::default() }), ..Facts::default() };
        assert_eq!(findings(&facts), [ProcessorFinding::MixedMicrocode(vec!["0x2a", "0x2b"])]);
    }
}
