// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `main` calls: one function per verb. Each returns the exit code.

pub mod bmc;
pub mod facts;
pub mod firmware;
pub mod lldp;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use log::LevelFilter;
use stage1_contract::{EventKind, Outcome};

use crate::config::{self, OnFailure, SettingError, Settings};
use crate::host::logger;
use crate::host::power;
use crate::host::{Machine, Manager, manager};
use crate::inventory::{Client, Transport};
use crate::json;
use crate::pid1;
use crate::pipeline;
use crate::run::status::Status;
use crate::run::{Failure, Run};
use crate::stages::{Aim, Next, Purpose};
use crate::target;

/// Exit codes, as the README has them.
pub const DONE: u8 = 0;
/// It failed.
pub const FAILED: u8 = 1;
/// It is done, but there were problems.
pub const PROBLEMS: u8 = 3;
/// The inventory wants a rescue shell.
pub const RESCUE: u8 = 4;

/// How long a failed run tries to tell the inventory.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// Columns of the waterfall.
const WIDTH: usize = 80;

/// Settings of the command line of `run`, `register` and `boot`.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The settings file, in place of `/etc/stage1/config.toml`.
    pub config: Option<PathBuf>,
    /// Single settings.
    pub set: Vec<(String, String)>,
}

/// The run of PID 1.
pub fn run_at_boot(started: Instant) -> u8 {
    logger::start(LevelFilter::Info, true);
    run(&Flags::default(), Purpose { aim: Aim::Run, plan: false, at_boot: true }, started)
}

/// What a failed run at boot ends in.
pub fn on_failure() -> OnFailure {
    settings(&Machine::real(), &Flags::default())
        .map_or(OnFailure::Rescue, |(settings, _)| settings.on_failure)
}

/// `run`, `register`, `boot`.
pub fn run(flags: &Flags, purpose: Purpose, started: Instant) -> u8 {
    let machine = Machine::real();
    let run = Run::new(&machine, started);
    let (settings, complaints) = match settings(&machine, flags) {
        Ok(settings) => settings,
        Err(error) => return say(&error),
    };
    complaints.iter().for_each(|complaint| log::warn!("{complaint}"));
    let result = pipeline::run(&run, &machine, &settings, &complaints, purpose);
    match result.and_then(|next| carry_out(&run, next, purpose)) {
        Ok(code) => code,
        Err(failure) => fail(&run, &machine, &settings, &failure, purpose),
    }
}

/// `kexec`.
pub fn kexec(kernel: &str, initrds: &[String], append: &str, plan: bool) -> u8 {
    let target = match target::from_files(kernel, initrds, append) {
        Ok(target) => target,
        Err(error) => return say(&error),
    };
    if plan {
        return target.text().map_or_else(|error| say(&error), |text| print(&text, DONE));
    }
    match target.load() {
        Ok(armed) => {
            let Err(error) =
                power::settle().and_then(|()| armed.loaded.execute().map_err(anyhow::Error::from));
            say(&error)
        }
        Err(error) => say(&error),
    }
}

/// `status`.
pub fn status(json: bool) -> u8 {
    match Status::read(&Machine::real()) {
        Ok(Some(status)) if json => print(&json::pretty(&status), DONE),
        Ok(Some(status)) => {
            let failed = status.timeline.stages.iter().any(|stage| stage.outcome == Outcome::Failed);
            print(&status.text(WIDTH), if failed { FAILED } else { DONE })
        }
        Ok(None) => print("stage1 has not run in this boot\n", DONE),
        Err(error) => say(&error),
    }
}

