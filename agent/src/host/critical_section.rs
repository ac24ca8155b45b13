// SPDX-License-Identifier: MIT OR Apache-2.0
//! While firmware is being written, nothing else may happen to the machine.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::host::Machine;

const FOLDER: &str = "/run/stage1";
const LOCK: &str = "/run/stage1/firmware.lock";
const MARK: &str = "/run/stage1/firmware.broken";
const WATCHDOGS: &str = "/sys/class/watchdog";
/// What asks a process to end.
const SIGNALS: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];
/// How often watchdogs are told that all is well; the shortest have some seconds.
const PET: Duration = Duration::from_secs(1);

/// Firmware may be written. For as long as this lives, nobody else writes any; signals that ask this process to end are
/// ignored, by the tools that it starts too; the host is neither rebooted nor powered off by stage1
/// ([`wait_until_disarmed`]); and a watchdog that runs while nobody takes care of it does not reset the host.
pub struct Armed {
    before: Vec<(Signal, SigAction)>,
    _watchdogs: Option<Sender<()>>,
    _lock: File,
}

impl Armed {
    /// Holds everything off.
    ///
    /// # Errors
    /// Where another process writes firmware.
    pub fn arm(machine: &Machine) -> Result<Self> {
        let folder = machine.path(FOLDER);
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let path = machine.path(LOCK);
        let lock = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("another process writes firmware"),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("locking {}", path.display()));
            }
        }
        Ok(Self { before: ignore(), _watchdogs: pet_watchdogs(machine), _lock: lock })
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        for (signal, action) in &self.before {
            // SAFETY: the action is the one that was there before.
            let _ = unsafe { sigaction(*signal, action) };
        }
    }
}

/// Waits until nobody writes firmware. To be called before the host is rebooted, powered off, or jumps into another kernel;
/// never by who has armed.
pub fn wait_until_disarmed(machine: &Machine) {
    if let Ok(lock) = File::open(machine.path(LOCK))
        && lock.try_lock_shared().is_err()
    {
        log::warn!("firmware is being written: waiting for its end");
        let _ = lock.lock_shared();
    }
}

/// From here on, until [`unmark`], a component may hold half an image: a reset is the end of the host. This outlives the
/// process.
///
/// # Errors
/// Where that cannot be written down.
pub fn mark(machine: &Machine, component: &str) -> Result<()> {
    let others = marked(machine).into_iter().filter(|other| other != component);
    let all: Vec<String> = others.chain([component.to_string()]).collect();
    fs::write(machine.path(MARK), all.join("\n")).with_context(|| format!("writing {MARK}"))
}

/// The component holds the old firmware or the new one.
pub fn unmark(machine: &Machine, component: &str) {
    let mut others = marked(machine);
    others.retain(|other| other != component);
    // A mark that stays is a nuisance, one that is lost is a host.
    let _ = match others.is_empty() {
        true => fs::remove_file(machine.path(MARK)),
        false => fs::write(machine.path(MARK), others.join("\n")),
    };
}

/// Whether the host may be reset, powered off, or jump into another kernel. To be asked after [`wait_until_disarmed`].
///
/// # Errors
/// The component that is marked.
pub fn may_end(machine: &Machine) -> Result<()> {
    let components = marked(machine);
    ensure!(
        components.is_empty(),
        "the firmware of {} may be half written, and a reset may be the end of this host; who knows better removes {MARK}",
        components.join(", ")
    );
    Ok(())
}

fn marked(machine: &Machine) -> Vec<String> {
    let bytes = machine.read(MARK).unwrap_or_default();
    String::from_utf8_lossy(&bytes).lines().map(str::to_string).collect()
}

/// Ignores the signals; gives what they did before. Unlike a mask, this goes for all threads, and for programs that are
/// started.
fn ignore() -> Vec<(Signal, SigAction)> {
    let ignored = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    SIGNALS
        .into_iter()
        // SAFETY: no handler is installed.
        .filter_map(|signal| Some((signal, unsafe { sigaction(signal, &ignored) }.ok()?)))
        .collect()
}

/// Takes care of the watchdogs that run, until the sender goes. One that somebody else has open is taken care of by them,
/// and cannot be opened. They run on afterwards, as they did before: without the sign that stops them.
fn pet_watchdogs(machine: &Machine) -> Option<Sender<()>> {
    let runs =
        |name: &String| machine.attribute(format!("{WATCHDOGS}/{name}/state")).as_deref() == Some("active");
    let open = |name: String| OpenOptions::new().write(true).open(machine.path(format!("/dev/{name}"))).ok();
    let mut watchdogs: Vec<File> =
        machine.names(WATCHDOGS).into_iter().filter(runs).filter_map(open).collect();
    if watchdogs.is_empty() {
        return None;
    }
    let (sender, gone) = channel::<()>();
    let pet = move || {
        while gone.recv_timeout(PET) == Err(RecvTimeoutError::Timeout) {
            watchdogs.iter_mut().for_each(|watchdog| drop(watchdog.write_all(b"\0")));
        }
    };
    thread::Builder::new().name("watchdogs".to_string()).spawn(pet).ok()?;
    Some(sender)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Instant;

    use nix::sys::signal::raise;

    use super::*;
    use crate::facts::fixture::Tree;

    /// One test for all: signals are ignored by the whole process.
    #[test]
    fn all_else_is_held_off() {
        let tree = Tree::new([
            ("/sys/class/watchdog/watchdog0/state", "inactive\n"),
            ("/sys/class/watchdog/watchdog1/state", "active\n"),
            ("/dev/watchdog0", ""),
            ("/dev/watchdog1", ""),
        ]);
        let machine = tree.machine();
        wait_until_disarmed(&machine);
        let armed = Armed::arm(&machine).unwrap();
        mark(&machine, "nic").unwrap();
        mark(&machine, "board").unwrap();
        let error = may_end(&machine).unwrap_err().to_string();
        assert!(error.starts_with("the firmware of nic, board may be half written"), "{error}");
        unmark(&machine, "board");
        assert!(may_end(&machine).unwrap_err().to_string().contains("of nic may"));
        unmark(&machine, "nic");
        may_end(&machine).unwrap();
        assert_eq!(Armed::arm(&machine).err().unwrap().to_string(), "another process writes firmware");
        // It would end this test.
        raise(Signal::SIGTERM).unwrap();
        let begin = Instant::now();
        while machine.read("/dev/watchdog1").unwrap().is_empty() {
            assert!(begin.elapsed() < Duration::from_secs(60));
            thread::yield_now();
        }

        let (sender, receiver) = channel();
        let waiting = machine.clone();
        let waiter = thread::spawn(move || {
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
    }
}
