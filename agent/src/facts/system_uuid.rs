// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a system UUID is made of: whether it is one machine's, many machines', or a MAC address. Pure.

use uuid::{Uuid, Variant};

use super::placeholder::is_placeholder;
use super::serial_number;

/// UUIDs that many machines share, because the vendor never set a real one; in either byte order.
const SHARED: [&str; 14] = [
    "00010203-0405-0607-0809-0a0b0c0d0e0f",
    "01020304-0506-0708-090a-0b0c0d0e0f10",
    "07090201-0103-0301-0807-060504030201",
    "11111111-2222-3333-4444-555555555555",
    "12345678-1234-1234-1234-123456789abc",
    "12345678-1234-1234-1234-123456789012",
    "12345678-1234-5678-90ab-cddeefaabbcc",
    // Dell: made of a service tag that was never set: spaces, NULs, zeros.
    "4c4c4544-0000-2010-8020-80c04f202020",
    "4c4c4544-0000-0010-8000-80c04f000000",
    "4c4c4544-0030-3010-8030-b0c04f303030",
    // Boards and hypervisors whose UUIDs FreeBSD's hostid script lists as not unique.
    "890e2d14-cacd-45d1-ae66-bc80e8bfeb0f",
    "8e275844-178f-44a8-aceb-a7d7e5178c63",
    "dc698397-fa54-4cf2-82c8-b1b5307a6a7f",
    "deadbeef-dead-beef-dead-beefdeadbeef",
];

/// What boards with AMI firmware leave the factory with. Some makers fill a MAC address into its zeros.
const AMI: &str = "03000200-0400-0500-0006-000700080009";
/// Where they do: `03d502e0-045e-0550-c506-3e0700080009` is made of e0:d5:5e:50:c5:3e.
const AMI_MAC: [usize; 6] = [1, 3, 5, 7, 8, 10];

/// A UUID with fewer bytes that are neither 00 nor FF identifies no machine; a MAC address has six.
const SIGNIFICANT: usize = 4;

/// From how many on bytes of a known UUID that were changed make it another one.
const CHANGED: usize = 3;

/// What a system UUID is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is of this machine.
    Own,
    /// It is made of a MAC address: of this machine, but another one once that port is disabled or replaced.
    OfMac,
    /// Many machines have it.
    Shared,
}

/// The kind of a UUID; `macs` are the addresses of the machine's ports.
pub(super) fn kind(uuid: &str, macs: &[&str]) -> Kind {
    let Ok(uuid) = Uuid::parse_str(uuid) else { return Kind::Shared };
    // A table of before SMBIOS 2.6 has the first fields in the other order (DSP0134 7.2.1).
    let orders = [uuid, Uuid::from_bytes_le(*uuid.as_bytes())];
    if orders.iter().any(|uuid| is_shared_as_is(uuid.as_bytes())) {
        return Kind::Shared;
    }
    let ami = orders.iter().find_map(|uuid| filled_into_ami(uuid.as_bytes()));
    match ami {
        Some(significant) if significant < CHANGED => Kind::Shared,
        Some(_) => Kind::OfMac,
        None if orders.iter().any(|uuid| is_of_mac(uuid.as_bytes(), macs)) => Kind::OfMac,
        // A constant of the maker, as `H8QG6`, and the address.
        None if ends_in_mac(uuid.as_bytes(), macs) && !orders.iter().any(is_time_based) => Kind::OfMac,
        None => Kind::Own,
    }
}

/// Whether a UUID is one that many machines share.
pub(super) fn is_shared(uuid: &str) -> bool {
    Uuid::parse_str(uuid).is_ok() && kind(uuid, &[]) == Kind::Shared
}

fn is_shared_as_is(bytes: &[u8; 16]) -> bool {
    significant(bytes, 0..16) < SIGNIFICANT
        || counts(bytes)
        || repeats(bytes)
        || is_shared_text(bytes)
        || is_unset_service_tag(bytes)
        || SHARED.iter().chain([&AMI]).any(|shared| is_nearly(bytes, shared))
}

