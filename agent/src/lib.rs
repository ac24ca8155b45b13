// SPDX-License-Identifier: MIT OR Apache-2.0
//! stage1, the first-stage OS agent for bare-metal servers.
//!
//! [`pipeline`] is the whole of it, top to bottom; [`steps`] is what each of its lines does. The rest is one
//! folder or file per subject. These modules are pure, they take bytes and text and return values:
//! `bmc::current`, `bmc::makers`, `bmc::password`, `bmc::plan`, `bmc::text`, [`cmdline`],
//! [`config`], `devlink::message`, `facts::bytes`, `facts::cpus::arm`, `facts::cpus::cpuinfo`,
//! `facts::cpus::list`, `facts::disks::ata`, `facts::disks::nvme`, `facts::disks::scsi`,
//! `facts::firmware::device_path`, `facts::firmware::variable`, `facts::identity`,
//! `facts::nics::ethtool`, `facts::nics::module`, `facts::oddities`, `facts::pci::attributes`,
//! `facts::pci::class`, `facts::placeholder`, `facts::scrub`, `facts::smbios::devices`,
//! `facts::smbios::doubts`, `facts::smbios::entry_point`, `facts::smbios::host_interface`,
//! `facts::smbios::management`, `facts::smbios::memory`, `facts::smbios::memory_names`,
//! `facts::smbios::names`, `facts::smbios::placeholders`, `facts::smbios::processor_names`,
//! `facts::smbios::processors`, `facts::smbios::signature`, `facts::smbios::slot_names`,
//! `facts::smbios::structure`, `facts::smbios::system`, `facts::smbios::tables`,
//! `facts::smbios::walk`, `facts::summary`, `facts::tpm::properties`,
//! `firmware::apply::progress`, `firmware::backend::capsule::header`,
//! `firmware::backend::mtd::table`, `firmware::backend::tool::answer`, `firmware::journal`,
//! `firmware::lint`, `firmware::lint::entry`, `firmware::matching`, `firmware::plan`,
//! `firmware::plan::gates`, `firmware::set`, `firmware::signature`, `firmware::state`,
//! `firmware::table`, `firmware::version`, `inventory::error`, `inventory::url`, `ipmi::app`,
//! `ipmi::chassis`, `ipmi::codes`, `ipmi::dcmi`, `ipmi::message`, `ipmi::parameter`,
//! `ipmi::sensor`, `ipmi::storage`, `ipmi::transport`, `lldp::filter`, `lldp::firmware`,
//! `lldp::heard`, `lldp::neighbour`, `lldp::ports`, `lldp::schedule`, `lldp::table`, `net::dhcp`,
//! `net::netlink`, `net::nlmsg`, `report`, `target::plan`, `target::segment`.

pub mod bmc;
pub mod cmdline;
pub mod config;
pub mod devlink;
pub mod ethtool;
pub mod facts;
pub mod firmware;
pub mod image;
pub mod init;
pub mod inventory;
pub mod ipmi;
pub mod json;
pub mod left_behind;
pub mod lldp;
pub mod logger;
pub mod machine;
pub mod net;
pub mod pipeline;
pub mod power;
pub mod random;
pub mod report;
pub mod run;
pub mod status;
pub mod steps;
pub mod target;
pub mod verbs;
