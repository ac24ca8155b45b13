// SPDX-License-Identifier: MIT OR Apache-2.0
use stage1_contract::Facts;
use stage1_contract::firmware::SkipReason;
use stage1_contract::firmware::manifest::Component;

use super::{Matches, matches};
use crate::firmware::fixture::{CLASS, board, machine, manifests, nic, pci, port};
use crate::firmware::reading::ReadError;

const VERSION: &str =
    "version = { want = \"22.39.2048\", source = \"devlink:fw\", format = \"triplet\" }\nimage = IMAGE";
const DMI: &str = "version = { want = \"2.19.1\", source = \"dmi\", format = \"triplet\" }\nimage = IMAGE";

/// The entries that match, with their devices.
fn matched(facts: &Facts, entries: &str) -> Vec<(String, String)> {
    let set = manifests(entries);
    let found: Matches = matches(facts, &set);
    found.matched.iter().map(|matched| (matched.entry.name.clone(), matched.device.name.clone())).collect()
}

/// Why a device was skipped; `None` if it was not.
fn skipped(facts: &Facts, entries: &str, device: &str) -> Option<SkipReason> {
    let set = manifests(entries);
    let found = matches(facts, &set);
    let skipped = found.skipped.into_iter().find(|skipped| skipped.device == device);
    skipped.map(|skipped| skipped.reason)
}

/// The running and the stored version of the only component that matches.
fn reading(facts: &Facts, entry: &str) -> Result<(String, Option<String>), ReadError> {
    let set = manifests(entry);
    let mut found = matches(facts, &set).matched;
    assert_eq!(found.len(), 1);
    found.remove(0).reading.map(|reading| (reading.running, reading.stored))
}

fn source(source: &str) -> String {
    nic(&format!("version = {{ want = \"1\", source = \"{source}\", format = \"plain\" }}\nimage = IMAGE"))
}

#[test]
fn the_ports_of_an_adapter_are_one_component() {
    let found = matched(&machine(), &format!("{}{}", nic(VERSION), board(DMI)));
    let expected = [("nic", "0000:3b:00.0"), ("board", "board")];
    assert_eq!(found, expected.map(|(name, device)| (name.to_string(), device.to_string())));

    let set = manifests(&nic(VERSION));
    let device = &matches(&machine(), &set).matched[0].device;
    assert_eq!((device.key.as_str(), device.port.as_deref()), ("serial/SN1", Some("eth-0000:3b:00.0")));
    assert_eq!(device.component, Component::Nic);
}

#[test]
fn an_adapter_on_two_buses_is_identified_by_its_serial_number() {
    let mut facts = machine();
    facts.nics.push(port("0000:3c:00.0", "SN1"));
    facts.pci.push(pci("0000:3c:00.0", "0x15b3", "0x101d"));
    assert_eq!(matched(&facts, &nic(VERSION)).len(), 1);
    facts.nics.push(port("0000:5e:00.0", "SN2"));
    facts.pci.push(pci("0000:5e:00.0", "0x15b3", "0x101d"));
    assert_eq!(matched(&facts, &nic(VERSION)).len(), 2);
}

#[test]
fn an_adapter_without_serial_number_is_identified_by_its_address() {
    let mut facts = machine();
    for nic in &mut facts.nics {
        nic.devlink.iter_mut().for_each(|devlink| devlink.serial = None);
    }
    let set = manifests(&nic(VERSION));
    assert_eq!(matches(&facts, &set).matched[0].device.key, "pci/0000:3b:00.0");
}

#[test]
fn everything_that_is_given_must_match() {
    let with = |old: &str, new: &str| matched(&machine(), &nic(VERSION).replace(old, new)).len();
    let pci = "pci = [\"15b3:101d\"]";
    assert_eq!(with(pci, "pci = [\"15b3:101b\", \"15b3:101d:15b3:0016\"]"), 1);
    assert_eq!(with(pci, "pci = [\"15b3:101d:15b3:0017\"]"), 0);
    assert_eq!(
        with(
            pci,
            "pci = [\"15b3:101d\"], driver = \"mlx5_core\", fixed = { \"fw.psid\" = \"MT_0000000359\" }"
        ),
        1
    );
    assert_eq!(with(pci, "pci = [\"15b3:101d\"], driver = \"mlx5\""), 0);
    assert_eq!(with(pci, "pci = [\"15b3:101d\"], fixed = { \"fw.psid\" = \"MT_0000000360\" }"), 0);
    assert_eq!(with(pci, "pci = [\"15b3:101d\"], fixed = { \"board.id\" = \"X\" }"), 0);

    let board =
        |matched_by: &str| matched(&machine(), &board(DMI).replace("product = \"R640\"", matched_by)).len();
    assert_eq!(
        board(
            "sys_vendor = \"Dell Inc.\", product = \"R640\", board_vendor = \"Dell Inc.\", board_name = \"0X45NX\""
        ),
        1
    );
    assert_eq!(board(&format!("esrt = \"{CLASS}\"")), 1);
    assert_eq!(board("product = \"R64\""), 0);
    assert_eq!(board("product = \"r640\""), 0);
    assert_eq!(board("board_name = \"PCIe riser\""), 0, "only the first board is the machine's");
    assert_eq!(board("product = \"R640\", sys_vendor = \"HPE\""), 0);
    assert_eq!(board("esrt = \"6bd2efb9-23ab-4b4c-bc37-016517413e9a\""), 0);
    assert_eq!(board(""), 0, "an entry that asks for nothing matches nothing");
}

