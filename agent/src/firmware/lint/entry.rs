// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is wrong with one entry. Pure.

use std::cmp::Ordering;

use stage1_contract::firmware::manifest::{
    Activation, Component, Entry, ExitMeaning, FromVersions, Image, Match, Method, Source, Update,
};

use crate::firmware::version::{Version, has_order};

/// More attempts than these are no attempts but a habit.
const MOST_ATTEMPTS: u32 = 10;

/// Everything that is wrong with it.
pub fn wrong(entry: &Entry) -> Vec<String> {
    let mut wrong = Vec::new();
    if entry.name.is_empty() || !entry.name.chars().all(|c| c.is_ascii_graphic()) {
        wrong.push("its name is not one word of printable ASCII".to_string());
    }
    matching(entry, &mut wrong);
    versions(entry, &mut wrong);
    images(entry, &mut wrong);
    source(entry, &mut wrong);
    method(entry, &mut wrong);
    activation(entry, &mut wrong);
    let limits = &entry.limits;
    if limits.flash_seconds == 0 || limits.verify_seconds == 0 {
        wrong.push("limits: a deadline of 0 s is over before it begins".to_string());
    }
    if !(1..=MOST_ATTEMPTS).contains(&limits.max_attempts) {
        wrong.push(format!("limits: max_attempts is not between 1 and {MOST_ATTEMPTS}"));
    }
    wrong
}

