// SPDX-License-Identifier: MIT OR Apache-2.0
//! Blobs: what drivers load into their devices, from a folder such as /lib/firmware.

use crate::Error;
use crate::modules::names;
use std::path::{Path, PathBuf};

/// The folder of blobs, and which of them are not needed.
#[derive(Debug, Default)]
pub(crate) struct Blobs {
    folder: Option<PathBuf>,
    optional: Vec<String>,
    omitted: Vec<String>,
}

impl Blobs {
    /// Takes blobs from this folder.
    pub(crate) fn take_from(&mut self, folder: PathBuf) -> Result<(), Error> {
        if self.folder.is_some() {
            return Err(Error::Syntax("duplicate `firmware`".to_owned()));
        }
        names(&folder)?;
        self.folder = Some(folder);
        Ok(())
    }

    /// Blobs that fit these patterns may be missing.
    pub(crate) fn optional(&mut self, patterns: &[&str]) {
        self.optional.extend(patterns.iter().map(|pattern| (*pattern).to_owned()));
    }

    /// Blobs that fit these patterns are never taken.
    pub(crate) fn omit(&mut self, patterns: &[&str]) {
        self.omitted.extend(patterns.iter().map(|pattern| (*pattern).to_owned()));
    }

    /// What a module names as `blob`, which may have `*` in it: paths below /lib/firmware, and their bytes.
    pub(crate) fn of(&self, blob: &str, module: &str) -> Result<Vec<(String, Vec<u8>)>, Error> {
        if self.omitted.iter().any(|pattern| fits(pattern, blob)) {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        if let Some(folder) = &self.folder {
            let parent = blob.rsplit_once('/').map_or("", |(parent, _)| parent);
            for name in names(&folder.join(parent)).unwrap_or_default() {
                let path = if parent.is_empty() { name } else { format!("{parent}/{name}") };
                found.extend(read(folder, blob, &path)?);
            }
        }
        found.dedup_by(|(one, _), (other, _)| one == other);
        if found.is_empty() && !self.optional.iter().any(|pattern| fits(pattern, blob)) {
            let (module, blob) = (module.to_owned(), blob.to_owned());
            return Err(Error::NoBlob { module, blob, folder: self.folder.clone() });
        }
        Ok(found)
    }
}

/// The blob in the file `path` of the folder, if that is what `blob` names. Distributions compress blobs.
fn read(folder: &Path, blob: &str, path: &str) -> Result<Option<(String, Vec<u8>)>, Error> {
    let file = folder.join(path);
    let bytes = |file: &Path| std::fs::read(file).map_err(Error::io("reading", file));
    if fits(blob, path) {
        return Ok(Some((path.to_owned(), bytes(&file)?)));
    }
    if let Some(plain) = path.strip_suffix(".zst").filter(|plain| fits(blob, plain)) {
        let bytes = zstd::decode_all(&*bytes(&file)?).map_err(Error::io("decompressing", file))?;
        return Ok(Some((plain.to_owned(), bytes)));
    }
    match path.strip_suffix(".xz") {
        Some(plain) if fits(blob, plain) && !folder.join(plain).exists() => Err(Error::CompressedBlob(file)),
        _ => Ok(None),
    }
}

/// Whether the text fits the pattern, in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| fits(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        directory
    }

    fn taken(blobs: &Blobs, blob: &str) -> Vec<(String, String)> {
        let found = blobs.of(blob, "driver").unwrap();
        found.into_iter().map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap())).collect()
    }

    #[test]
    fn patterns_have_a_wildcard() {
        for (pattern, text, expected) in [
            ("a/b.fw", "a/b.fw", true),
            ("a/b.fw", "a/b.fw2", false),
            ("a/*", "a/b.fw", true),
            ("*", "", true),
            ("a/*-7.*.fw", "a/x-6.1-7.2.fw", true),
            ("a/*-7.*.fw", "a/x-6.1.fw", false),
            ("*é", "éé", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_blob_is_taken_and_unpacked() {
        let packed = zstd::encode_all(&b"second"[..], 3).unwrap();
        let directory = folder(&[("nic/one.fw", b"first"), ("nic/two.fw.zst", &packed), ("top.bin", b"top")]);
        std::os::unix::fs::symlink("one.fw", directory.path().join("nic/alias.fw")).unwrap();
        let mut blobs = Blobs::default();
        blobs.take_from(directory.path().to_owned()).unwrap();
        assert_eq!(taken(&blobs, "nic/one.fw"), [("nic/one.fw".to_owned(), "first".to_owned())]);
        assert_eq!(taken(&blobs, "nic/two.fw"), [("nic/two.fw".to_owned(), "second".to_owned())]);
        assert_eq!(taken(&blobs, "nic/alias.fw"), [("nic/alias.fw".to_owned(), "first".to_owned())]);
        assert_eq!(taken(&blobs, "top.bin"), [("top.bin".to_owned(), "top".to_owned())]);
        let all: Vec<String> = taken(&blobs, "nic/*.fw").into_iter().map(|(path, _)| path).collect();
        assert_eq!(all, ["nic/alias.fw", "nic/one.fw", "nic/two.fw"]);
    }

    #[test]
    fn a_missing_blob_is_an_error_unless_it_is_stated() {
        let directory = folder(&[("nic/old.fw", b"old"), ("nic/packed.fw.xz", b"xz")]);
        let mut blobs = Blobs::default();
        let error = blobs.of("nic/new.fw", "driver").unwrap_err().to_string();
        assert!(error.starts_with("module driver needs the blob nic/new.fw, which no folder has"), "{error}");
        blobs.take_from(directory.path().to_owned()).unwrap();
        let error = blobs.of("nic/new.fw", "driver").unwrap_err().to_string();
        assert!(error.contains("does not have") && error.contains("`optional nic/new.fw`"), "{error}");
        let error = blobs.of("nic/packed.fw", "driver").unwrap_err().to_string();
        assert!(error.contains("nic/packed.fw.xz is compressed with xz"), "{error}");
        assert!(matches!(blobs.take_from(directory.path().to_owned()), Err(Error::Syntax(_))));
        blobs.optional(&["nic/new*"]);
        blobs.omit(&["nic/old.*", "nic/packed*"]);
        for blob in ["nic/new.fw", "nic/old.fw", "nic/packed.fw"] {
            assert!(blobs.of(blob, "driver").unwrap().is_empty(), "{blob}");
        }
        assert!(Blobs::default().take_from(directory.path().join("none")).is_err());
    }
}
