// SPDX-License-Identifier: MIT OR Apache-2.0
//! A virtual rack: bare-metal servers, their boot network and an inventory, on one machine, as one user.
//!
//! A TOML file declares a rack ([`spec`]); [`rack::Rack::up`] brings it up. Everything runs in network namespaces of its own:
//! it is invisible outside, several racks can be up at the same time, and everything ends with the process. [`scenario`] and
//! [`firmware_scenario`] are what `rack run` does; [`console_phrases`] has the messages that the rack looks for.
//!
//! ```no_run
//! use std::{path::Path, time::Duration};
//! use stage1_rack::{paths::Paths, rack::Rack, spec::RackSpec};
//!
//! # fn main() -> anyhow::Result<()> {
//! let spec = RackSpec::read(Path::new("scripts/rack/racks/demo.toml"))?;
//! let rack = Rack::up("demo", &spec, &Paths::of_checkout()?)?;
//! let host = rack.host("a")?;
//! host.power_on()?;
//! host.wait_for("stage1", Duration::from_secs(120))?;
//! # Ok(())
//! # }
//! ```

pub mod bmc;
mod boot;
pub mod chip;
pub mod console;
pub mod console_phrases;
pub mod control;
pub mod firmware_nic;
pub mod firmware_scenario;
pub mod host;
pub mod inventory;
pub mod manifests;
pub mod namespace;
pub mod network;
mod noise;
pub mod ntp;
pub mod paths;
pub mod process;
pub mod progress;
pub mod qemu;
pub mod qmp;
pub mod rack;
pub mod scenario;
pub mod spec;
pub mod switch;
mod tap;
mod tpm;
pub mod transcript;
mod trunk;
mod uki;
