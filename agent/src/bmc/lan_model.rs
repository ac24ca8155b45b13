// SPDX-License-Identifier: MIT OR Apache-2.0
//! A BMC with several LAN channels, for tests.

use std::collections::BTreeMap;

use ipmi::NetFn;

use crate::bmc::session::shared::{Respond, Shared};
use crate::bmc::session::{BmcSession, TransportError};

/// What it stores, and how it behaves.
#[derive(Clone, Debug, Default)]
pub(crate) struct LanModel {
    /// Channels with their medium.
    pub(crate) channels: BTreeMap<u8, u8>,
    /// LAN configuration parameters by channel and number.
    pub(crate) lan: BTreeMap<(u8, u8), Vec<u8>>,
    /// Channel access by channel and store.
    pub(crate) access: BTreeMap<(u8, u8), [u8; 2]>,
    /// Completion codes for requests that begin with these bytes: network function, command, data; how often.
    pub(crate) refusals: Vec<(Vec<u8>, u8, usize)>,
    /// The address that a DHCP server gives to a channel, after so many readings of it.
    pub(crate) dhcp: Option<(usize, [u8; 4])>,
    /// Requests that change something: network function, command, data.
    pub(crate) changes: Vec<Vec<u8>>,
    /// Further parameters: by network function, command of the reading, and first bytes of its data.
    pub(crate) other: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl LanModel {
    /// Channels of medium LAN with these addresses.
    pub(crate) fn with(channels: &[(u8, [u8; 4])]) -> Self {
        let mut model = Self::default();
        for (channel, address) in channels {
            model.channels.insert(*channel, 4);
            model.access.extend([((*channel, 0x40), [0x02, 4]), ((*channel, 0x80), [0x02, 4])]);
            let values: [(u8, &[u8]); 9] = [
                (2, &[0x17, 0x17, 0x17, 0x17, 0]),
                (3, address),
                (4, &[1]),
                (5, &[2, 0, 0, 0, 0, *channel]),
                (6, &[255, 255, 255, 0]),
                (12, &[10, 0, 0, 1]),
                (20, &[0, 0]),
                (22, &[5]),
                (23, &[0, 0, 1, 2, 3, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            ];
            model.lan.extend(values.map(|(number, value)| ((*channel, number), value.to_vec())));
            model.lan.insert((*channel, 24), vec![0, 0x44, 0x44, 0x04, 0, 0, 0, 0, 0]);
        }
        model
    }

    /// A session with it.
    pub(crate) fn bmc(self) -> (BmcSession, Shared<Self>) {
        let shared = Shared::new(self);
        (shared.session(), shared)
    }

    fn answer(&mut self, net_fn: u8, code: u8, data: &[u8]) -> Vec<u8> {
        let request = [&[net_fn, code], data].concat();
        let refusal =
            self.refusals.iter_mut().find(|(start, _, left)| *left > 0 && request.starts_with(start));
        if let Some((_, code, left)) = refusal {
            *left -= 1;
            return vec![*code];
        }
        let ok = |value: &[u8]| [&[0], value].concat();
        match (net_fn, code, data) {
            (6, 0x01, _) => ok(&[0x20, 1, 4, 0x40, 2, 0xdf, 0xa2, 2, 0, 0, 1]),
            (6, 0x42, [channel]) => match self.channels.get(channel) {
                Some(medium) => ok(&[*channel, *medium, 1, 0x80, 0xf2, 0x1b, 0, 0, 0]),
                None => vec![0xcc],
            },
            (6, 0x41, [channel, store]) => match self.access.get(&(*channel, *store)) {
                Some(access) => ok(access),
                None => vec![0xcc],
            },
            (6, 0x40, [channel, access, limit]) => {
                self.changes.push(request.clone());
                self.access.insert((*channel, access & 0xc0), [access & 0x3f, limit & 0x0f]);
                vec![0]
            }
            // It requires the number of sessions.
            (6, 0x43, [_, _, _, _]) => {
                self.changes.push(request.clone());
                vec![0]
            }
            (6, 0x43, _) => vec![0xc7],
            (6, 0x44, [_, _]) => ok(&[10, 0x41, 0, 0x23]),
            (0x0c, 0x02, [channel, number, ..]) => self.parameter(*channel, *number),
            (0x0c, 0x01, [channel, number, value @ ..]) => {
                self.changes.push(request.clone());
                self.lan.insert((*channel, *number), value.to_vec());
                vec![0]
            }
            _ => match self.other.iter().find(|(start, _)| request.starts_with(start)) {
                Some((_, value)) => ok(value),
                None => vec![0xc1],
            },
        }
    }

    fn parameter(&mut self, channel: u8, number: u8) -> Vec<u8> {
        let is_dhcp = self.lan.get(&(channel, 4)).is_some_and(|source| source == &[2]);
        if let (3, true, Some((left, address))) = (number, is_dhcp, &mut self.dhcp) {
            let address = if *left == 0 { *address } else { [0; 4] };
            *left = left.saturating_sub(1);
            return [&[0, 0x11], address.as_slice()].concat();
        }
        match self.lan.get(&(channel, number)) {
            Some(value) => [&[0, 0x11], value.as_slice()].concat(),
            None => vec![0x80],
        }
    }
}

impl Respond for LanModel {
    fn respond(&mut self, net_fn: NetFn, code: u8, data: &[u8]) -> Result<Vec<u8>, TransportError> {
        Ok(self.answer(net_fn as u8, code, data))
    }
}
