// SPDX-License-Identifier: MIT OR Apache-2.0
//! Removes from a capture what identifies one machine: serial numbers, asset tags, MAC addresses, UUIDs, world wide
//! names. Pure.
//!
//! Each is replaced by one of the same length and shape, the same wherever it stands and in whichever form: as text
//! in either case, UTF-16, bytes of either order, the swapped pairs of ATA, or any of these in hexadecimal. So the capture parses as before, and what
//! belonged together still does. The vendor's half of a MAC address stays, and so does what is no identity:
//! placeholders and UUIDs that many machines share.

use std::collections::HashMap;

use ring::hmac;
use serde_json::Value;
use stage1_contract::Facts;

use super::placeholder::is_placeholder;
use super::system_uuid::is_shared;
use crate::display::{hex, hex_with};
use crate::json;

/// Words in the names of fields that hold what is to be replaced.
const IDENTIFYING: [&str; 10] =
    ["serial", "asset", "mac", "uuid", "guid", "wwn", "eui64", "nguid", "nqn", "switch"];

/// Text shorter than this is replaced only where it stands alone.
const SHORT: usize = 6;

/// By how many of its first bytes a form is looked up: there are many thousand forms, and megabytes to search.
const KEY: usize = 4;

/// The first type of structure whose meaning is its vendor's (DSP0134 6.1.2).
const OEM: u8 = 128;
/// The type of OEM strings.
const OEM_STRINGS: u8 = 11;

/// Replaces what identifies one machine.
pub(super) struct Scrubber {
    /// Forms by their first bytes, at most [`KEY`], the longest first.
    forms: HashMap<Vec<u8>, Vec<Form>>,
}

struct Form {
    found: Vec<u8>,
    replaced: Vec<u8>,
    alone: bool,
}

impl Scrubber {
    /// Knows what is to be replaced from the facts of the machine. The same `key` gives the same replacements; whoever
    /// has it can test a guess.
    pub(super) fn new(facts: &Facts, key: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let mut secrets = Vec::new();
        collect(&json::value(facts), false, &mut secrets);
        secrets.sort_unstable();
        secrets.dedup();
        let mut forms: HashMap<Vec<u8>, Vec<Form>> = HashMap::new();
        for secret in &secrets {
            for form in all_forms(secret, &pseudonym(&key, secret)) {
                let key = form.found[..form.found.len().min(KEY)].to_vec();
                forms.entry(key).or_default().push(form);
            }
        }
        forms.values_mut().for_each(|forms| forms.sort_by_key(|form| std::cmp::Reverse(form.found.len())));
        Self { forms }
    }

    /// The SMBIOS structure table, as [`Self::scrub`] does it, and without what only its vendor can read: the bodies of
    /// OEM structures and all OEM strings (DSP0134 6.1, 7.12).
    pub(super) fn scrub_tables(&self, table: &[u8]) -> Vec<u8> {
        let mut clean = self.scrub(table);
        let mut offset = 0;
        while let Some([kind, length, ..]) = clean.get(offset..) {
            let (kind, body) = (*kind, offset + 4);
            let strings = offset + usize::from(*length);
            let ends = |strings: usize| clean.get(strings..)?.windows(2).position(|pair| pair == [0, 0]);
            let Some(end) = ends(strings).map(|end| strings + end) else { break };
            if kind >= OEM {
                clean[body.min(strings)..strings].fill(0);
            }
            if kind >= OEM || kind == OEM_STRINGS {
                clean[strings..end].iter_mut().filter(|byte| **byte != 0).for_each(|byte| *byte = b'x');
            }
            offset = end + 2;
        }
        clean
    }

    /// The same bytes, as many, without what identifies the machine.
    pub(super) fn scrub(&self, bytes: &[u8]) -> Vec<u8> {
        let mut clean = Vec::with_capacity(bytes.len());
        while let Some(first) = bytes.get(clean.len()) {
            let here = clean.len();
            let form = (1..=KEY).rev().find_map(|length| {
                let forms = self.forms.get(bytes.get(here..here + length)?)?;
                forms.iter().find(|form| form.is_at(bytes, here))
            });
            match form {
                Some(form) => clean.extend_from_slice(&form.replaced),
                None => clean.push(*first),
            }
        }
        clean
    }
}

impl Form {
    fn is_at(&self, bytes: &[u8], at: usize) -> bool {
        let joined = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        bytes[at..].starts_with(&self.found)
            && !(self.alone
                && (joined(at.checked_sub(1).and_then(|before| bytes.get(before)))
                    || joined(bytes.get(at + self.found.len()))))
    }
}

