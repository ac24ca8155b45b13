// SPDX-License-Identifier: MIT OR Apache-2.0
//! Panics, which are defects of the agent. A panic costs its thread alone: the thread reports it. In the program that is
//! shipped it then waits for ever, with what it borrows and locks; nothing is unwound, because the tables and the code for it
//! were a quarter of the program. Tests unwind.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::{Once, OnceLock};

use thiserror::Error;

/// A panic, with its message: a whole sentence.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub(crate) struct Defect(pub(crate) String);

type Report = Box<dyn FnOnce(&Defect)>;

thread_local! {
    /// What this thread does if it panics; the newest is done first.
    static REPORTS: RefCell<Vec<(u64, Report)>> = const { RefCell::new(Vec::new()) };
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// The first panic of a thread that nobody waits for.
static LOST: OnceLock<Defect> = OnceLock::new();

/// What this thread does if it panics while this value lives.
pub(crate) struct OnPanic {
    id: u64,
    of_this_thread: PhantomData<*const ()>,
}

impl OnPanic {
    /// `report` must not wait for anything that this thread may have locked.
    pub(crate) fn new(report: impl FnOnce(&Defect) + 'static) -> Self {
        install_hook();
        let id = NEXT.replace(NEXT.get() + 1);
        REPORTS.with_borrow_mut(|reports| reports.push((id, Box::new(report))));
        Self { id, of_this_thread: PhantomData }
    }

    /// Ends the run ([`lost`]): nobody waits for this thread.
    pub(crate) fn is_fatal() -> Self {
        Self::new(|defect| {
            let _ = LOST.set(defect.clone());
            log::warn!("{defect}");
        })
    }
}

impl Drop for OnPanic {
    fn drop(&mut self) {
        let _ = REPORTS.try_with(|reports| reports.borrow_mut().retain(|(id, _)| *id != self.id));
    }
}

/// The first panic of a thread that nobody waits for.
pub(crate) fn lost() -> Option<&'static Defect> {
    LOST.get()
}

/// A thread without a report panics as usual: that ends the process.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |info| {
            let reports = REPORTS.try_with(RefCell::take).unwrap_or_default();
            if reports.is_empty() {
                return usual(info);
            }
            let defect = defect(info);
            reports.into_iter().rev().for_each(|(_, report)| report(&defect));
            while cfg!(panic = "abort") {
                std::thread::park();
            }
        }));
    });
}

fn defect(info: &PanicHookInfo) -> Defect {
    let cause = info.payload_as_str().unwrap_or("panic");
    let place = info.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
    Defect(format!("internal error, please report it: {cause}{}", place.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_panic_is_reported_by_what_lives_the_newest_first() {
        let (sender, received) = channel();
        std::thread::spawn(move || {
            let report = |name| {
                let sender = sender.clone();
                OnPanic::new(move |defect| sender.send((name, defect.to_string())).unwrap())
            };
            let _outer = report("outer");
            let gone = report("gone");
            let _inner = report("inner");
            drop(gone);
            panic!("no field {}", 7);
        });
        let messages: Vec<_> =
            (0..2).map(|_| received.recv_timeout(Duration::from_secs(60)).unwrap()).collect();
        assert_eq!(messages.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["inner", "outer"]);
        let start = "internal error, please report it: no field 7 (agent/src/host/panic.rs:";
        assert!(messages.iter().all(|(_, message)| message.starts_with(start)), "{messages:?}");
        assert!(received.recv().is_err());
    }

    #[test]
    fn a_thread_without_a_report_panics_as_usual() {
        drop(OnPanic::new(|_| ()));
        let result = std::thread::spawn(|| panic!("as usual")).join();
        assert_eq!(result.unwrap_err().downcast_ref(), Some(&"as usual"));
    }
}
