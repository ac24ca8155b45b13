// SPDX-License-Identifier: MIT OR Apache-2.0
//! Malformed tables: what can be read is read, and one message for each kind of fault reports what was skipped.

use proptest::prelude::{any, prop, proptest};
use stage1::facts::smbios::{Found, parse};
use stage1_contract::facts::Smbios;

use crate::builder::{Structure, Tables, checked, entry32, entry64};
use crate::machines;

fn read(tables: &Tables) -> (Found, Vec<String>) {
    let mut problems = Vec::new();
    let found = parse(&tables.entry_point, &tables.table, &mut problems);
    (found, problems)
}

fn smbios(tables: &Tables) -> (Smbios, Vec<String>) {
    let (found, problems) = read(tables);
    (found.smbios.unwrap(), problems)
}

/// There is one problem, and its message has all of these words.
#[track_caller]
fn is_one_problem(problems: &[String], words: &[&str]) {
    let [problem] = problems else { panic!("not one problem: {problems:#?}") };
    for word in words {
        assert!(problem.contains(word), "{word:?} is not in {problem:?}");
    }
}

fn slots(count: u16) -> Vec<Structure> {
    (0..count).map(|slot| Structure::new(9, slot).text("PCI1").bytes(&[6, 5, 3, 3]).word(1).byte(4)).collect()
}

fn end() -> Structure {
    Structure::new(127, 0xfeff)
}

#[test]
fn good_tables_have_no_problem() {
    for (name, tables) in machines::all() {
        let problems = read(&tables).1;
        assert_eq!(problems.is_empty(), name != "blade", "{name}: {problems:?}");
    }
}

#[test]
fn a_table_that_ends_early_gives_what_is_before() {
    let whole = machines::server();
    let (complete, _) = smbios(&whole);
    for length in 0..whole.table.len() {
        let table = whole.table[..length].to_vec();
        let (found, problems) = smbios(&Tables { entry_point: whole.entry_point.clone(), table });
        assert!((1..4).contains(&problems.len()), "{length}: {problems:?}");
        assert!(complete.memory_devices.starts_with(&found.memory_devices), "{length}");
        assert!(complete.processors.starts_with(&found.processors), "{length}");
    }
}

#[test]
fn a_length_below_the_header_ends_the_walk() {
    let mut tables = Tables::bits64(3, 0, &[slots(2), vec![end()]].concat());
    let second = slots(1)[0].built().len();
    tables.table[second + 1] = 3;
    let (found, problems) = smbios(&tables);
    assert_eq!(found.slots.len(), 1);
    is_one_problem(&problems, &["structure 0x0001 (type 9)", "shorter than its header", "skipped"]);
}

#[test]
fn a_length_beyond_the_table_ends_the_walk() {
    let mut tables = Tables::bits64(3, 0, &slots(3));
    let third = 2 * slots(1)[0].built().len();
    tables.table[third + 1] = 0xf0;
    let (found, problems) = smbios(&tables);
    assert_eq!(found.slots.len(), 2);
    is_one_problem(&problems, &["structure 0x0002 (type 9)", "end not found within the table", "18 bytes"]);
}

#[test]
fn a_length_that_lies_within_the_table_costs_one_structure() {
    let short = Structure::new(4, 7).text("CPU1").bytes(&[3, 0xb3]);
    let (found, problems) = smbios(&Tables::bits64(3, 0, &[vec![short], slots(1), vec![end()]].concat()));
    assert!(found.processors.is_empty());
    assert_eq!(found.slots.len(), 1);
    is_one_problem(&problems, &["structure 0x0007 (type 4)", "shorter than its type requires", "skipped"]);
}

#[test]
fn missing_strings_are_left_out() {
    let bad =
        |handle| Structure::new(9, handle).byte(9).bytes(&[6, 5, 3, 3]).word(1).byte(4).unnamed(b"PCI1");
    let (found, problems) = smbios(&Tables::bits64(3, 0, &[bad(1), bad(2), bad(3), end()]));
    assert_eq!(found.slots.len(), 3);
    assert_eq!(found.slots[0].designation, None);
    is_one_problem(
        &problems,
        &["structure 0x0001 (type 9)", "refers to a missing string, number 9", "and 2 more"],
    );
}

