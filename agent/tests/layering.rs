// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rules of the house that a machine can check.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules that take bytes and text and return values, in all crates; `/` at the end means all of a folder.
const PURE: &[&str] = &[
    "agent/src/bmc/current.rs",
    "agent/src/bmc/makers.rs",
    "agent/src/bmc/password.rs",
    "agent/src/bmc/plan.rs",
    "agent/src/bmc/text.rs",
    "agent/src/cmdline.rs",
    "agent/src/config.rs",
    "agent/src/devlink/message.rs",
    "agent/src/facts/bytes.rs",
    "agent/src/facts/cpus/arm.rs",
    "agent/src/facts/cpus/cpuinfo.rs",
    "agent/src/facts/cpus/list.rs",
    "agent/src/facts/disks/ata.rs",
    "agent/src/facts/disks/nvme.rs",
    "agent/src/facts/disks/scsi.rs",
    "agent/src/facts/firmware/device_path.rs",
    "agent/src/facts/firmware/variable.rs",
    "agent/src/facts/identity.rs",
    "agent/src/facts/nics/ethtool.rs",
    "agent/src/facts/nics/module.rs",
    "agent/src/facts/oddities.rs",
    "agent/src/facts/pci/attributes.rs",
    "agent/src/facts/pci/class.rs",
    "agent/src/facts/placeholder.rs",
    "agent/src/facts/scrub.rs",
    "agent/src/facts/smbios/devices.rs",
    "agent/src/facts/smbios/doubts.rs",
    "agent/src/facts/smbios/entry_point.rs",
    "agent/src/facts/smbios/host_interface.rs",
    "agent/src/facts/smbios/management.rs",
    "agent/src/facts/smbios/memory.rs",
    "agent/src/facts/smbios/memory_names.rs",
    "agent/src/facts/smbios/names.rs",
    "agent/src/facts/smbios/placeholders.rs",
    "agent/src/facts/smbios/processor_names.rs",
    "agent/src/facts/smbios/processors.rs",
    "agent/src/facts/smbios/signature.rs",
    "agent/src/facts/smbios/slot_names.rs",
    "agent/src/facts/smbios/structure.rs",
    "agent/src/facts/smbios/system.rs",
    "agent/src/facts/smbios/tables.rs",
    "agent/src/facts/smbios/walk.rs",
    "agent/src/facts/summary.rs",
    "agent/src/facts/tpm/properties.rs",
    "agent/src/firmware/apply/progress.rs",
    "agent/src/firmware/backend/capsule/header.rs",
    "agent/src/firmware/backend/mtd/table.rs",
    "agent/src/firmware/backend/tool/answer.rs",
    "agent/src/firmware/journal.rs",
    "agent/src/firmware/lint.rs",
    "agent/src/firmware/lint/entry.rs",
    "agent/src/firmware/matching.rs",
    "agent/src/firmware/plan.rs",
    "agent/src/firmware/plan/gates.rs",
    "agent/src/firmware/set.rs",
    "agent/src/firmware/signature.rs",
    "agent/src/firmware/state.rs",
    "agent/src/firmware/table.rs",
    "agent/src/firmware/version.rs",
    "agent/src/inventory/error.rs",
    "agent/src/inventory/url.rs",
    "agent/src/ipmi/app/",
    "agent/src/ipmi/chassis/",
    "agent/src/ipmi/codes.rs",
    "agent/src/ipmi/dcmi/",
    "agent/src/ipmi/message.rs",
    "agent/src/ipmi/parameter.rs",
    "agent/src/ipmi/sensor/",
    "agent/src/ipmi/storage/",
    "agent/src/ipmi/transport/",
    "agent/src/lldp/filter.rs",
    "agent/src/lldp/firmware.rs",
    "agent/src/lldp/heard.rs",
    "agent/src/lldp/neighbour.rs",
    "agent/src/lldp/ports.rs",
    "agent/src/lldp/schedule.rs",
    "agent/src/lldp/table.rs",
    "agent/src/net/dhcp.rs",
    "agent/src/net/netlink.rs",
    "agent/src/net/nlmsg.rs",
    "agent/src/report.rs",
    "agent/src/target/plan.rs",
    "agent/src/target/segment.rs",
    "inventory/src/bmc/",
    "inventory/src/detail.rs",
    "inventory/src/facts/cpus.rs",
    "inventory/src/facts/disks.rs",
    "inventory/src/facts/firmware.rs",
    "inventory/src/facts/identity.rs",
    "inventory/src/facts/memory.rs",
    "inventory/src/facts/mod.rs",
    "inventory/src/facts/nics.rs",
    "inventory/src/facts/pci.rs",
    "inventory/src/facts/platform.rs",
    "inventory/src/facts/smbios/devices.rs",
    "inventory/src/facts/smbios/management.rs",
    "inventory/src/facts/smbios/memory.rs",
    "inventory/src/facts/smbios/mod.rs",
    "inventory/src/facts/smbios/processors.rs",
    "inventory/src/facts/smbios/system.rs",
    "inventory/src/firmware/journal.rs",
    "inventory/src/firmware/manifest.rs",
    "inventory/src/firmware/manifest/match_on.rs",
    "inventory/src/firmware/manifest/method.rs",
    "inventory/src/firmware/manifest/version.rs",
    "inventory/src/firmware/mod.rs",
    "inventory/src/firmware/report.rs",
    "inventory/src/neighbours.rs",
    "inventory/src/profile.rs",
    "inventory/src/progress.rs",
    "inventory/src/registration.rs",
    "inventory/src/report.rs",
    "inventory/src/waterfall.rs",
    "kexec/src/image.rs",
];

