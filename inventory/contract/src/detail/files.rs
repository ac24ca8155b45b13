// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules for the extra files: where they may be, and what they may contain.

use std::collections::BTreeMap;

use super::check::Errors;
use super::{Detail, ExtraFile, Interface};

/// `NAME_MAX` and `PATH_MAX` with its NUL (linux/limits.h): the kernel skips what is longer in an initramfs.
const MAX_NAME: usize = 255;
const MAX_PATH: usize = 4095;

/// Where the target mounts something of its own, so that the file would not be seen.
const HIDDEN: [&str; 5] = ["dev", "proc", "run", "sys", "tmp"];
/// The directories that every target has (file-hierarchy(7)): a file cannot replace them.
const DIRECTORIES: [&str; 13] = [
    "boot", "etc", "home", "media", "mnt", "opt", "root", "srv", "usr", "usr/bin", "usr/lib", "usr/sbin",
    "var",
];
/// What the agent itself puts into the overlay initrd, in each boot.
const OWN_FILES: [&str; 4] = [
    "etc/stage1/detail.json",
    "etc/stage1/nonce",
    "etc/tmpfiles.d/stage1.conf",
    "etc/modprobe.d/stage1.conf",
];

impl ExtraFile {
    /// The path in a target with a merged /usr (file-hierarchy(7)), without the leading slash: a directory of the old name
    /// would replace the target's symbolic link.
    pub fn target_path(&self) -> String {
        let path = self.path.strip_prefix('/').unwrap_or(&self.path);
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        match first {
            "bin" | "sbin" | "lib" | "lib32" | "lib64" | "libx32" => format!("usr/{path}"),
            "var" if rest == "run" || rest.starts_with("run/") => rest.to_string(),
            "var" if rest == "lock" || rest.starts_with("lock/") => format!("run/{rest}"),
            _ => path.to_string(),
        }
    }
}

impl Interface {
    /// The systemd.link(5), systemd.netdev(5) and systemd.network(5) files of this interface, in the target.
    pub fn networkd_paths(&self) -> [String; 3] {
        let name = &self.name;
        ["10-NAME.link", "20-NAME.netdev", "30-NAME.network"]
            .map(|file| format!("etc/systemd/network/{}", file.replace("NAME", name)))
    }
}

impl Errors {
    pub(super) fn files(&mut self, detail: &Detail) {
        let mut paths: BTreeMap<String, String> =
            OWN_FILES.map(|path| (path.to_string(), "the agent".to_string())).into();
        if !detail.hostname.is_empty() {
            paths.insert("etc/hostname".to_string(), "the field hostname".to_string());
        }
        for (i, interface) in detail.interfaces.iter().enumerate() {
            let source = |path| (path, format!("interfaces[{i}]"));
            paths.extend(interface.networkd_paths().map(source));
        }
        for (i, file) in detail.files.iter().enumerate() {
            let field = format!("files[{i}]");
            let path = file.target_path();
            match check_path(&file.path, &path) {
                Err(error) => self.add(&format!("{field}.path"), error),
                Ok(()) => {
                    self.check(&format!("{field}.path"), check_free(&path, &paths));
                    paths.entry(path).or_insert_with(|| field.clone());
                }
            }
            self.content(&field, file);
        }
    }

    fn content(&mut self, field: &str, file: &ExtraFile) {
        let is_mode =
            (3..=5).contains(&file.mode.len()) && file.mode.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        if !is_mode || u32::from_str_radix(&file.mode, 8).is_ok_and(|mode| mode > 0o7777) {
            self.add(
                &format!("{field}.mode"),
                format!("{:?} is not octal permission bits such as 0644", file.mode),
            );
        }
        match (&file.content, &file.content_base64) {
            (Some(_), None) => {}
            (None, Some(text)) if is_base64(text) => {}
            // Not the text, which may be a secret.
            (None, Some(_)) => {
                self.add(&format!("{field}.content_base64"), "not base64 (RFC 4648, section 4)");
            }
            _ => self.add(&format!("{field}.content"), "exactly one of content and content_base64 is needed"),
        }
        for (name, id) in [("uid", file.uid), ("gid", file.gid)] {
            // -1 leaves the owner as it is (chown(2)).
            if id == Some(u32::MAX) {
                self.add(&format!("{field}.{name}"), format!("{} is not an identity of Linux", u32::MAX));
            }
        }
    }
}

/// Refuses a path that the target cannot have, or would not see; `merged` is the one in the target.
fn check_path(path: &str, merged: &str) -> Result<(), String> {
    let shown: String = path.chars().take(80).collect();
    let relative = path.strip_prefix('/').unwrap_or_default();
    if relative.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(format!("{shown:?} is not an absolute path of a file, without '.' and '..'"));
    }
    if path.contains(char::is_control) {
        return Err(format!("{shown:?} has a control character"));
    }
    // The entry that ends a cpio archive.
    if relative == "TRAILER!!!" {
        return Err(format!("{shown:?} cannot be in an initramfs"));
    }
    if let Some(part) = merged.split('/').find(|part| part.len() > MAX_NAME) {
        return Err(format!(
            "a name in {shown:?}... has {} bytes, Linux takes at most {MAX_NAME}",
            part.len()
        ));
    }
    if merged.len() > MAX_PATH {
        return Err(format!("{shown:?}... has {} bytes, Linux takes at most {MAX_PATH}", merged.len()));
    }
    let first = merged.split('/').next().unwrap_or_default();
    if HIDDEN.contains(&first) {
        return Err(format!("{shown:?} would be hidden: the target mounts /{first} anew"));
    }
    if DIRECTORIES.contains(&merged) {
        return Err(format!("{shown:?} is a directory of the target"));
    }
    Ok(())
}

/// Refuses a path that is taken, is below a file, or is the directory of a file.
fn check_free(path: &str, taken: &BTreeMap<String, String>) -> Result<(), String> {
    if let Some(first) = taken.get(path) {
        return Err(format!("/{path} is also written by {first}"));
    }
    for (at, _) in path.match_indices('/') {
        if let Some(first) = taken.get(&path[..at]) {
            return Err(format!("/{} is a file of {first}, not a directory", &path[..at]));
        }
    }
    let below = format!("{path}/");
    match taken.range(below.clone()..).next().filter(|(other, _)| other.starts_with(&below)) {
        Some((other, by)) => Err(format!("/{path} is the directory of /{other}, which is written by {by}")),
        None => Ok(()),
    }
}

/// Whether a text is base64 with padding, and without unused bits that are set.
fn is_base64(text: &str) -> bool {
    let value = |byte: u8| {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".iter().position(|c| *c == byte)
    };
    let data = text.trim_end_matches('=');
    let unused = match text.len() - data.len() {
        0 => 0,
        1 => 0b11,
        2 => 0b1111,
        _ => return false,
    };
    text.len().is_multiple_of(4)
        && data.bytes().all(|byte| value(byte).is_some())
        && data.bytes().next_back().and_then(value).is_none_or(|last| last & unused == 0)
}