fn matching(entry: &Entry, wrong: &mut Vec<String>) {
    let Match { sys_vendor, product, board_vendor, board_name, esrt, pci, driver, fixed } = &entry.matches;
    let of_bios = [sys_vendor, product, board_vendor, board_name, esrt].iter().any(|key| key.is_some());
    let of_nic = !pci.is_empty() || driver.is_some() || !fixed.is_empty();
    match entry.component {
        Component::Nic if of_bios => wrong.push("match: a key that is for the BIOS only".to_string()),
        Component::Nic if pci.is_empty() => {
            wrong.push("match: pci is missing, so it would be for every adapter".to_string());
        }
        Component::Bios if of_nic => wrong.push("match: a key that is for NICs only".to_string()),
        Component::Bios if product.is_none() && board_name.is_none() && esrt.is_none() => {
            wrong.push(
                "match: it has neither product nor board_name nor esrt, so it would be for every board"
                    .to_string(),
            );
        }
        _ => {}
    }
    if let Some(esrt) = esrt
        && !is_guid(esrt)
    {
        wrong.push(format!("match: esrt: {esrt:?} is no GUID in lower case"));
    }
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

fn versions(entry: &Entry, wrong: &mut Vec<String>) {
    let format = entry.version.format;
    let policy = &entry.policy;
    let mut read = |what: &str, text: &str| match Version::parse(format, text) {
        Ok(version) => Some(version),
        Err(error) => {
            wrong.push(format!("{what}: {error}"));
            None
        }
    };
    let want = entry.version.want.as_ref().and_then(|want| read("version.want", want));
    let stones: Vec<Option<Version>> =
        policy.via.iter().map(|stone| read("policy.via", &stone.version)).collect();
    let froms = std::iter::once(&policy.from).chain(policy.via.iter().map(|stone| &stone.from));
    for FromVersions { min, allow, deny } in froms.clone() {
        min.iter().chain(allow).chain(deny).for_each(|text| drop(read("from", text)));
    }
    let way: Vec<Version> = stones.into_iter().chain([want]).flatten().collect();
    if has_order(format) {
        let ascends = way.is_sorted_by(|one, next| one.compare(next) == Some(Ordering::Less));
        if !ascends {
            wrong.push(
                "policy.via: the versions on the way do not ascend to the wanted one, so they go round"
                    .to_string(),
            );
        }
    } else if policy.update == Update::UpgradeOnly && !entry.is_template() {
        wrong.push(
            "the format plain tells no older from newer: it needs policy.update = \"exact\"".to_string(),
        );
    } else if !policy.via.is_empty() || froms.clone().any(|from| from.min.is_some()) {
        wrong.push(
            "the format plain tells no older from newer: it has neither policy.via nor from.min".to_string(),
        );
    }
}

fn images(entry: &Entry, wrong: &mut Vec<String>) {
    match (&entry.version.want, &entry.image) {
        (Some(_), None) => wrong.push("it wants a version and has no image".to_string()),
        (None, Some(_)) => wrong.push("it has an image and wants no version".to_string()),
        _ => {}
    }
    let stones = entry.policy.via.iter().map(|stone| (stone.version.as_str(), &stone.image));
    for (what, Image { urls, size, sha256 }) in entry.image.iter().map(|image| ("image", image)).chain(stones)
    {
        if urls.is_empty() || urls.iter().any(String::is_empty) {
            wrong.push(format!("{what}: urls are missing"));
        }
        if *size == 0 {
            wrong.push(format!("{what}: size is 0"));
        }
        let well_formed =
            sha256.len() == 64 && sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !well_formed || sha256.bytes().all(|byte| byte == b'0') {
            wrong.push(format!(
                "{what}: sha256 is no digest: 64 lower-case hexadecimal digits, as sha256sum prints them"
            ));
        }
    }
}

fn source(entry: &Entry, wrong: &mut Vec<String>) {
    let security = entry.version.security.iter().map(|security| &security.source);
    for source in std::iter::once(&entry.version.source).chain(security) {
        let fits = match source {
            Source::Dmi | Source::DmiRelease | Source::Esrt => entry.component == Component::Bios,
            Source::Devlink(_) | Source::Ethtool(_) => entry.component == Component::Nic,
            Source::Tool => matches!(&entry.method, Method::Exec(exec) if exec.version.is_some()),
        };
        if !fits && *source == Source::Tool {
            wrong.push("the source tool needs method.exec.version".to_string());
        } else if !fits {
            wrong.push(format!("{source} is no source for this kind of component"));
        }
        if *source == Source::Esrt && entry.matches.esrt.is_none() {
            wrong.push("the source esrt needs match.esrt".to_string());
        }
    }
}

fn method(entry: &Entry, wrong: &mut Vec<String>) {
    match (&entry.method, entry.component) {
        (Method::Capsule, Component::Nic) => wrong.push("method: a capsule is for the BIOS".to_string()),
        (Method::Capsule, Component::Bios) if entry.matches.esrt.is_none() => {
            wrong.push(
                "method: a capsule needs match.esrt, or nobody knows whether the board takes it".to_string(),
            );
        }
        (Method::Mtd(_), Component::Nic) => wrong.push("method: mtd is for the BIOS".to_string()),
        (Method::Mtd(_), Component::Bios) if !entry.safety.read_back => {
            wrong.push("safety: a flash without a second bank has to be read back".to_string());
        }
        (Method::Devlink(_), Component::Bios) => wrong.push("method: devlink is for NICs".to_string()),
        (Method::Exec(exec), _) => {
            let version = exec.version.iter().map(|version| &version.argv);
            for argv in std::iter::once(&exec.argv).chain(version) {
                if argv.first().is_none_or(|program| !program.starts_with('/')) {
                    wrong.push("method.exec: argv does not begin with an absolute path".to_string());
                }
            }
            if !exec.argv.iter().any(|argument| argument.contains("{image}")) {
                wrong.push(
                    "method.exec: argv does not name {image}, so something else would be written".to_string(),
                );
            }
            if let Some(code) = exec.codes.keys().find(|code| code.parse::<u8>().is_err()) {
                wrong.push(format!("method.exec.codes: {code:?} is no exit code"));
            }
            if !exec.codes.values().any(|meaning| *meaning == ExitMeaning::Done) {
                wrong.push("method.exec.codes: no code means done".to_string());
            }
        }
        _ => {}
    }
}

fn activation(entry: &Entry, wrong: &mut Vec<String>) {
    let activate = &entry.activate;
    match (&entry.method, activate.by) {
        (Method::Capsule, by) if by != Activation::Warm => {
            wrong.push("activate: a capsule is in memory, so only a warm reset keeps it".to_string());
        }
        (Method::Devlink(_), _) => {}
        (_, Activation::Reload) => wrong.push("activate: only devlink reloads".to_string()),
        _ => {}
    }
    match (activate.by, activate.otherwise) {
        (Activation::Reload, Some(Activation::Reload)) => {
            wrong.push("activate: otherwise is the same as by".to_string());
        }
        (Activation::Reload, _) | (_, None) => {}
        _ => wrong.push("activate: otherwise is for by = \"reload\" only".to_string()),
    }
}
