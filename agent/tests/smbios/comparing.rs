// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our facts compared with what dmidecode prints, field by field.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use stage1::facts::smbios;
use stage1_contract::SystemInformation;
use stage1_contract::facts::Smbios;

use crate::builder::Tables;
use crate::dmidecode::{self, Printed};
use crate::rendering::{Rendered, render};

/// Where we differ and why that is right: type, key, what dmidecode prints, what we report, why. In what we report a `$`
/// stands for what dmidecode prints.
const ACCEPTED: &str = include_str!("accepted-differences.txt");

/// What dmidecode prints and we do not collect: types, key, why.
const NOT_COLLECTED: &str = include_str!("not-collected.txt");

/// What dmidecode prints where we have nothing, whatever the field.
const NOTHING: &[&str] = &["", "Not Specified", "<BAD INDEX>", "<OUT OF SPEC>"];

/// Structures of which there is one: of more than one we take the first.
const SINGLE: &[u8] = &[0, 1, 32];

/// The comparison with dmidecode, which remembers the accepted differences that occurred.
#[derive(Default)]
pub struct Comparison {
    used: RefCell<BTreeSet<usize>>,
}

impl Comparison {
    /// What differs between our facts and dmidecode's of these tables, one line each; none is agreement. The
    /// number of fields that were compared comes with it.
    pub fn differences(&self, name: &str, tables: &Tables) -> (Vec<String>, usize) {
        let Some(printed) = dmidecode::print(tables) else {
            return (vec![format!("{name}: dmidecode sees no entry point")], 0);
        };
        let found = smbios::parse(&tables.entry_point, &tables.table, &mut Vec::new());
        self.compare(name, printed, found.system.as_ref(), found.smbios.as_ref().unwrap())
    }

    /// The same of what dmidecode printed and what we found.
    pub fn compare(
        &self,
        name: &str,
        printed: Vec<Printed>,
        system: Option<&SystemInformation>,
        smbios: &Smbios,
    ) -> (Vec<String>, usize) {
        let mut ours = render(system, smbios);
        let (mut differences, mut compared) = (Vec::new(), 0);
        let mut single = BTreeSet::new();
        for theirs in printed {
            if SINGLE.contains(&theirs.kind) && !theirs.fields.is_empty() && !single.insert(theirs.kind) {
                continue;
            }
            let at = ours.iter().position(|ours| ours.matches(theirs.kind, theirs.handle));
            let ours = at.map(|at| ours.remove(at)).filter(|_| !theirs.fields.is_empty());
            let place = format!("{name}: type {} handle 0x{:04X}", theirs.kind, theirs.handle);
            compared += self.structure(&place, &theirs, ours.as_ref(), &mut differences);
        }
        differences.extend(
            ours.iter().filter(|ours| !ours.is_empty()).map(|ours| format!("{name}: only we have {ours:?}")),
        );
        (differences, compared)
    }

    /// The same of a tree that holds the kernel's files.
    pub fn tree(&self, root: &Path) -> (Vec<String>, usize) {
        let tables = root.join("sys/firmware/dmi/tables");
        let read = |name: &str| std::fs::read(tables.join(name)).unwrap();
        let tables = Tables { entry_point: read("smbios_entry_point"), table: read("DMI") };
        self.differences(&root.display().to_string(), &tables)
    }

    /// Accepted differences that never occurred.
    pub fn unused(&self) -> Vec<&'static str> {
        let used = self.used.borrow();
        lines(ACCEPTED).filter(|(number, _)| !used.contains(number)).map(|(_, line)| line).collect()
    }

    fn structure(
        &self,
        place: &str,
        theirs: &Printed,
        ours: Option<&Rendered>,
        differences: &mut Vec<String>,
    ) -> usize {
        let mut compared = 0;
        for (key, value) in &theirs.fields {
            let field = ours.and_then(|ours| ours.fields.iter().find(|(ours, _)| ours == key));
            let Some((_, field)) = field else {
                if !is_not_collected(theirs.kind, key) {
                    differences
                        .push(format!("{place}: {key}: dmidecode prints {value:?}, we know no such field"));
                }
                continue;
            };
            compared += 1;
            let same = match field.texts.as_slice() {
                [] => NOTHING.contains(&value.as_str()) || field.absent.contains(&value.as_str()),
                texts => texts.iter().any(|text| is_same(text, value)),
            };
            let text = field.texts.first().map_or("-", String::as_str);
            if !same && !self.accepts(theirs.kind, key, value, text) {
                differences.push(format!("{place}: {key}: dmidecode prints {value:?}, we report {text:?}"));
            }
        }
        for (key, field) in ours.iter().flat_map(|ours| &ours.fields) {
            let text = field.texts.first();
            if let Some(text) = text
                && !theirs.fields.iter().any(|(theirs, _)| theirs == key)
                && !self.accepts(theirs.kind, key, "-", text)
            {
                differences.push(format!("{place}: {key}: dmidecode has no such field, we report {text:?}"));
            }
        }
        compared
    }

    fn accepts(&self, kind: u8, key: &str, theirs: &str, ours: &str) -> bool {
        let (theirs, ours) = (theirs.replace('\n', "; "), ours.replace('\n', "; "));
        let accepted = lines(ACCEPTED).find(|(_, line)| match columns(line).as_slice() {
            [kinds, keys, their, our, _] => {
                matches(kinds, &kind.to_string())
                    && matches(keys, key)
                    && matches(their, &theirs)
                    && matches(&our.replace('$', &theirs), &ours)
            }
            _ => panic!("accepted-differences.txt: not five columns: {line}"),
        });
        accepted.is_some_and(|(number, _)| {
            self.used.borrow_mut().insert(number);
            true
        })
    }
}

/// White space around it is not compared, nor which byte was not ASCII: dmidecode prints a dot for each.
fn is_same(ours: &str, theirs: &str) -> bool {
    if ours.trim() == theirs {
        return true;
    }
    let dots = |text: &str| {
        let dotted: String = text.chars().map(|c| if (' '..='~').contains(&c) { c } else { '.' }).collect();
        let mut pieces: Vec<&str> = dotted.split('.').filter(|piece| !piece.is_empty()).collect();
        pieces.iter_mut().for_each(|piece| *piece = piece.trim());
        pieces.join(".")
    };
    !ours.is_ascii() && dots(ours) == dots(theirs)
}

fn is_not_collected(kind: u8, key: &str) -> bool {
    lines(NOT_COLLECTED).any(|(_, line)| match columns(line).as_slice() {
        [kinds, keys, _] => {
            let (first, last) = kinds.split_once('-').unwrap_or((kinds, kinds));
            let kinds = first.parse::<u8>().unwrap()..=last.parse::<u8>().unwrap();
            kinds.contains(&kind) && matches(keys, key.split(" #").next().unwrap())
        }
        _ => panic!("not-collected.txt: not three columns: {line}"),
    })
}

/// The lines that are neither empty nor comments, numbered.
fn lines(text: &'static str) -> impl Iterator<Item = (usize, &'static str)> {
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
}

fn columns(line: &str) -> Vec<&str> {
    line.split(" | ").map(str::trim).collect()
}

/// A `*` at either end stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let (open_start, middle) = pattern.strip_prefix('*').map_or((false, pattern), |rest| (true, rest));
    let (open_end, middle) = middle.strip_suffix('*').map_or((false, middle), |rest| (true, rest));
    match (open_start, open_end) {
        (true, true) => text.contains(middle),
        (true, false) => text.ends_with(middle),
        (false, true) => text.starts_with(middle),
        (false, false) => text == middle,
    }
}
