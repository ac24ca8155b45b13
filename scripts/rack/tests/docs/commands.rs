// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands in blocks, those that are not run too: the programs know their subcommands and options.

use std::process::Command;

use crate::markdown::Fence;
use crate::{none, pages, search_path};

/// The programs of this repository.
const PROGRAMS: [&str; 4] = ["stage1", "stage1-inventory", "stage1-initramfs", "rack"];

/// What a shell is to run: in a console, what stands behind the prompt.
pub fn script(fence: &Fence) -> String {
    if fence.language() == "sh" {
        return fence.text.clone();
    }
    let prompted = |line: &str| {
        let command = line.strip_prefix("$ ").or_else(|| line.strip_prefix("# "))?;
        Some(format!("{command}\n"))
    };
    fence.text.lines().filter_map(prompted).collect()
}

/// Whatever a command does, `--help` at its end keeps it from doing it; what stands before is checked first.
#[test]
fn options_exist() {
    let mut findings = Vec::new();
    let mut count = 0;
    for page in pages() {
        let shells = page.fences.iter().filter(|fence| matches!(fence.language(), "sh" | "console"));
        let blocks = shells.map(|fence| (fence.line, script(fence)));
        // What was a command once is in the changelog.
        let spans = page.code.iter().filter(|_| page.name != "CHANGELOG.md").cloned();
        for (line, script) in blocks.chain(spans) {
            for words in commands(&script) {
                count += 1;
                let (program, arguments) = words.split_first().unwrap();
                let mut command = Command::new(program);
                command.args(arguments).arg("--help").env("PATH", search_path());
                let output = command.output().unwrap();
                if !output.status.success() {
                    let error = String::from_utf8_lossy(&output.stderr);
                    let error = error.lines().next().unwrap_or_default();
                    findings.push(format!("{}:{}: {}: {error}", page.name, line, words.join(" ")));
                }
            }
        }
    }
    assert!(count > 30, "only {count} commands are known");
    none(&findings);
}

/// The calls of this repository's programs in a script, each as words.
fn commands(script: &str) -> Vec<Vec<String>> {
    let script = script.replace("\\\n", " ");
    let mut found = Vec::new();
    for line in script.lines() {
        for mut words in simple_commands(line) {
            if let Some(program) = words.first_mut() {
                let name = program.rsplit('/').next().unwrap_or_default().to_string();
                if PROGRAMS.contains(&name.as_str()) {
                    *program = name;
                    found.push(words);
                }
            }
        }
    }
    found
}

/// The simple commands of a line: quotes are taken away, `#` begins a comment, `|`, `&`, `;` end a command, and what stands
/// behind `>` is left out.
fn simple_commands(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words) = (Vec::new(), Vec::new());
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut is_target = false;
    for c in line.chars().chain(['\n']) {
        match (quote, c) {
            (Some(mark), c) if c == mark => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, ' ' | '\n' | '|' | '&' | ';' | '>') => {
                let is_number = c == '>' && word.as_deref() == Some("2");
                if let Some(word) = word.take().filter(|_| !is_number) {
                    if is_target { is_target = false } else { words.push(word) }
                }
                is_target |= c == '>';
                if matches!(c, '|' | '&' | ';') {
                    commands.push(std::mem::take(&mut words));
                }
            }
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word.filter(|_| !is_target));
    commands.push(words);
    commands
}

#[test]
fn commands_are_found() {
    let script = "cd x && stage1 kexec --append 'a b' \\\n  --kernel k > out 2>&1 | less # stage1 no\ntarget/debug/rack down\nls";
    let expected: [&[&str]; 2] =
        [&["stage1", "kexec", "--append", "a b", "--kernel", "k"], &["rack", "down"]];
    assert_eq!(commands(script), expected);
}
