// SPDX-License-Identifier: MIT OR Apache-2.0
//! The order of several flashes in one boot. Pure.

use stage1_contract::firmware::AttemptOutcome;
use stage1_contract::firmware::manifest::Activation;

use super::{Event, State, Traits, next};

/// The flashes of a boot, in the order of the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flashes(Vec<(State, Traits)>);

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The act of this state, for the flash with this index.
    Act(usize, State),
    /// This reset, which activates every flash that waits for one.
    Reset(Activation),
    /// Nothing more.
    Nothing,
}

impl Flashes {
    /// Adds a component that is to be flashed, or with `stored` one that only has to be activated.
    pub fn add(&mut self, traits: Traits, stored: bool) {
        self.0.push((
            if stored { State::Staged } else { State::Fetch },
            Traits { recorded: !stored || traits.recorded, ..traits },
        ));
    }

    /// What is to be done next. The components are written one after the other; then all are activated, reloads first;
    /// then there is one reset, the strongest. If a component is broken there is no reset: the host stays up until it
    /// is repaired.
    pub fn due(&mut self) -> Next {
        if let Some(next) = self.act() {
            return next;
        }
        let broken =
            self.0.iter().any(|(state, _)| matches!(state, State::Over(Some(AttemptOutcome::Broken), _)));
        for (state, traits) in &mut self.0 {
            if broken && !matches!(state, State::Over(..)) {
                let why = "another component is broken, so there is no reset".to_string();
                *state = next(state, Event::Held(why), traits);
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

    /// Moves the flash with this index to its next state, by the result of its act.
    pub fn advance(&mut self, index: usize, event: Event) {
        if let Some((state, traits)) = self.0.get_mut(index) {
            *state = next(state, event, traits);
        }
    }

    /// The state of each flash.
    pub fn states(&self) -> impl Iterator<Item = &State> {
        self.0.iter().map(|(state, _)| state)
    }

    fn act(&self) -> Option<Next> {
        let index = self.0.iter().position(|(state, _)| !state.is_waiting())?;
        self.0.get(index).map(|(state, _)| Next::Act(index, state.clone()))
    }
}