/// The acts that cannot be undone.
fn carry_out(run: &Run, next: Next, purpose: Purpose) -> Result<u8, Failure> {
    let failed = |stage: &str, error: anyhow::Error| Failure {
        stage: stage.to_string(),
        message: format!("{error:#}"),
    };
    match next {
        Next::Execute(loaded) => {
            end(run, purpose, "jumping into the target");
            let Err(error) = power::settle().and_then(|()| loaded.execute().map_err(anyhow::Error::from));
            Err(failed("jump", error))
        }
        Next::PowerOff => {
            end(run, purpose, "powering off, as the inventory says");
            power::off().map(|never| match never {}).map_err(|error| failed("power off", error))
        }
        Next::Restart => {
            end(run, purpose, "rebooting, as the inventory says");
            power::restart().map(|never| match never {}).map_err(|error| failed("reboot", error))
        }
        Next::Reset(by) => {
            end(run, purpose, &format!("a {} reset, so that new firmware runs", json::word(&by)));
            let Err(error) = crate::firmware::reset(&Machine::real(), by);
            // Nothing weaker in its place, as on-failure may be.
            run.problem("reset", format!("{error:#}"));
            run.save(Some("a rescue shell: the reset for new firmware did not come about"));
            Ok(RESCUE)
        }
        Next::Rescue(why) => {
            log::warn!("a rescue shell: {why}");
            run.save(Some(&format!("a rescue shell: {why}")));
            Ok(RESCUE)
        }
        Next::Show(text) => {
            run.save(Some("done"));
            Ok(print(&text, if run.problems().is_empty() { DONE } else { PROBLEMS }))
        }
    }
}

/// Says why to the console and to the inventory, and does what the policy says.
fn fail(run: &Run, machine: &Machine, settings: &Settings, failure: &Failure, purpose: Purpose) -> u8 {
    run.save(Some(&format!("failed: {failure}")));
    log::error!("failed: {failure}");
    if !purpose.plan {
        match tell(run, machine, settings, failure) {
            Ok(()) => log::info!("the inventory knows of it"),
            Err(error) => log::warn!("the inventory could not be told: {error:#}"),
        }
    }
    if purpose.at_boot && manager(machine) == Manager::Systemd {
        pid1::after(&format!("failed: {failure}"), settings.on_failure);
    }
    FAILED
}

fn tell(run: &Run, machine: &Machine, settings: &Settings, failure: &Failure) -> Result<()> {
    let identity = run.identity().context("the host's identity is not known")?;
    if settings.inventory.is_empty() {
        bail!("no inventory is set");
    }
    if failure.stage == "network" {
        bail!("there is no network");
    }
    let transport = Transport::new(machine, settings)?;
    let client = Client::new(transport, &settings.inventory, &identity.id, LAST_WORDS);
    Ok(client.event(&run.event(EventKind::Failed, &failure.stage, &failure.message), LAST_WORDS)?)
}

/// The waterfall, before the host goes away. At boot it goes to the console itself: a journal that would forward it
/// has no time left.
fn end(run: &Run, purpose: Purpose, words: &str) {
    run.save(Some(words));
    let Ok(Some(status)) = Status::read(&Machine::real()) else { return };
    let text = status.text(WIDTH);
    let console =
        if purpose.at_boot { OpenOptions::new().write(true).open("/dev/console").ok() } else { None };
    match console {
        Some(mut console) => drop(console.write_all(text.as_bytes())),
        None => drop(std::io::stderr().write_all(text.as_bytes())),
    }
}

/// The settings of file, kernel command line and flags. A machine without a settings file has none
/// in it; one that was named must be there.
fn settings(machine: &Machine, flags: &Flags) -> Result<(Settings, Vec<SettingError>)> {
    let file = match &flags.config {
        Some(path) => Some(machine.read(path)?),
        None if machine.has(config::FILE) => Some(machine.read(config::FILE)?),
        None => None,
    };
    let file = file.map(String::from_utf8).transpose().context("the settings file is not UTF-8")?;
    let line = machine.attribute("/proc/cmdline").unwrap_or_default();
    Ok(Settings::merge(file.as_deref(), &line, &flags.set))
}

/// Prints a verb's result, whole: what could not be printed fails, whatever came of the work.
fn print(text: &str, code: u8) -> u8 {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => code,
        Err(error) => say(&anyhow::Error::new(error).context("writing to standard output")),
    }
}

/// What a verb that failed says, and its exit code.
pub fn say(error: &anyhow::Error) -> u8 {
    log::error!("{error:#}");
    FAILED
}
