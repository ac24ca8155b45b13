// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fenced blocks: each is run, checked by the program that reads it, or has a reason not to be.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use crate::commands::script;
use crate::markdown::{Fence, Page};
use crate::{BUILT, none, pages, root, search_path};

/// What is shown as it is: output, configuration whose program is not here, and Rust, which rustdoc tests.
const SHOWN: [&str; 5] = ["text", "http", "ipxe", "ini", "rust"];

#[test]
fn blocks_are_what_they_say() {
    let mut findings = Vec::new();
    for page in pages() {
        for fence in &page.fences {
            if let Err(why) = check(fence) {
                findings.push(format!("{}:{}: {why}", page.name, fence.line));
            }
        }
    }
    none(&findings);
}

/// The blocks of a page run in their order, in one folder that looks like the checkout; what they write is thrown away.
#[test]
fn commands_run() {
    let mut findings = Vec::new();
    let mut count = 0;
    for page in pages() {
        let runs: Vec<&Fence> = page.fences.iter().filter(|fence| is_run(fence)).collect();
        count += runs.len();
        if !runs.is_empty() {
            findings.extend(run_all(&page, &runs));
        }
    }
    assert!(count > 5, "only {count} blocks are run");
    none(&findings);
}

fn is_run(fence: &Fence) -> bool {
    matches!(fence.language(), "sh" | "console") && !fence.info.contains("no-run")
}

fn run_all(page: &Page, runs: &[&Fence]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(root().canonicalize().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        if !BUILT.contains(&name.as_str()) && !name.starts_with('.') {
            symlink(entry.path(), folder.path().join(name)).unwrap();
        }
    }
    let mut findings = Vec::new();
    for fence in runs {
        let output = shell(folder.path(), &script(fence));
        let code = output.status.code().unwrap_or(-1);
        if !expected_codes(fence).unwrap_or_default().contains(&code) {
            let printed = String::from_utf8_lossy(&output.stdout);
            let errors = String::from_utf8_lossy(&output.stderr);
            findings.push(format!("{}:{}: exit code {code}\n{printed}{errors}", page.name, fence.line));
        }
    }
    findings
}

fn shell(folder: &Path, script: &str) -> Output {
    let mut command = Command::new("timeout");
    command.args(["60", "sh", "-eu", "-c", script]).current_dir(folder).env("PATH", search_path());
    command.output().unwrap()
}

fn check(fence: &Fence) -> Result<(), String> {
    let text = &fence.text;
    match fence.language() {
        "sh" | "console" => match fence.info.split_once(" no-run") {
            None => expected_codes(fence).map(|_| ()),
            Some((_, reason)) if reason.starts_with(": ") && reason.len() > 7 => Ok(()),
            Some(_) => Err("no-run needs a reason: `no-run: REASON`".to_string()),
        },
        "toml" => text.parse::<toml::Table>().map(|_| ()).map_err(|error| error.to_string()),
        "json" => {
            serde_json::from_str::<serde_json::Value>(text).map(|_| ()).map_err(|error| error.to_string())
        }
        "python" => {
            judge("python3", &["-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())"], text, true)
        }
        "dnsmasq" => judge("dnsmasq", &["--test", "--conf-file"], text, true),
        "kea" => judge("kea-dhcp4", &["-t"], text, false)
            .and_then(|()| serde_json::from_str::<serde_json::Value>(text).map_err(|error| error.to_string()))
            .map(|_| ()),
        "dhcpd" => judge("dhcpd", &["-t", "-cf"], text, false),
        "grub" => judge("grub-script-check", &[], text, false),
        "" => Err("a fenced block needs a language".to_string()),
        language if SHOWN.contains(&language) => Ok(()),
        language => Err(format!("a block of {language} is not known here; CONTRIBUTING.md has the list")),
    }
}

/// Exit codes that are as they should be: `exit=0,3`; 0 where nothing is said.
fn expected_codes(fence: &Fence) -> Result<Vec<i32>, String> {
    let mut codes = vec![0];
    for word in fence.info.split(' ').skip(1) {
        let list =
            word.strip_prefix("exit=").ok_or(format!("{word:?} is neither exit=CODES nor no-run: REASON"))?;
        codes = list
            .split(',')
            .map(|code| code.parse().map_err(|_| format!("{code:?} is no exit code")))
            .collect::<Result<_, _>>()?;
    }
    Ok(codes)
}

/// Has `program` check `text` as a file, its last argument. One that is not `needed` may be missing.
fn judge(program: &str, arguments: &[&str], text: &str, needed: bool) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("block");
    fs::write(&file, text).unwrap();
    let mut command = Command::new(program);
    let (last, first) =
        arguments.split_last().map_or((None, arguments), |(last, first)| (Some(*last), first));
    command.args(first).env("PATH", search_path());
    match last {
        Some(option) if option.starts_with("--") => command.arg(format!("{option}={}", file.display())),
        Some(other) => command.arg(other).arg(&file),
        None => command.arg(&file),
    };
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim_end())),
        Err(error) if needed => Err(format!("{program}: {error}: run scripts/setup")),
        Err(_) => Ok(()),
    }
}
