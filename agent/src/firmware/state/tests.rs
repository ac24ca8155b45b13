// SPDX-License-Identifier: MIT OR Apache-2.0
use stage1_contract::firmware::manifest::Activation;
use stage1_contract::firmware::{AttemptOutcome, Phase};

use super::{Event, Flashes, Next, State, Traits, next};

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
    Event::TimedOut("timed out after 900 s".to_string())
}

/// The state after these events, from the beginning.
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
fn without_a_fault_every_act_follows_once() {
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
fn a_failure_before_the_record_leaves_no_attempt() {
    for before in 0..3 {
        let state = after(BIOS, std::iter::repeat_n(Event::Done, before).chain([failed("no")]));
        assert_eq!(state, State::Over(None, "no".to_string()), "{before}");
    }
    assert_eq!(State::Arm.record(), Some(Phase::Armed));
}

#[test]
fn a_refused_image_is_not_read_back() {
    let state = from_write(BIOS, [Event::Refused("wrong PSID".to_string())]);
    assert_eq!(state, State::Close(AttemptOutcome::Refused, "wrong PSID".to_string()));
}

#[test]
fn a_failure_to_write_is_unknown_until_it_is_read_back() {
    assert_eq!(from_write(BIOS, [failed("EIO"), Event::Done]), State::Stage);
    let untouched = from_write(BIOS, [failed("EIO"), Event::Untouched]);
    assert_eq!(outcome(&untouched), Some(AttemptOutcome::Failed));
    let no_op = from_write(NIC, [Event::Done, Event::Untouched]);
    assert_eq!(outcome(&no_op), Some(AttemptOutcome::Failed));
}

#[test]
fn a_component_with_banks_keeps_its_old_bank() {
    assert_eq!(outcome(&from_write(NIC, [failed("EIO"), failed("differs")])), Some(AttemptOutcome::Failed));
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
    let refused = from_write(BIOS, [failed("EIO"), failed("differs"), Event::Refused("busy".to_string())]);
    assert!(matches!(refused, State::ReadBack { again: true, .. }));
}

#[test]
fn what_may_still_be_written_is_broken_whatever_it_has() {
    for traits in [BIOS, Traits { backup: true, ..BIOS }, NIC, Traits { read_back: false, ..NIC }] {
        assert_eq!(outcome(&from_write(traits, [timed_out()])), Some(AttemptOutcome::Broken));
    }
}

#[test]
fn without_reading_back_the_result_of_writing_decides() {
    let blind = Traits { read_back: false, ..BIOS };
    assert_eq!(from_write(blind, [Event::Done]), State::Stage);
    assert_eq!(outcome(&from_write(blind, [failed("EIO")])), Some(AttemptOutcome::Broken));
    let banks = Traits { read_back: false, ..NIC };
    assert_eq!(outcome(&from_write(banks, [failed("EIO")])), Some(AttemptOutcome::Failed));
}

#[test]
fn a_refused_reload_becomes_the_reset_of_the_manifest() {
    assert_eq!(next(&State::Activating, Event::Done, &NIC), State::Reload);
    let refused = Event::Refused("Firmware activation requires a cold reset".to_string());
    assert_eq!(next(&State::Reload, refused, &NIC), State::Reset(Activation::Cold));
    assert!(
        matches!(next(&State::Reload, Event::Done, &NIC), State::Over(None, _)),
        "confirmed by a later boot only"
    );
}

#[test]
fn an_activation_without_a_record_is_not_done() {
    let stored = Traits { recorded: false, ..BIOS };
    assert!(matches!(next(&State::Activating, failed("no answer"), &stored), State::Over(None, _)));
    assert_eq!(next(&State::Activating, failed("no answer"), &BIOS), State::Reset(Activation::Warm));
}

/// Runs the flashes, with an event for each act.
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
                flashes.advance(index, event);
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
fn everything_is_written_before_anything_is_activated_and_there_is_one_reset() {
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
fn without_flashes_or_after_failures_nothing_is_reset() {
    assert_eq!(Flashes::default().due(), Next::Nothing);
    let (_, end) = drive(&mut both(), |_, _| failed("no network"));
    assert_eq!(end, Next::Nothing);
}
