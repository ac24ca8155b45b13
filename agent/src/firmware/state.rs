// SPDX-License-Identifier: MIT OR Apache-2.0
//! A flash as a state machine: what is done next, and what follows from how it went. Pure.
//!
//! ```text
//! Fetch > Preflight > (BackUp) > Arm > Write > ReadBack > Stage > Staged > Activating > Reload | Reset
//!                                        ^---- once ----'  '--- Restore
//! ```
//!
//! Each state stands for one act, and takes one event, which says how the act went. From `Arm` on the journal knows of the
//! attempt; up to there every failure leaves no trace. Nothing here confirms: that is for the next boot
//! ([`super::journal::settle`]). [`Flashes`] puts several of them into an order.

use stage1_contract::firmware::manifest::{Activation, Entry};
use stage1_contract::firmware::{AttemptOutcome, Phase};

/// Where a flash stands: what is done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Download the image, and check its size and digest.
    Fetch,
    /// Look again whether this is the component, with the version that was planned from, and whether it can be flashed.
    Preflight,
    /// Read the old content, and keep it.
    BackUp,
    /// Record the attempt, [`Phase::Armed`]. What follows is not broken off.
    Arm,
    /// Write the image; `again`: for the second and last time.
    Write {
        /// Whether it was written before.
        again: bool,
    },
    /// Compare what is in the flash with the image.
    ReadBack {
        /// Whether it was written twice.
        again: bool,
        /// Why writing failed, where it did.
        fault: Option<Fault>,
    },
    /// Write the old content back.
    Restore(String),
    /// Record that it is written, [`Phase::Staged`].
    Stage,
    /// Nothing, until every component is written or given up.
    Staged,
    /// Record that it is about to be activated, [`Phase::Activating`].
    Activating,
    /// Have the driver activate it, and look whether it runs.
    Reload,
    /// Nothing more here: the reset activates it.
    Reset(Activation),
    /// Record how the attempt ended, and why.
    Close(AttemptOutcome, String),
    /// Nothing; with how the attempt ended, where it has.
    Over(Option<AttemptOutcome>, String),
}

/// Why writing failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In words.
    pub why: String,
    /// Whether whoever writes may still be at it.
    pub unfinished: bool,
}

/// How an act went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// As it should.
    Done,
    /// It failed; what it was to change may be changed or not.
    Failed(String),
    /// It was refused, and changed nothing.
    Refused(String),
    /// It did not end in time, and may go on.
    TimedOut(String),
    /// Of reading back: the old content is still there, all of it.
    Untouched,
    /// To [`State::Staged`]: activate it now.
    Activate,
    /// To [`State::Staged`]: there will be no reset, for this reason.
    Held(String),
}

/// What the manifest says of a flash, as far as the order of acts depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    /// What runs now stays in a bank of its own.
    pub banks: bool,
    /// The old content is kept.
    pub backup: bool,
    /// What is written is compared.
    pub read_back: bool,
    /// What activates it.
    pub by: Activation,
    /// What activates it where a reload does not.
    pub otherwise: Activation,
    /// Whether the journal has an attempt of this boot before anything is done: it was written in this boot already.
    pub recorded: bool,
}

