// SPDX-License-Identifier: MIT OR Apache-2.0
//! Prints a JSON Schema made from the types, for `schema/`: `cargo run --features schema --example schema report`.

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    match stage1_contract::schema::generate(&name) {
        Some(schema) => println!("{schema:#}"),
        None => {
            eprintln!("usage: schema {}", stage1_contract::schema::NAMES.join("|"));
            std::process::exit(2);
        }
    }
}
