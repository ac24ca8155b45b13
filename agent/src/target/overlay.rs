// SPDX-License-Identifier: MIT OR Apache-2.0
//! The overlay initrd: a cpio archive, concatenated to the profile's initrds, with the host's detail: host name, network,
//! extra files. Pure.
//!
//! The files are in `/etc/stage1`, where no init mounts anything over them. `/run/stage1` leads there, by a symbolic link
//! for a simple target and by tmpfiles.d(5) for systemd, which mounts an empty `/run`.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cpio::newc::{Builder, ModeFileType, trailer};
use stage1_contract::{Detail, ExtraFile, Interface};

/// A newc cpio archive with the detail's files.
///
/// # Errors
/// A detail with an invalid path, mode, name or content.
pub(crate) fn overlay(detail: &Detail, nonce: &str) -> Result<Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut put = |path: &str, mode: u32, content: Vec<u8>| files.insert(path.to_string(), (mode, content));
    if !detail.hostname.is_empty() {
        check_line("hostname", &detail.hostname)?;
        put("etc/hostname", 0o644, format!("{}\n", detail.hostname).into_bytes());
    }
    for interface in &detail.interfaces {
        for (name, content) in networkd_files(detail, interface)? {
            put(&format!("etc/systemd/network/{name}"), 0o644, content.into_bytes());
        }
    }
    put("etc/stage1/detail.json", 0o600, serde_json::to_vec_pretty(detail)?);
    put("etc/stage1/nonce", 0o600, format!("{nonce}\n").into_bytes());
    put("etc/tmpfiles.d/stage1.conf", 0o644, b"L /run/stage1 - - - - ../etc/stage1\n".to_vec());
    for file in &detail.files {
        let (path, mode, content) = extra_file(file).with_context(|| format!("file {:?}", file.path))?;
        put(&path, mode, content);
    }
    archive(&files)
}

/// systemd.link(5), systemd.netdev(5) and systemd.network(5) files of one interface.
fn networkd_files(detail: &Detail, interface: &Interface) -> Result<Vec<(String, String)>> {
    let name = &interface.name;
    check_interface_name(name)?;
    let mut files = Vec::new();
    let matched = match &interface.mac {
        Some(mac) => {
            check_line("mac", mac)?;
            files.push((
                format!("10-{name}.link"),
                format!("[Match]\nPermanentMACAddress={mac}\n\n[Link]\nName={name}\n"),
            ));
            format!("PermanentMACAddress={mac}")
        }
        None => format!("Name={name}"),
    };
    if let Some(bond) = &interface.bond {
        check_line("bond mode", &bond.mode)?;
        files.push((
            format!("20-{name}.netdev"),
            format!("[NetDev]\nName={name}\nKind=bond\n\n[Bond]\nMode={}\nMIIMonitorSec=100ms\n", bond.mode),
        ));
    }
    if let Some(vlan) = &interface.vlan {
        if !(1..=4094).contains(&vlan.id) {
            bail!("interface {name}: VLAN {} is not between 1 and 4094", vlan.id);
        }
        files.push((
            format!("20-{name}.netdev"),
            format!("[NetDev]\nName={name}\nKind=vlan\n\n[VLAN]\nId={}\n", vlan.id),
        ));
    }
    files.push((format!("30-{name}.network"), network_file(detail, interface, &matched)?));
    Ok(files)
}

fn network_file(detail: &Detail, interface: &Interface, matched: &str) -> Result<String> {
    let mut text = format!("[Match]\n{matched}\n");
    if let Some(mtu) = interface.mtu {
        let _ = write!(text, "\n[Link]\nMTUBytes={mtu}\n");
    }
    text.push_str("\n[Network]\n");
    let mut line = |key: &str, value: &str| -> Result<()> {
        check_line(key, value)?;
        let _ = writeln!(text, "{key}={value}");
        Ok(())
    };
    let others = || detail.interfaces.iter();
    for bond in others()
        .filter(|other| other.bond.as_ref().is_some_and(|bond| bond.members.contains(&interface.name)))
    {
        line("Bond", &bond.name)?;
    }
    for vlan in others().filter(|other| other.vlan.as_ref().is_some_and(|vlan| vlan.parent == interface.name))
    {
        line("VLAN", &vlan.name)?;
    }
    if interface.dhcp {
        line("DHCP", "yes")?;
    }
    for address in &interface.addresses {
        line("Address", &address.0)?;
    }
    if interface.dhcp || !interface.addresses.is_empty() {
        for (key, values) in
            [("DNS", &detail.dns.servers), ("Domains", &detail.dns.search), ("NTP", &detail.ntp)]
        {
            for value in values {
                line(key, value)?;
            }
        }
    }
    for route in &interface.routes {
        check_line("route", &route.to)?;
        check_line("route", &route.via)?;
        text.push_str("\n[Route]\n");
        if route.to != "default" {
            let _ = writeln!(text, "Destination={}", route.to);
        }
        let _ = writeln!(text, "Gateway={}", route.via);
    }
    Ok(text)
}

