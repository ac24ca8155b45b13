// SPDX-License-Identifier: MIT OR Apache-2.0
//! A flash as a state machine: what is done next, and what follows from its result. Pure.
//!
//! ```text
//! Fetch > Preflight > (BackUp) > Arm > Write > ReadBack > Stage > Staged > Activating > Reload | Reset
//!                                        ^---- once ----'  '--- Restore
//! ```
//!
//! Each state stands for one act and takes one event, the result of that act. From `Arm` on the journal has a record of
//! the attempt; a failure before that leaves none. Nothing here confirms an attempt: the next boot does
//! ([`super::journal::settle`]). [`Flashes`] puts several flashes into an order.

mod flashes;

use stage1_contract::firmware::manifest::{Activation, Entry};
use stage1_contract::firmware::{AttemptOutcome, Phase};

pub use flashes::{Flashes, Next};

/// The state of a flash: what is done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Download the image, and check its size and digest.
    Fetch,
    /// Check again that the component still has the versions that the plan is based on, and that it can be flashed.
    Preflight,
    /// Read the old content, and keep it.
    BackUp,
    /// Record the attempt, [`Phase::Armed`]. From here on nothing interrupts the flash.
    Arm,
    /// Write the image.
    Write {
        /// Whether this is the second and last time.
        again: bool,
    },
    /// Compare what is in the flash with the image.
    ReadBack {
        /// Whether it was written a second time.
        again: bool,
        /// Why writing failed; `None` if it did not.
        fault: Option<String>,
    },
    /// Write the old content back.
    Restore(String),
    /// Record that it has been written, [`Phase::Staged`].
    Stage,
    /// Wait until every component is written or has failed.
    Staged,
    /// Record that it is about to be activated, [`Phase::Activating`].
    Activating,
    /// Have the driver activate it, and check that it runs.
    Reload,
    /// Wait for this reset, which activates it.
    Reset(Activation),
    /// Record how the attempt ended, and why.
    Close(AttemptOutcome, String),
    /// Finished; with the outcome of the attempt, unless the next boot decides it.
    Over(Option<AttemptOutcome>, String),
}

/// The result of an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It succeeded.
    Done,
    /// It failed, and may have changed something.
    Failed(String),
    /// It was refused, and nothing was changed.
    Refused(String),
    /// It timed out, and may still be going on.
    TimedOut(String),
    /// Of [`State::ReadBack`]: the whole old content is still there.
    Untouched,
    /// To [`State::Staged`]: activate it now.
    Activate,
    /// To [`State::Staged`]: there will be no reset, for this reason.
    Held(String),
}

/// The properties of a flash that the order of acts depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    /// The running version stays in a bank of its own.
    pub banks: bool,
    /// The old content is read first, to be restored if writing fails.
    pub backup: bool,
    /// What was written is compared with the image.
    pub read_back: bool,
    /// What activates it.
    pub by: Activation,
    /// What activates it if the device refuses a reload.
    pub otherwise: Activation,
    /// Whether the journal already has an attempt of this boot: it was written earlier in this boot.
    pub recorded: bool,
}

impl Traits {
    /// The properties of an entry.
    pub fn of(entry: &Entry, recorded: bool) -> Self {
        Self {
            banks: entry.safety.banks,
            backup: entry.safety.backup,
            read_back: entry.safety.read_back,
            by: entry.activate.by,
            otherwise: entry.activate.otherwise.unwrap_or(Activation::Warm),
            recorded,
        }
    }
}

