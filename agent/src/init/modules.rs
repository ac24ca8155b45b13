// SPDX-License-Identifier: MIT OR Apache-2.0
//! Kernel modules by the aliases that devices ask for (modules.alias, modules.dep: depmod(8)).

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};

use crate::machine::Machine;
use crate::run::Current;

/// Loads the modules of every device there is, and of those that appear by that.
///
/// # Errors
/// Where the image's module index cannot be read. A module that does not load is a problem.
pub fn load_all(stage: &Current, machine: &Machine) -> Result<()> {
    let release = machine.attribute("/proc/sys/kernel/osrelease").unwrap_or_default();
    let folder = format!("/lib/modules/{release}");
    if !machine.has(&folder) {
        stage.note(format!("none in this image for kernel {release}"));
        return Ok(());
    }
    let text = |name: &str| -> Result<String> {
        Ok(String::from_utf8_lossy(&machine.read(format!("{folder}/{name}"))?).into_owned())
    };
    let (aliases, dependencies) = (text("modules.alias")?, text("modules.dep")?);
    let index = Index::parse(&aliases, &dependencies);
    let mut done = BTreeSet::new();
    let mut loaded = 0;
    loop {
        let mut modaliases = BTreeSet::new();
        collect(&machine.path("/sys/devices"), &mut modaliases);
        let before = done.len();
        for modalias in &modaliases {
            for file in index.files_for(modalias) {
                if done.insert(file) {
                    match load(&machine.path(format!("{folder}/{file}"))) {
                        Ok(()) => loaded += 1,
                        Err(error) => stage.problem(format!("module {file}: {error:#}")),
                    }
                }
            }
        }
        if done.len() == before {
            stage.note(format!("{loaded} kernel modules"));
            return Ok(());
        }
    }
}

/// Which modules there are for which devices.
struct Index<'a> {
    /// Pattern and module, in depmod's order.
    aliases: Vec<(&'a str, &'a str)>,
    /// For a module's name: its file, and the files it needs, last needed first.
    files: HashMap<String, Vec<&'a str>>,
}

impl<'a> Index<'a> {
    fn parse(aliases: &'a str, dependencies: &'a str) -> Self {
        let alias = |line: &'a str| {
            let mut words = line.split_whitespace();
            (words.next() == Some("alias")).then_some(())?;
            Some((words.next()?, words.next()?))
        };
        let dependency = |line: &'a str| {
            let (file, needs) = line.split_once(':')?;
            let files: Vec<&str> = std::iter::once(file).chain(needs.split_whitespace()).collect();
            Some((module_name(file), files))
        };
        Self {
            aliases: aliases.lines().filter_map(alias).collect(),
            files: dependencies.lines().filter_map(dependency).collect(),
        }
    }

    /// The files to load for a device, in the order in which they go in.
    fn files_for(&self, modalias: &str) -> Vec<&'a str> {
        let mut files = Vec::new();
        for (pattern, module) in &self.aliases {
            if matches(pattern.as_bytes(), modalias.as_bytes())
                && let Some(needed) = self.files.get(&module.replace('-', "_"))
            {
                files.extend(needed.iter().rev());
            }
        }
        files
    }
}

fn module_name(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.split('.').next().unwrap_or(name).replace('-', "_")
}

/// Every `modalias` below a folder of `/sys/devices`; links are not followed.
fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            collect(&entry.path(), found);
        } else if kind.is_file() && entry.file_name() == "modalias" {
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            found.extend(Some(text.trim().to_string()).filter(|text| !text.is_empty()));
        }
    }
}

fn load(path: &Path) -> Result<()> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    match finit_module(&file, c"", ModuleInitFlags::empty()) {
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(anyhow!("the kernel refuses it: {errno}")),
    }
}

/// fnmatch(3) as modprobe uses it: `*`, `?` and `[...]`.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        let step = match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, t));
                p += 1;
                continue;
            }
            Some(b'?') => Some(p + 1),
            Some(b'[') => class(pattern, p, text[t]),
            Some(byte) if *byte == text[t] => Some(p + 1),
            _ => None,
        };
        match (step, star) {
            (Some(next), _) => (p, t) = (next, t + 1),
            (None, Some((after, from))) => {
                (p, t) = (after, from + 1);
                star = Some((after, from + 1));
            }
            (None, None) => return false,
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

/// Where the pattern goes on after the class at `at`, if `byte` is in it.
fn class(pattern: &[u8], at: usize, byte: u8) -> Option<usize> {
    let end = at + 1 + pattern.get(at + 1..)?.iter().position(|b| *b == b']')?;
    let mut inside = &pattern[at + 1..end];
    while let [first, rest @ ..] = inside {
        if let [b'-', last, rest @ ..] = rest {
            if (*first..=*last).contains(&byte) {
                return Some(end + 1);
            }
            inside = rest;
        } else {
            if *first == byte {
                return Some(end + 1);
            }
            inside = rest;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    #[test]
    fn patterns_match_as_modprobe_does() {
        let fits = |pattern: &str, text: &str| matches(pattern.as_bytes(), text.as_bytes());
        assert!(fits(
            "pci:v00001AF4d*sv*sd*bc*sc*i*",
            "pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00"
        ));
        assert!(!fits(
            "pci:v00008086d*sv*sd*bc*sc*i*",
            "pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00"
        ));
        assert!(fits(
            "usb:v046Dp*d*dc*dsc*dp*ic03isc*ip*in*",
            "usb:v046DpC52Bd1211dc00dsc00dp00ic03isc01ip01in00"
        ));
        assert!(fits("a[0-9]b[xyz]", "a7by"));
        assert!(!fits("a[0-9]b[xyz]", "acby"));
        assert!(fits("*:svnACME*:*", "dmi:bvnX:svnACMECorp:pnR1:"));
        assert!(fits("", "") && fits("*", "") && !fits("", "a") && !fits("a", ""));
    }

    #[test]
    fn what_is_needed_goes_in_first() {
        let aliases = "# Aliases\nalias virtio:d00000001v* virtio-net\nalias virtio:d00000001v* other\n";
        let dependencies =
            "kernel/virtio_net.ko: kernel/net_failover.ko kernel/failover.ko\nkernel/failover.ko:\n";
        let index = Index::parse(aliases, dependencies);
        assert_eq!(
            index.files_for("virtio:d00000001v00001AF4"),
            ["kernel/failover.ko", "kernel/net_failover.ko", "kernel/virtio_net.ko"]
        );
        assert!(index.files_for("virtio:d00000002v00001AF4").is_empty());
    }

    #[test]
    fn devices_are_found_at_any_depth() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("pci0000:00/0000:00:02.0/virtio0")).unwrap();
        fs::write(dir.path().join("pci0000:00/0000:00:02.0/modalias"), "pci:v1\n").unwrap();
        fs::write(dir.path().join("pci0000:00/0000:00:02.0/virtio0/modalias"), "virtio:d1\n").unwrap();
        let mut found = BTreeSet::new();
        collect(dir.path(), &mut found);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["pci:v1", "virtio:d1"]);
    }

    proptest! {
        #[test]
        fn no_pattern_brings_it_down(pattern in prop::collection::vec(any::<u8>(), 0..20), text in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = matches(&pattern, &text);
        }

        #[test]
        fn text_matches_itself_where_it_has_no_signs(text in "[a-z0-9:]{0,20}") {
            assert!(matches(text.as_bytes(), text.as_bytes()));
        }
    }
}
