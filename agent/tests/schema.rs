// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `stage1 facts --json` prints keeps to the published schema, which knows every field of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// The published schema, in which no object may have a field that the schema does not name.
fn strict_schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../inventory/contract/schema/facts.json");
    let mut schema = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    close(&mut schema);
    schema
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
                fields.insert("additionalProperties".to_string(), json!(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(values) => values.iter_mut().for_each(close),
        _ => {}
    }
}

fn facts(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_stage1"))
        .args(["facts", "--json"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn errors(document: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(&strict_schema()).unwrap();
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn this_machine() {
    assert_eq!(errors(&facts(&[])), Vec::<String>::new());
}

#[test]
fn one_group_of_it() {
    let document = facts(&["--only", "cpus,memory"]);
    assert_eq!(errors(&document), Vec::<String>::new());
    assert!(document["facts"]["cpus"]["threads"].as_u64() > Some(0));
    assert_eq!(document["facts"]["disks"], json!([]));
    assert_eq!(document["identity"], Value::Null);
}

#[test]
fn a_field_that_the_schema_does_not_name_is_found() {
    let mut document = facts(&["--only", "cpus"]);
    document["facts"]["cpus"]["field_of_a_later_version"] = json!(1);
    assert_ne!(errors(&document), Vec::<String>::new());
}
