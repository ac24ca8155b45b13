// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1-initramfs`: builds images from content lists, and inspects images and programs.

use anyhow::{Context, Result, bail};
use clap::Parser;
use stage1_initramfs::{Compression, Needs};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Build and inspect initramfs images.
#[derive(Parser)]
#[command(version, about)]
enum Command {
    /// Build an image from content lists.
    Build {
        /// Output file; compressed with zstd if the name ends in .zst.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
        /// The archive's name, which is the name of its list of digests.
        #[arg(long, default_value = "initramfs")]
        name: String,
        /// Value of ${KEY} in the lists; a relative path is relative to the list.
        #[arg(long, value_name = "KEY=VALUE", value_parser = variable)]
        set: Vec<(String, String)>,
        /// Content lists.
        #[arg(required = true, value_name = "LIST")]
        lists: Vec<PathBuf>,
    },
    /// Check that a program is statically linked.
    CheckStatic {
        /// ELF file.
        file: PathBuf,
    },
    /// Print mode, size and path of everything in an image.
    List {
        /// Image of one or more archives.
        image: PathBuf,
    },
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Build { output, name, set, lists } => build(&output, &name, set, &lists),
        Command::CheckStatic { file } => check_static(&file),
        Command::List { image } => list(&image),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stage1-initramfs: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn variable(argument: &str) -> Result<(String, String), String> {
    let (key, value) = argument.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn build(output: &Path, name: &str, set: Vec<(String, String)>, lists: &[PathBuf]) -> Result<()> {
    let compressed = output.extension().is_some_and(|extension| extension == "zst");
    let compression = if compressed { Compression::Zstd } else { Compression::None };
    let mut image = stage1_initramfs::build(name, lists, set.into_iter().collect())?;
    // The time is an input, so that the image stays reproducible (https://reproducible-builds.org/specs/source-date-epoch/).
    if let Ok(time) = std::env::var("SOURCE_DATE_EPOCH") {
        let seconds: u64 = time.trim().parse().with_context(|| format!("SOURCE_DATE_EPOCH={time:?}"))?;
        image.source("SOURCE_DATE_EPOCH");
        image.file(&format!("etc/stage1/build-time.d/{name}"), 0o644, format!("{seconds}\n"))?;
    }
    let bytes = image.to_bytes(compression)?;
    std::fs::write(output, &bytes).with_context(|| format!("writing {}", output.display()))?;
    println!(
        "{}: {} entries, {:.1} MiB",
        output.display(),
        image.len(),
        bytes.len() as f64 / f64::from(1 << 20)
    );
    Ok(())
}

fn check_static(file: &Path) -> Result<()> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file).with_context(|| format!("reading {name}"))?;
    let Some(needs) = Needs::of(&bytes, &name)? else { bail!("{name} is not an ELF file") };
    if !needs.is_empty() {
        let needed: Vec<String> = needs.interpreter.into_iter().chain(needs.libraries).collect();
        bail!("{name} is not statically linked: it needs {}", needed.join(", "));
    }
    println!("{name} is statically linked");
    Ok(())
}

fn list(image: &Path) -> Result<()> {
    let bytes = std::fs::read(image).with_context(|| format!("reading {}", image.display()))?;
    let members =
        stage1_initramfs::members(&bytes).with_context(|| format!("reading {}", image.display()))?;
    let mut output = std::io::stdout().lock();
    for member in members {
        writeln!(output, "{:06o} {:>9} {}", member.mode, member.content.len(), member.path)
            .context("writing to standard output")?;
    }
    Ok(())
}
