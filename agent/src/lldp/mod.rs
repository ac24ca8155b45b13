// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who is at the other end of each port: LLDP, asked for rather than waited for, and CDP.
//!
//! One thread hears all ports, from their first carrier on, for as long as the agent runs: ports are found as they appear,
//! and what is known can be read at any time. It sets no port up. At the end it takes leave of the switches.

mod collect;
mod filter;
mod firmware;
mod heard;
mod neighbour;
pub mod ports;
mod quieten;
mod schedule;
mod socket;
pub mod table;

use std::io::PipeWriter;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use lldp_rs::{ChassisId, Text};
use stage1_contract::PortNeighbours;

use crate::display::hex;
use crate::host::Machine;
use crate::host::random;
use collect::Worker;
use firmware::Flag;
use ports::{Options, Ports};

/// Collects the neighbours of all ports.
pub struct Collector {
    shared: Arc<Shared>,
    options: Options,
    running: Mutex<Option<Running>>,
}

/// What the collecting thread has in common with those who ask.
struct Shared {
    began: Instant,
    ports: Mutex<Ports>,
    changed: Condvar,
    /// Ports whose adapters' own agents were turned off.
    quietened: Mutex<Vec<(String, Flag)>>,
}

struct Running {
    thread: JoinHandle<()>,
    /// Ends the thread when it is dropped.
    _stop: PipeWriter,
}

/// Says goodbye when it is dropped.
pub struct Leave<'a>(&'a Collector);

impl Collector {
    /// One that has not begun.
    pub fn new(machine: &Machine, options: Options) -> Self {
        // New for the switch at each boot, so that it answers at once.
        let boot = machine.boot_id().unwrap_or_else(|| hex(&random::bytes::<16>()));
        let ours = ChassisId::Local(Text::from(format!("stage1 {boot}").as_str()));
        let ports = Mutex::new(Ports::new(options, ours));
        let (changed, quietened) = (Condvar::new(), Mutex::default());
        let shared = Shared { began: Instant::now(), ports, changed, quietened };
        Self { shared: Arc::new(shared), options, running: Mutex::new(None) }
    }

    /// Begins: with the physical Ethernet ports, or with the links of these `names`, whatever they are.
    ///
    /// # Errors
    /// Those of rtnetlink.
    pub fn start(&self, machine: &Machine, names: &[String]) -> Result<()> {
        let (wake, stop) = std::io::pipe().context("opening a pipe")?;
        let worker = Worker::new(machine, &self.shared, self.options, names, wake)?;
        let thread = std::thread::Builder::new().name("lldp".to_string()).spawn(move || worker.work());
        let thread = thread.context("starting a thread")?;
        *lock(&self.running) = Some(Running { thread, _stop: stop });
        Ok(())
    }

    /// What is known.
    pub fn snapshot(&self) -> Vec<PortNeighbours> {
        self.shared.ports().snapshot(self.shared.now())
    }

    /// Waits until it is enough ([`ports`]), or until the goodbye.
    pub fn wait(&self) {
        let mut ports = self.shared.ports();
        while let Err(next) = ports.is_enough(self.shared.now()) {
            let left = next.map_or(Duration::from_secs(3600), |at| at.saturating_sub(self.shared.now()));
            ports = self.shared.wait(ports, left);
        }
    }

    /// Waits until more is known than with `changes`; the new number. Nothing after the goodbye.
    pub fn wait_for_change(&self, changes: u64) -> Option<u64> {
        let mut ports = self.shared.ports();
        while ports.changes() == changes {
            ports = self.shared.wait(ports, Duration::from_secs(3600));
        }
        (!ports.is_over()).then(|| ports.changes())
    }

    /// Whether the goodbye has been said.
    pub fn is_over(&self) -> bool {
        self.shared.ports().is_over()
    }

    /// Ends the collection: switches forget us at once, and nobody waits any longer. What is known can still be read. Where
    /// it has not begun, it never does.
    pub fn goodbye(&self) {
        if let Some(Running { thread, _stop }) = lock(&self.running).take() {
            drop(_stop);
            let _ = thread.join();
        }
        self.shared.end();
    }

    /// Says goodbye when what is handed back is dropped.
    pub fn leave(&self) -> Leave<'_> {
        Leave(self)
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.goodbye();
    }
}

impl Shared {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn ports(&self) -> MutexGuard<'_, Ports> {
        lock(&self.ports)
    }

    fn end(&self) {
        self.ports().end(self.now());
        self.changed.notify_all();
    }

    fn wait<'a>(&self, ports: MutexGuard<'a, Ports>, longest: Duration) -> MutexGuard<'a, Ports> {
        let (ports, _) = self.changed.wait_timeout(ports, longest).unwrap_or_else(PoisonError::into_inner);
        ports
    }
}

/// What a thread that panicked left is no worse than what it would have left a moment before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
