// SPDX-License-Identifier: MIT OR Apache-2.0
//! The manual pages and completions are complete and up to date, and so is the table of settings in the documentation.

#[path = "../examples/manual/generate.rs"]
mod generate;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Command;
use stage1::cli;
use stage1::config::{SETTINGS, Setting};

#[test]
fn every_command_has_a_page() {
    let folder = tempfile::tempdir().unwrap();
    generate::generate(folder.path()).unwrap();
    let pages = files(&folder.path().join("man"));
    let mut expected = vec![];
    add_names(&cli::command(), "", &mut expected);
    expected.sort();
    assert_eq!(pages.keys().cloned().collect::<Vec<_>>(), expected);
    assert!(expected.contains(&"stage1-bmc-apply.1".to_string()), "{expected:?}");
    for (name, page) in &pages {
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES"] {
            assert_eq!(page.matches(&format!("\n.SH {section}\n")).count(), 1, "{name}: {section}:\n{page}");
        }
    }
    let completions = files(&folder.path().join("completions"));
    assert_eq!(completions.keys().collect::<Vec<_>>(), ["_stage1", "stage1.bash", "stage1.fish"]);
    assert!(completions.values().all(|script| script.contains("lldp") && script.contains("timeout")));
}

#[test]
fn the_settings_are_in_the_manual() {
    let folder = tempfile::tempdir().unwrap();
    generate::generate(folder.path()).unwrap();
    let pages = files(&folder.path().join("man"));
    let plain = pages["stage1.1"].replace("\\-", "-");
    for Setting { key, value, meaning, default, .. } in SETTINGS {
        let entry = format!(".TP\n\\fB{key}\\fR=\\fI{value}\\fR\n{meaning}.\nDefault: {default}.\n");
        assert!(plain.contains(&entry), "{key}:\n{plain}");
    }
}

/// `scripts/build` writes them; a checkout that was never built has none.
#[test]
fn the_pages_in_dist_are_up_to_date() {
    let dist = root().join("dist");
    let folder = tempfile::tempdir().unwrap();
    generate::generate(folder.path()).unwrap();
    for part in ["man", "completions"] {
        let built = dist.join(part);
        if built.is_dir() {
            assert!(
                files(&built) == files(&folder.path().join(part)),
                "dist/{part} is outdated: run scripts/build, or 'cargo run -p stage1 --example manual -- dist'"
            );
        }
    }
}

#[test]
fn the_pages_of_earlier_commands_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let man = folder.path().join("man");
    fs::create_dir(&man).unwrap();
    fs::write(man.join("stage1-old.1"), "").unwrap();
    fs::write(man.join("other.1"), "").unwrap();
    generate::generate(folder.path()).unwrap();
    assert!(!man.join("stage1-old.1").exists() && man.join("other.1").exists());
}

/// The first table of `docs/settings.md` has the rows, with code spans around names and values.
#[test]
fn the_documentation_has_the_table_of_settings() {
    let text = fs::read_to_string(root().join("docs/settings.md")).unwrap();
    let plain = |cell: &str| cell.trim().replace('`', "");
    let rows: Vec<Vec<String>> = text
        .lines()
        .skip_while(|line| !line.starts_with("| `"))
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(plain).collect())
        .collect();
    let expected: Vec<Vec<String>> = SETTINGS
        .iter()
        .map(|setting| [setting.key, setting.meaning, setting.default].map(str::to_string).to_vec())
        .collect();
    assert_eq!(rows, expected);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of a folder with their contents, by name.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let read = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
    };
    entries.map(read).collect()
}

fn add_names(command: &Command, parent: &str, names: &mut Vec<String>) {
    let name = format!("{parent}{}", command.get_name());
    names.push(format!("{name}.1"));
    command.get_subcommands().for_each(|command| add_names(command, &format!("{name}-"), names));
}
