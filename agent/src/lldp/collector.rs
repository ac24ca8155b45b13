// SPDX-License-Identifier: MIT OR Apache-2.0
//! The collector: owns the neighbours while they are collected.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::io::PipeWriter;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use lldp_rs::{ChassisId, Text};
use stage1_contract::PortNeighbours;

use super::firmware_flags::Flag;
use super::ports::{Options, Ports};
use super::worker::Worker;
use crate::display::hex;
use crate::host::Machine;
use crate::host::random;
use crate::host::task::{Task, serve};

/// How often [`Collector::wait`] checks whether it was cancelled.
const CANCEL_CHECK: Duration = Duration::from_millis(50);

/// Collects the neighbours of all ports.
pub struct Collector {
    shared: Arc<Shared>,
    options: Options,
    running: Mutex<Option<Running>>,
}

/// What the collecting thread shares with its users.
pub(super) struct Shared {
    began: Instant,
    ports: Mutex<Ports>,
    pub(super) changed: Condvar,
    /// Ports whose firmware LLDP agents were disabled.
    pub(super) disabled: Mutex<Vec<(String, Flag)>>,
}

struct Running {
    thread: Task<()>,
    /// Ends the thread when it is dropped.
    _stop: PipeWriter,
}

/// Calls [`Collector::shutdown`] when it is dropped.
pub(crate) struct ShutdownGuard<'a>(&'a Collector);

impl Collector {
    /// A collector that has not started.
    pub(crate) fn new(machine: &Machine, options: Options) -> Self {
        // A chassis ID that is new to the switch in each boot, so that it answers at once.
        let boot = machine.boot_id().unwrap_or_else(|| hex(&random::bytes::<16>()));
        let ours = ChassisId::Local(Text::from(format!("stage1 {boot}").as_str()));
        let ports = Mutex::new(Ports::new(options, ours));
        let (changed, disabled) = (Condvar::new(), Mutex::default());
        let shared = Shared { began: Instant::now(), ports, changed, disabled };
        Self { shared: Arc::new(shared), options, running: Mutex::new(None) }
    }

    /// Starts, with the physical Ethernet ports, or with the links of these `names`, of whatever kind they are. After a
    /// shutdown it does nothing.
    ///
    /// # Errors
    /// Those of rtnetlink.
    pub(crate) fn start(&self, machine: &Machine, names: &[String]) -> Result<()> {
        let mut running = lock(&self.running);
        if self.is_over() {
            return Ok(());
        }
        let (wake, stop) = std::io::pipe().context("opening a pipe")?;
        let worker = Worker::new(machine, &self.shared, self.options, names, wake)?;
        let thread = serve("lldp", move || worker.run());
        let thread = thread.context("starting the LLDP thread")?;
        *running = Some(Running { thread, _stop: stop });
        Ok(())
    }

    /// The ports and their neighbours so far.
    pub(crate) fn snapshot(&self) -> Vec<PortNeighbours> {
        self.shared.ports().snapshot(self.shared.now())
    }

    /// Waits until the collection is complete (see [`ports`]), was shut down, or `cancelled` returns true.
    pub(crate) fn wait(&self, cancelled: &dyn Fn() -> bool) {
        let mut ports = self.shared.ports();
        while let Err(next) = ports.completion(self.shared.now()) {
            if cancelled() {
                return;
            }
            let left = next.map_or(CANCEL_CHECK, |at| at.saturating_sub(self.shared.now()));
            ports = self.shared.wait(ports, left.min(CANCEL_CHECK));
        }
    }

    /// Waits until the number of changes is no longer `changes`, and returns the new one; `None` after the shutdown.
    pub(crate) fn wait_for_change(&self, changes: u64) -> Option<u64> {
        let mut ports = self.shared.ports();
        while ports.changes() == changes {
            ports = self.shared.wait(ports, Duration::from_secs(3600));
        }
        (!ports.is_over()).then(|| ports.changes())
    }

    /// Whether the collection was shut down.
    pub(crate) fn is_over(&self) -> bool {
        self.shared.ports().is_over()
    }

    /// Ends the collection: sends shutdown LLDPDUs, so that switches remove this host at once, and ends all waits. The
    /// result can still be read. A second caller returns when the first one is done.
    pub(crate) fn shutdown(&self) {
        let mut running = lock(&self.running);
        if let Some(Running { thread, _stop }) = running.take() {
            drop(_stop);
            thread.join();
        }
        self.shared.end();
    }

    /// Calls [`Collector::shutdown`] when the returned guard is dropped.
    pub(crate) fn shutdown_on_drop(&self) -> ShutdownGuard<'_> {
        ShutdownGuard(self)
    }
}

impl Drop for ShutdownGuard<'_> {
    fn drop(&mut self) {
        self.0.shutdown();
    }
}

impl Shared {
    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn ports(&self) -> MutexGuard<'_, Ports> {
        lock(&self.ports)
    }

    pub(super) fn end(&self) {
        self.ports().end(self.now());
        self.changed.notify_all();
    }

    pub(super) fn wait<'a>(&self, ports: MutexGuard<'a, Ports>, longest: Duration) -> MutexGuard<'a, Ports> {
        let (ports, _) = self.changed.wait_timeout(ports, longest).unwrap_or_else(PoisonError::into_inner);
        ports
    }
}

/// A thread that panicked left nothing worse than the state a moment before.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    pub(super) fn a_wait_can_be_cancelled_and_ends_at_the_shutdown() {
        let machine = Machine::at("/nowhere");
        let collector = Collector::new(&machine, Options::AT_BOOT);
        collector.wait(&|| true);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| collector.wait(&|| false));
            assert!(!waits.is_finished());
            drop(collector.shutdown_on_drop());
        });
        // Otherwise it would open sockets, in a run that is over.
        collector.start(&machine, &[]).unwrap();
        assert!(lock(&collector.running).is_none());
    }
}
