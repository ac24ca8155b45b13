// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our facts as dmidecode 3.4 would print them.

mod devices;
mod management;
mod memory;
mod processors;
mod system;

use stage1_contract::SystemInformation;
use stage1_contract::facts::Smbios;

use crate::dmidecode::numbered;

/// One structure.
#[derive(Debug)]
pub struct Rendered {
    kind: u8,
    /// Absent where our facts have none of it.
    handle: Option<u16>,
    pub fields: Vec<(String, Field)>,
}

/// One of its fields.
#[derive(Debug)]
pub struct Field {
    /// Any of these is what dmidecode should print; none: we have nothing.
    pub texts: Vec<String>,
    /// What dmidecode prints where there is nothing.
    pub absent: &'static [&'static str],
}

impl Rendered {
    fn new(kind: u8, handle: impl Into<Option<u16>>) -> Self {
        Self { kind, handle: handle.into(), fields: Vec::new() }
    }

    pub fn matches(&self, kind: u8, handle: u16) -> bool {
        self.kind == kind && self.handle.is_none_or(|ours| ours == handle)
    }

    pub fn is_empty(&self) -> bool {
        self.fields.iter().all(|(_, field)| field.texts.is_empty())
    }

    /// A field; `absent` is what dmidecode prints, in addition to `Not Specified`, where there is nothing.
    fn field(self, key: &str, value: impl Into<Option<String>>, absent: &'static [&'static str]) -> Self {
        self.any(key, value.into().into_iter().collect(), absent)
    }

    /// A field that can be spelled in several ways.
    fn any(mut self, key: &str, texts: Vec<String>, absent: &'static [&'static str]) -> Self {
        let key = numbered(key, &self.fields);
        self.fields.push((key, Field { texts, absent }));
        self
    }

    fn text(self, key: &str, value: &Option<String>) -> Self {
        self.field(key, value.clone(), &[])
    }

    /// The name of a code, or its number, of which dmidecode prints only that it has no name.
    fn name(self, key: &str, value: &Option<impl ToString>) -> Self {
        self.field(key, value.as_ref().map(|name| named(&name.to_string())), &[])
    }

    fn number(self, key: &str, value: Option<impl ToString>, absent: &'static [&'static str]) -> Self {
        self.field(key, value.map(|value| value.to_string()), absent)
    }

    fn unit(self, key: &str, value: Option<impl ToString>, unit: &str) -> Self {
        self.field(key, value.map(|value| format!("{} {unit}", value.to_string())), &["Unknown"])
    }

    fn handle(self, key: &str, handle: Option<u16>, absent: &'static [&'static str]) -> Self {
        self.field(key, handle.map(|handle| format!("0x{handle:04X}")), absent)
    }

    fn lines(self, key: &str, lines: &[impl ToString]) -> Self {
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        self.field(key, (!lines.is_empty()).then(|| lines.join("\n")), &["None", "Unknown"])
    }

    fn words(self, key: &str, words: &[String]) -> Self {
        self.field(key, (!words.is_empty()).then(|| words.join(" ")), &["None"])
    }

    fn yes(self, key: &str, value: Option<bool>, yes: &str, no: &str) -> Self {
        self.field(key, value.map(|value| if value { yes } else { no }.to_string()), &[])
    }
}

/// Every structure, of each type in the order of the table.
pub fn render(system: Option<&SystemInformation>, smbios: &Smbios) -> Vec<Rendered> {
    let mut all: Vec<Rendered> = Vec::new();
    all.extend(smbios.bios.as_ref().map(system::bios));
    all.extend(system.map(system::system));
    all.extend(smbios.baseboards.iter().map(system::baseboard));
    all.extend(smbios.chassis.iter().map(system::chassis));
    all.extend(smbios.processors.iter().map(processors::processor));
    all.extend(smbios.caches.iter().map(processors::cache));
    all.extend(smbios.slots.iter().map(devices::slot));
    all.extend(devices::onboard_devices(&smbios.onboard_devices));
    all.extend(smbios.oem_strings.iter().map(|list| system::strings(11, "String", list)));
    all.extend(smbios.configuration_options.iter().map(|list| system::strings(12, "Option", list)));
    all.extend(smbios.bios_languages.iter().map(system::languages));
    all.extend(smbios.memory_arrays.iter().map(memory::memory_array));
    all.extend(smbios.memory_devices.iter().map(memory::memory_device));
    all.extend(
        smbios.boot_status.is_some().then(|| Rendered::new(32, None).name("Status", &smbios.boot_status)),
    );
    all.extend(smbios.ipmi_devices.iter().map(management::ipmi));
    all.extend(smbios.power_supplies.iter().map(system::power_supply));
    all.extend(
        smbios
            .host_interfaces
            .iter()
            .map(|interface| management::host_interface(interface, smbios.version.as_deref())),
    );
    all.extend(smbios.tpm_devices.iter().map(management::tpm));
    all
}

/// Of a code without a name dmidecode does not print the number.
fn named(name: &str) -> String {
    let is_number =
        name.strip_prefix("0x").is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()));
    if is_number { "<OUT OF SPEC>".to_string() } else { name.to_string() }
}

/// dmi_print_memory_size: the two highest units that are not zero, as the lower one.
fn size(bytes: u64) -> String {
    let split = |unit: usize| bytes >> (unit * 10) & 0x3ff;
    let highest = (1..=6).rev().find(|unit| split(*unit) != 0).unwrap_or(0);
    let (unit, amount) = match highest {
        1.. if split(highest - 1) != 0 => (highest - 1, split(highest - 1) + (split(highest) << 10)),
        _ => (highest, split(highest)),
    };
    format!("{amount} {}", ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"][unit])
}
