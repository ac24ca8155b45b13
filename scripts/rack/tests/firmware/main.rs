// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware of virtual hardware, written by the backends of the agent and by its run at boot: a good image runs
//! afterwards, a bad one is not written, and each failure is reported for what it is.
//!
//! Needs what `scripts/build` and `scripts/rack/firmware/build` make, and the inventory server next to this test. Each
//! test has a rack of its own, whose consoles are in `target/rack/NAME/HOST/serial.log`.

mod bios;
mod cuts;
mod faults;
mod nic;
mod scenario;
mod workbench;

use workbench::{Workbench, rack};
