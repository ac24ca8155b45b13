// SPDX-License-Identifier: MIT OR Apache-2.0
//! `/proc/cpuinfo`. Pure.

use std::collections::{BTreeMap, BTreeSet};

use stage1_contract::Cpus;

use super::arm;
use super::discover::count;

/// What decides what may run on a processor, by the kernel's names (arch/x86/include/asm/cpufeatures.h,
/// arch/arm64/kernel/cpuinfo.c).
const FEATURES: &[&str] = &[
    "aes",
    "amx_tile",
    "atomics",
    "avx",
    "avx2",
    "avx512_bf16",
    "avx512_vnni",
    "avx512f",
    "bti",
    "crc32",
    "la57",
    "mte",
    "nx",
    "paca",
    "pdpe1gb",
    "rdrand",
    "rdseed",
    "sev",
    "sev_es",
    "sev_snp",
    "sgx",
    "sgx_lc",
    "sha2",
    "sha_ni",
    "sme",
    "sve",
    "sve2",
    "tdx_host_platform",
    "vaes",
    "x2apic",
];

/// The file, parsed.
#[derive(Debug, Default)]
pub(super) struct CpuInfo<'a> {
    /// The processors that are online.
    pub processors: Vec<Processor<'a>>,
    /// The lines of the first one.
    first: BTreeMap<&'a str, &'a str>,
}

/// A logical processor.
#[derive(Debug, Default)]
pub(super) struct Processor<'a> {
    /// The kernel's number.
    pub number: u32,
    /// The microcode's revision.
    pub microcode: Option<&'a str>,
    implementer: Option<&'a str>,
    part: Option<&'a str>,
    package: Option<&'a str>,
    core: Option<&'a str>,
}

