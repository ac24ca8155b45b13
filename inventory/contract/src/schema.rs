// SPDX-License-Identifier: MIT OR Apache-2.0
//! JSON Schemas (2020-12) of the wire types, published in `schema/`, and of the firmware manifests, published in
//! `firmware-manifests/schema.json`.

/// Names of the published schemas.
pub const NAMES: [&str; 4] = ["bmc-config", "facts", "manifest", "report"];

/// The published schema of that name, as JSON text: `bmc-config`, the desired BMC configuration in a registration;
/// `facts`, what `stage1 facts --json` prints; `manifest`, a firmware manifest set; or `report`, the body of
/// `PUT BASE/ID`. `None` for other names.
pub fn published(name: &str) -> Option<&'static str> {
    match name {
        "bmc-config" => Some(include_str!("../schema/bmc-config.json")),
        "facts" => Some(include_str!("../schema/facts.json")),
        "manifest" => Some(include_str!("../../../firmware-manifests/schema.json")),
        "report" => Some(include_str!("../schema/report.json")),
        _ => None,
    }
}

/// The schema of that name made from the types, with which the published one must agree.
#[cfg(feature = "schema")]
pub fn generate(name: &str) -> Option<serde_json::Value> {
    use schemars::schema_for;

    let schema = match name {
        "bmc-config" => schema_for!(crate::DesiredBmcConfig),
        "facts" => schema_for!(crate::facts::Discovery),
        "manifest" => schema_for!(crate::firmware::ManifestSet),
        "report" => schema_for!(crate::Report),
        _ => return None,
    };
    Some(schema.to_value())
}
