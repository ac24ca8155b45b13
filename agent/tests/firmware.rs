// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command `stage1 firmware`, on the manifests of this project and on broken ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn manifests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware-manifests")
}

fn stage1(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stage1")).arg("firmware").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_manifests_of_this_project_have_no_errors() {
    let output = stage1(&["lint", manifests().to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output.stdout).ends_with(", 0 errors\n"), "{output:?}");
}

#[test]
fn the_manifests_of_this_project_match_the_schema_and_misspelt_keys_do_not() {
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(manifests().join("schema.json")).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut seen = 0;
    for folder in [manifests(), manifests().join("examples")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let set: toml::Table = fs::read_to_string(&path).unwrap().parse().unwrap();
            let mut set = serde_json::to_value(set).unwrap();
            let errors: Vec<String> = validator.iter_errors(&set).map(|error| error.to_string()).collect();
            assert_eq!(errors, Vec::<String>::new(), "{}", path.display());
            set["entry"][0]["activate"]["may_loose_link"] = true.into();
            assert!(!validator.is_valid(&set));
            seen += 1;
        }
    }
    assert!(seen >= 6, "{seen}");
}

#[test]
fn errors_are_reported_with_file_and_entry() {
    let dir = tempfile::tempdir().unwrap();
    let lint = || stage1(&["lint", dir.path().to_str().unwrap()]);
    assert!(text(&lint().stderr).contains("no manifest set found"));
    fs::create_dir(dir.path().join("fleet")).unwrap();
    let path = dir.path().join("fleet/a.toml");
    let set = fs::read_to_string(manifests().join("examples/broadcom.toml")).unwrap();
    fs::write(&path, set.replace("source = ", "want = \"216.1.154\", source = ")).unwrap();
    let output = lint();
    assert_eq!(output.status.code(), Some(1));
    let report = text(&output.stdout);
    assert!(
        report.contains(&format!("{}: bcm57414: error: version.want: \"216.1.154\"", path.display())),
        "{report}"
    );
    assert!(report.contains("it has version.want but no image"), "{report}");
    assert!(report.ends_with("1 sets, 1 entries, 2 errors\n"), "{report}");
}

#[test]
fn without_manifests_the_check_prints_one_line() {
    let own = Path::new("/etc/stage1");
    assert!(!own.exists(), "this machine has settings in {}, which would change this test", own.display());
    let output = stage1(&["check"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(text(&output.stdout), "no firmware manifests: neither the image nor the inventory has any\n");
    assert_eq!(text(&stage1(&["check", "--json"]).stdout), "{}\n");
}
