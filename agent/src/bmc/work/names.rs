// SPDX-License-Identifier: MIT OR Apache-2.0
//! Giving a user its name, and finding out what the BMC keeps of it.

use ipmi::Completion;
use ipmi::app::{GetUserName, SetUserName, UserName};

use super::Work;
use crate::bmc::change::Change;
use crate::bmc::slots::{self, NameMatch, TRIES, compare, plain_name};

impl Work<'_, '_> {
    /// Gives a user its name, in another slot if the BMC refuses it in a free one.
    pub(super) fn name(&mut self, number: usize, slot: u8, name: &str) -> Result<(), String> {
        let was_free = slots::free(&self.before.users).any(|free| free == slot);
        let result = self.name_one(slot, name, was_free);
        if let Some(user) = self.users.get_mut(number) {
            user.slot = result.as_ref().ok().copied().or((!was_free).then_some(slot));
        }
        result.map(drop)
    }

    /// Sets the name of the slot, or else of another one if the slot was free. Returns the slot that keeps it.
    fn name_one(&mut self, slot: u8, name: &str, was_free: bool) -> Result<u8, String> {
        let others = if was_free { self.spare.clone() } else { Vec::new() };
        let mut refused: Vec<u8> = Vec::new();
        let mut failure = String::new();
        for slot in std::iter::once(slot).chain(others).take(TRIES) {
            let change = Change::UserName { slot, name: name.to_string() };
            match self.send(&change, None) {
                Ok(()) => {}
                Err(refusal) if was_free && refusal.completion.is_some_and(slots::is_about_the_slot) => {
                    (failure, _) = (refusal.text, refused.push(slot));
                    continue;
                }
                Err(refusal) => return Err(refusal.text),
            }
            let kept = self.kept_name(slot)?;
            if compare(&kept, name) == Some(NameMatch::Same) {
                self.spare.retain(|spare| *spare != slot);
                return Ok(slot);
            }
            if !kept.is_empty() {
                if was_free {
                    let _ =
                        self.session.with(|bmc| bmc.ask(&SetUserName { user: slot, name: UserName::EMPTY }));
                }
                return Err(format!("the BMC keeps it as {kept:?}: use a name that it keeps"));
            }
            (failure, _) = ("accepted by the BMC, but not applied".to_string(), refused.push(slot));
        }
        Err(match refused.as_slice() {
            [first, .., last] => format!("{failure} (tried {} slots, {first} to {last})", refused.len()),
            _ => failure,
        })
    }

    fn kept_name(&mut self, slot: u8) -> Result<String, String> {
        let read = self.session.try_ask(&GetUserName { user: slot });
        match read {
            Some(Ok(name)) => Ok(plain_name(&name.to_string())),
            Some(Err(error)) if error.completion() == Some(Completion::INVALID_FIELD) => Ok(String::new()),
            Some(Err(error)) => Err(format!("reading it back: {error}")),
            None => Err(self.session.fatal_cause().unwrap_or_default().to_string()),
        }
    }
}
