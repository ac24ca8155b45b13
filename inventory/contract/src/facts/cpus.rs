// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processors as the kernel sees them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// The processors, as the kernel sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Cpus {
    /// The first processor's model name.
    pub model: Option<String>,
    /// Physical packages with a processor online.
    pub sockets: u32,
    /// Cores in all packages.
    pub cores: u32,
    /// Logical processors that are online.
    pub threads: u32,
    /// Logical processors that are there, online or not (`/sys/devices/system/cpu/present`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads_present: Option<u32>,
    /// The instruction set, as `uname -m` prints it: `x86_64`, `aarch64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The vendor as `lscpu` prints it: `GenuineIntel`, `AuthenticAMD`, `ARM`; or ARM's implementer code, `0x41`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// The CPUID family, decimal (x86).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<u32>,
    /// The model's number within its family (x86).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_number: Option<u32>,
    /// The part number that the implementer has given it, `0xd0c` (ARM, MIDR_EL1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The stepping as `lscpu` prints it: `7` (x86), `r3p1` (ARM, variant and revision).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stepping: Option<String>,
    /// The highest frequency that can be asked for, boost included, in kHz (`cpuinfo_max_freq`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_khz: Option<u64>,
    /// Simultaneous multithreading, in the kernel's words: `on`, `off`, `forceoff`, `notsupported`,
    /// `notimplemented`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smt: Option<String>,
    /// The virtualisation that it offers and the firmware has not switched off, as `lscpu` prints it: `VT-x`,
    /// `AMD-V`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtualisation: Option<String>,
    /// Whether the kernel itself runs under a hypervisor; absent if the processor does not report it (ARM).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hypervisor: Option<bool>,
    /// What it can do beyond its base architecture, of the things that decide what may run on it: the kernel's
    /// names, `aes`, `avx512f`, `sgx`, `sev_snp`, `sve`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
    /// The packages with processors online; none if the kernel does not know the topology.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<CpuPackage>,
    /// The caches that the first processor uses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caches: Vec<CpuCache>,
    /// NUMA nodes by number; none if the kernel has no NUMA.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub numa_nodes: Vec<NumaNode>,
    /// Known vulnerabilities of the hardware by the kernel's name, `spectre_v2`, with the kernel's own
    /// description: `Not affected`, `Vulnerable: ...`, `Mitigation: ...`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub vulnerabilities: BTreeMap<String, String>,
}

/// A physical package: the processor in one socket.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct CpuPackage {
    /// The number that firmware has given it (`physical_package_id`).
    pub id: Option<u32>,
    /// Cores with a logical processor online.
    pub cores: u32,
    /// Logical processors that are online.
    pub threads: u32,
    /// The microcode's revision, `0x5003604` (x86).
    pub microcode: Option<String>,
}

/// A processor cache (`/sys/devices/system/cpu/cpu0/cache/index0`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct CpuCache {
    /// 1 is the closest to the core.
    pub level: u32,
    /// `data`, `instruction` or `unified`.
    pub kind: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// How many logical processors share it.
    pub shared_by: u32,
}

/// A NUMA node, `/sys/devices/system/node/node0`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct NumaNode {
    /// The kernel's number of the node.
    pub id: u32,
    /// Its logical processors as the kernel lists them, `0-27,56-83`; absent for a node of memory alone.
    pub cpus: Option<String>,
    /// Its memory that the kernel can use, in bytes.
    pub memory_bytes: Option<u64>,
    /// The distances to all nodes in their order; 10 is the node itself (ACPI SLIT).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub distances: Vec<u32>,
}