#[test]
fn a_component_that_no_entry_matches_or_two_is_skipped() {
    assert_eq!(skipped(&machine(), &nic(VERSION), "0000:00:1f.6"), Some(SkipReason::NoEntry));
    assert_eq!(skipped(&machine(), &nic(VERSION), "board"), Some(SkipReason::NoEntry));
    assert_eq!(skipped(&machine(), &nic(VERSION), "0000:3b:00.0"), None);
    let two =
        format!("{}{}", nic(VERSION), nic(VERSION).replace("\"nic\"\ncomponent", "\"other\"\ncomponent"));
    let both = SkipReason::Ambiguous(vec!["nic".to_string(), "other".to_string()]);
    assert_eq!(skipped(&machine(), &two, "0000:3b:00.0"), Some(both));
    assert_eq!(matched(&machine(), &two), []);
    let template = nic("version = { source = \"devlink:fw\", format = \"triplet\" }");
    assert_eq!(
        skipped(&machine(), &template, "0000:3b:00.0"),
        Some(SkipReason::NoEntry),
        "a template matches nothing"
    );
    assert_eq!(matched(&machine(), &format!("{}{template}", nic(VERSION))).len(), 1);
}

#[test]
fn versions_are_read_from_the_source_of_the_entry() {
    let ok = |running: &str, stored: Option<&str>| Ok((running.to_string(), stored.map(str::to_string)));
    assert_eq!(reading(&machine(), &source("devlink:fw")), ok("22.31.1014", Some("22.31.1014")));
    assert_eq!(reading(&machine(), &source("ethtool")), ok("22.31.1014 (MT_0000000359)", None));
    assert_eq!(reading(&machine(), &source("ethtool:1")), ok("22.31.1014", None));
    for missing in ["ethtool:3", "devlink:fw.mgmt"] {
        let error = ReadError::Missing(missing.parse().unwrap());
        assert_eq!(reading(&machine(), &source(missing)), Err(error));
    }
    assert_eq!(reading(&machine(), &source("tool")), Err(ReadError::NotQueried));

    let of_board = |source: &str| {
        let version = format!(
            "version = {{ want = \"1.1.1\", source = \"{source}\", format = \"dell-bios\" }}\nimage = IMAGE"
        );
        board(&version).replace("product = \"R640\"", &format!("esrt = \"{CLASS}\""))
    };
    assert_eq!(reading(&machine(), &of_board("dmi")), ok("2.12.2", None));
    assert_eq!(reading(&machine(), &of_board("dmi:release")), ok("2.12", None));
    assert_eq!(reading(&machine(), &of_board("esrt")), ok("2.12.2", None));
    let set = manifests(&of_board("esrt"));
    let lowest = matches(&machine(), &set).matched[0].reading.clone().unwrap().lowest;
    assert_eq!(lowest.as_deref(), Some("2.5.0"));
}

#[test]
fn functions_of_one_adapter_that_disagree_have_no_version() {
    let mut facts = machine();
    let running = &mut facts.nics[0].devlink.as_mut().unwrap().running;
    running.insert("fw".to_string(), "22.30.0".to_string());
    let error = reading(&facts, &nic(VERSION)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "its functions report different versions at devlink:fw: 22.30.0, 22.31.1014"
    );
}

#[test]
fn the_security_revision_is_a_number_of_its_own() {
    let security = |source: &str| {
        let version = format!(
            "version = {{ want = \"1.1.1\", source = \"devlink:fw\", format = \"triplet\", security = {{ revision = 4, source = \"{source}\" }} }}\nimage = IMAGE"
        );
        let set = manifests(&nic(&version));
        matches(&machine(), &set).matched[0].security.clone().unwrap()
    };
    assert_eq!(security("devlink:fw.srev"), Ok(4));
    assert!(security("devlink:fw.psid").unwrap_err().to_string().contains("is not a number"));
    assert!(security("devlink:other").is_err());
    let version = "version = { want = \"2.19.1\", source = \"dmi\", format = \"triplet\", security = { revision = 5, source = \"esrt\" } }\nimage = IMAGE";
    let set = manifests(&board(version).replace("product = \"R640\"", &format!("esrt = \"{CLASS}\"")));
    assert_eq!(matches(&machine(), &set).matched[0].security, Some(Ok(0x0002_0500)));
}

#[test]
fn usb_adapters_and_machines_without_anything_have_no_components() {
    let mut facts = machine();
    facts.nics.iter_mut().for_each(|nic| nic.bus = Some("usb".to_string()));
    assert_eq!(matched(&facts, &nic(VERSION)), []);
    assert_eq!(matched(&Facts::default(), &format!("{}{}", nic(VERSION), board(DMI))), []);
}
