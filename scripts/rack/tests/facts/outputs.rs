// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stage1, every tool and the kernel print on a host, each into a file of the share.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stage1_rack::host::Host;
use stage1_rack::paths::Paths;
use stage1_rack::qmp::PowerOff;
use stage1_rack::rack::Rack;
use stage1_rack::scenario::BOOT;
use stage1_rack::spec::RackSpec;

/// The outputs of one host.
pub struct Outputs {
    directory: PathBuf,
    /// The end of its serial log, as the tail of an error message.
    pub shown: String,
    /// All of its serial console.
    pub serial: String,
}

impl Outputs {
    /// Brings up the rack `tests/facts/NAME.toml`, and collects the outputs of its hosts by their names. `meanwhile` does
    /// what a host asks for before it is done.
    pub fn by(name: &str, meanwhile: impl Fn(&Host)) -> BTreeMap<String, Outputs> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/facts/{name}.toml"));
        let spec = RackSpec::read(&file).unwrap();
        let rack = Rack::up(&format!("facts-{name}"), &spec, &Paths::of_checkout().unwrap()).unwrap();
        rack.hosts().iter().for_each(|host| host.power_on().unwrap());
        rack.hosts().iter().for_each(|host| meanwhile(host));
        rack.hosts().iter().map(|host| (host.name().to_string(), Outputs::wait_for(host))).collect()
    }

    fn wait_for(host: &Host) -> Outputs {
        assert_eq!(host.wait_off(BOOT).unwrap(), PowerOff::Shutdown, "{}", host.shown());
        let outputs = Outputs { directory: host.share(), shown: host.shown(), serial: host.serial_text() };
        assert!(outputs.serial.contains("reference: done"), "the host was not done{}", outputs.shown);
        outputs.keep_tables(host.name());
        outputs
    }

    /// Keeps the SMBIOS tables where the comparison with dmidecode, which needs no virtual machine, finds them.
    fn keep_tables(&self, host: &str) {
        let tables = "sys/firmware/dmi/tables";
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let kept = checkout.join("target/facts-guests").join(host).join(tables);
        fs::create_dir_all(&kept).unwrap();
        for file in ["DMI", "smbios_entry_point"] {
            fs::copy(self.path(&format!("{tables}/{file}")), kept.join(file)).unwrap();
        }
    }

    /// Where the file `name` is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The output in the file `name`.
    pub fn text(&self, name: &str) -> String {
        let bytes = fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}{}", self.shown));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The same as JSON.
    pub fn json(&self, name: &str) -> Value {
        let text = self.text(name);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}: {text}{}", self.shown))
    }

    /// The same as `KEY: VALUE` lines, without white space around them. Of a key that is there twice, the first.
    pub fn lines(&self, name: &str) -> BTreeMap<String, String> {
        let text = self.text(name);
        let lines = text.lines().rev().filter_map(|line| line.split_once(':'));
        lines.map(|(key, value)| (key.trim().to_string(), value.trim().to_string())).collect()
    }

    /// The devices that have an output of their own, in the files `START.DEVICE`.
    pub fn devices(&self, start: &str) -> Vec<String> {
        let files = fs::read_dir(&self.directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let devices = files.filter_map(|file| Some(file.strip_prefix(start)?.strip_prefix('.')?.to_string()));
        let mut devices: Vec<String> = devices.filter(|device| !device.ends_with(".errors")).collect();
        devices.sort();
        devices
    }

    /// How long it took to print the file `name`, in milliseconds.
    pub fn milliseconds(&self, name: &str) -> u64 {
        let start = format!("reference: {name}: exit ");
        let line = self.serial.lines().find_map(|line| line.strip_prefix(&start));
        let words = line.and_then(|line| line.split(' ').nth_back(1)?.parse().ok());
        words.unwrap_or_else(|| panic!("{name} was not printed{}", self.shown))
    }
}
