// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1 lldp`.

use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{SigSet, Signal};
use stage1_contract::{Neighbour, PortNeighbours, PortOutcome};

use super::{DONE, PROBLEMS, say};
use crate::host::Machine;
use crate::json;
use crate::lldp::ports::{Mode, Options};
use crate::lldp::{Collector, table};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Only these ports; none are all physical ones.
    pub ports: Vec<String>,
    /// For programs.
    pub json: bool,
    /// As they are heard, until a signal.
    pub watch: bool,
    /// How long to wait for them.
    pub timeout: Duration,
    /// Only listen.
    pub listen: bool,
}

/// Collects neighbours, and prints them.
pub fn run(request: &Request) -> u8 {
    match collect(request) {
        Ok(ports) => {
            let missed = |port: &PortNeighbours| {
                !matches!(port.outcome, PortOutcome::Neighbours | PortOutcome::NoCarrier)
            };
            if ports.iter().any(missed) { PROBLEMS } else { DONE }
        }
        Err(error) => say(&error),
    }
}

fn collect(request: &Request) -> Result<Vec<PortNeighbours>> {
    let machine = Machine::real();
    let mode = if request.listen { Mode::Listen } else { Mode::Solicit };
    let options = Options { mode, timeout: request.timeout, ..Options::BY_HAND };
    let collector = Arc::new(Collector::new(&machine, options));
    leave_on_signal(&collector)?;
    collector.start(&machine, &request.ports)?;
    if request.watch {
        watch(&collector);
    } else {
        collector.wait();
    }
    collector.goodbye();
    let ports = collector.snapshot();
    if let Some(name) = request.ports.iter().find(|name| ports.iter().all(|port| port.port != **name)) {
        bail!("{name}: there is no such Ethernet port");
    }
    if request.json {
        print!("{}", json::pretty(&ports));
    } else if !request.watch {
        print!("{}", table::table(&ports));
    }
    Ok(ports)
}

/// Prints neighbours as they are heard, until the goodbye.
fn watch(collector: &Collector) {
    let mut known: Vec<PortNeighbours> = Vec::new();
    let mut changes = 0;
    while let Some(now) = collector.wait_for_change(changes) {
        changes = now;
        let ports = collector.snapshot();
        for port in &ports {
            let before = known.iter().find(|before| before.port == port.port);
            let is_new = |one: &&Neighbour| before.is_none_or(|before| !before.neighbours.contains(one));
            for neighbour in port.neighbours.iter().filter(is_new) {
                let _ = writeln!(std::io::stdout(), "{}", table::line(port, neighbour));
            }
        }
        known = ports;
    }
}

/// Ctrl-C is no reason to stay in the switches' tables.
fn leave_on_signal(collector: &Arc<Collector>) -> Result<()> {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM].into_iter().collect();
    // Before any other thread is started: they all inherit it.
    signals.thread_block().context("blocking signals")?;
    let collector = collector.clone();
    let wait = move || {
        if signals.wait().is_ok() {
            collector.goodbye();
        }
    };
    thread::Builder::new().name("signals".to_string()).spawn(wait).context("starting a thread")?;
    Ok(())
}
