// SPDX-License-Identifier: MIT OR Apache-2.0
//! Has the kernel's drivers look again for a BMC that the firmware names: they look once, when they are loaded, and a BMC that was
//! just powered needs longer than the host.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::ffi::CStr;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::interface::Interface;
use crate::host::task::Task;
use crate::host::{Machine, modules};

/// How long a driver that is loaded may take for its own probe.
const FIRST: Duration = Duration::from_secs(2);

/// Pause between two probes.
const PAUSE: Duration = Duration::from_secs(3);

const TABLE: &str = "/sys/firmware/dmi/tables/DMI";
const HOTMOD: &str = "/sys/module/ipmi_si/parameters/hotmod";
const I2C: &str = "/sys/bus/i2c";

/// Probes for the interfaces that the firmware names.
pub(crate) struct Reprobe {
    interfaces: Vec<Interface>,
    next: Instant,
    /// A probe of an interface that does not respond takes seconds, in the kernel.
    running: Option<Task<Vec<String>>>,
    errors: Vec<String>,
}

impl Reprobe {
    /// Starts with a pause if a driver is loaded, and probes at once if none is.
    pub(crate) fn new(machine: &Machine) -> Self {
        let interfaces = Interface::in_table(&machine.read(TABLE).unwrap_or_default());
        let is_loaded = interfaces.iter().all(|interface| modules::is_loaded(machine, driver(interface)));
        let next = Instant::now() + if is_loaded { FIRST } else { Duration::ZERO };
        Self { interfaces, next, running: None, errors: Vec::new() }
    }

    /// Whether the drivers can look where the firmware names a BMC.
    pub(crate) fn can_probe(&self) -> bool {
        !self.interfaces.is_empty()
    }

    /// Why the last probe could not be made.
    pub(crate) fn errors(&self) -> &[String] {
        &self.errors
    }

    /// Whether a probe was made, or could not be made.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_none() && Instant::now() < self.next
    }

    /// Starts a probe if it is time, and takes the result of the one that runs.
    pub(crate) fn poll(&mut self, machine: &Machine) {
        if let Some(task) = &self.running {
            let Ok(errors) = task.wait(Duration::ZERO) else { return };
            (self.errors, self.running, self.next) = (errors, None, Instant::now() + PAUSE);
        }
        if self.can_probe() && Instant::now() >= self.next {
            let (machine, interfaces) = (machine.clone(), self.interfaces.clone());
            match Task::start("bmc-probe", move || probe(&machine, &interfaces)) {
                Ok(task) => self.running = Some(task),
                Err(error) => (self.errors, self.next) = (vec![error.to_string()], Instant::now() + PAUSE),
            }
        }
    }
}

/// Probes each interface. Returns what could not be done.
fn probe(machine: &Machine, interfaces: &[Interface]) -> Vec<String> {
    let result = interfaces.iter().map(|interface| probe_one(machine, interface));
    result.filter_map(Result::err).map(|error| format!("{error:#}")).collect()
}

fn probe_one(machine: &Machine, interface: &Interface) -> Result<()> {
    let module = driver(interface);
    if !modules::is_loaded(machine, module) {
        // Else ipmi_si unloads itself when it finds nothing.
        let parameters: &CStr = if module == "ipmi_si" { c"unload_when_empty=0" } else { c"" };
        modules::load_module(machine, module, parameters)?;
    }
    if !modules::is_loaded(machine, "ipmi_devintf") {
        modules::load_module(machine, "ipmi_devintf", c"")?;
    }
    match (interface.hotmod(), interface) {
        (Some([remove, add]), _) => {
            // It may not know the interface yet.
            let _ = write(machine, HOTMOD, &remove);
            write(machine, HOTMOD, &add)
        }
        (None, Interface::Ssif { address }) => smbus_adapters(machine)
            .into_iter()
            .try_for_each(|adapter| probe_smbus(machine, adapter, *address)),
        _ => Ok(()),
    }
}

/// A client that exists is bound to the driver, any other is made.
fn probe_smbus(machine: &Machine, adapter: u32, address: u8) -> Result<()> {
    let client = format!("{adapter}-{address:04x}");
    let device = format!("{I2C}/devices/{client}");
    match (machine.has(&device), machine.has(format!("{device}/driver"))) {
        (true, true) => Ok(()),
        (true, false) => write(machine, &format!("{I2C}/drivers/ipmi_ssif/bind"), &client),
        (false, _) => {
            let path = format!("{I2C}/devices/i2c-{adapter}/new_device");
            write(machine, &path, &format!("ipmi_ssif {address:#04x}"))
        }
    }
}

