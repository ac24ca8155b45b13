// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host with a shell, and with hardware that can be flashed.

use std::fs;

use stage1_rack::host::Host;
use stage1_rack::paths::Paths;
use stage1_rack::rack::Rack;
use stage1_rack::scenario::BOOT;
use stage1_rack::spec::RackSpec;

/// The last line of `flash`; progress lines have numbers.
const RESULT: &str =
    "done|(?:refused|failed|unknown|error): .*|may be written|Active|Image|[A-Z][a-z]+ ?[({].*";

/// A rack with one host, `a`, which boots into a shell; `keys` are added to its description.
pub fn rack(name: &str, keys: &str) -> Rack {
    let spec = format!(
        "[network]\ndhcp = false\n[[host]]\nname = 'a'\nboot = 'kernel'\nimage = 'firmware'\nshare = true\n\
         memory_mib = 512\nappend = 'rdinit=/workbench'\n{keys}\n"
    );
    Rack::up(name, &RackSpec::parse(&spec).unwrap(), &Paths::of_checkout().unwrap()).unwrap()
}

/// A host's shell.
pub struct Workbench<'a>(pub &'a Host);

impl Workbench<'_> {
    /// Puts a file into the host's `/share/NAME`.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.0.share().join(name), bytes).unwrap();
    }

    /// Powers the host on; returns the version of its BIOS.
    pub fn power_on(&self) -> String {
        self.0.power_on().unwrap();
        self.is_up()
    }

    /// Waits for the shell; returns the version of the BIOS.
    pub fn is_up(&self) -> String {
        let bios = self.0.wait_for(r"workbench: bios (.*)\n", BOOT).unwrap().group(1).to_string();
        self.0.wait_for("^workbench# $", BOOT).unwrap();
        bios
    }

    /// Runs `flash` with these arguments; returns its result.
    pub fn flash(&self, arguments: &str) -> String {
        self.0.type_line(&format!("flash {arguments}")).unwrap();
        let result = self.0.wait_for(&format!("^flash: ({RESULT})\n"), BOOT).unwrap().group(1).to_string();
        self.0.wait_for("^workbench# $", BOOT).unwrap();
        result
    }

    /// Starts `flash` with these arguments, and waits until it prints `text`, which must come before its result.
    pub fn flash_until(&self, arguments: &str, text: &str) {
        self.0.type_line(&format!("flash {arguments}")).unwrap();
        let found = self.0.wait_for(&format!("^flash: (?:({text})|(?:{RESULT})\n)"), BOOT).unwrap();
        assert_eq!(found.group(1), text, "{}", self.0.shown());
    }
}
