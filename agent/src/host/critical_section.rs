// SPDX-License-Identifier: MIT OR Apache-2.0
//! The critical section: while firmware is being written, the machine must not be reset and the process must not end.

#![allow(unsafe_code, reason = "system calls that nix does not have")]

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use super::panic::OnPanic;
use super::task::Task;
use crate::host::Machine;

const FOLDER: &str = "/run/stage1";
const LOCK: &str = "/run/stage1/firmware.lock";
/// Held from the first download to the last reading back.
const TURN: &str = "/run/stage1/firmware.turn";
const MARK: &str = "/run/stage1/firmware.broken";
/// Exists while a process holds the lock although nothing is being waited for ([`hold`]).
const HELD: &str = "/run/stage1/firmware.held";
/// How often a wait looks at the lock and the marks.
const POLL: Duration = Duration::from_millis(200);
const WATCHDOGS: &str = "/sys/class/watchdog";
/// The signals that end a process and can be ignored.
const SIGNALS: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];
/// How often running watchdogs are pinged; the shortest timeouts are a few seconds.
const PING: Duration = Duration::from_secs(1);
/// The threads that may still be writing firmware after their deadline.
static WRITERS: Mutex<Vec<Task<()>>> = Mutex::new(Vec::new());

/// The right to flash: to download images, to write them, and to read them back. One process has it at a time.
pub struct Turn {
    _lock: File,
    _on_panic: OnPanic,
}

impl Turn {
    /// Takes it.
    ///
    /// # Errors
    /// If another process has it, or the lock file cannot be created.
    pub fn take(machine: &Machine) -> Result<Self> {
        let (lock, on_panic) = lock(machine, TURN, "another process of stage1 is flashing")?;
        Ok(Self { _lock: lock, _on_panic: on_panic })
    }
}

/// The right to write firmware. As long as this value lives, no other process of stage1 writes firmware; this process,
/// and the programs that it starts, ignore the signals that would end them; stage1 neither reboots nor powers off the
/// host ([`wait_until_disarmed`]); and a running watchdog that no other process pings is pinged here.
pub struct Armed {
    before: Vec<(Signal, SigAction)>,
    _watchdogs: Option<Sender<()>>,
    _lock: File,
    on_panic: Option<OnPanic>,
}

impl Armed {
    /// Enters the critical section.
    ///
    /// # Errors
    /// If another process is in it, or the lock file cannot be created.
    pub fn arm(machine: &Machine) -> Result<Self> {
        let (lock, on_panic) = lock(machine, LOCK, "another process is writing firmware")?;
        // Of a holder that was killed: its lock is free.
        let _ = fs::remove_file(machine.path(HELD));
        Ok(Self {
            before: ignore(),
            _watchdogs: ping_watchdogs(machine),
            _lock: lock,
            on_panic: Some(on_panic),
        })
    }
}

impl Armed {
    /// Until the end of this process.
    fn stay(mut self) {
        // A later panic of this thread must not free the lock.
        self.on_panic = None;
        std::mem::forget(self);
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        for (signal, action) in &self.before {
            // SAFETY: this is the action that was in place before.
            let _ = unsafe { sigaction(*signal, action) };
        }
    }
}

/// Waits until no process is writing firmware, or one has given up and holds the critical section for good. Call it before
/// a reboot, a power-off or a jump into another kernel, but never from the process that holds [`Armed`].
pub fn wait_until_disarmed(machine: &Machine) {
    if is_armed(machine) {
        log::warn!("firmware is being written: waiting until it has finished");
    }
    while is_armed(machine) {
        std::thread::sleep(POLL);
    }
}

