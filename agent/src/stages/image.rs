// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks that the initramfs is whole. One that was cut short in memory unpacks in part, and the kernel boots it.
//!
//! Each of the concatenated cpio archives carries `/etc/stage1/contents.d/NAME.sha256`, near its beginning, in the
//! format of sha256sum(1).

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use ring::digest::{Context, SHA256};

use crate::display::hex;
use crate::host::Machine;
use crate::run::StageContext;

const CONTENTS: &str = "/etc/stage1/contents.d";

/// Compares every file of the image with the digest it had when the image was built.
///
/// # Errors
/// If a file is missing or differs; the message names it.
pub fn check(stage: &StageContext, machine: &Machine) -> Result<()> {
    let lists = machine.names(CONTENTS);
    if lists.is_empty() {
        bail!("the initramfs has no {CONTENTS}: it was cut short, or not built by stage1-initramfs");
    }
    // A file that is in two of the concatenated archives may be as it is in either.
    let mut digests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for list in &lists {
        let text = machine.read(format!("{CONTENTS}/{list}"))?;
        for line in String::from_utf8_lossy(&text).lines() {
            let Some((digest, path)) = line.split_once("  ") else {
                bail!("{CONTENTS}/{list}: {line:?} is not a digest and a path");
            };
            digests.entry(path.to_string()).or_default().push(digest.to_string());
        }
    }
    let checked = digests.len();
    let mut bad = Vec::new();
    for (path, expected) in &digests {
        stage.cancellation().check()?;
        if digest_of(machine, path).is_none_or(|digest| !expected.contains(&digest)) {
            bad.push(path);
        }
    }
    match bad.as_slice() {
        [] => stage.note(format!("{checked} files are as they were built")),
        [first, ..] => bail!(
            "the initramfs is damaged: {} of {checked} files are missing or differ, the first is /{first}; \
             was it cut short on its way into memory?",
            bad.len()
        ),
    }
    Ok(())
}

/// Whether this system is an initramfs of stage1.
pub(crate) fn is_ours(machine: &Machine) -> bool {
    machine.has(CONTENTS)
}

fn digest_of(machine: &Machine, path: &str) -> Option<String> {
    let bytes = machine.read(path).ok()?;
    let mut context = Context::new(&SHA256);
    context.update(&bytes);
    Some(hex(context.finish().as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Run, Stopped};
    use stage1_contract::StageName;
    use std::fs;

    fn check_tree(files: &[(&str, &str)]) -> Result<(), String> {
        let dir = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let machine = Machine::at(dir.path());
        let run = Run::new(&machine, std::time::Instant::now(), false);
        let result = run.stage(StageName::Image, |stage| check(stage, &machine));
        result.map_err(|Stopped| run.problems().remove(0).message)
    }

    /// SHA-256 of "a".
    const A: &str = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  usr/a\n";
    const LIST: &str = "etc/stage1/contents.d/initramfs.sha256";

    #[test]
    fn a_whole_image_passes() {
        assert_eq!(check_tree(&[(LIST, A), ("usr/a", "a")]), Ok(()));
        let other = A.replace("ca978112", "00000000");
        let site = ("etc/stage1/contents.d/site.sha256", other.as_str());
        assert_eq!(check_tree(&[(LIST, A), site, ("usr/a", "a")]), Ok(()));
    }

    #[test]
    fn a_missing_file_a_changed_file_and_no_list_fail() {
        let words = |files: &[(&str, &str)]| check_tree(files).unwrap_err();
        assert!(words(&[(LIST, A)]).contains("1 of 1 files are missing or differ, the first is /usr/a"));
        assert!(words(&[(LIST, A), ("usr/a", "b")]).contains("the first is /usr/a"));
        assert!(words(&[]).contains("has no /etc/stage1/contents.d"));
        assert!(words(&[(LIST, "half a li")]).contains("not a digest and a path"));
    }
}
