// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1 lldp`.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{SigSet, Signal};
use stage1_contract::{Neighbour, PortNeighbours, PortOutcome};

use super::{DONE, PROBLEMS, print, say};
use crate::host::{Machine, task};
use crate::json;
use crate::lldp::ports::{Mode, Options};
use crate::lldp::{Collector, table};

/// The command's arguments.
#[derive(Clone, Debug)]
pub struct Request {
    /// Only these ports; if empty, all physical ports.
    pub ports: Vec<String>,
    /// Print JSON.
    pub json: bool,
    /// Print each neighbour when it is received, until a signal.
    pub watch: bool,
    /// Longest wait, from the first carrier on.
    pub timeout: Duration,
    /// Do not send LLDPDUs.
    pub listen: bool,
}

/// Collects neighbours and prints them; returns the exit code.
pub fn run(request: &Request) -> u8 {
    match collect(request) {
        Ok((ports, text)) => {
            let incomplete = |port: &PortNeighbours| {
                !matches!(port.outcome, PortOutcome::Neighbours | PortOutcome::NoCarrier)
            };
            print(&text, if ports.iter().any(incomplete) { PROBLEMS } else { DONE })
        }
        Err(error) => say(&error),
    }
}

/// The ports, and what is to be printed.
fn collect(request: &Request) -> Result<(Vec<PortNeighbours>, String)> {
    let machine = Machine::real();
    let mode = if request.listen { Mode::Listen } else { Mode::Solicit };
    let options = Options { mode, timeout: request.timeout, ..Options::BY_HAND };
    let collector = Arc::new(Collector::new(&machine, options));
    shut_down_on_signal(&collector)?;
    collector.start(&machine, &request.ports)?;
    if request.watch {
        watch(&collector);
    } else {
        collector.wait(&|| false);
    }
    collector.shutdown();
    let ports = collector.snapshot();
    if let Some(name) = request.ports.iter().find(|name| ports.iter().all(|port| port.port != **name)) {
        bail!("{name}: no such Ethernet port");
    }
    let text = match request {
        Request { json: true, .. } => json::pretty(&ports),
        Request { watch: true, .. } => String::new(),
        _ => table::table(&ports),
    };
    Ok((ports, text))
}

/// Prints each neighbour when it is received, until the shutdown.
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

/// After Ctrl-C too, a shutdown LLDPDU lets the switches remove this host from their tables.
fn shut_down_on_signal(collector: &Arc<Collector>) -> Result<()> {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM].into_iter().collect();
    // Before any other thread starts, because threads inherit the mask.
    signals.thread_block().context("blocking signals")?;
    let collector = collector.clone();
    let wait = move || {
        if signals.wait().is_ok() {
            collector.shutdown();
        }
    };
    task::serve("signals", wait).context("starting the signal thread")?;
    Ok(())
}