/// How many bytes are neither 00 nor FF. Bytes 6 and 8 have the UUID's version and variant (RFC 9562 4).
fn significant(bytes: &[u8; 16], mut range: std::ops::Range<usize>) -> usize {
    let is = |at: &usize| !matches!(at, 6 | 8) && !matches!(bytes[*at], 0 | 0xff);
    range.by_ref().filter(is).count()
}

fn is_nearly(bytes: &[u8; 16], shared: &str) -> bool {
    let shared = Uuid::parse_str(shared).unwrap_or_default();
    bytes.iter().zip(shared.as_bytes()).filter(|(one, other)| one != other).count() < CHANGED
}

/// Whether its digits, bytes or words count up or down, but for a few: `01234567-89ab-…`, `00112233-4455-…`.
fn counts(bytes: &[u8; 16]) -> bool {
    let digits: Vec<u32> = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(u32::from).collect();
    let octets: Vec<u32> = bytes.iter().copied().map(u32::from).collect();
    let words: Vec<u32> = bytes.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1])).collect();
    let little: Vec<u32> = bytes.chunks(2).map(|word| u32::from(word[1]) << 8 | u32::from(word[0])).collect();
    // As decimal digits count, after 9 comes 0.
    let digit = |one: u32, next: u32| (one + 1) % 16 == next || (one, next) == (9, 0);
    let number = |one: u32, next: u32| one + 1 == next;
    mostly(&digits, 10, digit)
        || mostly(&octets, 8, number)
        || mostly(&words, 6, number)
        || mostly(&little, 6, number)
}

/// Whether two of three steps are those of `follows`, in one direction; equal neighbours are one.
fn mostly(values: &[u32], least: usize, follows: impl Fn(u32, u32) -> bool) -> bool {
    let mut values = values.to_vec();
    values.dedup();
    let steps = |up: bool| {
        let step = |pair: &&[u32]| if up { follows(pair[0], pair[1]) } else { follows(pair[1], pair[0]) };
        values.windows(2).filter(step).count()
    };
    values.len() >= least && [true, false].into_iter().any(|up| steps(up) * 3 >= (values.len() - 1) * 2)
}

/// Whether one to four bytes are repeated, but for version and variant.
fn repeats(bytes: &[u8; 16]) -> bool {
    let same = |at: &usize, period: usize| bytes[*at] == bytes[at + period];
    let free = |at: &usize, period: usize| ![*at, at + period].iter().any(|at| matches!(at, 6 | 8));
    [1, 2, 4]
        .into_iter()
        .any(|period| (0..16 - period).filter(|at| free(at, period)).all(|at| same(&at, period)))
}

/// A UUID that is text: in HPE's form six characters of the product number and ten of the serial number, which are the
/// machine's; all other text is a placeholder.
fn is_shared_text(bytes: &[u8; 16]) -> bool {
    let text = bytes.iter().rposition(|byte| *byte != 0).map_or(&bytes[..0], |last| &bytes[..=last]);
    if text.len() < 8 || !text.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return false;
    }
    let text = String::from_utf8_lossy(text);
    let serial = text.get(6..16).unwrap_or_default();
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    !(serial.len() == 10
        && serial.chars().all(is_part)
        && text.chars().take(6).all(|c| is_part(c) || c == '-')
        && !is_placeholder(&text)
        && serial_number::is_own(serial)
        && serial_number::is_own(&text))
}

/// Dell's form, `DELL` and the seven characters of a service tag: whether there is no such tag in it.
fn is_unset_service_tag(bytes: &[u8; 16]) -> bool {
    if bytes[..4] != *b"LLED" || bytes[11..13] != *b"\xc0O" {
        return false;
    }
    let tag = [bytes[5], bytes[6], bytes[9], bytes[10] & 0x7f, bytes[13], bytes[14], bytes[15]];
    let tag = String::from_utf8_lossy(&tag).into_owned();
    !tag.chars().all(|c| c.is_ascii_alphanumeric()) || is_placeholder(&tag)
}

