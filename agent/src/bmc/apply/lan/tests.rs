// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;
use crate::bmc::lan_changes::Channel;
use crate::bmc::lan_model::LanModel;

const CHANNEL: Channel = Channel { number: 1, is_in_use: true };
const SET_GATEWAY: [u8; 4] = [0x0c, 0x01, 1, 12];

/// Static address and gateway in place of DHCP.
fn change() -> LanChange {
    let step = |to, from| LanStep { to, from };
    let steps = vec![
        step(LanParameter::Dhcp(false), Some(LanParameter::Dhcp(true))),
        step(LanParameter::Address([10, 9, 9, 9]), None),
        step(LanParameter::Mask([255, 255, 0, 0]), Some(LanParameter::Mask([255, 255, 255, 0]))),
        step(LanParameter::Gateway([10, 9, 9, 1]), None),
    ];
    LanChange { channel: 1, steps }
}

fn with_dhcp() -> LanModel {
    let mut model = LanModel::with(&[(1, [10, 0, 0, 9])]);
    model.lan.insert((1, 4), vec![2]);
    model
}

/// The parameters that were set, with their values.
fn set(changes: &[Vec<u8>]) -> Vec<&[u8]> {
    changes.iter().map(|change| &change[3..]).collect()
}

#[test]
fn a_refused_parameter_leaves_the_others_as_they_were() {
    let (mut bmc, shared) = LanModel { refusals: vec![(SET_GATEWAY.to_vec(), 0xcc, 9)], ..with_dhcp() }.bmc();
    let error = parameters(&mut bmc, &change()).unwrap_err().to_string();
    assert_eq!(
        error,
        "gateway 10.9.9.1 was refused: LAN parameter 12, default gateway: 0xcc, invalid data field in request; the others are as \
         they were"
    );
    let model = shared.model();
    assert_eq!((&model.lan[&(1, 4)], &model.lan[&(1, 6)]), (&vec![2], &vec![255, 255, 255, 0]));
    let [.., mask, source, complete] = set(&model.changes)[..] else { panic!("{:?}", model.changes) };
    assert_eq!((mask, source, complete), (&[6, 255, 255, 255, 0][..], &[4, 2][..], &[0, 0][..]));
}

#[test]
fn what_cannot_be_put_back_is_named() {
    let put_back = ([0x0c, 0x01, 1, 4, 2].to_vec(), 0xff, 9);
    let refusals = vec![(SET_GATEWAY.to_vec(), 0xcc, 9), put_back];
    let (mut bmc, _) = LanModel { refusals, ..with_dhcp() }.bmc();
    let error = parameters(&mut bmc, &change()).unwrap_err().to_string();
    let expected = "what was set before it could not be put back: address source DHCP (LAN parameter 4, IP address source: 0xff";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_parameter_that_is_read_only_until_dhcp_has_ended_is_set() {
    for code in [0x82, 0xd5, 0xc0] {
        let refusals = vec![(vec![0x0c, 0x01, 1, 3], code, 3)];
        let (mut bmc, shared) = LanModel { refusals, ..with_dhcp() }.bmc();
        parameters(&mut bmc, &change()).unwrap();
        assert_eq!(shared.model().lan[&(1, 3)], [10, 9, 9, 9], "{code:#x}");
    }
}

#[test]
fn the_lock_is_optional_whatever_code_refuses_it() {
    for code in [0x80, 0x82, 0xc1, 0xc7, 0xcc, 0xd4, 0xd5, 0xff] {
        let refusals = vec![(vec![0x0c, 0x01, 1, 0], code, 99)];
        let (mut bmc, shared) = LanModel { refusals, ..with_dhcp() }.bmc();
        parameters(&mut bmc, &change()).unwrap();
        let model = shared.model();
        assert_eq!(set(&model.changes).len(), 4, "{code:#x}");
        assert_eq!(model.lan[&(1, 12)], [10, 9, 9, 1]);
    }
}

#[test]
fn a_lock_that_was_left_is_released_first() {
    let (mut bmc, shared) =
        LanModel { refusals: vec![(vec![0x0c, 0x01, 1, 0, 1], 0x81, 1)], ..with_dhcp() }.bmc();
    parameters(&mut bmc, &change()).unwrap();
    let model = shared.model();
    let lock: Vec<&[u8]> = set(&model.changes).into_iter().filter(|change| change[0] == 0).collect();
    assert_eq!(lock, [[0, 0], [0, 1], [0, 2], [0, 0]]);
}

#[test]
fn access_is_changed_in_both_stores_and_the_rest_stays() {
    let mut model = LanModel::with(&[(1, [10, 0, 0, 9])]);
    model.access = [((1, 0x40), [0x38, 2]), ((1, 0x80), [0x3a, 5])].into();
    let (mut bmc, shared) = model.bmc();
    let change = AccessChange {
        channel: CHANNEL,
        is_available: Some(true),
        limit: Some(Privilege::Administrator),
        is_authenticated: true,
    };
    access(&mut bmc, &change).unwrap();
    let stored = shared.model().access.clone();
    assert_eq!((stored[&(1, 0x40)], stored[&(1, 0x80)]), ([0x22, 4], [0x22, 5]));
    access(&mut bmc, &change).unwrap();
    assert_eq!(shared.model().changes.len(), 2, "the second time nothing is written");
}

#[test]
fn the_number_of_sessions_is_sent_where_the_bmc_requires_it_or_it_is_limited() {
    let (mut bmc, shared) = LanModel::with(&[(1, [10, 0, 0, 9]), (3, [0; 4])]).bmc();
    crate::bmc::apply::access(&mut bmc, 1, 4, Privilege::Operator).unwrap();
    crate::bmc::apply::sessions(&mut bmc, &[1, 3], 4, 2).unwrap();
    let changes = shared.model().changes.clone();
    let expected = [[0xb1, 4, 3, 0], [0xa1, 4, 3, 2], [0xa3, 4, 3, 2]];
    assert_eq!(changes, expected.map(|data| [&[6, 0x43], data.as_slice()].concat()));
}

#[test]
fn as_many_cipher_levels_are_written_as_were_read() {
    let mut model = LanModel::with(&[(1, [10, 0, 0, 9])]);
    model.lan.insert((1, 24), vec![0, 0x44, 0x02]);
    let (mut bmc, shared) = model.bmc();
    let change = CipherChange {
        channel: CHANNEL,
        disabled: vec![0, 1],
        enabled: vec![2],
        level: Privilege::Administrator,
    };
    ciphers(&mut bmc, &change).unwrap();
    assert_eq!(shared.model().lan[&(1, 24)], [0, 0x00, 0x04]);
}
