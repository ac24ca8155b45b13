// SPDX-License-Identifier: MIT OR Apache-2.0
//! Prints a FRU inventory: that in a file from `ipmitool fru read 0 FILE`, or a built-in one.

use std::error::Error;

use ipmi::storage::Fru;

/// A common header (offsets in multiples of 8 bytes), and a product area of 32 bytes after it.
const SAMPLE: &[u8] = b"\x01\x00\x00\x00\x01\x00\x00\xfe\
    \x01\x04\x19\xc4ACME\xc6Node 1\xc0\xc0\xc4S123\xc0\xc0\xc1\0\0\0\0\0\0\xfd";

fn main() -> Result<(), Box<dyn Error>> {
    let bytes = match std::env::args_os().nth(1) {
        Some(file) => std::fs::read(&file).map_err(|error| format!("reading {}: {error}", file.display()))?,
        None => SAMPLE.to_vec(),
    };
    let fru = Fru::parse(&bytes);
    if let Some(chassis) = &fru.chassis {
        println!("chassis: type {:#04x}, serial {}", chassis.kind, or_dash(chassis.serial.as_ref()));
    }
    if let Some(board) = &fru.board {
        let (product, serial) = (or_dash(board.product.as_ref()), or_dash(board.serial.as_ref()));
        println!("board: {} {product}, serial {serial}", or_dash(board.manufacturer.as_ref()));
    }
    if let Some(product) = &fru.product {
        let (name, serial) = (or_dash(product.name.as_ref()), or_dash(product.serial.as_ref()));
        println!("product: {} {name}, serial {serial}", or_dash(product.manufacturer.as_ref()));
    }
    for supply in &fru.power_supplies {
        println!("power supply: {} W", supply.watts);
    }
    for warning in &fru.warnings {
        println!("warning: {warning}");
    }
    Ok(())
}

fn or_dash(text: Option<&String>) -> &str {
    text.map_or("-", String::as_str)
}
