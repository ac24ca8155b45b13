// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the BMC knows of the hardware, compared with ipmitool, and the event log that is erased.

use stage1::bmc::session::{erase_sel, read_sel};
use stage1::bmc::{Depth, health};

use crate::agent::{run, session};
use crate::{Stand, TIME};

/// 2026-11-28 00:00 UTC.
const NOW: u64 = 1_795_824_000;

const SENSOR: &str = "[[host.bmc.sensor]]\nnumber = 4\nname = 'Inlet Temp'\nkind = 1\nunit = 1\nreading = 55\n\
                      r_exponent = -1\nm = 4\nupper_critical = 105\n\
                      [[host.bmc.event]]\nkind = 1\nsensor = 4\nreading = 1\ndata = [0x59, 110, 105]\n";

fn printed(stand: &Stand, words: &[&str]) -> String {
    let printed = stand.bmc.ipmitool("ADMIN", "factory", words).unwrap();
    // Without its columns.
    printed.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn events_and_inventory_are_those_of_ipmitool() {
    let fru = "[host.bmc.fru.board]\nmanufacturer = 'V'\nserial = 'B1'\n\
               [host.bmc.fru.product]\nproduct = 'Rack Server'\nasset = '4'\n";
    let stand = Stand::up("", &format!("{SENSOR}{fru}"));
    let mut bmc = session(&stand, TIME);
    let (health, problems) = health(&mut bmc, Depth::Everything, NOW);
    assert!(problems.is_empty(), "{problems:?}");
    let sel = health.sel.unwrap();
    let event = sel.events.iter().find(|event| event.sensor == Some(4)).unwrap();
    assert_eq!(event.sensor_name.as_deref(), Some("Inlet Temp"));
    assert_eq!(event.detail.as_deref(), Some("44 > 42 degrees C"));
    let list = printed(&stand, &["sel", "elist"]);
    assert!(list.contains("Temperature Inlet Temp | Upper Critical going high | Asserted"), "{list}");
    assert!(list.contains("Reading 44 > Threshold 42 degrees C"), "{list}");

    let fru = &health.frus[0];
    let ours = [&fru.board_manufacturer, &fru.board_serial, &fru.product_name, &fru.asset_tag];
    assert_eq!(ours.map(|text| text.as_deref()), [Some("V"), Some("B1"), Some("Rack Server"), Some("4")]);
    let theirs = printed(&stand, &["fru", "print", "0"]);
    for line in ["Board Mfg : V", "Board Serial : B1", "Product Name : Rack Server", "Product Asset Tag : 4"]
    {
        assert!(theirs.contains(line), "{line}: {theirs}");
    }
}

#[test]
fn an_event_that_came_after_the_log_was_read_is_not_erased() {
    let stand = Stand::up("", SENSOR);
    let mut bmc = session(&stand, TIME);
    let read = read_sel(&mut bmc, usize::MAX).unwrap();
    assert!(!read.records.is_empty());
    // Add SEL Entry, as a BIOS does.
    let record = [0, 0, 2, 0, 0, 0, 0, 0x01, 0, 4, 0x0c, 0x09, 0x6f, 0x31, 0xff, 0x05];
    assert_eq!(stand.ask(0x0a, 0x44, &record)[0], 0);
    assert!(!erase_sel(&mut bmc, read.records.last(), || ()).unwrap());
    let newer = read_sel(&mut bmc, usize::MAX).unwrap();
    assert_eq!(newer.records.len(), read.records.len() + 1);
    assert!(printed(&stand, &["sel", "list"]).contains("Memory #0x09"));
    assert!(erase_sel(&mut bmc, newer.records.last(), || ()).unwrap());
    assert!(printed(&stand, &["sel", "info"]).contains("Entries : 0"));
}

#[test]
fn a_watchdog_that_the_firmware_left_running_is_stopped() {
    let stand = Stand::up("", "");
    // OS load, hard reset, 300 s, of which 272 are left.
    stand.faults(&["06 25 times 1 data 43010010B80BA00A"]);
    let stopped = run(&stand, "ipmi_over_lan = true\n");
    let left = "watchdog: left running by the firmware (OS load): it resets the host in 272 s";
    assert!(stopped.problems.iter().any(|problem| problem == left), "{:?}", stopped.problems);
    let changes = stopped.outcome.changes.iter().map(|change| change.what.as_str());
    assert!(changes.clone().any(|change| change == "watchdog: stopped"), "{:?}", stopped.outcome);
    let counts = stand.bmc.proxy().counts();
    assert_eq!((counts.get(&(6, 0x24)), counts.get(&(6, 0x22))), (Some(&1), None));
    assert!(stopped.outcome.is_as_desired, "{:?}", stopped.outcome);
}
