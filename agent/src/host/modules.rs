// SPDX-License-Identifier: MIT OR Apache-2.0
//! Loads the kernel modules for all devices, by their aliases (modules.alias, modules.dep: depmod(8)).

use std::collections::{BTreeSet, HashMap};
use std::ffi::CStr;
use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};

use super::Machine;

/// Modules that no alias of a device asks for now, each with the path that exists where it is needed. The first have none;
/// the others are for devices that appear late: disks that an adapter is still looking for, and keyboards, often a BMC's.
const WITHOUT_ALIAS: [(&str, &str); 6] = [
    ("efivarfs", "/sys/firmware/efi/efivars"),
    ("capsule_loader", "/sys/firmware/efi"),
    ("ipmi_devintf", "/sys/module/ipmi_msghandler"),
    ("sd_mod", "/sys/module/scsi_mod"),
    ("usbhid", "/sys/module/usbcore"),
    ("hid_generic", "/sys/module/usbhid"),
];

/// The result of loading modules.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Number of modules that were loaded now.
    pub count: u32,
    /// The modules that failed to load, and missing module indexes.
    pub problems: Vec<String>,
}

/// Loads the modules of all devices, and of those that appear when a driver is loaded. A module that fails to load is a
/// problem and no error, and so is a missing module index: drivers may be built into the kernel. `before` is called with each
/// module before it is loaded.
pub fn load_all(machine: &Machine, before: &dyn Fn(&str)) -> Loaded {
    let release = machine.attribute("/proc/sys/kernel/osrelease").unwrap_or_default();
    let folder = format!("/lib/modules/{release}");
    let mut loaded = Loaded::default();
    let mut text = |name: &str| match machine.read(format!("{folder}/{name}")) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            loaded.problems.push(error.to_string());
            String::new()
        }
    };
    let (aliases, dependencies) = (text("modules.alias"), text("modules.dep"));
    let index = Index::parse(&aliases, &dependencies);
    let mut loader = Loader { machine, folder, seen: BTreeSet::new(), loaded, before };
    // Network first: a link takes seconds to come up, and other drivers can probe meanwhile.
    for selected in [is_network, |_: &str| true] {
        loop {
            let before = loader.seen.len();
            for modalias in modaliases(machine).iter().filter(|modalias| selected(modalias)) {
                loader.load(index.files_for(modalias));
            }
            if loader.seen.len() == before {
                break;
            }
        }
    }
    // Of these, one may be the reason for the next.
    for (module, reason) in WITHOUT_ALIAS {
        if machine.has(reason) {
            loader.load(index.files_of(module));
        }
    }
    loader.loaded
}

/// Loads a module by its name with these parameters, and what it depends on.
///
/// # Errors
/// If the image does not have it, or the kernel refuses it.
pub(crate) fn load_module(machine: &Machine, module: &str, parameters: &CStr) -> Result<()> {
    let release = machine.attribute("/proc/sys/kernel/osrelease").unwrap_or_default();
    let folder = format!("/lib/modules/{release}");
    let dependencies = machine.read(format!("{folder}/modules.dep"))?;
    let dependencies = String::from_utf8_lossy(&dependencies);
    let files = Index::parse("", &dependencies).files_of(module);
    let Some((last, needed)) = files.split_last() else {
        bail!("the image does not have the module {module}")
    };
    for (file, parameters) in needed.iter().map(|file| (file, c"")).chain([(last, parameters)]) {
        load_with(&machine.path(format!("{folder}/{file}")), parameters)
            .with_context(|| format!("module {file}"))?;
    }
    Ok(())
}

/// Whether a module is in the kernel: loaded, or built in and with parameters.
pub(crate) fn is_loaded(machine: &Machine, module: &str) -> bool {
    machine.has(format!("/sys/module/{module}"))
}

/// Loads each file once.
struct Loader<'a> {
    machine: &'a Machine,
    folder: String,
    seen: BTreeSet<String>,
    loaded: Loaded,
    before: &'a dyn Fn(&str),
}

