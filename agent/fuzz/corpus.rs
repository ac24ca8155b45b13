// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes the machines of the tests as inputs of the fuzz target: length of the entry point, entry point, table.

#[path = "../tests/smbios/builder.rs"]
#[allow(dead_code)]
mod builder;
#[path = "../tests/smbios/machines/mod.rs"]
#[allow(dead_code, unused_imports)]
mod machines;
#[path = "../tests/smbios/random.rs"]
mod random;

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/smbios");
    fs::create_dir_all(&folder)?;
    let random = (1..=20).map(|seed| (format!("any values {seed}"), random::tables(seed)));
    let machines = machines::all().into_iter().map(|(name, tables)| (name.to_string(), tables));
    for (name, tables) in machines.chain(random) {
        let length = u8::try_from(tables.entry_point.len()).expect("entry points are short");
        let input = [&[length][..], &tables.entry_point, &tables.table].concat();
        fs::write(folder.join(name.replace(' ', "-")), input)?;
    }
    Ok(())
}
