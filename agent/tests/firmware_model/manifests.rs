// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random manifest sets for a machine of one board and one adapter.

use stage1::firmware::set;
use stage1_contract::firmware::ManifestSet;

/// Pseudo-random numbers from a seed (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }
}

/// The text of version `number`: a triplet, so that 1.10.0 is newer than 1.9.0.
pub fn text(number: u64) -> String {
    format!("1.{number}.0")
}

/// The number of a version.
pub fn number(text: &str) -> u64 {
    text.split('.').nth(1).unwrap().parse().unwrap()
}

/// A set of that serial, whose greatest version is 12.
pub fn random(random: &mut Random, serial: u64) -> ManifestSet {
    let mut toml = format!("schema = 1\nserial = {serial}\nexpires = \"2099-12-31\"\n");
    let nic = "component = \"nic\"\nmatch = { pci = [\"1af4:1110\"] }\n";
    let board = "component = \"bios\"\nmatch = { product = \"Model\" }\n";
    let names = ["nic", "board"];
    for (name, head, source) in [("nic", nic, "devlink:fw"), ("board", board, "dmi")] {
        if random.percent(90) {
            toml += &entry(random, name, head, source, &names);
        }
        // If two entries match, neither is used.
        if random.percent(3) {
            toml += &entry(random, &format!("{name}-again"), head, source, &names);
        }
    }
    set::parse(&toml).unwrap_or_else(|error| panic!("{error}\n{toml}"))
}

fn entry(random: &mut Random, name: &str, head: &str, source: &str, names: &[&str]) -> String {
    let image = "image = { urls = [\"i\"], size = 1, sha256 = \"0\" }";
    let want = 2 + random.below(11);
    let via: Vec<String> = (1..want)
        .filter(|_| random.percent(15))
        .map(|intermediate| format!("{{ version = \"{}\", {image} }}", text(intermediate)))
        .collect();
    let is_nic = source != "dmi";
    let (method, by) = if is_nic {
        ("{ devlink = {} }", random.of(&["reload", "warm", "cold", "power-cycle"]))
    } else {
        ("{ mtd = { partition = \"bios\" } }", random.of(&["warm", "cold", "power-cycle"]))
    };
    let format = if random.percent(10) { "plain" } else { "triplet" };
    let from = match random.below(10) {
        0 => format!("min = \"{}\"", text(random.below(want))),
        1 => format!("deny = [\"{}\"]", text(random.below(want))),
        2 => format!("allow = [\"{}\", \"{}\"]", text(random.below(want)), text(random.below(want))),
        _ => String::new(),
    };
    let required = random.of(names);
    let requires = if random.percent(10) && required != name {
        format!(
            "requires = {{ versions = [{{ entry = \"{required}\", min = \"{}\" }}] }}\n",
            text(random.below(6))
        )
    } else {
        String::new()
    };
    format!(
        "[[entry]]\nname = \"{name}\"\n{head}version = {{ want = \"{}\", source = \"{source}\", format = \"{format}\" }}\n\
         policy = {{ update = \"{}\", from = {{ {from} }}, via = [{}] }}\n{image}\n{requires}method = {method}\n\
         activate = {{ by = \"{by}\" }}\nlimits = {{ max_attempts = {}, backoff_seconds = {} }}\n\
         safety = {{ banks = {is_nic}, backup = {}, read_back = {} }}\n",
        text(want),
        random.of(&["upgrade-only", "exact"]),
        via.join(", "),
        1 + random.below(4),
        random.of(&[0, 500]),
        random.percent(50),
        random.percent(80),
    )
}