/// Stays in the critical section: `component` may be half written, or a program may still be writing it. This process then
/// does not end before an operator has removed the mark.
///
/// # Errors
/// If a file cannot be written or the thread that looks at the mark cannot be started; the critical section is held all the
/// same, until this process ends.
pub fn hold(machine: &Machine, armed: Armed, component: &str) -> Result<()> {
    armed.stay();
    // Both: without the mark the host could be reset, without the other file the rescue shell would wait for ever.
    let is_held = File::create(machine.path(HELD)).map(drop).with_context(|| format!("creating {HELD}"));
    let is_marked = mark(machine, component);
    let (holder, name) = (machine.clone(), component.to_string());
    let held = Task::start("firmware-held", move || {
        while marked(&holder).contains(&name) {
            std::thread::sleep(POLL);
        }
        let _ = fs::remove_file(holder.path(HELD));
    });
    register_writer(held.context("starting a thread")?);
    is_held.and(is_marked)
}

/// Registers a thread that may still be writing firmware after its deadline: [`wait_for_writers`] waits for it.
pub(crate) fn register_writer(writer: Task<()>) {
    WRITERS.lock().unwrap_or_else(PoisonError::into_inner).push(writer);
}

/// Waits for every registered writer. If this process ended before them, it would interrupt their writes.
pub(crate) fn wait_for_writers() {
    let writers = std::mem::take(&mut *WRITERS.lock().unwrap_or_else(PoisonError::into_inner));
    writers.into_iter().for_each(Task::join);
}

/// Whether firmware is being written, and its end is waited for.
pub fn is_armed(machine: &Machine) -> bool {
    is_locked(machine) && !machine.has(HELD)
}

fn is_locked(machine: &Machine) -> bool {
    File::open(machine.path(LOCK)).is_ok_and(|lock| lock.try_lock_shared().is_err())
}

/// Marks a component: until [`unmark`] it may hold half an image, and a reset could make the host unusable. The mark
/// outlives the process, not the boot.
///
/// # Errors
/// If the mark cannot be written.
pub fn mark(machine: &Machine, component: &str) -> Result<()> {
    let others = marked(machine).into_iter().filter(|other| other != component);
    let all: Vec<String> = others.chain([component.to_string()]).collect();
    replace(machine, &all.join("\n")).with_context(|| format!("writing {MARK}"))
}

/// Removes the mark: the component holds the whole old firmware or the whole new one.
pub fn unmark(machine: &Machine, component: &str) {
    let mut others = marked(machine);
    others.retain(|other| other != component);
    // A mark that stays costs a manual step; a mark that is lost could cost the host.
    let _ = match others.is_empty() {
        true => fs::remove_file(machine.path(MARK)),
        false => replace(machine, &others.join("\n")),
    };
}

/// Whether the host may be reset, powered off, or jump into another kernel. Call it after [`wait_until_disarmed`].
///
/// # Errors
/// If a component is marked; the error names it.
pub fn may_end(machine: &Machine) -> Result<()> {
    let components = marked(machine);
    ensure!(
        components.is_empty(),
        "the firmware of {} may be half written, and a reset could make this host unusable: repair it, then remove {MARK}",
        components.join(", ")
    );
    Ok(())
}

/// Writes the marks so that a full file system leaves the old ones.
fn replace(machine: &Machine, marks: &str) -> io::Result<()> {
    let new = machine.path(format!("{MARK}.new"));
    fs::write(&new, marks)?;
    fs::rename(new, machine.path(MARK))
}

fn marked(machine: &Machine) -> Vec<String> {
    let bytes = machine.read(MARK).unwrap_or_default();
    String::from_utf8_lossy(&bytes).lines().map(str::to_string).collect()
}

/// Takes a lock, which a panic frees: the run must not wait for ever for what has panicked. Marks stay.
fn lock(machine: &Machine, path: &str, taken: &str) -> Result<(File, OnPanic)> {
    let folder = machine.path(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let path = machine.path(path);
    let lock = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            if machine.has(HELD) {
                may_end(machine)?;
            }
            bail!("{taken}: try again when it has finished")
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("locking {}", path.display()));
        }
    }
    let other = lock.try_clone().with_context(|| format!("duplicating {}", path.display()))?;
    Ok((lock, OnPanic::new(move |_| drop(other.unlock()))))
}

/// Ignores the signals; returns their previous actions. Unlike a mask, this applies to all threads and to the programs
/// that are started.
fn ignore() -> Vec<(Signal, SigAction)> {
    let ignored = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    SIGNALS
        .into_iter()
        // SAFETY: no handler is installed.
        .filter_map(|signal| Some((signal, unsafe { sigaction(signal, &ignored) }.ok()?)))
        .collect()
}