/// How many bytes that are not 0 a maker has filled into the zeros of AMI's default.
fn filled_into_ami(bytes: &[u8; 16]) -> Option<usize> {
    let ami = Uuid::parse_str(AMI).unwrap_or_default();
    let fits = (0..16).all(|at| AMI_MAC.contains(&at) || bytes[at] == ami.as_bytes()[at]);
    fits.then(|| AMI_MAC.iter().filter(|at| bytes[**at] != 0).count())
}

/// Whether its only information is a MAC address: that of a port with next to nothing else, or six bytes at one end and
/// nothing else.
fn is_of_mac(bytes: &[u8; 16], macs: &[&str]) -> bool {
    let rest = |at: usize| significant(bytes, 0..at) + significant(bytes, at + 6..16);
    let is_mac = |at: usize| macs.iter().any(|mac| octets(mac).is_some_and(|mac| bytes[at..at + 6] == mac));
    let alone = |at: usize| rest(at) == 0 && bytes[at] & 1 == 0;
    (0..=10).any(|at| is_mac(at) && rest(at) < SIGNIFICANT) || alone(10) || alone(0)
}

fn ends_in_mac(bytes: &[u8; 16], macs: &[&str]) -> bool {
    macs.iter().any(|mac| octets(mac).is_some_and(|mac| bytes[10..] == mac))
}

/// RFC 9562 5.1, 5.2, 5.6: before the address it has a time, which is of this UUID alone.
fn is_time_based(uuid: &Uuid) -> bool {
    matches!(uuid.get_version_num(), 1 | 2 | 6) && uuid.get_variant() == Variant::RFC4122
}

