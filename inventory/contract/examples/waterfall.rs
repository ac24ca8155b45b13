// SPDX-License-Identifier: MIT OR Apache-2.0
//! Draws the timeline of a report on standard input: `cargo run --example waterfall < tests/wire/report.json`.

use stage1_contract::{Report, waterfall};

fn main() -> Result<(), serde_json::Error> {
    let report: Report = serde_json::from_reader(std::io::stdin())?;
    print!("{}", waterfall(&report.timeline, 120));
    Ok(())
}