/// The state after `event`. An event that a state does not expect is a failure of its act.
pub fn next(state: &State, event: Event, traits: &Traits) -> State {
    match (state, event) {
        (State::Fetch, Event::Done) => State::Preflight,
        (State::Preflight, Event::Done) if traits.backup => State::BackUp,
        (State::Preflight | State::BackUp, Event::Done) => State::Arm,
        (State::Arm, Event::Done) => State::Write { again: false },
        (State::Fetch | State::Preflight | State::BackUp | State::Arm, event) => {
            State::Over(None, event.message())
        }

        (State::Write { again: false }, Event::Refused(why)) => State::Close(AttemptOutcome::Refused, why),
        (State::Write { again }, event) => written(*again, event, traits),
        (State::ReadBack { .. }, Event::Done) => State::Stage,
        (State::ReadBack { fault, .. }, Event::Untouched) => {
            let why = fault.as_deref().unwrap_or("writing it reported no error");
            State::Close(AttemptOutcome::Failed, format!("the old content is still there: {why}"))
        }
        (State::ReadBack { again, fault }, event) => {
            damaged(*again, fault.as_deref(), &event.message(), traits)
        }
        (State::Restore(why), Event::Done) => {
            State::Close(AttemptOutcome::Failed, format!("{why}; the old content is restored"))
        }
        (State::Restore(why), event) => State::Close(
            AttemptOutcome::Broken,
            format!("{why}; restoring the old content: {}", event.message()),
        ),

        // The recorded attempt counts, whether or not its later phases reach the inventory.
        (State::Stage, _) => State::Staged,
        (State::Staged, Event::Activate) => State::Activating,
        (State::Activating, Event::Done) => activating(traits),
        (State::Activating, _) if traits.recorded => activating(traits),
        (State::Activating, event) => State::Over(None, event.message()),
        (State::Reload, Event::Done) => {
            State::Over(None, "it is running; the next boot confirms it".to_string())
        }
        (State::Reload, _) => State::Reset(traits.otherwise),
        (State::Staged, event) => State::Over(None, event.message()),
        (reset @ State::Reset(_), _) => reset.clone(),

        (State::Close(outcome, why), _) => State::Over(Some(outcome.clone()), why.clone()),
        (over @ State::Over(..), _) => over.clone(),
    }
}

fn written(again: bool, event: Event, traits: &Traits) -> State {
    let fault = match event {
        Event::Done => None,
        // Nothing that is read now is what will be there, whatever the component has.
        Event::TimedOut(why) => return State::Close(AttemptOutcome::Broken, why),
        event => Some(event.message()),
    };
    match fault {
        fault if traits.read_back => State::ReadBack { again, fault },
        None => State::Stage,
        Some(why) if traits.banks => State::Close(AttemptOutcome::Failed, why),
        Some(why) => State::Close(AttemptOutcome::Broken, why),
    }
}

/// The flash does not hold the image.
fn damaged(again: bool, fault: Option<&str>, found: &str, traits: &Traits) -> State {
    let why = match fault {
        Some(fault) => format!("{fault}; reading back: {found}"),
        None => format!("reading back: {found}"),
    };
    if traits.banks {
        return State::Close(AttemptOutcome::Failed, why);
    }
    match again {
        false => State::Write { again: true },
        true if traits.backup => State::Restore(why),
        true => State::Close(AttemptOutcome::Broken, why),
    }
}

fn activating(traits: &Traits) -> State {
    if traits.by == Activation::Reload { State::Reload } else { State::Reset(traits.by) }
}

impl Event {
    fn message(&self) -> String {
        match self {
            Self::Done => "it succeeded".to_string(),
            Self::Failed(why) | Self::Refused(why) | Self::TimedOut(why) | Self::Held(why) => why.clone(),
            Self::Untouched => "the old content is still there".to_string(),
            Self::Activate => "its activation was requested".to_string(),
        }
    }
}

impl State {
    /// The phase that is recorded in this state; `None` if the act is another one.
    pub fn record(&self) -> Option<Phase> {
        match self {
            Self::Arm => Some(Phase::Armed),
            Self::Stage => Some(Phase::Staged),
            Self::Activating => Some(Phase::Activating),
            _ => None,
        }
    }

    fn is_waiting(&self) -> bool {
        matches!(self, Self::Staged | Self::Reset(_) | Self::Over(..))
    }
}

#[cfg(test)]
mod tests;
