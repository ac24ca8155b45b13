// SPDX-License-Identifier: MIT OR Apache-2.0
//! Is the initramfs whole? One that was cut short in memory unpacks half, and the kernel boots on.
//!
//! Each segment carries `/etc/stage1/contents.d/NAME.sha256`, near its beginning, in the format of sha256sum(1).

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
/// Where a file is missing or differs, with its name.
pub fn check(stage: &StageContext, machine: &Machine) -> Result<()> {
    let lists = machine.names(CONTENTS);
    if lists.is_empty() {
        bail!("the initramfs has no {CONTENTS}: it was cut short, or not built by stage1-initramfs");
    }
    // A file that is in two segments may be as it is in either.
    let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for list in &lists {
        let text = machine.read(format!("{CONTENTS}/{list}"))?;
        for line in String::from_utf8_lossy(&text).lines() {
            let Some((digest, path)) = line.split_once("  ") else {
                bail!("{CONTENTS}/{list}: {line:?} is not a digest and a path");
            };
            wanted.entry(path.to_string()).or_default().push(digest.to_string());
        }
    }
    let checked = wanted.len();
    let is_bad =
        |path: &str, digests: &[String]| digest_of(machine, path).is_none_or(|is| !digests.contains(&is));
    let bad: Vec<&String> =
        wanted.iter().filter(|(path, digests)| is_bad(path, digests)).map(|(path, _)| path).collect();
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

fn digest_of(machine: &Machine, path: &str) -> Option<String> {
    let bytes = machine.read(path).ok()?;
    let mut context = Context::new(&SHA256);
    context.update(&bytes);
    Some(hex(context.finish().as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Failure, Run};
    use std::fs;

    fn check_tree(files: &[(&str, &str)]) -> Result<(), Failure> {
        let dir = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let machine = Machine::at(dir.path());
        Run::new(&machine, std::time::Instant::now()).stage("image", |stage| check(stage, &machine))
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
    fn a_missing_file_a_changed_file_and_no_list_are_told() {
        let words = |files: &[(&str, &str)]| check_tree(files).unwrap_err().message;
        assert!(words(&[(LIST, A)]).contains("1 of 1 files are missing or differ, the first is /usr/a"));
        assert!(words(&[(LIST, A), ("usr/a", "b")]).contains("the first is /usr/a"));
        assert!(words(&[]).contains("has no /etc/stage1/contents.d"));
        assert!(words(&[(LIST, "half a li")]).contains("not a digest and a path"));
    }
}
