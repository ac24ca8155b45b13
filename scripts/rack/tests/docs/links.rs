// SPDX-License-Identifier: MIT OR Apache-2.0
//! Links and paths: what a page leads to is there.

use std::path::Path;

use crate::markdown::Page;
use crate::{none, page, pages, root};

/// Top-level folders whose paths, in code spans of the hand-written pages, are paths of the checkout.
const FOLDERS: [&str; 8] =
    [".ci/", "agent/", "docs/", "firmware-manifests/", "initramfs/", "inventory/", "kexec/", "scripts/"];

#[test]
fn links_lead_somewhere() {
    let pages = pages();
    let mut findings = Vec::new();
    for page in &pages {
        for (line, target) in &page.links {
            if let Err(why) = follow(page, target) {
                findings.push(format!("{}:{line}: {target}: {why}", page.name));
            }
        }
    }
    none(&findings);
}

#[test]
fn paths_in_code_are_there() {
    let mut findings = Vec::new();
    for page in pages().iter().filter(|page| page.name != "CHANGELOG.md") {
        for (line, code) in &page.code {
            let is_path = FOLDERS.iter().any(|folder| code.starts_with(folder)) && !code.contains([' ', '*']);
            // `NAME` stands for any file, `FILE:LINE` and `FILE, function` do not occur.
            let has_placeholder = code.split(['/', '.']).any(|part| part.len() > 1 && is_upper(part));
            if is_path && !has_placeholder && !root().join(code).exists() {
                findings.push(format!("{}:{line}: {code}: there is no such path", page.name));
            }
        }
    }
    none(&findings);
}

/// Every page of `docs/` can be found from the README, directly or over another page.
#[test]
fn no_page_is_lost() {
    let mut reached = vec!["README.md".to_string()];
    let mut at = 0;
    while let Some(name) = reached.get(at).cloned() {
        at += 1;
        let folder = Path::new(&name).parent().unwrap().to_path_buf();
        for (_, target) in page(&name).links {
            let path = target.split('#').next().unwrap_or_default();
            let target = plain(&folder.join(path));
            if target.ends_with(".md") && !reached.contains(&target) && root().join(&target).is_file() {
                reached.push(target);
            }
        }
    }
    let lost: Vec<String> =
        pages().into_iter().map(|page| page.name).filter(|name| !reached.contains(name)).collect();
    // The READMEs of crates are for those who look into their folders.
    let lost: Vec<String> = lost.into_iter().filter(|name| !name.ends_with("/README.md")).collect();
    none(&lost);
}

fn follow(from: &Page, target: &str) -> Result<(), String> {
    if ["https://", "http://", "mailto:"].iter().any(|scheme| target.starts_with(scheme)) {
        return Ok(());
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let name = match path {
        "" => from.name.clone(),
        path => plain(&Path::new(&from.name).parent().unwrap().join(path)),
    };
    // rustdoc resolves the links of a crate's README by itself.
    if !path.is_empty() && !path.contains(['/', '.']) && from.name.ends_with("/README.md") {
        return Ok(());
    }
    let file = root().join(&name);
    if !file.exists() {
        return Err(format!("there is no {name}"));
    }
    if anchor.is_empty() {
        return Ok(());
    }
    let anchors = page(&name).anchors;
    anchors.iter().any(|known| known == anchor).then_some(()).ok_or(format!("{name} has {anchors:?}"))
}

/// A path without `..`.
fn plain(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part.as_os_str().to_string_lossy().as_ref() {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part.to_string()),
        }
    }
    parts.join("/")
}

fn is_upper(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') && part != "README"
}
