// SPDX-License-Identifier: MIT OR Apache-2.0
//! JSON Schemas (2020-12) of the wire types, as they are published in `schema/`.

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use crate::Report;
use crate::facts::Discovery;

/// The published schemas by name: the file's name in `schema/` without its `.json`.
pub const NAMES: [&str; 2] = ["facts", "report"];

/// The schema of that name: `facts`, what `stage1 facts --json` prints, or `report`, the body of `PUT BASE/ID`.
pub fn schema(name: &str) -> Option<Value> {
    match name {
        "facts" => Some(generate::<Discovery>()),
        "report" => Some(generate::<Report>()),
        _ => None,
    }
}

fn generate<T: JsonSchema>() -> Value {
    schema_for!(T).to_value()
}
