// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program: PID 1 where the kernel starts it as init, else the command that is given.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use stage1::cli::Arguments;
use stage1::host::logger;
use stage1::pid1;

fn main() -> ExitCode {
    let started = Instant::now();
    if pid1::is_init() {
        pid1::live(started);
    }
    let arguments = Arguments::parse();
    logger::start(arguments.log_level(), arguments.is_boot());
    ExitCode::from(arguments.run(started))
}