impl Traits {
    /// Those of an entry.
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

/// What follows in `state` from `event`. Every event that a state does not expect is a failure of its act.
pub fn next(state: &State, event: Event, traits: &Traits) -> State {
    match (state, event) {
        (State::Fetch, Event::Done) => State::Preflight,
        (State::Preflight, Event::Done) if traits.backup => State::BackUp,
        (State::Preflight | State::BackUp, Event::Done) => State::Arm,
        (State::Arm, Event::Done) => State::Write { again: false },
        (State::Fetch | State::Preflight | State::BackUp | State::Arm, event) => {
            State::Over(None, event.words())
        }

        (State::Write { again: false }, Event::Refused(why)) => State::Close(AttemptOutcome::Refused, why),
        (State::Write { again }, event) => written(*again, event, traits),
        (State::ReadBack { .. }, Event::Done) => State::Stage,
        // Whoever writes may be about to begin.
        (State::ReadBack { fault: Some(Fault { unfinished: true, why }), .. }, Event::Untouched)
            if !traits.banks =>
        {
            State::Close(AttemptOutcome::Broken, format!("{why}; the old content is there so far"))
        }
        (State::ReadBack { fault, .. }, Event::Untouched) => {
            let why = fault.as_ref().map_or("it was written without an error", |fault| &fault.why);
            State::Close(AttemptOutcome::Failed, format!("the old content is still there: {why}"))
        }
        (State::ReadBack { again, fault }, event) => damaged(*again, fault.as_ref(), &event.words(), traits),
        (State::Restore(why), Event::Done) => {
            State::Close(AttemptOutcome::Failed, format!("{why}; the old content is restored"))
        }
        (State::Restore(why), event) => State::Close(
            AttemptOutcome::Broken,
            format!("{why}; restoring the old content: {}", event.words()),
        ),

        // The armed attempt counts, whether the inventory hears of its progress or not.
        (State::Stage, _) => State::Staged,
        (State::Staged, Event::Activate) => State::Activating,
        (State::Activating, Event::Done) => activating(traits),
        (State::Activating, _) if traits.recorded => activating(traits),
        (State::Activating, event) => State::Over(None, event.words()),
        (State::Reload, Event::Done) => State::Over(None, "it runs; the next boot confirms it".to_string()),
        (State::Reload, _) => State::Reset(traits.otherwise),
        (State::Staged, event) => State::Over(None, event.words()),
        (reset @ State::Reset(_), _) => reset.clone(),

        (State::Close(outcome, why), _) => State::Over(Some(outcome.clone()), why.clone()),
        (over @ State::Over(..), _) => over.clone(),
    }
}

fn written(again: bool, event: Event, traits: &Traits) -> State {
    let fault = match &event {
        Event::Done => None,
        event => Some(Fault { why: event.words(), unfinished: matches!(event, Event::TimedOut(_)) }),
    };
    match fault {
        fault if traits.read_back => State::ReadBack { again, fault },
        None => State::Stage,
        Some(fault) if traits.banks => State::Close(AttemptOutcome::Failed, fault.why),
        Some(fault) => State::Close(AttemptOutcome::Broken, fault.why),
    }
}

/// What is in the flash is not the image.
fn damaged(again: bool, fault: Option<&Fault>, found: &str, traits: &Traits) -> State {
    let why = match fault {
        Some(fault) => format!("{}; reading back: {found}", fault.why),
        None => format!("reading back: {found}"),
    };
    if traits.banks {
        return State::Close(AttemptOutcome::Failed, why);
    }
    match fault {
        // Two that write at the same time would make it worse.
        Some(Fault { unfinished: true, .. }) => State::Close(AttemptOutcome::Broken, why),
        _ if !again => State::Write { again: true },
        _ if traits.backup => State::Restore(why),
        _ => State::Close(AttemptOutcome::Broken, why),
    }
}

fn activating(traits: &Traits) -> State {
    if traits.by == Activation::Reload { State::Reload } else { State::Reset(traits.by) }
}

impl Event {
    fn words(&self) -> String {
        match self {
            Self::Done => "it is done".to_string(),
            Self::Failed(why) | Self::Refused(why) | Self::TimedOut(why) | Self::Held(why) => why.clone(),
            Self::Untouched => "the old content is still there".to_string(),
            Self::Activate => "it was to be activated".to_string(),
        }
    }
}

impl State {
    /// The phase that the journal is told of in this state; nothing where the act is another one.
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

/// The flashes of a boot, in the order of the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flashes(Vec<(State, Traits)>);

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// What the state of the flash of this number stands for.
    Act(usize, State),
    /// This reset, which activates all that wait for one.
    Reset(Activation),
    /// Nothing any more.
    Nothing,
}

impl Flashes {
    /// Adds a component that is to be flashed, or with `stored` one that has only to be activated.
    pub fn add(&mut self, traits: Traits, stored: bool) {
        self.0.push((
            if stored { State::Staged } else { State::Fetch },
            Traits { recorded: !stored || traits.recorded, ..traits },
        ));
    }

    /// What is to be done now: one component after the other is written; then all are activated, reloads first; then there is
    /// one reset, the strongest. Where a component is broken there is none: the host stays up for whoever can mend it.
    pub fn due(&mut self) -> Next {
        if let Some(next) = self.act() {
            return next;
        }
        let broken =
            self.0.iter().any(|(state, _)| matches!(state, State::Over(Some(AttemptOutcome::Broken), _)));
        for (state, traits) in &mut self.0 {
            if broken && !matches!(state, State::Over(..)) {
                *state = next(
                    state,
                    Event::Held("another component is broken, so there is no reset".to_string()),
                    traits,
                );
            } else if *state == State::Staged {
                *state = next(state, Event::Activate, traits);
            }
        }
        if let Some(next) = self.act() {
            return next;
        }
        let resets = self.0.iter().filter_map(|(state, _)| match state {
            State::Reset(by) => Some(*by),
            _ => None,
        });
        resets.max().map_or(Next::Nothing, Next::Reset)
    }

