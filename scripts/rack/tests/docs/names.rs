// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names in the pages: settings, commands and messages are those of the code.

use std::fs;
use std::process::Command;

use regex::Regex;

use crate::{files, none, page, root, search_path};

/// Crates whose messages operators see.
const SOURCES: [&str; 4] = ["agent", "initramfs/src", "inventory", "kexec/src"];

#[test]
fn settings_are_those_of_the_help() {
    let output = Command::new("stage1").arg("--help").env("PATH", search_path()).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let (_, list) = help.split_once("\nSettings").expect("the help has no list of settings");
    let setting = Regex::new(r"(?m)^ {2,}([a-z][a-z-]+) {2,}\S").unwrap();
    let known: Vec<String> = setting.captures_iter(list).map(|found| found[1].to_string()).collect();
    assert!(known.len() > 10, "the help has only {known:?}");

    let rows = page("docs/settings.md").rows;
    // Forms of a value, such as `ip=METHOD`, are in a table of their own.
    let rows: Vec<&Vec<String>> =
        rows.iter().filter(|row| row[0].starts_with('`') && !row[0].contains('=')).collect();
    let named: Vec<String> = rows.iter().map(|row| row[0].trim_matches('`').to_string()).collect();
    let missing = known.iter().filter(|name| !named.contains(name)).map(|name| format!("{name}: has no row"));
    let unknown = named
        .iter()
        .filter(|name| !known.contains(name))
        .map(|name| format!("{name}: there is no such setting"));
    let incomplete = rows.iter().filter(|row| row.len() != 3 || row.iter().any(String::is_empty));
    let incomplete = incomplete.map(|row| format!("{}: setting, meaning, default are needed", row[0]));
    none(&missing.chain(unknown).chain(incomplete).collect::<Vec<_>>());
}

/// The tables of messages in `docs/troubleshooting.md`; `…` stands for what differs.
#[test]
fn messages_are_those_of_the_code() {
    let mut sources = String::new();
    for folder in SOURCES {
        for file in files(&root().join(folder), "rs") {
            sources.push_str(&fs::read_to_string(file).unwrap());
        }
    }
    // A literal may be broken over lines, and quotes in it are escaped.
    let broken = Regex::new(r"\\\n\s*").unwrap();
    let sources = broken.replace_all(&sources, "").replace("\\\"", "\"");
    let mut findings = Vec::new();
    let mut count = 0;
    let rows = page("docs/troubleshooting.md").rows;
    let mut is_message = false;
    for (row, next) in rows.iter().zip(rows.iter().skip(1).map(Some).chain([None])) {
        let is_head = next.is_some_and(|next| next[0].starts_with("---"));
        if is_head {
            is_message = row[0] == "message";
        }
        if is_head || !is_message || row[0].starts_with("---") {
            continue;
        }
        let message = row[0].trim_matches('`');
        count += 1;
        for piece in message.split('…').map(str::trim).filter(|piece| piece.len() > 2) {
            if !sources.contains(piece) {
                findings.push(format!("`{message}`: {piece:?} is nowhere in the code"));
            }
        }
    }
    assert!(count > 20, "only {count} messages are named");
    none(&findings);
}