#[test]
fn strings_that_are_not_utf8_are_shown_as_far_as_they_are() {
    let strings = Structure::new(9, 1).raw_text(b"PCI\xff1\x1b[2J").bytes(&[6, 5, 3, 3]).word(1).byte(4);
    let (found, problems) = smbios(&Tables::bits64(3, 0, &[strings, end()]));
    assert_eq!(found.slots[0].designation.as_deref(), Some("PCI\u{fffd}1\u{fffd}[2J"));
    is_one_problem(&problems, &["structure 0x0001 (type 9)", "not UTF-8"]);
}

#[test]
fn missing_announced_strings_are_one_problem() {
    let strings = Structure::new(11, 1).byte(255).unnamed(b"one");
    let (found, problems) = smbios(&Tables::bits64(3, 0, &[strings, end()]));
    assert_eq!(found.oem_strings[0].strings, [Some("one".to_string())]);
    is_one_problem(&problems, &["structure 0x0001 (type 11)", "number 2"]);
}

#[test]
fn items_that_do_not_all_fit_are_left_out() {
    let board = Structure::new(2, 1).bytes(&[0; 10]).byte(3).word(1).word(2);
    let slot = Structure::new(9, 2).bytes(&[0, 6, 5, 3, 3, 0, 0, 4, 0, 0, 0, 0, 0, 8, 200]).bytes(&[1; 40]);
    let (found, problems) = smbios(&Tables::bits64(3, 4, &[board, slot, end()]));
    assert!(found.baseboards[0].contained_handles.is_empty() && found.slots[0].peers.is_empty());
    is_one_problem(
        &problems,
        &["structure 0x0001 (type 2)", "too short for its list of items", "and 1 more"],
    );
}

#[test]
fn duplicate_handles_are_kept_and_reported() {
    let (found, problems) = smbios(&Tables::bits64(3, 0, &[slots(1), slots(1), vec![end()]].concat()));
    assert_eq!(found.slots.len(), 2);
    is_one_problem(&problems, &["structure 0x0000 (type 9)", "duplicate handle"]);
}

#[test]
fn handles_without_a_structure_or_in_a_circle_are_reported() {
    let device = |handle: u16, array: u16| {
        Structure::new(17, handle)
            .word(array)
            .word(0xfffe)
            .bytes(&[0; 8])
            .text("A")
            .text("B")
            .bytes(&[2, 2, 0])
    };
    let (found, problems) = smbios(&Tables::bits64(3, 0, &[device(1, 1), device(2, 1), device(3, 9), end()]));
    assert_eq!(found.memory_devices[0].array_handle, Some(1));
    is_one_problem(&problems, &["structure 0x0001 (type 17)", "type 16 handle 0x0001", "and 2 more"]);
}

#[test]
fn all_ones_and_all_zeros_are_one_problem() {
    for byte in [0xff, 0x00] {
        let entry_point = entry64(3, 0, 0x10000);
        let (found, problems) = smbios(&Tables { entry_point, table: vec![byte; 0x10000] });
        assert_eq!(found, Smbios { version: Some("3.0.0".to_string()), ..Smbios::default() });
        is_one_problem(&problems, &["65536 bytes", "skipped"]);
    }
}

#[test]
fn a_wrong_checksum_is_a_problem_and_no_end() {
    for (tables, name) in
        [(machines::server(), "_SM3_"), (machines::old(), "_SM_"), (machines::oldest(), "_DMI_")]
    {
        let (whole, _) = smbios(&tables);
        let mut entry_point = tables.entry_point.clone();
        *entry_point.last_mut().unwrap() ^= if name == "_DMI_" { 0x80 } else { 0x10 };
        entry_point[5] ^= u8::from(name == "_DMI_");
        let (found, problems) = smbios(&Tables { entry_point, table: tables.table.clone() });
        is_one_problem(&problems[..1], &[name, "wrong checksum", "only its version is used"]);
        assert_eq!(found.memory_devices, whole.memory_devices);
        assert_eq!(found.processors.len(), whole.processors.len());
    }
}

