// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware of virtual hardware, written by the agent's backends, and by its run at boot: what is written runs, what must
//! not be written is not, and what goes wrong is told as what it is.
//!
//! Needs what `scripts/build` and `scripts/rack/firmware/build` make, and the inventory server beside this test. Each test
//! has a rack of its own, whose consoles are in `target/rack/NAME/HOST/serial.log`.

mod bios;
mod cuts;
mod faults;
mod nic;
mod story;
mod workbench;

use workbench::{Workbench, rack};