fn octets(mac: &str) -> Option<[u8; 6]> {
    let octets: Option<Vec<u8>> = mac.split(':').map(|octet| u8::from_str_radix(octet, 16).ok()).collect();
    octets?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_defaults_are_shared_in_either_order_and_with_a_byte_changed() {
        let unset = ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"];
        let swapped = ["00020003-0004-0005-0006-000700080009", "03020100-0504-0706-0809-0a0b0c0d0e0f"];
        let changed = ["03000200-0400-0500-0006-000700080010", "03000200-0400-0500-0006-000700080100"];
        for uuid in SHARED.into_iter().chain([AMI]).chain(unset).chain(swapped).chain(changed) {
            assert_eq!(kind(uuid, &[]), Kind::Shared, "{uuid}");
        }
    }

    #[test]
    fn counters_repetitions_and_what_is_nearly_empty_are_shared() {
        for uuid in [
            "fefefefe-fefe-fefe-fefe-fefefefefefe",
            "5a9e1f00-ffff-ffff-ffff-ffffffffffff",
            "00000000-0000-0000-0000-000000000001",
            "00000000-0000-1000-8000-000000000000",
            "ffffffff-ffff-ffff-ffff-000000000000",
            "00112233-4455-6677-8899-aabbccddeeff",
            "01234567-89ab-cdef-0123-456789abcdef",
            "fedcba98-7654-3210-fedc-ba9876543210",
            "12345678-1234-4234-8234-123456789012",
            "12345678-90ab-cdef-1234-567890abcdef",
            "10111213-1415-1617-1819-1a1b1c1d1e1f",
            "00010002-0003-0004-0005-000600070008",
            "12341234-1234-1234-1234-123412341234",
            "cafebabe-cafe-babe-cafe-babecafebabe",
            "a5a5a5a5-a5a5-45a5-85a5-a5a5a5a5a5a5",
        ] {
            assert_eq!(kind(uuid, &[]), Kind::Shared, "{uuid}");
        }
    }

    fn of_text(text: &[u8; 16]) -> [String; 2] {
        [Uuid::from_bytes(*text).to_string(), Uuid::from_bytes_le(*text).to_string()]
    }

    #[test]
    fn text_is_shared_unless_it_has_a_serial_number() {
        for text in [
            b"1234567890123456",
            b"To be filled by ",
            b"Default string\0\0",
            b"NotSpecified\0\0\0\0",
            b"868603          ",
            b"868603XXXXXXXXXX",
            b"8686030000000000",
            b"868603ABCDEFGHIJ",
            b"SERIALNUMBER0001",
            b"                ",
            b"INVALIDINVALID!!",
            b"ABCDEF0123456789",
        ] {
            for uuid in of_text(text) {
                assert_eq!(kind(&uuid, &[]), Kind::Shared, "{}", String::from_utf8_lossy(text));
            }
        }
        for text in [b"868603CZ3202002X", b"P19766MXQ0520FH8", b"P197662M22490123"] {
            for uuid in of_text(text) {
                assert_eq!(kind(&uuid, &[]), Kind::Own, "{}", String::from_utf8_lossy(text));
            }
        }
    }

    #[test]
    fn a_service_tag_that_is_one_makes_a_uuid_of_its_own() {
        assert_eq!(kind("4c4c4544-0042-3510-8053-b4c04f564831", &[]), Kind::Own);
        assert_eq!(kind("44454c4c-4200-1035-8053-b4c04f564831", &[]), Kind::Own);
        // XXXXXXX, 1234567, and one with spaces in it.
        for tag in [
            "4c4c4544-0058-5810-8058-d8c04f585858",
            "4c4c4544-0031-3210-8033-b4c04f353637",
            "4c4c4544-0042-3510-8020-a0c04f202020",
        ] {
            assert_eq!(kind(tag, &[]), Kind::Shared, "{tag}");
        }
    }

    #[test]
    fn a_uuid_whose_only_information_is_a_mac_address() {
        for uuid in [
            "00000000-0000-0000-0000-d05099faa835",
            "00000000-0000-0000-0000-002590eb9628",
            "ffffffff-ffff-ffff-ffff-002590eb9628",
            "00000000-0000-1000-8000-ac1f6b000001",
            "03d502e0-045e-0550-c506-3e0700080009",
            "032e02b4-0499-051c-6a06-790700080009",
        ] {
            assert_eq!(kind(uuid, &[]), Kind::OfMac, "{uuid}");
        }
        let uuid = "80010203-0000-0000-0000-ac1f6b4b2c1d";
        assert_eq!(kind(uuid, &[]), Kind::Own);
        assert_eq!(kind("80010000-0000-0000-0000-ac1f6b4b2c1d", &["ac:1f:6b:4b:2c:1d"]), Kind::OfMac);
        let maker = "47513848-0036-3000-48fe-003048fec30c";
        assert_eq!(kind(maker, &["00:30:48:fe:c3:0c"]), Kind::OfMac);
        assert_eq!(kind(maker, &["00:30:48:fe:c3:0d"]), Kind::Own);
        // A version 1 UUID has a time before the address.
        assert_eq!(kind("1a2b3c4d-5e6f-11ee-9d2a-ac1f6b4b2c1d", &["ac:1f:6b:4b:2c:1d"]), Kind::Own);
    }

    #[test]
    fn real_uuids_are_their_machines_own() {
        for uuid in [
            "4c4c4544-0035-4a10-8051-b5c04f4a4b32",
            "30373237-3132-4d32-3238-343930365a37",
            "38363838-3330-5a43-3332-303230303258",
            "a3c8b2d0-7f1e-11ea-8000-3cecef12a4b7",
            "d3a2f9f8-6e21-4c1b-9c8a-0f5e7b1d2c3a",
            "33393138-3533-4753-4831-303158385246",
            "ec2a8f3c-77b1-9d40-a2c6-b91e5d04fa68",
            "6d1f0c5e-8a43-4f0e-9b52-0a5c6e7d0901",
        ] {
            assert_eq!(kind(uuid, &[]), Kind::Own, "{uuid}");
        }
    }
}
