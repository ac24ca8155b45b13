// SPDX-License-Identifier: MIT OR Apache-2.0
//! The errors of one entry. Pure.

use std::cmp::Ordering;

use stage1_contract::firmware::manifest::{
    Activation, Component, Entry, ExitMeaning, FromVersions, Image, Match, Method, Source, Update,
};

use crate::firmware::version::{Version, has_order};

/// A sane upper bound: each attempt costs a reset and a write to the flash.
const MOST_ATTEMPTS: u32 = 10;

/// All errors of an entry.
pub(super) fn errors(entry: &Entry) -> Vec<String> {
    let mut errors = Vec::new();
    if entry.name.is_empty() || !entry.name.chars().all(|c| c.is_ascii_graphic()) {
        errors.push("the name is not one word of printable ASCII".to_string());
    }
    matching(entry, &mut errors);
    versions(entry, &mut errors);
    images(entry, &mut errors);
    source(entry, &mut errors);
    method(entry, &mut errors);
    activation(entry, &mut errors);
    let limits = &entry.limits;
    if limits.flash_seconds == 0 || limits.verify_seconds == 0 {
        errors.push("limits: flash_seconds and verify_seconds must be at least 1".to_string());
    }
    if !(1..=MOST_ATTEMPTS).contains(&limits.max_attempts) {
        errors.push(format!("limits: max_attempts must be between 1 and {MOST_ATTEMPTS}"));
    }
    errors
}