impl Loader<'_> {
    fn load(&mut self, files: Vec<&str>) {
        for file in files {
            if self.seen.insert(file.to_string()) {
                (self.before)(file);
                match load(&self.machine.path(format!("{}/{file}", self.folder))) {
                    Ok(()) => self.loaded.count += 1,
                    Err(error) => self.loaded.problems.push(format!("module {file}: {error:#}")),
                }
            }
        }
    }
}

/// The module index of an image.
struct Index<'a> {
    /// Alias pattern and module name, in depmod's order.
    aliases: Vec<(&'a str, &'a str)>,
    /// By module name: its file, then the files of its dependencies in reverse order of loading.
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

    /// The files to load for a device, dependencies first.
    fn files_for(&self, modalias: &str) -> Vec<&'a str> {
        let mut files = Vec::new();
        for (pattern, module) in &self.aliases {
            if matches(pattern.as_bytes(), modalias.as_bytes()) {
                files.extend(self.files_of(&module.replace('-', "_")));
            }
        }
        files
    }

    /// The files of a module, dependencies first; empty if the image does not have it.
    fn files_of(&self, module: &str) -> Vec<&'a str> {
        self.files.get(module).into_iter().flatten().rev().copied().collect()
    }
}

fn module_name(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.split('.').next().unwrap_or(name).replace('-', "_")
}

/// The aliases (modalias) of all devices on all buses.
fn modaliases(machine: &Machine) -> BTreeSet<String> {
    // The processors are on no bus; their alias loads drivers of sensors and memory controllers.
    let mut found: BTreeSet<String> =
        machine.attribute("/sys/devices/system/cpu/modalias").into_iter().collect();
    for bus in machine.names("/sys/bus") {
        let devices = format!("/sys/bus/{bus}/devices");
        for device in machine.names(&devices) {
            found.extend(machine.attribute(format!("{devices}/{device}/modalias")));
        }
    }
    found
}

/// PCI base class 02h, network controller (PCI Code and ID Assignment 1.3), and virtio's device 1.
fn is_network(modalias: &str) -> bool {
    modalias.starts_with("pci:") && modalias.contains("bc02") || modalias.starts_with("virtio:d00000001v")
}

fn load(path: &Path) -> Result<()> {
    load_with(path, c"")
}

fn load_with(path: &Path, parameters: &CStr) -> Result<()> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    match finit_module(&file, parameters, ModuleInitFlags::empty()) {
        // ENODEV: the driver found no device, for example a memory controller without ECC.
        Ok(()) | Err(Errno::EEXIST | Errno::ENODEV) => Ok(()),
        Err(errno) => Err(anyhow!("refused by the kernel: {errno}")),
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

/// The position after the class `[...]` at `at`, if `byte` is in the class.
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
    fn dependencies_are_loaded_first() {
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
    fn devices_of_every_bus_are_found() {
        let dir = tempfile::tempdir().unwrap();
        for (device, modalias) in
            [("pci/devices/0000:00:02.0", "pci:v1"), ("virtio/devices/virtio0", "virtio:d1")]
        {
            let device = dir.path().join("sys/bus").join(device);
            std::fs::create_dir_all(&device).unwrap();
            std::fs::write(device.join("modalias"), format!("{modalias}\n")).unwrap();
        }
        assert_eq!(
            modaliases(&Machine::at(dir.path())).into_iter().collect::<Vec<_>>(),
            ["pci:v1", "virtio:d1"]
        );
    }

    #[test]
    fn network_adapters_are_recognized_by_their_class() {
        assert!(is_network("pci:v00008086d00001592sv00008086sd00000002bc02sc00i00"));
        assert!(is_network("virtio:d00000001v00001AF4"));
        assert!(!is_network("pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01"));
        assert!(!is_network("virtio:d00000002v00001AF4"));
    }

    proptest! {
        #[test]
        fn no_pattern_panics(pattern in prop::collection::vec(any::<u8>(), 0..20), text in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = matches(&pattern, &text);
        }

        #[test]
        fn text_without_wildcards_matches_itself(text in "[a-z0-9:]{0,20}") {
            assert!(matches(text.as_bytes(), text.as_bytes()));
        }
    }
}
