// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1 run`, `register` and `boot`: the pipeline, then the act that ends it.

use std::convert::Infallible;
use std::fs::OpenOptions;
use std::io::Write;
use std::time::Instant;

use log::LevelFilter;
use stage1_contract::StageName;

use super::failure::{self, fail};
use super::{DONE, Flags, PROBLEMS, RESCUE, WIDTH, print, say, settings};
use crate::display::utc;
use crate::firmware;
use crate::host::{Machine, clock, logger, power, signals};
use crate::json;
use crate::pipeline;
use crate::run::{Cause, Failure, Run};
use crate::stages::{FinalAction, RunMode, RunOptions, Stages};

/// The run of PID 1.
pub fn run_at_boot(started: Instant) -> u8 {
    logger::start(LevelFilter::Info, true);
    run(&Flags::default(), RunOptions { mode: RunMode::Run, plan: false, at_boot: true }, started)
}

/// Runs the pipeline, and carries out its final action. Must be called while the process has a single thread.
pub fn run(flags: &Flags, options: RunOptions, started: Instant) -> u8 {
    let machine = Machine::real();
    let run = Run::new(&machine, started, !options.plan);
    let settings = match settings(&machine, flags) {
        Ok(settings) => settings,
        Err(error) => return say(&error),
    };
    settings.1.iter().for_each(|error| log::warn!("{error}"));
    let stopped = run.clone();
    if let Err(error) = signals::on_termination(move |signal| stopped.stop(Cause::Signal(signal))) {
        log::warn!("handling signals: {error}");
    }
    if options.at_boot {
        raise_clock(&machine);
    }
    let stages = Stages::new(&run, &machine, settings.clone(), options);
    let end = run.supervise(move |run| pipeline::run(run, &stages));
    match end.and_then(|action| carry_out(&run, action, options)) {
        Ok(code) => code,
        Err(cause) => {
            fail(&failure::Failed { run: &run, machine: &machine, settings: &settings.0, options }, &cause)
        }
    }
}

/// At boot the clock is never before the time at which the image was built, so that certificates of that time are valid.
fn raise_clock(machine: &Machine) {
    match clock::raise(machine) {
        Ok(Some(built)) => {
            log::info!("the clock was before this image was built, and is set to that time: {}", utc(built));
        }
        Ok(None) => {}
        Err(error) => log::warn!("setting the clock to the time at which the image was built: {error}"),
    }
}

/// The final actions, which cannot be undone.
fn carry_out(run: &Run, action: FinalAction, options: RunOptions) -> Result<u8, Cause> {
    match action {
        FinalAction::Execute(loaded) => {
            print_end(run, options, "jumping into the target");
            let result = power::settle().and_then(|()| loaded.execute().map_err(anyhow::Error::from));
            Err(failed(StageName::Jump, result))
        }
        FinalAction::PowerOff => {
            print_end(run, options, "powering off, as the inventory requests");
            Err(failed(StageName::PowerOff, power::off()))
        }
        FinalAction::Reboot => {
            print_end(run, options, "rebooting, as the inventory requests");
            Err(failed(StageName::Reboot, power::restart()))
        }
        FinalAction::Reset(by) => {
            print_end(run, options, &format!("a {} reset, so that new firmware runs", json::word(&by)));
            let Err(error) = firmware::reset(&Machine::real(), by);
            // Nothing weaker in its place, as on-failure may be.
            log::error!("resetting the host: {error:#}");
            run.save(Some("a rescue shell: the host could not be reset for its new firmware"));
            Ok(RESCUE)
        }
        FinalAction::Rescue(why) => {
            log::warn!("a rescue shell: {why}");
            run.save(Some(&format!("a rescue shell: {why}")));
            Ok(RESCUE)
        }
        FinalAction::Show(text) => {
            run.save(Some("done"));
            Ok(print(&text, if run.problems().is_empty() { DONE } else { PROBLEMS }))
        }
    }
}

fn failed(stage: StageName, result: anyhow::Result<Infallible>) -> Cause {
    let Err(error) = result;
    Cause::Failed(Failure::new(stage, &error))
}

/// Prints the waterfall before the host goes away. At boot it goes to the console itself: a journal that forwards to it
/// has no time left.
fn print_end(run: &Run, options: RunOptions, end: &str) {
    run.save(Some(end));
    let text = run.status(Some(end)).text(WIDTH);
    let console =
        if options.at_boot { OpenOptions::new().write(true).open("/dev/console").ok() } else { None };
    match console {
        Some(mut console) => drop(console.write_all(text.as_bytes())),
        None => drop(std::io::stderr().write_all(text.as_bytes())),
    }
}