    /// How the act of a flash went.
    pub fn told(&mut self, index: usize, event: Event) {
        if let Some((state, traits)) = self.0.get_mut(index) {
            *state = next(state, event, traits);
        }
    }

    /// Where each stands.
    pub fn states(&self) -> impl Iterator<Item = &State> {
        self.0.iter().map(|(state, _)| state)
    }

    fn act(&self) -> Option<Next> {
        let index = self.0.iter().position(|(state, _)| !state.is_waiting())?;
        self.0.get(index).map(|(state, _)| Next::Act(index, state.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIOS: Traits = Traits {
        banks: false,
        backup: false,
        read_back: true,
        by: Activation::Warm,
        otherwise: Activation::Warm,
        recorded: true,
    };
    const NIC: Traits = Traits { banks: true, by: Activation::Reload, otherwise: Activation::Cold, ..BIOS };

    fn failed(why: &str) -> Event {
        Event::Failed(why.to_string())
    }

    fn timed_out() -> Event {
        Event::TimedOut("900 s are over".to_string())
    }

    /// Where events lead, from the beginning.
    fn after(traits: Traits, events: impl IntoIterator<Item = Event>) -> State {
        events.into_iter().fold(State::Fetch, |state, event| next(&state, event, &traits))
    }

    fn from_write(traits: Traits, events: impl IntoIterator<Item = Event>) -> State {
        let before = if traits.backup { 4 } else { 3 };
        after(traits, std::iter::repeat_n(Event::Done, before).chain(events))
    }

    fn outcome(state: &State) -> Option<AttemptOutcome> {
        match state {
            State::Close(outcome, _) => Some(outcome.clone()),
            _ => None,
        }
    }

    #[test]
    fn the_way_without_a_fault() {
        let mut state = State::Fetch;
        let mut seen = Vec::new();
        while state != State::Staged {
            seen.push(state.clone());
            state = next(&state, Event::Done, &Traits { backup: true, ..BIOS });
        }
        let read_back = State::ReadBack { again: false, fault: None };
        let expected = [
            State::Fetch,
            State::Preflight,
            State::BackUp,
            State::Arm,
            State::Write { again: false },
            read_back,
            State::Stage,
        ];
        assert_eq!(seen, expected);
        let activating = next(&State::Staged, Event::Activate, &BIOS);
        assert_eq!(next(&activating, Event::Done, &BIOS), State::Reset(Activation::Warm));
    }

    #[test]
    fn up_to_the_record_a_failure_leaves_no_trace() {
        for before in 0..3 {
            let state = after(BIOS, std::iter::repeat_n(Event::Done, before).chain([failed("no")]));
            assert_eq!(state, State::Over(None, "no".to_string()), "{before}");
        }
        assert_eq!(State::Arm.record(), Some(Phase::Armed));
    }

    #[test]
    fn what_was_refused_is_not_written_and_not_read_back() {
        let state = from_write(BIOS, [Event::Refused("wrong PSID".to_string())]);
        assert_eq!(state, State::Close(AttemptOutcome::Refused, "wrong PSID".to_string()));
    }

    #[test]
    fn a_failure_to_write_is_unknown_until_it_is_read_back() {
        assert_eq!(from_write(BIOS, [failed("EIO"), Event::Done]), State::Stage);
        let untouched = from_write(BIOS, [failed("EIO"), Event::Untouched]);
        assert_eq!(outcome(&untouched), Some(AttemptOutcome::Failed));
        let lied = from_write(NIC, [Event::Done, Event::Untouched]);
        assert_eq!(outcome(&lied), Some(AttemptOutcome::Failed));
    }

    #[test]
    fn a_component_with_banks_is_left_with_its_old_bank() {
        assert_eq!(
            outcome(&from_write(NIC, [failed("EIO"), failed("differs")])),
            Some(AttemptOutcome::Failed)
        );
        assert_eq!(outcome(&from_write(NIC, [timed_out(), failed("differs")])), Some(AttemptOutcome::Failed));
    }

    #[test]
    fn one_without_is_written_once_more_then_restored_then_broken() {
        let twice = [failed("EIO"), failed("differs"), Event::Done, failed("differs")];
        assert_eq!(from_write(BIOS, twice[..2].to_vec()), State::Write { again: true });
        assert_eq!(outcome(&from_write(BIOS, twice.to_vec())), Some(AttemptOutcome::Broken));
        let backup = Traits { backup: true, ..BIOS };
        assert!(matches!(from_write(backup, twice.to_vec()), State::Restore(_)));
        let restored = from_write(backup, twice.iter().cloned().chain([Event::Done]));
        assert_eq!(outcome(&restored), Some(AttemptOutcome::Failed));
        let lost = from_write(backup, twice.iter().cloned().chain([failed("EIO")]));
        assert_eq!(outcome(&lost), Some(AttemptOutcome::Broken));
        // Refused the second time is no longer "nothing was written".
        let refused =
            from_write(BIOS, [failed("EIO"), failed("differs"), Event::Refused("busy".to_string())]);
        assert!(matches!(refused, State::ReadBack { again: true, .. }));
    }

    #[test]
    fn nobody_writes_beside_one_that_may_still_be_writing() {
        for found in [failed("differs"), Event::Untouched] {
            let state = from_write(Traits { backup: true, ..BIOS }, [timed_out(), found]);
            assert_eq!(outcome(&state), Some(AttemptOutcome::Broken));
        }
        let state = from_write(NIC, [timed_out(), Event::Untouched]);
        assert_eq!(outcome(&state), Some(AttemptOutcome::Failed));
    }

    #[test]
    fn without_reading_back_the_writers_word_is_all_there_is() {
        let blind = Traits { read_back: false, ..BIOS };
        assert_eq!(from_write(blind, [Event::Done]), State::Stage);
        assert_eq!(outcome(&from_write(blind, [failed("EIO")])), Some(AttemptOutcome::Broken));
        assert_eq!(
            outcome(&from_write(Traits { read_back: false, ..NIC }, [timed_out()])),
            Some(AttemptOutcome::Failed)
        );
    }

    #[test]
    fn a_reload_that_is_refused_becomes_the_reset_that_the_manifest_names() {
        assert_eq!(next(&State::Activating, Event::Done, &NIC), State::Reload);
        let refused = Event::Refused("Firmware activation requires a cold reset".to_string());
        assert_eq!(next(&State::Reload, refused, &NIC), State::Reset(Activation::Cold));
        assert!(
            matches!(next(&State::Reload, Event::Done, &NIC), State::Over(None, _)),
            "confirmed by a later boot only"
        );
    }

    #[test]
    fn an_activation_that_nothing_recorded_is_not_done() {
        let stored = Traits { recorded: false, ..BIOS };
        assert!(matches!(next(&State::Activating, failed("no answer"), &stored), State::Over(None, _)));
        assert_eq!(next(&State::Activating, failed("no answer"), &BIOS), State::Reset(Activation::Warm));
    }

    /// Drives the flashes with an event for each act.
    fn drive(
        flashes: &mut Flashes,
        mut event: impl FnMut(usize, &State) -> Event,
    ) -> (Vec<(usize, State)>, Next) {
        let mut acts = Vec::new();
        loop {
            match flashes.due() {
                Next::Act(index, state) => {
                    let event = event(index, &state);
                    acts.push((index, state));
                    flashes.told(index, event);
                }
                next => return (acts, next),
            }
        }
    }

    fn both() -> Flashes {
        let mut flashes = Flashes::default();
        flashes.add(NIC, false);
        flashes.add(BIOS, false);
        flashes
    }

    #[test]
    fn all_is_written_before_anything_is_activated_and_one_reset_is_for_all() {
        let mut flashes = both();
        flashes.add(Traits { by: Activation::PowerCycle, recorded: false, ..BIOS }, true);
        let (acts, end) = drive(&mut flashes, |_, state| match state {
            State::Reload => Event::Refused("no".to_string()),
            _ => Event::Done,
        });
        assert_eq!(end, Next::Reset(Activation::PowerCycle));
        let order: Vec<usize> = acts.iter().map(|(index, _)| *index).collect();
        assert!(order.starts_with(&[0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]), "{order:?}");
        let first = acts.iter().position(|(_, state)| *state == State::Activating).unwrap();
        assert!(acts[first..].iter().all(|(_, state)| matches!(state, State::Activating | State::Reload)));
    }

    #[test]
    fn a_broken_board_is_not_reset_for_a_nic() {
        let mut flashes = both();
        let (acts, end) = drive(&mut flashes, |index, state| match state {
            State::Write { .. } | State::ReadBack { .. } if index == 1 => failed("differs"),
            _ => Event::Done,
        });
        assert_eq!(end, Next::Nothing);
        assert!(acts.iter().all(|(_, state)| *state != State::Activating && *state != State::Reload));
        let over = |state: &State| matches!(state, State::Over(..));
        assert!(flashes.states().all(over));
    }

    #[test]
    fn where_nothing_is_to_be_done_nothing_is() {
        assert_eq!(Flashes::default().due(), Next::Nothing);
        let (_, end) = drive(&mut both(), |_, _| failed("no network"));
        assert_eq!(end, Next::Nothing);
    }
}
