// SPDX-License-Identifier: MIT OR Apache-2.0

use std::sync::atomic::{AtomicU32, Ordering};

use ipmi::storage::{SelInfo, Timestamp};

use super::*;
use crate::bmc::session::model::Model;
use crate::bmc::session::shared::Shared;

/// 2026-11-28 00:00 UTC.
const NOW: u64 = 1_795_824_000;

/// A CPU's temperature, number 1, whose factors are 1; owned by that controller.
fn temperature(owner: u8) -> Sdr {
    let mut body =
        vec![owner, 0, 1, 3, 1, 0x7f, 0x68, 1, 1, 0, 0, 0, 0, 0, 0, 0x80, 1, 0, 0, 1, 0, 0, 0, 0, 0];
    body.extend([0; 17]);
    body.extend(b"\xc8CPU Temp");
    sdr(0x01, &body)
}

fn controller() -> Sdr {
    sdr(0x12, b"\x2c\x06\x00\x3f\x00\x00\x00\x2e\x01\x00\xc5NM SP")
}

fn sdr(kind: u8, body: &[u8]) -> Sdr {
    Sdr::parse(&[&[1, 0, 0x51, kind, body.len() as u8], body].concat()).unwrap()
}

/// An event of this generator, from byte 11 of its record on.
fn entry(generator: [u8; 2], event: [u8; 6], sdrs: &[Sdr]) -> SelEntry {
    let record = [&[1, 0, 2, 0, 0, 0, 0x60], &generator[..], &[4], &event].concat();
    let info = SelInfo {
        version: 0x51,
        records: 1,
        free: 0,
        last_addition: Timestamp::Unspecified,
        last_erase: Timestamp::Unspecified,
        has_overflowed: false,
        can_reserve: true,
    };
    let records = vec![SelRecord::parse(&record).unwrap()];
    let sel = Sel { info, records, unread: 0, warnings: vec![], ended: None };
    let [entry] = events::summary(sel, sdrs, Depth::Everything, &mut vec![]).events.try_into().unwrap();
    entry
}

const HOT: [u8; 6] = [0x01, 0x01, 0x01, 0x59, 0x66, 0x5a];

#[test]
fn a_thresholds_event_has_its_values_in_the_unit_of_the_sensor() {
    let hot = entry([0x20, 0], HOT, &[temperature(0x20)]);
    assert_eq!((hot.sensor_name.as_deref(), hot.generator), (Some("CPU Temp"), None));
    assert_eq!(hot.detail.as_deref(), Some("102 > 90 degrees C"));
    assert_eq!((hot.data.as_deref(), hot.generator_id), (Some("59665a"), Some(0x20)));
    let low = entry([0x20, 0], [0x01, 0x01, 0x01, 0x52, 0x05, 0x0a], &[temperature(0x20)]);
    assert_eq!(low.detail.as_deref(), Some("5 < 10 degrees C"));
    let reading = entry([0x20, 0], [0x01, 0x01, 0x01, 0x49, 0x66, 0xff], &[temperature(0x20)]);
    assert_eq!(reading.detail.as_deref(), Some("102 degrees C"));
    let raw = entry([0x20, 0], HOT, &[]);
    assert_eq!((raw.detail.as_deref(), raw.sensor_name), (Some("raw reading 0x66 > 0x5a"), None));
}

