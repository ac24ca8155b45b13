// SPDX-License-Identifier: MIT OR Apache-2.0
//! A virtual rack: bare-metal servers, their boot network and an inventory, on one machine and as one user.
//!
//! A TOML file declares a rack ([`spec`]); [`rack::Rack::up`] brings it up. Everything runs in a network namespace of its
//! own: nothing of it is seen outside, several racks can be up side by side, and everything ends with the process.
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
pub mod boot;
pub mod chip;
pub mod console;
pub mod control;
pub mod firmware_nic;
pub mod firmware_scenario;
pub mod host;
pub mod inventory;
pub mod manifests;
pub mod namespace;
pub mod network;
pub mod noise;
pub mod paths;
pub mod process;
pub mod progress;
pub mod qemu;
pub mod qmp;
pub mod rack;
pub mod scenario;
pub mod spec;
pub mod switch;
pub mod tap;
pub mod tpm;
pub mod transcript;