/// Pings the running watchdogs until the sender is dropped. A watchdog that another process pings cannot be opened, and
/// is skipped. They keep running afterwards, as before: the magic close character `V` is never written.
fn ping_watchdogs(machine: &Machine) -> Option<Sender<()>> {
    let runs =
        |name: &String| machine.attribute(format!("{WATCHDOGS}/{name}/state")).as_deref() == Some("active");
    let open = |name: String| OpenOptions::new().write(true).open(machine.path(format!("/dev/{name}"))).ok();
    let mut watchdogs: Vec<File> =
        machine.names(WATCHDOGS).into_iter().filter(runs).filter_map(open).collect();
    if watchdogs.is_empty() {
        return None;
    }
    let (sender, dropped) = channel::<()>();
    let ping = move || {
        while dropped.recv_timeout(PING) == Err(RecvTimeoutError::Timeout) {
            watchdogs.iter_mut().for_each(|watchdog| drop(watchdog.write_all(b"\0")));
        }
    };
    super::task::serve("watchdogs", ping).ok()?;
    Some(sender)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Instant;

    use nix::sys::signal::raise;

    use super::*;

    /// One test for everything: signals are ignored by the whole process.
    #[test]
    fn the_critical_section_is_exclusive_and_survives_signals() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::at(dir.path());
        fs::create_dir(machine.path("/dev")).unwrap();
        for (name, state) in [("watchdog0", "inactive\n"), ("watchdog1", "active\n")] {
            let folder = machine.path(WATCHDOGS).join(name);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("state"), state).unwrap();
            fs::write(machine.path("/dev").join(name), "").unwrap();
        }
        wait_until_disarmed(&machine);
        let armed = Armed::arm(&machine).unwrap();
        assert!(is_armed(&machine));
        mark(&machine, "nic").unwrap();
        mark(&machine, "board").unwrap();
        let error = may_end(&machine).unwrap_err().to_string();
        assert!(error.starts_with("the firmware of nic, board may be half written"), "{error}");
        unmark(&machine, "board");
        assert!(may_end(&machine).unwrap_err().to_string().contains("of nic may"));
        unmark(&machine, "nic");
        may_end(&machine).unwrap();
        assert!(
            Armed::arm(&machine)
                .err()
                .unwrap()
                .to_string()
                .starts_with("another process is writing firmware")
        );
        // Not ignored, it would end this test.
        raise(Signal::SIGTERM).unwrap();
        let begin = Instant::now();
        while machine.read("/dev/watchdog1").unwrap().is_empty() {
            assert!(begin.elapsed() < Duration::from_secs(60));
            std::thread::yield_now();
        }

        let (sender, receiver) = channel();
        let waiting = machine.clone();
        let waiter = std::thread::spawn(move || {
            wait_until_disarmed(&waiting);
            sender.send(()).unwrap();
        });
        assert!(receiver.recv_timeout(Duration::from_millis(100)).is_err());
        drop(armed);
        receiver.recv_timeout(Duration::from_secs(60)).unwrap();
        waiter.join().unwrap();
        Armed::arm(&machine).unwrap();
        assert!(machine.read("/dev/watchdog0").unwrap().is_empty());
        assert!(!machine.read("/dev/watchdog1").unwrap().contains(&b'V'));

        // A component that is given up: nobody waits for it, and nothing passes.
        hold(&machine, Armed::arm(&machine).unwrap(), "nic").unwrap();
        wait_until_disarmed(&machine);
        assert!(!is_armed(&machine) && is_locked(&machine));
        for error in [may_end(&machine).unwrap_err(), Armed::arm(&machine).err().unwrap()] {
            assert!(error.to_string().starts_with("the firmware of nic may be half written"), "{error:#}");
        }
        raise(Signal::SIGTERM).unwrap();
        unmark(&machine, "nic");
        wait_for_writers();
        may_end(&machine).unwrap();
    }
}
