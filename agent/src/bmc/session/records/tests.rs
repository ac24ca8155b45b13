// SPDX-License-Identifier: MIT OR Apache-2.0

use ipmi::storage::SdrContent;

use super::*;
use crate::bmc::session::model::Model;
use crate::bmc::session::read_sdrs;

/// OEM records: the first of one byte, each further one ten bytes longer.
fn records(count: u8) -> impl Iterator<Item = (u16, Vec<u8>)> {
    (1..=count).map(|id| {
        let length = id * 10 - 9;
        let body = (0..length).map(move |at| at ^ id);
        (id.into(), [id, 0, 0x51, 0xc0, length].into_iter().chain(body).collect())
    })
}

/// The lengths of what was read, and the number of requests.
fn read(model: Model) -> (Vec<usize>, Vec<ParseWarning>, Option<Error>, usize) {
    let (mut bmc, shared) = model.bmc();
    let sdrs = read_sdrs(&mut bmc);
    let lengths = sdrs.records.iter().map(|sdr| match &sdr.content {
        SdrContent::Other { kind: 0xc0, data } => {
            assert!(data.iter().zip(0..).all(|(byte, at)| *byte == at ^ sdr.id as u8), "{sdr:?}");
            data.len()
        }
        other => panic!("{other:?}"),
    });
    let requests = shared.model().received.len();
    (lengths.collect(), sdrs.warnings, sdrs.ended, requests)
}

#[test]
fn whole_records_cost_a_request_each() {
    let (lengths, warnings, ended, requests) = read(Model::linked(records(9)));
    assert!(lengths.iter().eq((1..90).step_by(10).collect::<Vec<_>>().iter()));
    assert!(warnings.is_empty() && ended.is_none());
    assert_eq!(requests, 10);
}

#[test]
fn chunks_are_as_large_as_the_bmc_returns() {
    for most in [1, 4, 5, 16, 32, 200] {
        let (lengths, warnings, ended, _) = read(Model { most, ..Model::linked(records(9)) });
        assert!(
            lengths.len() == 9 && warnings.is_empty() && ended.is_none(),
            "{most}: {lengths:?} {ended:?}"
        );
    }
    let (lengths, ..) = read(Model { short: Some(7), ..Model::linked(records(9)) });
    assert_eq!(lengths.len(), 9, "the rest of a truncated response is requested");
}

#[test]
fn a_cancelled_reservation_is_renewed_a_few_times() {
    let (lengths, _, ended, _) = read(Model { most: 16, losses: 4, ..Model::linked(records(9)) });
    assert!(lengths.len() == 9 && ended.is_none());
    let (lengths, _, ended, _) = read(Model { most: 16, losses: u32::MAX, ..Model::linked(records(9)) });
    assert_eq!(ended.unwrap().completion(), Some(Completion::RESERVATION_CANCELLED));
    assert!(lengths.len() < 3, "records that need no reservation were read: {lengths:?}");
}

#[test]
fn reading_ends_at_a_loop() {
    for back_to in [0, 1, 2, 4] {
        let mut model = Model::linked(records(4));
        model.records[3].1 = back_to;
        let (lengths, warnings, ended, _) = read(model);
        assert!(lengths.len() == 4 && ended.is_none());
        assert_eq!(warnings, [ParseWarning::Loop { list: "SDR repository", record: back_to }]);
    }
}

#[test]
fn a_truncated_record_is_left_out() {
    let mut model = Model::linked(records(3));
    model.records[1].2.truncate(3);
    let (lengths, warnings, ended, _) = read(model);
    assert!(lengths == [1, 21] && ended.is_none());
    assert_eq!(
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["record 0x0002 of the SDR repository: response truncated: record type: needs 4 bytes, has 3"]
    );
}

#[test]
fn reading_ends_when_the_bmc_stops_responding() {
    let (lengths, _, ended, _) = read(Model { stops_after: Some(4), ..Model::linked(records(9)) });
    assert_eq!(lengths.len(), 3);
    assert!(ended.unwrap().is_fatal());
}

#[test]
fn without_a_repository_the_device_sdrs_are_read() {
    let (lengths, _, ended, _) = read(Model { has_device_sdrs: true, most: 9, ..Model::linked(records(3)) });
    assert!(lengths == [1, 11, 21] && ended.is_none());
    let (lengths, _, ended, _) = read(Model::default());
    assert!(lengths.is_empty() && ended.unwrap().is_absent());
}