fn matching(entry: &Entry, errors: &mut Vec<String>) {
    let Match { sys_vendor, product, board_vendor, board_name, esrt, pci, driver, fixed } = &entry.matches;
    let of_bios = [sys_vendor, product, board_vendor, board_name, esrt].iter().any(|key| key.is_some());
    let of_nic = !pci.is_empty() || driver.is_some() || !fixed.is_empty();
    match entry.component {
        Component::Nic if of_bios => {
            errors.push("match: it has a key that is only for component = \"bios\"".to_string());
        }
        Component::Nic if pci.is_empty() => {
            errors.push("match: pci is missing, so every adapter would match".to_string());
        }
        Component::Bios if of_nic => {
            errors.push("match: it has a key that is only for component = \"nic\"".to_string());
        }
        Component::Bios if product.is_none() && board_name.is_none() && esrt.is_none() => {
            errors.push(
                "match: product, board_name and esrt are missing, so every board would match".to_string(),
            );
        }
        _ => {}
    }
    let texts = [sys_vendor, product, board_vendor, board_name, driver].into_iter().flatten();
    for text in texts.chain(fixed.values()) {
        if text.is_empty() || text.trim() != text {
            errors.push(format!("match: {text:?} is empty, or has blanks around it, which are removed from what the machine reports"));
        } else if text.contains('*') {
            errors.push(format!("match: {text:?} is compared as it is: * stands for itself"));
        }
    }
    if let Some(esrt) = esrt
        && !is_guid(esrt)
    {
        errors.push(format!("match: esrt: {esrt:?} is not a GUID in lower case"));
    }
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

fn versions(entry: &Entry, errors: &mut Vec<String>) {
    let format = entry.version.format;
    let policy = &entry.policy;
    let mut read = |what: &str, text: &str| match Version::parse(format, text) {
        Ok(version) => Some(version),
        Err(error) => {
            errors.push(format!("{what}: {error}"));
            None
        }
    };
    let want = entry.version.want.as_ref().and_then(|want| read("version.want", want));
    let intermediates: Vec<Option<Version>> =
        policy.via.iter().map(|via| read("policy.via", &via.version)).collect();
    let froms = std::iter::once(&policy.from).chain(policy.via.iter().map(|via| &via.from));
    for FromVersions { min, allow, deny } in froms.clone() {
        min.iter().chain(allow).chain(deny).for_each(|text| drop(read("from", text)));
    }
    for FromVersions { allow, deny, .. } in froms.clone() {
        if let Some(both) = allow.iter().find(|version| deny.contains(version)) {
            errors.push(format!("from: {both} is in allow and in deny"));
        }
        let is_newer = |text: &&String| {
            let version = Version::parse(format, text).ok();
            version
                .zip(want.as_ref())
                .is_some_and(|(version, want)| version.compare(want) == Some(Ordering::Greater))
        };
        if policy.update == Update::UpgradeOnly
            && let Some(newer) = allow.iter().find(is_newer)
        {
            errors.push(format!(
                "from: {newer} is newer than the desired version, so it is never flashed from"
            ));
        }
    }
    let path: Vec<Version> = intermediates.into_iter().chain([want]).flatten().collect();
    if has_order(format) {
        let ascends = path.is_sorted_by(|one, next| one.compare(next) == Some(Ordering::Less));
        if !ascends {
            errors.push("policy.via: the intermediate versions do not ascend to the desired one".to_string());
        }
    } else if policy.update == Update::UpgradeOnly && !entry.is_template() {
        errors.push("the format plain has no order: set policy.update = \"exact\"".to_string());
    } else if !policy.via.is_empty() || froms.clone().any(|from| from.min.is_some()) {
        errors.push("the format plain has no order: remove policy.via and from.min".to_string());
    }
}

fn images(entry: &Entry, errors: &mut Vec<String>) {
    match (&entry.version.want, &entry.image) {
        (Some(_), None) => errors.push("it has version.want but no image".to_string()),
        (None, Some(_)) => errors.push("it has an image but no version.want".to_string()),
        _ => {}
    }
    let intermediates = entry.policy.via.iter().map(|via| (via.version.as_str(), &via.image));
    for (what, Image { urls, size, sha256 }) in
        entry.image.iter().map(|image| ("image", image)).chain(intermediates)
    {
        if urls.is_empty() || urls.iter().any(String::is_empty) {
            errors.push(format!("{what}: urls is empty, or has an empty URL"));
        }
        for url in urls.iter().filter(|url| !url.is_empty()) {
            let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
            let scheme = scheme.filter(|scheme| !scheme.contains(['/', '?', '#']));
            if scheme.as_ref().is_some_and(|scheme| scheme != "http" && scheme != "https") {
                errors.push(format!("{what}: {url}: only http and https"));
            }
            let path = url.split(['?', '#']).next().unwrap_or_default();
            if scheme.is_none() && path.split('/').any(|part| part == "..") {
                errors.push(format!("{what}: {url}: a path with .. does not lead below the inventory's URL"));
            }
        }
        if *size == 0 {
            errors.push(format!("{what}: size is 0"));
        }
        let well_formed =
            sha256.len() == 64 && sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !well_formed || sha256.bytes().all(|byte| byte == b'0') {
            errors.push(format!(
                "{what}: sha256 is not a digest of 64 lower-case hexadecimal digits, as sha256sum prints it"
            ));
        }
    }
}

fn source(entry: &Entry, errors: &mut Vec<String>) {
    let security = entry.version.security.iter().map(|security| &security.source);
    for source in std::iter::once(&entry.version.source).chain(security) {
        let fits = match source {
            Source::Dmi | Source::DmiRelease | Source::Esrt => entry.component == Component::Bios,
            Source::Devlink(_) | Source::Ethtool(_) => entry.component == Component::Nic,
            Source::Tool => matches!(&entry.method, Method::Exec(exec) if exec.version.is_some()),
        };
        if !fits && *source == Source::Tool {
            errors.push("the source tool needs method.exec.version".to_string());
        } else if !fits {
            errors.push(format!("{source} is not a source of versions for this kind of component"));
        }
        if *source == Source::Esrt && entry.matches.esrt.is_none() {
            errors.push("the source esrt needs match.esrt".to_string());
        }
    }
}

fn method(entry: &Entry, errors: &mut Vec<String>) {
    let component = entry.component;
    match (&entry.method, component) {
        (Method::Capsule, Component::Nic) => {
            errors.push("method: capsule is only for component = \"bios\"".to_string());
        }
        (Method::Capsule, Component::Bios) if entry.matches.esrt.is_none() => {
            errors.push(
                "method: capsule needs match.esrt, which shows whether the board accepts it".to_string(),
            );
        }
        (Method::Mtd(_), Component::Nic) => {
            errors.push("method: mtd is only for component = \"bios\"".to_string());
        }
        (Method::Mtd(_), Component::Bios) => mtd(entry, errors),
        (Method::Devlink(_), Component::Bios) => {
            errors.push("method: devlink is only for component = \"nic\"".to_string());
        }
        (Method::Exec(exec), _) => {
            let version = exec.version.iter().map(|version| &version.argv);
            for argv in std::iter::once(&exec.argv).chain(version) {
                if argv.first().is_none_or(|program| !program.starts_with('/')) {
                    errors.push("method.exec: argv does not begin with an absolute path".to_string());
                }
            }
            if !exec.argv.iter().any(|argument| argument.contains("{image}")) {
                errors.push("method.exec: argv does not contain {image}".to_string());
            }
            let version = exec.version.iter().flat_map(|version| &version.argv);
            for argument in exec.argv.iter().chain(version) {
                placeholders(argument, component, errors);
            }
            if let Some(version) = &exec.version {
                let markers = [Some(&version.running), version.stored.as_ref()];
                if markers.into_iter().flatten().any(|marker| marker.trim().is_empty()) {
                    errors.push("method.exec.version: a marker is empty, so the first word of the output would be the version".to_string());
                }
            }
            if let Some(code) = exec.codes.keys().find(|code| code.parse::<u8>().is_err()) {
                errors.push(format!("method.exec.codes: {code:?} is not an exit code (0 to 255)"));
            }
            if !exec.codes.values().any(|meaning| *meaning == ExitMeaning::Done) {
                errors.push("method.exec.codes: no code means done".to_string());
            }
        }
        _ => {}
    }
}

/// A flash chip: there is one bank, which runs, and is read by the processor until the platform is reset.
fn mtd(entry: &Entry, errors: &mut Vec<String>) {
    let safety = &entry.safety;
    if safety.banks {
        errors.push("safety: mtd has no second bank: remove banks = true".to_string());
    }
    if !safety.read_back {
        errors.push("safety: mtd needs read_back = true, since there is no second bank".to_string());
    }
    if !safety.backup {
        errors.push("safety: mtd needs backup = true, since there is no second bank".to_string());
    }
    if matches!(entry.activate.by, Activation::Warm | Activation::Reload) {
        errors.push("activate: mtd needs by = \"cold\" or \"power-cycle\": after a warm reset parts of the old firmware may still run".to_string());
    }
}

fn placeholders(argument: &str, component: Component, errors: &mut Vec<String>) {
    let pieces = argument.split('{').collect::<Vec<_>>();
    let names = pieces.windows(2).filter_map(|pair| match pair {
        // A variable of a shell.
        [before, _] if before.ends_with('$') => None,
        [_, rest] => Some(rest.split_once('}')?.0),
        _ => None,
    });
    for name in names.filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase())) {
        match name {
            "image" | "device" => {}
            "port" if component == Component::Nic => {}
            "port" => errors.push("method.exec: {port} is only for component = \"nic\"".to_string()),
            _ => {
                errors.push(format!("method.exec: {{{name}}} is none of {{image}}, {{device}} and {{port}}"));
            }
        }
    }
}

fn activation(entry: &Entry, errors: &mut Vec<String>) {
    let activate = &entry.activate;
    match (&entry.method, activate.by) {
        (Method::Capsule, by) if by != Activation::Warm => {
            errors.push(
                "activate: a capsule needs by = \"warm\": any other reset loses it from memory".to_string(),
            );
        }
        (Method::Devlink(_), _) => {}
        (_, Activation::Reload) => errors.push("activate: reload is only for the method devlink".to_string()),
        _ => {}
    }
    match (activate.by, activate.otherwise) {
        (Activation::Reload, Some(Activation::Reload)) => {
            errors.push("activate: otherwise must be a reset, not reload".to_string());
        }
        (Activation::Reload, _) | (_, None) => {}
        _ => errors.push("activate: otherwise is only for by = \"reload\"".to_string()),
    }
}
