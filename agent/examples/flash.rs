// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes firmware with one backend, without a manifest. For tests on virtual hardware only.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};
use netlink::devlink::Device;
use stage1::firmware::backend::{Backend, Outcome, capsule, devlink, mtd};
use stage1::host::Machine;
use stage1::host::critical_section::Armed;

#[derive(Parser)]
struct Arguments {
    /// Deadline of the write in seconds
    #[arg(long, default_value_t = 600)]
    limit: u64,
    /// Only check whether the image may be written
    #[arg(long)]
    check: bool,
    /// Only read what is stored
    #[arg(long)]
    read: bool,
    /// Only activate what is stored
    #[arg(long)]
    activate: bool,
    /// The image file
    image: PathBuf,
    #[command(subcommand)]
    component: Component,
}

#[derive(Subcommand)]
enum Component {
    /// The adapter at this PCI address
    Devlink { address: String, component: Option<String> },
    /// The MTD partition of this name
    Mtd { partition: String },
    /// The UEFI of this machine, by a capsule
    Capsule,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            println!("flash: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let machine = Machine::real();
    let backend = match &arguments.component {
        Component::Devlink { address, component } => {
            Backend::Devlink(devlink::Adapter::new(&machine, Device::pci(address), component.clone()))
        }
        Component::Capsule => Backend::Capsule(capsule::Firmware::new(&machine)),
        Component::Mtd { partition } => Backend::Mtd(mtd::Partition::new(&machine, partition)),
    };
    if arguments.check {
        backend.check(&arguments.image)?;
        println!("flash: may be written");
    } else if arguments.read {
        println!("flash: {:?}", backend.read_back(&arguments.image)?);
    } else if arguments.activate {
        println!("flash: {:?}", backend.activate()?);
    } else {
        let _armed = Armed::arm(&machine)?;
        let limit = Duration::from_secs(arguments.limit);
        let outcome = backend.write(&arguments.image, limit, &mut |progress| {
            println!("flash: {} {}/{}", progress.phase, progress.done, progress.total);
        });
        println!("flash: {outcome}");
        return Ok(if outcome == Outcome::Done { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    Ok(ExitCode::SUCCESS)
}
