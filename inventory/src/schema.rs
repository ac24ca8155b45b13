// SPDX-License-Identifier: MIT OR Apache-2.0
//! JSON Schemas (2020-12) of the wire types, as they are published in `schema/`, and of the firmware manifests, beside them.

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use crate::facts::Discovery;
use crate::firmware::ManifestSet;
use crate::{Report, WantedBmc};

/// The published schemas by name: the file's name in `schema/` without its `.json`.
pub const NAMES: [&str; 4] = ["facts", "manifest", "report", "wanted-bmc"];

/// The schema of that name: `facts`, what `stage1 facts --json` prints; `manifest`, a firmware manifest set; `report`,
/// the body of `PUT BASE/ID`; or `wanted-bmc`, how a BMC is wanted in the answer to that.
pub fn schema(name: &str) -> Option<Value> {
    match name {
        "facts" => Some(generate::<Discovery>()),
        "manifest" => Some(generate::<ManifestSet>()),
        "report" => Some(generate::<Report>()),
        "wanted-bmc" => Some(generate::<WantedBmc>()),
        _ => None,
    }
}

fn generate<T: JsonSchema>() -> Value {
    schema_for!(T).to_value()
}