fn extra_file(file: &ExtraFile) -> Result<(String, u32, Vec<u8>)> {
    let path = file.path.strip_prefix('/').unwrap_or_default();
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) || path.contains('\0') {
        bail!("not an absolute path without . and ..");
    }
    let path = merged(path);
    let mode = u32::from_str_radix(&file.mode, 8).ok().filter(|mode| *mode <= 0o7777);
    let mode = mode.with_context(|| format!("mode {:?} is not octal permission bits", file.mode))?;
    let content = match (&file.content, &file.content_base64) {
        (Some(text), None) => text.clone().into_bytes(),
        (None, Some(text)) => STANDARD.decode(text.as_bytes()).context("content_base64")?,
        _ => bail!("exactly one of content and content_base64 is needed"),
    };
    Ok((path, mode, content))
}

/// The path in a system with a merged /usr (file-hierarchy(7)): a directory of the old name in the archive would replace
/// the target's symbolic link.
fn merged(path: &str) -> String {
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    match first {
        "bin" | "sbin" | "lib" | "lib32" | "lib64" | "libx32" => format!("usr/{path}"),
        "var" if rest.starts_with("run/") => rest.to_string(),
        "var" if rest.starts_with("lock/") => format!("run/{rest}"),
        _ => path.to_string(),
    }
}

/// The mode of a directory: the kernel also changes an existing directory to the mode in the archive.
fn directory_mode(directory: &str) -> u32 {
    match directory {
        "tmp" | "var/tmp" => 0o1777,
        "root" => 0o700,
        _ => 0o755,
    }
}

/// A value must not add a line to a file that init reads.
fn check_line(what: &str, value: &str) -> Result<()> {
    if value.is_empty() || value.contains(char::is_control) {
        bail!("{what}: {value:?} is not one line of text");
    }
    Ok(())
}

/// `dev_valid_name` of the kernel: at most 15 bytes, no slash, colon or space.
fn check_interface_name(name: &str) -> Result<()> {
    let bad = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
    if name.is_empty() || name.len() > 15 || name == "." || name == ".." || name.contains(bad) {
        bail!("interface name {name:?}: 1 to 15 characters without slash, colon and space are needed");
    }
    Ok(())
}