#[test]
fn an_event_of_another_generator_has_no_name_of_a_bmcs_sensor() {
    let sdrs = [temperature(0x20), controller()];
    for (generator, source, id) in [
        ([0x01, 0], "BIOS", 0x01),
        ([0x33, 0], "SMI Handler", 0x33),
        ([0x41, 0], "System Management Software", 0x41),
        ([0x2c, 0x60], "NM SP (0x2c)", 0x602c),
        ([0x82, 0], "controller 0x82", 0x82),
        ([0x20, 1], "BMC, LUN 1", 0x0120),
    ] {
        let hot = entry(generator, HOT, &sdrs);
        assert_eq!(hot.sensor_name, None, "{source}");
        assert_eq!((hot.generator.as_deref(), hot.generator_id), (Some(source), Some(id)));
        assert_eq!(hot.detail.as_deref(), Some("raw reading 0x66 > 0x5a"), "{source}");
    }
    // The same number and generator, but of a memory sensor.
    let memory = entry([0x20, 0], [0x0c, 0x01, 0x6f, 0x31, 0xff, 0x05], &sdrs);
    assert_eq!((memory.sensor_name, memory.detail.as_deref()), (None, Some("DIMM 5")));
    let own = entry([0x2c, 0x60], HOT, &[temperature(0x20), temperature(0x2c)]);
    assert_eq!(own.sensor_name.as_deref(), Some("CPU Temp"), "the controller has such a sensor");
}

/// The commands in the order in which they were first sent.
fn order(shared: &Shared<Model>) -> Vec<u8> {
    let mut codes = Vec::new();
    for code in &shared.model().received {
        if !codes.contains(code) {
            codes.push(*code);
        }
    }
    codes
}

#[test]
fn what_finds_the_part_is_read_first() {
    let (mut bmc, shared) = Model { fru: vec![0xff; 64], fru_size: 64, ..Model::default() }.bmc();
    let (health, problems) = health(&mut bmc, Depth::Report, NOW);
    assert_eq!(order(&shared), [0x10, 0x11, 0x40, 0x20, 0x21, 0x02]);
    assert_eq!(problems, [] as [String; 0]);
    assert_eq!(health.frus[0].problems, ["erased: its first 8 bytes are 0xff"]);
    assert_eq!(health.out_of_time, [] as [String; 0]);
}

#[test]
fn what_is_missing_when_the_time_is_over_is_named() {
    for (parts, missing) in [
        (1, &["events", "SDR repository", "other FRUs", "sensors", "power draw"][..]),
        (2, &["SDR repository", "other FRUs", "sensors", "power draw"]),
        (5, &["power draw"]),
    ] {
        let (mut bmc, _) = Model::default().bmc();
        let mut reader = HealthReader::new(Depth::Report, NOW);
        (0..parts).for_each(|_| assert!(reader.read_part(&mut bmc)));
        bmc.end_with(|| true);
        assert!(!reader.read_part(&mut bmc));
        let (health, problems) = reader.finish();
        assert_eq!(health.out_of_time, missing);
        assert_eq!(problems, [] as [String; 0]);
        assert!(out_of_time(&health).unwrap().starts_with("out of time: "));
    }
}

#[test]
fn a_bmc_that_hangs_is_not_out_of_time() {
    let (mut bmc, _) = Model { stops_after: Some(1), ..Model::default() }.bmc();
    let (health, problems) = health(&mut bmc, Depth::Report, NOW);
    assert_eq!(health.out_of_time, [] as [String; 0]);
    let [problem] = problems.try_into().unwrap();
    assert!(problem.starts_with("the BMC stopped responding, no further requests are sent: "), "{problem}");
}

#[test]
fn an_event_that_was_read_stays_when_the_time_is_over() {
    let record = |id: u8| (id.into(), [&[id, 0, 0x02], &[0x60; 13][..]].concat());
    let (mut bmc, _) = Model::linked((1..=9).map(record)).bmc();
    let asked = AtomicU32::new(0);
    bmc.end_with(move || asked.fetch_add(1, Ordering::Relaxed) > 4);
    let (health, records, problems) = events(&mut bmc, 9);
    let read = records.len();
    assert!((1..9).contains(&read), "{read}");
    assert_eq!(health.sel.unwrap().events.len(), read);
    assert_eq!(health.out_of_time, ["events", "SDR repository"]);
    assert!(problems[0].starts_with("out of time"), "so that the log is not erased: {problems:?}");
}