fn collect(value: &Value, identifying: bool, secrets: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                collect(value, name.split('_').any(|word| IDENTIFYING.contains(&word)), secrets);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, identifying, secrets)),
        Value::String(text) if text.contains('(') => secrets.extend(of_device_path(text)),
        Value::String(text) if identifying && !is_placeholder(text) && !is_shared(text) => {
            secrets.push(text.clone());
        }
        _ => {}
    }
}

/// What identifies one machine in the text of a UEFI device path: partitions' GUIDs, MAC addresses, USB serial numbers.
fn of_device_path(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for node in text.split('/') {
        let (name, rest) = node.split_once('(').unwrap_or((node, ""));
        let mut arguments = rest.trim_end_matches(')').split(',').map(|argument| argument.trim_matches('"'));
        match name {
            "HD" => found.extend(arguments.find(|argument| uuid::Uuid::parse_str(argument).is_ok())),
            "MAC" => found.extend(arguments.next()),
            "UsbWwid" => found.extend(arguments.next_back()),
            _ => {}
        }
    }
    found.into_iter().filter(|text| !text.is_empty()).map(str::to_string).collect()
}

/// The same length and shape: digits for digits, letters for letters of the same case, and where all of it is
/// hexadecimal, hexadecimal for hexadecimal.
fn pseudonym(key: &hmac::Key, secret: &str) -> String {
    let kept =
        if octets(secret, ':').is_some_and(|octets| octets.len() == 6) { "xx:xx:xx:".len() } else { 0 };
    let kept = kept.max(if secret.starts_with("0x") { 2 } else { 0 });
    let all_hexadecimal = secret.chars().all(|c| c.is_ascii_hexdigit() || !c.is_ascii_alphanumeric());
    let mut noise = Noise { key, seed: secret.to_lowercase(), block: 0, bytes: Vec::new() };
    let replace = |(at, c): (usize, char)| {
        let uppercase = c.is_ascii_uppercase();
        let letters = if all_hexadecimal { 6 } else { 26 };
        let replaced = match c {
            _ if at < kept => return c,
            // Both kinds of digits, so that a hexadecimal number does not reveal which of its digits were letters.
            '0'..='9' | 'a'..='f' | 'A'..='F' if all_hexadecimal && secret.contains(['-', ':']) => {
                char::from_digit(u32::from(noise.next()) % 16, 16)
            }
            '0'..='9' => char::from_digit(u32::from(noise.next()) % 10, 10),
            'a'..='z' | 'A'..='Z' => Some(char::from(b'a' + noise.next() % letters)),
            _ => return c,
        };
        let replaced = replaced.unwrap_or('0');
        if uppercase { replaced.to_ascii_uppercase() } else { replaced }
    };
    secret.chars().enumerate().map(replace).collect()
}

/// Bytes that only the key and the seed determine.
struct Noise<'a> {
    key: &'a hmac::Key,
    seed: String,
    block: u32,
    bytes: Vec<u8>,
}

impl Noise<'_> {
    fn next(&mut self) -> u8 {
        if self.bytes.is_empty() {
            let message = format!("{}/{}", self.block, self.seed);
            self.bytes = hmac::sign(self.key, message.as_bytes()).as_ref().to_vec();
            self.block += 1;
        }
        self.bytes.pop().unwrap_or_default()
    }
}

/// Every form in which a secret may stand in a file or in a device's answer.
fn all_forms(secret: &str, pseudonym: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    let mut add = |found: Vec<u8>, replaced: Vec<u8>, alone: bool| {
        if found.len() == replaced.len() && !forms.iter().any(|form: &Form| form.found == found) {
            forms.push(Form { found, replaced, alone });
        }
    };
    let both = |change: &dyn Fn(&str) -> Vec<u8>| (change(secret), change(pseudonym));
    let mut texts = vec![both(&|text| text.as_bytes().to_vec())];
    texts.push(both(&|text| text.to_lowercase().into_bytes()));
    texts.push(both(&|text| text.to_uppercase().into_bytes()));
    if let Some(bytes) = raw(secret) {
        let (found, replaced) = (bytes, raw(pseudonym).unwrap_or_default());
        if let (Some(found), Some(replaced)) = (mixed_endian(&found), mixed_endian(&replaced)) {
            add(found, replaced, false);
        }
        if matches!(found.len(), 4 | 8) {
            let reversed = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
            add(reversed(&found), reversed(&replaced), false);
        }
        if found.len() == 8 {
            add(swapped(&found), swapped(&replaced), false);
        }
        add(found, replaced, false);
        for other in ["", "-", ":"] {
            let respelled = |text: &str| text.replace(['-', ':'], other).to_lowercase().into_bytes();
            texts.push(both(&respelled));
            texts.push(both(&|text| respelled(text).to_ascii_uppercase()));
        }
    }
    for (found, replaced) in texts {
        let alone = found.len() < SHORT;
        add(wide(&found), wide(&replaced), false);
        if found.len() >= SHORT {
            add(swapped(&found), swapped(&replaced), false);
            // Text that fills its field from the right may start in the second half of a word.
            let shifted = |text: &[u8]| swapped(&[b" ", text].concat());
            add(shifted(&found), shifted(&replaced), false);
        }
        // As the kernel spells an NVMe serial number in `wwid` (drivers/nvme/host/sysfs.c, `wwid_show`).
        for change in [|text: &[u8]| text.to_vec(), wide, swapped] {
            let (found, replaced) = (hex(&change(&found)), hex(&change(&replaced)));
            add(found.to_uppercase().into_bytes(), replaced.to_uppercase().into_bytes(), false);
            add(found.into_bytes(), replaced.into_bytes(), false);
        }
        add(found, replaced, alone);
    }
    for (found, replaced) in interface_identifiers(secret).into_iter().zip(interface_identifiers(pseudonym)) {
        for (found, replaced) in spellings(&found).into_iter().zip(spellings(&replaced)) {
            add(found, replaced, false);
        }
    }
    forms
}