#[test]
fn a_wrong_intermediate_checksum_is_a_problem() {
    let tables = machines::old();
    let mut entry_point = tables.entry_point.clone();
    entry_point[0x15] ^= 1;
    let (found, problems) = smbios(&Tables { entry_point: checked(entry_point, 4), table: tables.table });
    is_one_problem(&problems, &["_SM_", "intermediate"]);
    assert_eq!(found.version.as_deref(), Some("2.3"));
}

#[test]
fn entry_points_that_are_too_short_or_none_are_a_problem() {
    let tables = machines::server();
    let cut = |length: usize| Tables {
        entry_point: tables.entry_point[..length].to_vec(),
        table: tables.table.clone(),
    };
    for length in [6, 7, 9, 23] {
        let (found, problems) = smbios(&cut(length));
        is_one_problem(&problems, &["_SM3_", "too short"]);
        assert_eq!(found.memory_devices.len(), 9);
    }
    let (found, problems) = smbios(&cut(0));
    is_one_problem(&problems, &["no anchor _SM3_, _SM_ or _DMI_"]);
    assert_eq!(found.version, None);
    assert_eq!(found.memory_devices.len(), 9);
}

#[test]
fn a_table_longer_than_announced_is_cut_there() {
    let tables = Tables::bits64(3, 0, &slots(2));
    let first = slots(1)[0].built().len();
    let entry_point = entry64(3, 0, u32::try_from(first).unwrap());
    let (found, problems) = smbios(&Tables { entry_point, table: tables.table });
    assert_eq!(found.slots.len(), 1);
    is_one_problem(&problems[..1], &["18 bytes beyond the length in the entry point"]);
}

#[test]
fn a_32_bit_entry_point_that_announces_more_or_less_is_reported() {
    let tables = Tables::bits32(2, 4, &slots(3));
    let announcing = |count: usize, length: usize| {
        let entry_point = entry32(2, 4, &vec![0; length], count);
        smbios(&Tables { entry_point, table: tables.table.clone() })
    };
    let (found, problems) = announcing(2, 54);
    assert_eq!(found.slots.len(), 2);
    is_one_problem(&problems, &["18 bytes after the 2 announced structures"]);
    let (found, problems) = announcing(5, 54);
    assert_eq!(found.slots.len(), 3);
    is_one_problem(&problems, &["3 structures, but the entry point announces 5"]);
    is_one_problem(&announcing(3, 60).1, &["54 bytes, but the entry point announces 60"]);
}

#[test]
fn structures_after_the_marker_count_where_their_number_is_announced() {
    let structures = [slots(1), vec![end()], machines_slots_after()].concat();
    assert_eq!(smbios(&Tables::bits32(2, 4, &structures)).0.slots.len(), 2);
    assert_eq!(smbios(&Tables::bits64(3, 0, &structures)).0.slots.len(), 1);
}

fn machines_slots_after() -> Vec<Structure> {
    slots(2).split_off(1)
}

#[test]
fn a_hostile_table_makes_few_problems() {
    let device =
        |handle: u16| Structure::new(17, handle % 7).word(0x4141).bytes(&[0x7f; 0x50]).raw_text(b"\xff\xff");
    let structures: Vec<Structure> = (0..600).map(device).collect();
    let (found, problems) = smbios(&Tables::bits64(3, 0, &structures));
    assert_eq!(found.memory_devices.len(), 600);
    assert!((2..8).contains(&problems.len()), "{problems:#?}");
}

proptest! {
    #[test]
    fn any_bytes_are_parsed(
        entry_point in prop::collection::vec(any::<u8>(), 0..40),
        table in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        assert!(read(&Tables { entry_point, table }).1.len() < 12);
    }

    #[test]
    fn tables_that_were_tampered_with_are_parsed(
        machine in 0usize..6,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        entry in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut tables = machines::all().swap_remove(machine).1;
        for (at, byte) in changes {
            *at.get_mut(&mut tables.table) = byte;
        }
        for (at, byte) in entry {
            *at.get_mut(&mut tables.entry_point) = byte;
        }
        assert!(read(&tables).1.len() < 12);
    }
}