/// The adapters that are an SMBus of the chipset: others are those of displays and network adapters.
fn smbus_adapters(machine: &Machine) -> Vec<u32> {
    let number = |name: String| {
        let is_smbus = machine
            .attribute(format!("{I2C}/devices/{name}/name"))
            .is_some_and(|name| name.starts_with("SMBus"));
        name.strip_prefix("i2c-")?.parse().ok().filter(|_| is_smbus)
    };
    machine.names(format!("{I2C}/devices")).into_iter().filter_map(number).collect()
}

fn driver(interface: &Interface) -> &'static str {
    match interface {
        Interface::Registers { .. } => "ipmi_si",
        Interface::Ssif { .. } => "ipmi_ssif",
    }
}

fn write(machine: &Machine, path: &str, text: &str) -> Result<()> {
    fs::write(machine.path(path), text).with_context(|| format!("writing {text:?} to {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KCS: [u8; 14] = [1, 0x20, 0x20, 0xff, 0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0];
    const SSIF: [u8; 14] = [4, 0x20, 0x20, 0xff, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    fn machine(interface: &[u8], files: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
        let dir = tempfile::tempdir().unwrap();
        let mut table = vec![38, 18, 0, 0];
        table.extend(interface);
        table.extend([0, 0, 127, 4, 0, 0, 0, 0]);
        let put = |path: &str, bytes: &[u8]| {
            let path = dir.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        put(TABLE, &table);
        files.iter().for_each(|(path, text)| put(path, text.as_bytes()));
        let machine = Machine::at(dir.path());
        (dir, machine)
    }

    #[test]
    fn a_loaded_driver_looks_where_it_is_sent() {
        let (_dir, machine) = machine(&KCS, &[(HOTMOD, ""), ("/sys/module/ipmi_devintf/uevent", "")]);
        assert_eq!(probe(&machine, &Reprobe::new(&machine).interfaces), Vec::<String>::new());
        assert_eq!(machine.attribute(HOTMOD).as_deref(), Some("add,kcs,i/o,0xca2,rsp=1"));
    }

    #[test]
    fn a_client_is_made_on_the_smbus_only() {
        let new_device = |adapter: u8| format!("{I2C}/devices/i2c-{adapter}/new_device");
        let name = |adapter: u8| format!("{I2C}/devices/i2c-{adapter}/name");
        let bind = format!("{I2C}/drivers/ipmi_ssif/bind");
        let files = [
            (name(0), "SMBus I801 adapter at efa0\n"),
            (new_device(0), ""),
            (name(1), "NVIDIA i2c adapter 1\n"),
            (new_device(1), ""),
            (name(2), "SMBus PIIX4 adapter port 0 at 0b00\n"),
            (new_device(2), ""),
            (format!("{I2C}/devices/2-0010/name"), "ipmi_ssif"),
            (bind.clone(), ""),
            ("/sys/module/ipmi_ssif/uevent".to_string(), ""),
            ("/sys/module/ipmi_devintf/uevent".to_string(), ""),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let (_dir, machine) = machine(&SSIF, &files);
        assert_eq!(probe(&machine, &Reprobe::new(&machine).interfaces), Vec::<String>::new());
        assert_eq!(machine.attribute(new_device(0)).as_deref(), Some("ipmi_ssif 0x10"));
        assert_eq!(
            machine.read(machine.path(new_device(1)).strip_prefix(machine.path("/")).unwrap()).unwrap(),
            b""
        );
        assert_eq!(machine.attribute(bind).as_deref(), Some("2-0010"));
    }

    #[test]
    fn a_driver_that_the_image_does_not_have_is_named() {
        let release = ("/proc/sys/kernel/osrelease", "6.1\n");
        let (_dir, machine) = machine(&KCS, &[release, ("/lib/modules/6.1/modules.dep", "")]);
        assert_eq!(
            probe(&machine, &Reprobe::new(&machine).interfaces),
            ["the image does not have the module ipmi_si"]
        );
    }
}
