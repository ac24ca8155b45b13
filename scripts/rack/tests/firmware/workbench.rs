// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host that is a shell beside hardware that can be flashed.

use std::fs;

use stage1_rack::host::Host;
use stage1_rack::paths::Paths;
use stage1_rack::rack::Rack;
use stage1_rack::spec::RackSpec;
use stage1_rack::story::BOOT;

/// What `flash` says in the end; progress has numbers.
const LAST_WORD: &str =
    "done|(?:refused|failed|unknown|error): .*|may be written|Active|Image|[A-Z][a-z]+ ?[({].*";

/// A rack with the one host `a`, which comes up as a workbench, and which `keys` describe.
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
    /// Puts a file where the host finds it as `/share/NAME`.
    pub fn lay_down(&self, name: &str, bytes: &[u8]) {
        fs::write(self.0.share().join(name), bytes).unwrap();
    }

    /// Turns the host on; gives the version of its BIOS.
    pub fn power_on(&self) -> String {
        self.0.power_on().unwrap();
        self.is_up()
    }

    /// Waits until the shell is there; gives the version of the BIOS.
    pub fn is_up(&self) -> String {
        let bios = self.0.wait_for(r"workbench: bios (.*)\n", BOOT).unwrap().group(1).to_string();
        self.0.wait_for("^workbench# $", BOOT).unwrap();
        bios
    }

    /// The last word of `flash` with these arguments.
    pub fn flash(&self, arguments: &str) -> String {
        self.0.type_line(&format!("flash {arguments}")).unwrap();
        let word = self.0.wait_for(&format!("^flash: ({LAST_WORD})\n"), BOOT).unwrap().group(1).to_string();
        self.0.wait_for("^workbench# $", BOOT).unwrap();
        word
    }

    /// Starts `flash` with these arguments, and waits until it says `words`, before anything that is its last word.
    pub fn flash_until(&self, arguments: &str, words: &str) {
        self.0.type_line(&format!("flash {arguments}")).unwrap();
        let found = self.0.wait_for(&format!("^flash: (?:({words})|(?:{LAST_WORD})\n)"), BOOT).unwrap();
        assert_eq!(found.group(1), words, "{}", self.0.shown());
    }
}