fn archive(files: &BTreeMap<String, (u32, Vec<u8>)>) -> Result<Vec<u8>> {
    let mut directories: Vec<&str> =
        files.keys().flat_map(|path| path.match_indices('/').map(|(at, _)| &path[..at])).collect();
    directories.push("run");
    directories.sort_unstable();
    directories.dedup();
    let mut out = Vec::new();
    for directory in directories {
        let entry = Builder::new(directory)
            .mode(directory_mode(directory))
            .set_mode_file_type(ModeFileType::Directory)
            .nlink(2);
        entry.write(&mut out, 0).finish()?;
    }
    let link = b"../etc/stage1";
    let entry = Builder::new("run/stage1").mode(0o777).set_mode_file_type(ModeFileType::Symlink);
    put(entry, &mut out, link)?;
    for (path, (mode, content)) in files {
        let entry = Builder::new(path).mode(*mode).set_mode_file_type(ModeFileType::Regular);
        put(entry, &mut out, content)?;
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
    use stage1_contract::{Address, Bond, Dns, Route, Vlan};
    use std::io::Read;

    fn unpack(mut archive: &[u8]) -> BTreeMap<String, (u32, String)> {
        let mut files = BTreeMap::new();
        loop {
            let mut reader = Reader::new(archive).unwrap();
            if reader.entry().is_trailer() {
                return files;
            }
            let (name, mode) = (reader.entry().name().to_string(), reader.entry().mode());
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            files.insert(name, (mode, text));
            archive = reader.finish().unwrap();
        }
    }

    fn port(name: &str, mac: &str) -> Interface {
        Interface { name: name.to_string(), mac: Some(mac.to_string()), ..Interface::default() }
    }

    fn detail() -> Detail {
        let bond = Interface {
            name: "bond0".to_string(),
            bond: Some(Bond { mode: "802.3ad".to_string(), members: vec!["a".to_string(), "b".to_string()] }),
            mtu: Some(9000),
            ..Interface::default()
        };
        let vlan = Interface {
            name: "vlan12".to_string(),
            vlan: Some(Vlan { id: 12, parent: "bond0".to_string() }),
            addresses: vec![Address("10.1.2.3/24".to_string())],
            routes: vec![Route { to: "default".to_string(), via: "10.1.2.1".to_string() }],
            ..Interface::default()
        };
        Detail {
            version: 1,
            hostname: "node1".to_string(),
            interfaces: vec![port("a", "ac:1f:6b:00:00:01"), port("b", "ac:1f:6b:00:00:02"), bond, vlan],
            dns: Dns { servers: vec!["10.1.2.1".to_string()], search: Vec::new() },
            ntp: Vec::new(),
            files: Vec::new(),
        }
    }

    #[test]
    fn a_bond_with_a_vlan_becomes_networkd_files() {
        let files = unpack(&overlay(&detail(), "nonce").unwrap());
        let text = |name: &str| files[&format!("etc/systemd/network/{name}")].1.as_str();
        assert_eq!(
            text("30-a.network"),
            "[Match]\nPermanentMACAddress=ac:1f:6b:00:00:01\n\n[Network]\nBond=bond0\n"
        );
        assert_eq!(text("10-a.link"), "[Match]\nPermanentMACAddress=ac:1f:6b:00:00:01\n\n[Link]\nName=a\n");
        assert_eq!(
            text("30-bond0.network"),
            "[Match]\nName=bond0\n\n[Link]\nMTUBytes=9000\n\n[Network]\nVLAN=vlan12\n"
        );
        assert!(text("20-vlan12.netdev").ends_with("[VLAN]\nId=12\n"));
        assert_eq!(
            text("30-vlan12.network"),
            "[Match]\nName=vlan12\n\n[Network]\nAddress=10.1.2.3/24\nDNS=10.1.2.1\n\n[Route]\nGateway=10.1.2.1\n"
        );
        assert_eq!(files["etc/hostname"].1, "node1\n");
        assert_eq!(files["run/stage1"], (0o120_777, "../etc/stage1".to_string()));
        assert_eq!(files["etc/stage1/nonce"], (0o100_600, "nonce\n".to_string()));
    }

    #[test]
    fn extra_files_keep_their_modes() {
        let mut detail = detail();
        let file = |path: &str, content: Option<&str>, base64: Option<&str>| ExtraFile {
            path: path.to_string(),
            mode: "0640".to_string(),
            content: content.map(str::to_string),
            content_base64: base64.map(str::to_string),
        };
        detail.files = vec![file("/opt/x/a", Some("text"), None), file("/opt/x/b", None, Some("AAEC"))];
        let files = unpack(&overlay(&detail, "n").unwrap());
        assert_eq!(files["opt/x/a"], (0o100_640, "text".to_string()));
        assert_eq!(files["opt/x/b"].1.as_bytes(), [0, 1, 2]);
        assert_eq!(files["opt/x"].0, 0o40755);
        detail.files = vec![file("/lib/firmware/a", Some(""), None), file("/root/.ssh/a", Some(""), None)];
        let merged = unpack(&overlay(&detail, "n").unwrap());
        assert!(merged.contains_key("usr/lib/firmware/a") && !merged.contains_key("lib"));
        assert_eq!(merged["root"].0, 0o40700);
        detail.files = vec![file("/etc/../../x", Some(""), None)];
        assert!(format!("{:#}", overlay(&detail, "n").unwrap_err()).contains("not an absolute path"));
        detail.files = vec![file("/x", Some(""), Some(""))];
        assert!(format!("{:#}", overlay(&detail, "n").unwrap_err()).contains("exactly one of"));
    }

    #[test]
    fn no_value_of_a_detail_can_add_a_line() {
        let mut bad = detail();
        bad.hostname = "a\nb".to_string();
        assert!(overlay(&bad, "n").is_err());
        let mut bad = detail();
        bad.interfaces[3].addresses[0].0 = "10.0.0.1/8\nGateway=6.6.6.6".to_string();
        assert!(overlay(&bad, "n").is_err());
        let mut bad = detail();
        bad.interfaces[0].name = "../../evil".to_string();
        assert!(overlay(&bad, "n").is_err());
    }
}
