// SPDX-License-Identifier: MIT OR Apache-2.0
//! SMBIOS: our facts compared with dmidecode's, and malformed tables.

mod builder;
mod comparing;
mod dmidecode;
mod machines;
mod malformed;
mod random;
mod reading;
mod rendering;

use std::fs;
use std::path::{Path, PathBuf};

use builder::Tables;
use comparing::Comparison;
use serde_json::Value;
use stage1::facts::smbios;
use stage1_contract::Facts;

/// Where the tables of real machines are.
const DUMPS: &str = "../shared/fixtures/smbios";

/// Where the trees of virtual machines are, one each.
const GUESTS: &str = "target/facts-guests";

/// Every table that there is, compared with dmidecode; and every accepted difference occurs.
#[test]
fn facts_agree_with_dmidecode() {
    if !dmidecode::is_installed() {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"SKIPPED: there is no dmidecode; scripts/setup installs it\n",
        );
        return;
    }
    let comparison = Comparison::default();
    let mut faults = Vec::new();
    let mut agrees = |name: &str, (differences, compared): (Vec<String>, usize)| {
        println!("{name}: {compared} fields compared, {} differ", differences.len());
        faults.extend(differences);
        if compared == 0 {
            faults.push(format!("{name}: no field was compared"));
        }
    };
    for (name, tables) in machines::all() {
        agrees(name, comparison.differences(name, &tables));
    }
    for seed in 1..=200 {
        let name = format!("any values, {seed}");
        agrees(&name, comparison.differences(&name, &random::tables(seed)));
    }
    let server = machines::server();
    for length in (151..server.table.len()).step_by(101) {
        let cut = Tables { table: server.table[..length].to_vec(), ..server.clone() };
        let name = format!("two-socket server, its first {length} bytes");
        agrees(&name, comparison.differences(&name, &cut));
    }
    for tree in trees() {
        agrees(&tree.display().to_string(), comparison.tree(&tree));
    }
    let dumps = dumps();
    for (name, tables) in &dumps {
        agrees(name, comparison.differences(name, tables));
    }
    if dumps.is_empty() {
        println!("there are no dumps of real machines in {DUMPS}");
    } else {
        faults.extend(
            comparison.unused().into_iter().map(|line| format!("accepted, but it never occurs: {line}")),
        );
    }
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
}

/// The comparison would see a difference.
#[test]
fn a_difference_from_dmidecode_is_seen() {
    if !dmidecode::is_installed() {
        return;
    }
    let printed = dmidecode::print(&machines::server()).unwrap();
    let found = smbios::parse(&machines::server().entry_point, &machines::server().table, &mut Vec::new());
    let mut facts = found.smbios.unwrap();
    facts.memory_devices[0].size_bytes = Some(1 << 30);
    facts.memory_devices[1].serial = None;
    facts.memory_devices[3].rank = Some(1);
    facts.slots.remove(0);
    facts.caches.push(facts.caches[0].clone());
    let (differences, _) = Comparison::default().compare("server", printed, found.system.as_ref(), &facts);
    let seen = |word: &str| differences.iter().filter(|line| line.contains(word)).count();
    assert_eq!((seen("Size:"), seen("Serial Number:"), seen("Rank:")), (1, 1, 1), "{differences:#?}");
    assert!(seen("type 9 handle 0x0900") > 5 && seen("only we have") == 1, "{differences:#?}");
}

#[test]
fn placeholders_point_at_every_text_that_is_one_and_at_nothing_else() {
    for text in ["Default string", "To be filled by O.E.M.", "Unknown", "NO DIMM", "ACME-77"] {
        let structures: Vec<_> =
            machines::server_structures().into_iter().map(|it| it.with_text(text)).collect();
        let tables = Tables::bits64(3, 8, &structures);
        let found = smbios::parse(&tables.entry_point, &tables.table, &mut Vec::new());
        let facts = Facts { system: found.system, smbios: found.smbios, ..Facts::default() };
        let facts = serde_json::to_value(&facts).unwrap();
        for pointer in &found.placeholders {
            assert_eq!(facts.pointer(pointer).and_then(Value::as_str), Some(text), "{pointer}");
        }
        let there = serde_json::to_string(&facts).unwrap().matches(&format!(":\"{text}\"")).count();
        match text {
            "ACME-77" => assert_eq!(found.placeholders, Vec::<String>::new()),
            // The names of codes can be the same words.
            "Unknown" => assert!(found.placeholders.len() < there),
            _ => {
                let listed = found
                    .placeholders
                    .iter()
                    .filter(|it| it.contains("strings/") || it.contains("installable/"));
                assert_eq!(found.placeholders.len() - listed.count(), there, "{text}");
            }
        }
        assert_eq!(
            found.placeholders.contains(&"/smbios/memory_devices/1/serial".to_string()),
            text != "ACME-77"
        );
    }
}

fn trees() -> Vec<PathBuf> {
    let guests = entries(&root().join(GUESTS));
    guests.into_iter().chain([PathBuf::from("/")]).filter(|tree| is_readable(tree)).collect()
}

fn is_readable(tree: &Path) -> bool {
    ["DMI", "smbios_entry_point"]
        .iter()
        .all(|name| fs::read(tree.join("sys/firmware/dmi/tables").join(name)).is_ok())
}

fn dumps() -> Vec<(String, Tables)> {
    let files = entries(&root().join(DUMPS));
    let dumps = files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "dmi"));
    dumps
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, dmidecode::undump(&fs::read(&path).unwrap()))
        })
        .collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    entries.sort();
    entries
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
