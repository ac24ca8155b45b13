// SPDX-License-Identifier: MIT OR Apache-2.0
//! The documentation against the code: links lead somewhere, what is shown is valid, commands run, names exist.
//!
//! Needs no virtual machine. The programs that the pages run are built before: `cargo build -p stage1 -p stage1-inventory
//! -p stage1-initramfs`. CONTRIBUTING.md lists what the info string of a fenced block may be.

mod commands;
mod fences;
mod inventory;
mod links;
mod markdown;
mod names;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use markdown::Page;

/// Top-level folders that are made, not written.
const BUILT: [&str; 2] = ["target", "dist"];

/// The checkout.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Every page of the repository.
fn pages() -> Vec<Page> {
    let mut pages = Vec::new();
    for path in files(root(), "md") {
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        pages.push(Page::parse(&name, &fs::read_to_string(&path).unwrap()));
    }
    assert!(pages.len() > 10, "only {} pages: is this the checkout?", pages.len());
    pages
}

/// The page of this name, as seen from the checkout.
fn page(name: &str) -> Page {
    Page::parse(name, &fs::read_to_string(root().join(name)).unwrap())
}

/// Every file below `folder` with this extension, in order.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_top = folder == root() && BUILT.contains(&name.as_str());
        // There are folders `target` with sources in them; those of cargo have this tag.
        let is_built = is_top || name.starts_with('.') || path.join("CACHEDIR.TAG").exists();
        if path.is_dir() && !path.is_symlink() && !is_built {
            found.extend(files(&path, extension));
        } else if path.is_file() && path.extension().is_some_and(|is| is == extension) {
            found.push(path);
        }
    }
    found
}

/// `PATH` with the programs of this checkout in front, and with what Debian keeps from users at its end.
fn search_path() -> OsString {
    let programs = env::current_exe().unwrap().ancestors().nth(2).unwrap().to_path_buf();
    for name in ["stage1", "stage1-inventory", "stage1-initramfs"] {
        let program = programs.join(name);
        assert!(program.is_file(), "{} is missing: run cargo build --package {name}", program.display());
    }
    let inherited = env::var_os("PATH").unwrap_or_default();
    let all = [programs].into_iter().chain(env::split_paths(&inherited));
    env::join_paths(all.chain(["/usr/sbin".into(), "/sbin".into()])).unwrap()
}

/// Fails with all of the findings, one a line.
fn none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}
