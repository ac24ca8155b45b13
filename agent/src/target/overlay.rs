// SPDX-License-Identifier: MIT OR Apache-2.0
//! The overlay: cpio archives around the profile's initrds, with the host's detail: host name, network, extra files. Pure.
//!
//! The files are in `/etc/stage1`, where no init mounts anything over them. `/run/stage1` leads there, by a symbolic link
//! for a simple target and by tmpfiles.d(5) for systemd, which mounts an empty `/run`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cpio::newc::{Builder, ModeFileType, trailer};
use stage1_contract::{Detail, ExtraFile};

use super::networkd;

/// The `bonding` module makes a bond0 of its own when it is loaded, with the default mode: one of that name in the detail
/// would not be made (Documentation/networking/bonding.rst, `max_bonds`).
const NO_DEFAULT_BOND: &[u8] = b"options bonding max_bonds=0\n";

/// Two newc cpio archives, one on each side of the profile's initrds.
///
/// The kernel gives a directory the mode and owner of its entry, also if the directory exists. So the directories come
/// first: those that the target has too get the target's mode and owner afterwards. Files come last, and replace the
/// target's.
#[derive(Default)]
pub struct Overlay {
    /// The directories that the files need.
    pub(crate) directories: Vec<u8>,
    /// The files.
    pub(crate) files: Vec<u8>,
}

struct File {
    content: Vec<u8>,
    mode: u32,
    uid: u32,
    gid: u32,
}

/// The overlay with the detail's files.
///
/// # Errors
/// The mistakes in the detail ([`Detail::check`]).
pub(crate) fn overlay(detail: &Detail, nonce: &str) -> Result<Overlay> {
    let errors: Vec<String> = detail.check().iter().map(ToString::to_string).collect();
    if !errors.is_empty() {
        bail!("{}", errors.join("; "));
    }
    let mut files = BTreeMap::new();
    let mut put = |path: &str, mode: u32, content: &[u8]| {
        files.insert(path.to_string(), File { content: content.to_vec(), mode, uid: 0, gid: 0 });
    };
    if !detail.hostname.is_empty() {
        put("etc/hostname", 0o644, format!("{}\n", detail.hostname).as_bytes());
    }
    for interface in &detail.interfaces {
        for (path, text) in networkd::files(detail, interface) {
            put(&path, 0o644, text.as_bytes());
        }
    }
    if detail.interfaces.iter().any(|interface| interface.bond.is_some()) {
        put("etc/modprobe.d/stage1.conf", 0o644, NO_DEFAULT_BOND);
    }
    put("etc/stage1/detail.json", 0o600, &serde_json::to_vec_pretty(detail)?);
    put("etc/stage1/nonce", 0o600, format!("{nonce}\n").as_bytes());
    put("etc/tmpfiles.d/stage1.conf", 0o644, b"L /run/stage1 - - - - ../etc/stage1\n");
    for file in &detail.files {
        files.insert(file.target_path(), extra_file(file).with_context(|| format!("file {:?}", file.path))?);
    }
    Ok(Overlay { directories: directories(&files)?, files: archive(&files)? })
}

fn extra_file(file: &ExtraFile) -> Result<File> {
    let content = match (&file.content, &file.content_base64) {
        (Some(text), _) => text.clone().into_bytes(),
        (None, text) => STANDARD.decode(text.as_deref().unwrap_or_default()).context("content_base64")?,
    };
    let mode = u32::from_str_radix(&file.mode, 8).context("mode")?;
    Ok(File { content, mode, uid: file.uid.unwrap_or(0), gid: file.gid.unwrap_or(0) })
}

/// Every directory above a file, each after its parent.
fn directories(files: &BTreeMap<String, File>) -> Result<Vec<u8>> {
    let parents =
        |path: &'_ String| path.match_indices('/').map(|(at, _)| path[..at].to_string()).collect::<Vec<_>>();
    let mut directories: BTreeSet<String> = files.keys().flat_map(parents).collect();
    directories.insert("run".to_string());
    let mut out = Vec::new();
    for directory in directories {
        let entry = Builder::new(&directory)
            .mode(directory_mode(&directory))
            .set_mode_file_type(ModeFileType::Directory)
            .nlink(2);
        entry.write(&mut out, 0).finish()?;
    }
    trailer(&mut out)?;
    Ok(out)
}

/// The mode of a directory that the target does not have.
fn directory_mode(directory: &str) -> u32 {
    match directory {
        "var/tmp" => 0o1777,
        "root" => 0o700,
        _ => 0o755,
    }
}

fn archive(files: &BTreeMap<String, File>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let link = Builder::new("run/stage1").mode(0o777).set_mode_file_type(ModeFileType::Symlink);
    put(link, &mut out, b"../etc/stage1")?;
    for (path, file) in files {
        let entry = Builder::new(path).mode(file.mode).uid(file.uid).gid(file.gid);
        put(entry.set_mode_file_type(ModeFileType::Regular), &mut out, &file.content)?;
    }
    trailer(&mut out)?;
    Ok(out)
}

