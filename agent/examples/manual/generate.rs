// SPDX-License-Identifier: MIT OR Apache-2.0
//! The manual pages and shell completions. `agent/tests/manual.rs` has this file as a module, too.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::{Shell, generate_to};
use clap_mangen::Man;
use stage1::cli;
use stage1::config::{FILE, SETTINGS, Setting};

/// Writes all pages and completions to `folder`, in place of those of an earlier time.
///
/// # Errors
/// If a file cannot be written.
pub fn generate(folder: &Path) -> io::Result<()> {
    let pages = folder.join("man");
    fs::create_dir_all(&pages)?;
    for entry in fs::read_dir(&pages)? {
        let path = entry?.path();
        let is_page = |name: &str| name.starts_with("stage1") && name.ends_with(".1");
        if path.file_name().and_then(|name| name.to_str()).is_some_and(is_page) {
            fs::remove_file(path)?;
        }
    }
    let mut command = cli::command().disable_help_subcommand(true);
    command.build();
    write_pages(&command, &pages)?;

    let completions = folder.join("completions");
    fs::create_dir_all(&completions)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut cli::command(), "stage1", &completions)?;
    }
    Ok(())
}

/// The page of a command, and those of its subcommands.
fn write_pages(command: &Command, folder: &Path) -> io::Result<()> {
    let man = Man::new(command.clone())
        .source(concat!("stage1 ", env!("CARGO_PKG_VERSION")))
        .manual("stage1 manual");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if command.get_name() == "stage1" {
        write_settings(&mut page)?;
    }
    if let Some(examples) = command.get_after_help() {
        writeln!(page, ".SH EXAMPLES\n.nf")?;
        let examples = examples.to_string();
        examples.lines().skip(1).try_for_each(|line| writeln!(page, "{}", escape(line.trim())))?;
        writeln!(page, ".fi")?;
    }
    fs::write(folder.join(man.get_filename()), page)?;
    command.get_subcommands().try_for_each(|command| write_pages(command, folder))
}

fn write_settings(page: &mut Vec<u8>) -> io::Result<()> {
    writeln!(page, ".SH SETTINGS")?;
    writeln!(page, "Settings come from {},", escape(FILE))?;
    writeln!(page, "from \\fBstage1.\\fIKEY\\fB=\\fIVALUE\\fR on the kernel command line, and from flags.")?;
    writeln!(page, "Later ones win.")?;
    for Setting { key, value, meaning, default, .. } in SETTINGS {
        writeln!(page, ".TP\n\\fB{}\\fR=\\fI{}\\fR", escape(key), escape(value))?;
        writeln!(page, "{}.\nDefault: {}.", escape(meaning), escape(default))?;
    }
    Ok(())
}

/// Text as roff takes it: no line is a request, and `-` is the character that can be typed again.
fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    match text.starts_with(['.', '\'']) {
        true => format!("\\&{text}"),
        false => text,
    }
}