/// The identifiers of 8 bytes that are made of a MAC address: EUI-64 with `ff:fe` or, in InfiniBand, `03:00` in the middle,
/// and in IPv6 with the universal bit inverted (RFC 4291 appendix A). That of an InfiniBand port ends its address.
fn interface_identifiers(secret: &str) -> Vec<Vec<u8>> {
    let octets = octets(secret, ':').unwrap_or_default();
    match octets.as_slice() {
        [a, b, c, d, e, f] => vec![
            vec![*a, *b, *c, 0xff, 0xfe, *d, *e, *f],
            vec![*a ^ 2, *b, *c, 0xff, 0xfe, *d, *e, *f],
            vec![*a, *b, *c, 3, 0, *d, *e, *f],
        ],
        octets if octets.len() == 20 => vec![octets[12..].to_vec()],
        _ => Vec::new(),
    }
}

/// Bytes as they are, and in hexadecimal as the kernel writes it.
fn spellings(bytes: &[u8]) -> Vec<Vec<u8>> {
    let groups: Vec<String> = bytes.chunks(2).map(hex).collect();
    let texts = [hex(bytes), hex_with(bytes, ":"), hex_with(bytes, "-"), groups.join(":")];
    let upper = texts.iter().map(|text| text.to_uppercase().into_bytes()).collect::<Vec<_>>();
    [bytes.to_vec()].into_iter().chain(texts.map(String::into_bytes)).chain(upper).collect()
}

/// Hexadecimal text as the bytes it stands for: MAC addresses, UUIDs, world wide names.
fn raw(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.strip_prefix("0x").unwrap_or(text).replace(['-', ':'], "");
    let number = text.starts_with("0x") && digits.len() == 8;
    let whole = (number || matches!(digits.len(), 12 | 16 | 32 | 40))
        && digits.chars().all(|c| c.is_ascii_hexdigit());
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    let bytes = pairs.map(|pair| u8::from_str_radix(pair?, 16).ok());
    if whole { bytes.collect() } else { None }
}

/// UTF-16, little-endian.
fn wide(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|byte| [*byte, 0]).collect()
}

fn octets(text: &str, between: char) -> Option<Vec<u8>> {
    text.split(between).map(|octet| u8::from_str_radix(octet, 16).ok()).collect()
}

/// A UUID as SMBIOS and EFI have it (DSP0134 7.2.1).
fn mixed_endian(bytes: &[u8]) -> Option<Vec<u8>> {
    let uuid = uuid::Uuid::from_slice(bytes).ok()?;
    Some(uuid.to_bytes_le().to_vec())
}

