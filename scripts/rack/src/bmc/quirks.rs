// SPDX-License-Identifier: MIT OR Apache-2.0
//! Behaviour of real BMCs that ipmi_sim lacks: few user slots, fixed user names, and tests of passwords.

use std::collections::{BTreeMap, BTreeSet};

use super::codec::Message;
use crate::spec::BmcSpec;

/// A BMC's quirks, and its users' passwords.
#[derive(Default)]
pub(crate) struct Quirks {
    slots: u8,
    fixed: BTreeSet<u8>,
    passwords: BTreeMap<u8, Vec<u8>>,
}

const APP: u8 = 0x06;
const SET_USER_ACCESS: u8 = 0x43;
const GET_USER_ACCESS: u8 = 0x44;
const SET_USER_NAME: u8 = 0x45;
const GET_USER_NAME: u8 = 0x46;
const SET_USER_PASSWORD: u8 = 0x47;
/// Operations of Set User Password (IPMI 2.0, section 22.30).
const SET: u8 = 2;
/// See [`SET`].
const TEST: u8 = 3;
/// The bytes of a password that ipmi_sim stores.
const STORED: usize = 16;
/// The longest password, in bytes.
const LONGEST: usize = 20;

const DONE: u8 = 0x00;
const WRONG_PASSWORD: u8 = 0x80;
const INVALID_FIELD: u8 = 0xcc;

impl Quirks {
    /// The quirks and passwords of a BMC as declared.
    pub fn new(spec: &BmcSpec) -> Quirks {
        let fixed = spec.users.iter().filter(|user| user.fixed).map(|user| user.slot).collect();
        let passwords = spec.users.iter().map(|user| (user.slot, stored(user.password.as_bytes()))).collect();
        Quirks { slots: spec.slots, fixed, passwords }
    }

    /// The response to a request that ipmi_sim does not handle: completion code and data.
    pub fn response(&self, request: &Message) -> Option<Vec<u8>> {
        let user = user(request)?;
        let refused = user > self.slots || (request.code == SET_USER_NAME && self.fixed.contains(&user));
        if refused {
            return Some(vec![INVALID_FIELD]);
        }
        let (operation, password) = password(request)?;
        let known = self.passwords.get(&user).cloned().unwrap_or_else(|| stored(&[]));
        (operation == TEST && password.len() >= STORED).then(|| {
            let mut tested = password.to_vec();
            tested.resize(LONGEST, 0);
            vec![if tested == known { DONE } else { WRONG_PASSWORD }]
        })
    }

    /// Corrects ipmi_sim's response to `request`.
    pub(crate) fn correct(&mut self, request: &Message, response: &mut [u8]) {
        let Some(user) = user(request) else { return };
        match (request.code, response) {
            // Get User Access (IPMI 2.0, section 22.27): the numbers of slots and of fixed names.
            (GET_USER_ACCESS, [DONE, slots, _, fixed, ..]) => {
                *slots = self.slots;
                *fixed = u8::try_from(self.fixed.len()).unwrap_or(u8::MAX);
            }
            (SET_USER_PASSWORD, [DONE, ..]) => {
                if let Some((SET, password)) = password(request) {
                    self.passwords.insert(user, stored(password));
                }
            }
            _ => {}
        }
    }
}

/// The slot of the user that a request refers to.
fn user(request: &Message) -> Option<u8> {
    let position = match (request.net_fn, request.code) {
        (APP, SET_USER_ACCESS | GET_USER_ACCESS) => 1,
        (APP, SET_USER_NAME | GET_USER_NAME | SET_USER_PASSWORD) => 0,
        _ => return None,
    };
    request.data.get(position).map(|byte| byte & 0x3f)
}

/// The operation and the password of Set User Password.
pub fn password(request: &Message) -> Option<(u8, &[u8])> {
    match request.data.as_slice() {
        [_, operation, password @ ..] if (request.net_fn, request.code) == (APP, SET_USER_PASSWORD) => {
            Some((operation & 3, password))
        }
        _ => None,
    }
}

/// A password as stored: truncated, and padded with zeros.
fn stored(password: &[u8]) -> Vec<u8> {
    let mut stored = password.get(..STORED).unwrap_or(password).to_vec();
    stored.resize(LONGEST, 0);
    stored
}
