// SPDX-License-Identifier: MIT OR Apache-2.0
//! Arbitrary bytes as SMBIOS tables: no panic, few problems, and every pointer leads to a placeholder.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stage1::facts::smbios::parse;
use stage1_contract::Facts;

fuzz_target!(|input: &[u8]| {
    let Some((length, rest)) = input.split_first() else { return };
    let (entry_point, table) = rest.split_at(rest.len().min(usize::from(*length)));
    let mut problems = Vec::new();
    let found = parse(entry_point, table, &mut problems);
    assert!(problems.len() < 12, "{problems:#?}");
    let facts = Facts { system: found.system, smbios: found.smbios, ..Facts::default() };
    let json = serde_json::to_value(&facts).unwrap();
    for pointer in &found.placeholders {
        assert!(json.pointer(pointer).is_some_and(serde_json::Value::is_string), "{pointer}");
    }
});