impl<'a> CpuInfo<'a> {
    /// Reads what it finds; unknown lines are ignored.
    pub(super) fn parse(text: &'a str) -> Self {
        let mut info = Self::default();
        for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
            let (name, value) = (name.trim(), value.trim());
            if let ("processor", Ok(number)) = (name, value.parse()) {
                info.processors.push(Processor { number, ..Processor::default() });
            }
            if info.processors.len() == 1 {
                info.first.insert(name, value);
            }
            let Some(processor) = info.processors.last_mut() else { continue };
            match name {
                "physical id" => processor.package = Some(value),
                "core id" => processor.core = Some(value),
                "CPU implementer" => processor.implementer = Some(value),
                "CPU part" => processor.part = Some(value),
                "microcode" => processor.microcode = Some(value),
                _ => {}
            }
        }
        info
    }

    /// The processors; sockets and cores as well as they are known from this file.
    pub(super) fn cpus(&self) -> Cpus {
        let implementer = self.value("CPU implementer");
        let vendor =
            self.value("vendor_id").or(implementer.map(|code| arm::implementer(code).unwrap_or(code)));
        let part = implementer.and_then(|implementer| arm::part(implementer, self.value("CPU part")?));
        let flags = self.value("flags");
        let has = |flag: &str| flags.is_some_and(|flags| flags.split(' ').any(|known| known == flag));
        let virtualisation = [("vmx", "VT-x"), ("svm", "AMD-V")].into_iter().find(|(flag, _)| has(flag));
        let (sockets, cores) = self.sockets_and_cores();
        Cpus {
            model: self.value("model name").map(str::to_string).or(part.map(|part| self.parts(part))),
            sockets,
            cores,
            threads: count(self.processors.len()),
            architecture: self.architecture().map(str::to_string),
            vendor: vendor.map(str::to_string),
            family: self.number("cpu family"),
            model_number: self.number("model"),
            part: self.value("CPU part").map(str::to_string),
            stepping: self.stepping(),
            virtualisation: virtualisation.map(|(_, name)| name.to_string()),
            hypervisor: flags.map(|_| has("hypervisor")),
            features: self.features(),
            ..Cpus::default()
        }
    }

    /// The names of all kinds of cores, the first one's first.
    fn parts(&self, first: &'static str) -> String {
        let of = |processor: &Processor| arm::part(processor.implementer?, processor.part?);
        let mut names = vec![first];
        for name in self.processors.iter().filter_map(of) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(" + ")
    }

    fn value(&self, name: &str) -> Option<&'a str> {
        self.first.get(name).copied().filter(|value| !value.is_empty())
    }

    fn number(&self, name: &str) -> Option<u32> {
        self.value(name)?.parse().ok()
    }

    /// Where the file has no core numbers, each processor is a core, in one socket.
    fn sockets_and_cores(&self) -> (u32, u32) {
        let package = |processor: &Processor<'a>| processor.package.unwrap_or_default();
        let core = |processor: &Processor<'a>| (package(processor), processor.core.ok_or(processor.number));
        let sockets: BTreeSet<_> = self.processors.iter().map(package).collect();
        let cores: BTreeSet<_> = self.processors.iter().map(core).collect();
        (count(sockets.len()), count(cores.len()))
    }

    fn architecture(&self) -> Option<&'static str> {
        let long_mode = self.value("flags").is_some_and(|flags| flags.split(' ').any(|flag| flag == "lm"));
        let version = self.number("CPU architecture");
        match (long_mode, version) {
            (true, _) => Some("x86_64"),
            (_, Some(8..)) => Some("aarch64"),
            _ => None,
        }
    }

    fn stepping(&self) -> Option<String> {
        let arm = || {
            let variant = arm::hexadecimal(self.value("CPU variant")?)?;
            Some(format!("r{variant}p{}", self.number("CPU revision")?))
        };
        self.value("stepping").map(str::to_string).or_else(arm)
    }

    fn features(&self) -> Vec<String> {
        let flags = self.value("flags").or_else(|| self.value("Features")).unwrap_or_default();
        let flags: BTreeSet<&str> = flags.split(' ').collect();
        FEATURES.iter().filter(|name| flags.contains(*name)).map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::*;

    #[test]
    fn threads_of_a_core_and_cores_of_a_socket_differ() {
        let processor = |n, socket, core| {
            format!(
                "processor\t: {n}\nmodel name\t: ACME 9000\nphysical id\t: {socket}\ncore id\t\t: {core}\n\n"
            )
        };
        let text = [processor(0, 0, 0), processor(1, 0, 0), processor(2, 1, 0), processor(3, 1, 5)].concat();
        let cpus = CpuInfo::parse(&text).cpus();
        assert_eq!((cpus.sockets, cpus.cores, cpus.threads), (2, 3, 4));
        assert_eq!(cpus.model.as_deref(), Some("ACME 9000"));
    }

    #[test]
    fn a_virtual_machine_without_topology_has_one_socket() {
        let cpus = CpuInfo::parse("processor : 0\n\nprocessor : 1\n").cpus();
        assert_eq!((cpus.sockets, cpus.cores, cpus.threads), (1, 2, 2));
        assert_eq!(cpus.hypervisor, None);
    }

    #[test]
    fn an_arm_processor_is_named_by_its_numbers() {
        let altra = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 \
                     atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp ssbs\nCPU implementer\t: 0x41\n\
                     CPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\nCPU revision\t: 1\n\n";
        let cpus = CpuInfo::parse(altra).cpus();
        assert_eq!(cpus.model.as_deref(), Some("Neoverse-N1"));
        assert_eq!(cpus.vendor.as_deref(), Some("ARM"));
        assert_eq!(cpus.part.as_deref(), Some("0xd0c"));
        assert_eq!(cpus.stepping.as_deref(), Some("r3p1"));
        assert_eq!(cpus.architecture.as_deref(), Some("aarch64"));
        assert_eq!(cpus.features, ["aes", "atomics", "crc32", "sha2"]);
        let two = [altra, &altra.replace("0xd0c", "0xd4f").replace(": 0\n", ": 1\n")].concat();
        assert_eq!(CpuInfo::parse(&two).cpus().model.as_deref(), Some("Neoverse-N1 + Neoverse-V2"));
        let unknown = CpuInfo::parse(&altra.replace("0x41", "0x99")).cpus();
        assert_eq!((unknown.model, unknown.vendor.as_deref()), (None, Some("0x99")));
    }

    proptest! {
        #[test]
        fn any_text_is_read(
            lines in proptest::collection::vec("(processor|physical id|core id|flags|CPU part)?\t?: ?.*", 0..20)
        ) {
            let text = lines.join("\n");
            let info = CpuInfo::parse(&text);
            let cpus = info.cpus();
            assert_eq!(cpus.threads as usize, info.processors.len());
            assert!(cpus.sockets <= cpus.cores && cpus.cores <= cpus.threads);
        }
    }
}
