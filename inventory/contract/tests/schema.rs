// SPDX-License-Identifier: MIT OR Apache-2.0
//! The published schemas are those of the types, and what is on the wire keeps to them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stage1_contract::schema::{NAMES, generate};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn read(path: impl AsRef<Path>) -> Value {
    serde_json::from_str(&fs::read_to_string(folder().join(path)).unwrap()).unwrap()
}

#[test]
fn the_published_schemas_are_those_of_the_types() {
    for name in NAMES {
        let path = match name {
            "manifest" => "../../firmware-manifests/schema.json".to_string(),
            name => format!("schema/{name}.json"),
        };
        assert!(
            read(&path) == generate(name).unwrap(),
            "inventory/contract/{path} does not match the types: write it anew with \
             `cargo run --package stage1-contract --features schema --example schema {name}`"
        );
    }
}

#[test]
fn the_frozen_reports_keep_to_the_schema() {
    let validator = jsonschema::validator_for(&read("schema/report.json")).unwrap();
    let mut seen = 0;
    for entry in fs::read_dir(folder().join("tests/wire")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        if name.starts_with("report") && !name.ends_with("-patch.json") {
            let errors: Vec<String> = validator
                .iter_errors(&read(&path))
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert_eq!(errors, Vec::<String>::new(), "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 7);
}

#[test]
fn a_frozen_bmc_configuration_keeps_to_the_schema() {
    let validator = jsonschema::validator_for(&read("schema/bmc-config.json")).unwrap();
    assert!(validator.is_valid(&read("tests/wire/wanted-bmc.json")));
    assert!(validator.is_valid(&read("tests/wire/wanted-bmc-options.json")));
    assert!(validator.is_valid(&read("tests/wire/registration-bmc.json")["bmc"]));
    assert!(!validator.is_valid(&serde_json::json!({ "users": [{ "privilege": "user" }] })));
}

#[test]
fn a_report_of_another_shape_does_not() {
    let validator = jsonschema::validator_for(&read("schema/report.json")).unwrap();
    let mut report = read("tests/wire/report.json");
    report["facts"]["nics"][0]["speed_mbps"] = "fast".into();
    assert!(!validator.is_valid(&report));
}