/// What a pure module has no business with.
const IO: &[&str] = &[
    "std::fs",
    "fs::",
    "File",
    "std::env",
    "std::process",
    "std::thread",
    "std::os",
    "TcpStream",
    "UdpSocket",
    "Instant",
    "nix::",
    "libc::",
    "ureq::Agent",
    "Machine",
    "println!",
    "log::",
    "unsafe",
];

/// The only files that talk to the kernel in ways the compiler cannot check.
const UNSAFE: &[&str] = &[
    "agent/src/ethtool.rs",
    "agent/src/facts/disks/ioctl.rs",
    "agent/src/firmware/backend/guard.rs",
    "agent/src/firmware/backend/mtd/ioctl.rs",
    "agent/src/firmware/variable.rs",
    "agent/src/init/mod.rs",
    "agent/src/init/rescue.rs",
    "agent/src/ipmi/device.rs",
    "agent/src/lldp/socket.rs",
    "agent/src/left_behind.rs",
    "kexec/src/load.rs",
];

#[test]
fn pure_modules_do_no_io() {
    let sources = sources();
    let is_in = |path: &str, entry: &str| path == entry || entry.ends_with('/') && path.starts_with(entry);
    for entry in PURE {
        let mut found =
            sources.iter().filter_map(|path| path.to_str()).filter(|path| is_in(path, entry)).peekable();
        assert!(found.peek().is_some(), "{entry}: there is no such source");
        for path in found {
            let source = fs::read_to_string(root().join(path)).unwrap();
            for (number, line) in code(&source) {
                for word in IO {
                    assert!(!uses(line, word), "{path}:{number} uses {word}: {line}");
                }
            }
        }
    }
}

#[test]
fn the_agents_own_list_of_pure_modules_is_this_one() {
    let lib = fs::read_to_string(root().join("agent/src/lib.rs")).unwrap();
    let docs: String = lib.lines().filter_map(|line| line.strip_prefix("//!")).collect();
    for module in PURE.iter().filter_map(|path| path.strip_prefix("agent/src/")) {
        let name = module.trim_end_matches(".rs").trim_end_matches('/').replace('/', "::");
        assert!(docs.contains(&format!("`{name}`")), "agent/src/lib.rs does not name {name} as pure");
    }
}

#[test]
fn unsafe_code_lies_in_few_files() {
    for path in sources() {
        let source = fs::read_to_string(root().join(&path)).unwrap();
        let found = code(&source).any(|(_, line)| uses(line, "unsafe"));
        let listed = UNSAFE.contains(&path.to_str().unwrap());
        assert_eq!(found, listed, "{}: unsafe code and the list UNSAFE disagree", path.display());
    }
}

#[test]
fn the_pipeline_fits_one_screen() {
    let source = fs::read_to_string(root().join("agent/src/pipeline.rs")).unwrap();
    let body = source.lines().skip_while(|line| !line.starts_with("pub fn run")).count();
    assert!(body <= 50, "pipeline.rs: `run` has {body} lines");
}

#[test]
fn the_readme_names_every_setting_and_every_exit_code() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for (setting, _) in stage1::config::HELP {
        assert!(readme.contains(&format!("`{setting}`")), "README.md does not name the setting {setting}");
    }
    assert!(readme.contains("Exit codes: 0 done, 1 failed, 2 usage, 3 done but with problems, 4 the inventory wants a rescue shell."));
}

/// The lines that are code: numbered, without comments, up to the tests.
fn code(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = source.lines().take_while(|line| !line.contains("[cfg(test)]"));
    let code = lines.zip(1..).map(|(line, number)| (number, line.split("//").next().unwrap_or_default()));
    code.filter(|(_, line)| !line.trim().is_empty())
}

/// Whether `word` stands in the line as a word of its own.
fn uses(line: &str, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let ends_open = word.ends_with(':') || word.ends_with('!');
    line.match_indices(word).any(|(at, _)| {
        !is_part(line[..at].chars().next_back())
            && (ends_open || !is_part(line[at + word.len()..].chars().next()))
    })
}

/// Every source file of the agent and of kexec.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders =
        vec![PathBuf::from("agent/src"), PathBuf::from("kexec/src"), PathBuf::from("inventory/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if root().join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