fn put(entry: Builder, out: &mut Vec<u8>, content: &[u8]) -> Result<()> {
    let size = u32::try_from(content.len()).context("larger than 4 GiB, the limit of the cpio format")?;
    let mut writer = entry.write(out, size);
    std::io::Write::write_all(&mut writer, content)?;
    writer.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cpio::newc::Reader;
    use std::io::Read;

    /// What the kernel has of a path after it has unpacked an initrd.
    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Unpacked {
        mode: u32,
        owner: (u32, u32),
        content: Vec<u8>,
    }

    /// As `init/initramfs.c` does: an entry needs its directory, and the last entry of a path counts.
    fn unpack(initrd: &[u8]) -> BTreeMap<String, Unpacked> {
        let mut tree = BTreeMap::new();
        let mut rest = initrd;
        while rest.iter().any(|byte| *byte != 0) {
            let start = rest.iter().position(|byte| *byte != 0).unwrap();
            assert_eq!((initrd.len() - rest.len() + start) % 4, 0, "an archive begins at a multiple of four");
            let mut reader = Reader::new(&rest[start..]).unwrap();
            let entry = reader.entry();
            let (name, is_trailer) = (entry.name().to_string(), entry.is_trailer());
            let mut file =
                Unpacked { mode: entry.mode(), owner: (entry.uid(), entry.gid()), content: Vec::new() };
            reader.read_to_end(&mut file.content).unwrap();
            rest = reader.finish().unwrap();
            let parent = name.rsplit_once('/').map(|(parent, _)| parent);
            if !is_trailer && parent.is_none_or(|parent| tree.contains_key(parent)) {
                tree.insert(name, file);
            }
        }
        tree
    }

    fn detail(files: &str) -> Detail {
        let text = format!(r#"{{ "version": 1, "hostname": "node1", "files": {files} }}"#);
        serde_json::from_str(&text).unwrap()
    }

    /// The overlay around a target's initrd.
    fn around(detail: &Detail, target: &[u8]) -> BTreeMap<String, Unpacked> {
        let overlay = overlay(detail, "nonce").unwrap();
        unpack(&[overlay.directories.as_slice(), target, &overlay.files].concat())
    }

    #[test]
    fn the_targets_files_are_replaced_and_its_directories_are_not() {
        let mut target = Vec::new();
        let mut entry = |path: &str, kind, mode, id, content: &[u8]| {
            put(Builder::new(path).mode(mode).uid(id).gid(id).set_mode_file_type(kind), &mut target, content)
                .unwrap();
        };
        entry("etc", ModeFileType::Directory, 0o750, 7, b"");
        entry("etc/hostname", ModeFileType::Regular, 0o600, 7, b"localhost\n");
        entry("home", ModeFileType::Directory, 0o755, 0, b"");
        entry("home/op", ModeFileType::Directory, 0o700, 1000, b"");
        trailer(&mut target).unwrap();
        let detail = detail(
            r#"[{ "path": "/home/op/.ssh/key", "mode": "0600", "content": "k", "uid": 1000, "gid": 100 },
                { "path": "/opt/x/a", "mode": "0640", "content_base64": "AAEC" }]"#,
        );
        let tree = around(&detail, &target);
        let of = |path: &str| (tree[path].mode, tree[path].owner);
        assert_eq!(of("etc"), (0o40750, (7, 7)));
        assert_eq!(of("home/op"), (0o40700, (1000, 1000)));
        assert_eq!(of("home/op/.ssh"), (0o40755, (0, 0)));
        assert_eq!(of("home/op/.ssh/key"), (0o100_600, (1000, 100)));
        assert_eq!((of("opt/x"), tree["opt/x/a"].content.as_slice()), ((0o40755, (0, 0)), &[0, 1, 2][..]));
        assert_eq!(
            (of("etc/hostname"), tree["etc/hostname"].content.as_slice()),
            ((0o100_644, (0, 0)), &b"node1\n"[..])
        );
        assert_eq!(tree["run/stage1"].content, b"../etc/stage1");
        assert_eq!(
            (of("etc/stage1/nonce"), tree["etc/stage1/nonce"].content.as_slice()),
            ((0o100_600, (0, 0)), &b"nonce\n"[..])
        );
    }

    #[test]
    fn usr_is_merged_and_roots_home_is_its_own() {
        let tree = around(
            &detail(
                r#"[{ "path": "/lib/firmware/a", "content": "" }, { "path": "/root/.ssh/a", "content": "" }]"#,
            ),
            &[],
        );
        assert!(tree.contains_key("usr/lib/firmware/a") && !tree.contains_key("lib"));
        assert_eq!(tree["root"].mode, 0o40700);
        assert!(!tree.contains_key("etc/modprobe.d/stage1.conf"));
    }

    #[test]
    fn a_detail_with_a_mistake_makes_no_overlay() {
        let mut bad = detail(r#"[{ "path": "/etc/../../x", "content": "" }]"#);
        bad.hostname = "a\nb".to_string();
        let error = format!("{:#}", overlay(&bad, "n").err().unwrap());
        assert!(error.starts_with("hostname: ") && error.contains("; files[0].path: "), "{error}");
    }
}