/// ATA's strings: two characters a word, the first in its upper half, filled with spaces (ACS-4, 3.3.10).
fn swapped(text: &[u8]) -> Vec<u8> {
    text.chunks(2).flat_map(|pair| [pair.get(1).copied().unwrap_or(b' '), pair[0]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};
    use stage1_contract::{Disk, Nic, SystemInformation};

    const MAC: &str = "ac:1f:6b:01:02:03";
    const UUID: &str = "4c4c4544-0042-3510-8053-b4c04f564831";

    fn facts() -> Facts {
        let system = SystemInformation {
            serial: Some("B5SVH1Z".to_string()),
            uuid: Some(UUID.to_string()),
            version: Some("Not Specified".to_string()),
            ..SystemInformation::default()
        };
        let nics = vec![Nic { mac: Some(MAC.to_string()), ..Nic::default() }];
        let disk = |serial: &str| Disk { serial: Some(serial.to_string()), ..Disk::default() };
        let disks = vec![disk("S3Z9NB0K"), disk("To be filled by O.E.M."), disk("A1")];
        Facts { system: Some(system), nics, disks, ..Facts::default() }
    }

    fn scrub(bytes: &[u8]) -> Vec<u8> {
        Scrubber::new(&facts(), b"key").scrub(bytes)
    }

    fn scrubbed(text: &str) -> String {
        String::from_utf8(scrub(text.as_bytes())).unwrap()
    }

    #[test]
    fn every_form_of_an_address_gets_the_same_replacement() {
        let mac = scrubbed(MAC);
        assert!(mac.starts_with("ac:1f:6b:") && mac != MAC, "{mac}");
        assert_eq!(scrubbed(&MAC.to_uppercase()), mac.to_uppercase());
        assert_eq!(scrubbed("enxac1f6b010203"), format!("enx{}", mac.replace(':', "")));
        assert_eq!(scrub(&[0xac, 0x1f, 0x6b, 1, 2, 3]), raw(&mac).unwrap());
    }

    #[test]
    fn a_uuid_is_replaced_in_both_byte_orders() {
        let uuid = scrubbed(UUID);
        assert_ne!(uuid, UUID);
        let other = uuid::Uuid::parse_str(&uuid).unwrap();
        let uuid = uuid::Uuid::parse_str(UUID).unwrap();
        assert_eq!(scrub(uuid.as_bytes()), other.as_bytes());
        assert_eq!(scrub(&uuid.to_bytes_le()), other.to_bytes_le());
    }

    #[test]
    fn text_is_found_wide_and_swapped_and_short_text_only_alone() {
        let serial = scrubbed("B5SVH1Z");
        assert_ne!(serial, "B5SVH1Z");
        let shape = |text: &str| {
            text.chars().map(|c| (c.is_ascii_digit(), c.is_ascii_uppercase())).collect::<Vec<_>>()
        };
        assert_eq!(shape(&serial), shape("B5SVH1Z"));
        assert_eq!(
            scrub(b"B\x005\0S\0V\0H\x001\0Z\0"),
            serial.bytes().flat_map(|b| [b, 0]).collect::<Vec<u8>>()
        );
        assert_eq!(scrub(b"3S9ZBNK0"), swapped(scrubbed("S3Z9NB0K").as_bytes()));
        assert_eq!(scrubbed("BA1C A12"), "BA1C A12");
        assert_ne!(scrubbed("tag A1."), "tag A1.");
    }

    #[test]
    fn text_that_starts_in_the_middle_of_a_word_is_found_swapped() {
        let serial = scrubbed("S3Z9NB0K");
        let field = |serial: &str| swapped(format!("     {serial} ").as_bytes());
        assert_eq!(scrub(&field("S3Z9NB0K")), field(&serial));
    }

    #[test]
    fn device_paths_name_partitions_ports_and_usb_disks() {
        let path = "HD(1,GPT,6e2c4a0b-1234-4c55-9a56-0d0b0c2d7a11,0x800,0x100000)/MAC(525400AB0102,0x1)/UsbWwid(0x1,0x2,0x0,\"STICK-77\")/\\EFI\\BOOT";
        assert_eq!(
            of_device_path(path),
            ["6e2c4a0b-1234-4c55-9a56-0d0b0c2d7a11", "525400AB0102", "STICK-77"]
        );
    }

    #[test]
    fn what_only_the_vendor_can_read_is_blanked() {
        let table = [
            &[209, 8, 0, 1, 1, 2, 3, 4][..],
            b"MAC 1\0\0",
            &[11, 5, 0, 2, 1],
            b"tag B5\0\0",
            &[2, 5, 0, 3, 1],
            b"ACME\0\0",
        ]
        .concat();
        let clean = [
            &[209, 8, 0, 1, 0, 0, 0, 0][..],
            b"xxxxx\0\0",
            &[11, 5, 0, 2, 1],
            b"xxxxxx\0\0",
            &[2, 5, 0, 3, 1],
            b"ACME\0\0",
        ]
        .concat();
        assert_eq!(Scrubber::new(&facts(), b"key").scrub_tables(&table), clean);
    }

    #[test]
    fn what_is_nobodys_own_stays() {
        assert_eq!(
            scrubbed("To be filled by O.E.M., Not Specified"),
            "To be filled by O.E.M., Not Specified"
        );
    }

    #[test]
    fn another_key_gives_other_replacements() {
        let other = Scrubber::new(&facts(), b"other").scrub(b"B5SVH1Z");
        assert_ne!(other, scrub(b"B5SVH1Z"));
    }

    proptest! {
        #[test]
        fn the_length_never_changes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(scrub(&bytes).len(), bytes.len());
            prop_assert_eq!(Scrubber::new(&facts(), b"key").scrub_tables(&bytes).len(), bytes.len());
        }
    }
}
