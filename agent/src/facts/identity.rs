// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who the host is: the SMBIOS system UUID, else one derived from a serial number, else from a MAC address. Pure.
//!
//! Each rule uses the least that identifies the machine, so that a disk, an add-in card or a disabled port that comes or
//! goes does not change the identity.

use anyhow::{Result, bail};
use stage1_contract::facts::{Baseboard, BoardFeature, BoardType, OnboardDeviceType};
use stage1_contract::{Candidate, Facts, Identity, IdentitySource, Nic};
use uuid::Uuid;

use super::placeholder::{is_monotonous, is_placeholder};

/// UUIDs that many machines share, because the vendor never set a real one; in either byte order.
const SHARED_UUIDS: [&str; 15] = [
    // Boards with AMI firmware, as they left the factory.
    "03000200-0400-0500-0006-000700080009",
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

/// A UUID with fewer bytes that are neither 00 nor FF identifies no machine; a MAC address has six.
const SIGNIFICANT: usize = 4;

/// A serial number shorter than this is a number within some order, and identifies no machine.
const SHORTEST: usize = 4;

/// The UUIDv5 namespace of derived identities, fixed for ever.
const NAMESPACE: Uuid = Uuid::from_u128(0x5f1a_9c0e_6a1d_4d0b_9d52_7374_6167_6531);

/// Chooses the host's identity; the result carries every candidate and the reason.
///
/// # Errors
/// Where nothing in the facts identifies the machine.
pub(super) fn choose(facts: &Facts) -> Result<Identity> {
    let candidates = vec![from_system_uuid(facts), from_serials(facts), from_macs(facts)];
    let chosen = candidates.iter().find(|candidate| candidate.usable);
    let Some(Candidate { source, value: Some(id), reason, .. }) = chosen else {
        let why: Vec<&str> = candidates.iter().map(|candidate| candidate.reason.as_str()).collect();
        bail!("cannot derive a host identity: {}", why.join("; "));
    };
    let passed_over: Vec<&str> =
        candidates.iter().take_while(|c| !c.usable).map(|c| c.reason.as_str()).collect();
    let mut words = reason.clone();
    if !passed_over.is_empty() {
        words = format!("{words}, since {}", passed_over.join(" and "));
    }
    Ok(Identity { id: id.clone(), source: source.clone(), reason: words, candidates })
}

/// Whether a UUID is one that many machines share.
pub(super) fn is_shared(uuid: &str) -> bool {
    let Ok(uuid) = Uuid::parse_str(uuid) else { return false };
    let other = Uuid::from_bytes_le(*uuid.as_bytes());
    let bytes = uuid.as_bytes();
    // Bytes 6 and 8 have the UUID's version and variant (RFC 9562 4).
    let significant = (0..16).filter(|at| !matches!(at, 6 | 8) && !matches!(bytes[*at], 0 | 0xff)).count();
    significant < SIGNIFICANT
        || bytes.iter().all(|byte| *byte == bytes[0])
        || counts(bytes)
        || SHARED_UUIDS.iter().any(|shared| Uuid::parse_str(shared).is_ok_and(|it| it == uuid || it == other))
}

/// Whether the digits count up, each once or twice: `01234567-89ab-…`, `00112233-4455-…`.
fn counts(bytes: &[u8]) -> bool {
    let digits: Vec<u8> = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
    digits.windows(2).all(|pair| pair[1] == pair[0] || pair[1] == (pair[0] + 1) % 16)
}

fn from_system_uuid(facts: &Facts) -> Candidate {
    let uuid = facts.system.as_ref().and_then(|system| system.uuid.clone());
    let (usable, reason) = match uuid.as_deref() {
        None => (false, "the firmware reports no system UUID".to_string()),
        Some("00000000-0000-0000-0000-000000000000" | "ffffffff-ffff-ffff-ffff-ffffffffffff") => {
            (false, "the firmware has no system UUID set".to_string())
        }
        Some(uuid) if is_shared(uuid) => {
            (false, format!("the system UUID {uuid} is one that many machines share"))
        }
        Some(_) => (true, "the SMBIOS system UUID".to_string()),
    };
    Candidate { source: IdentitySource::SystemUuid, value: uuid, usable, reason }
}

/// The system's serial number, else its motherboard's; never the chassis's, which the nodes of an enclosure share, nor
/// a riser's or a backplane's, which moves.
fn from_serials(facts: &Facts) -> Candidate {
    let is_own = |serial: &String| serial.trim().len() >= SHORTEST && !is_placeholder(serial);
    let own = |serial: &Option<String>| serial.clone().filter(is_own);
    let system = facts.system.as_ref().and_then(|system| {
        Some(("system", system.manufacturer.clone(), system.product.clone(), own(&system.serial)?))
    });
    let boards = facts.smbios.as_ref().map(|smbios| smbios.baseboards.as_slice()).unwrap_or_default();
    let is_main = |board: &&Baseboard| boards.len() == 1 || is_motherboard(board);
    let mut boards = boards.iter().filter(is_main).filter_map(|board| {
        Some(("board", board.manufacturer.clone(), board.product.clone(), own(&board.serial)?))
    });
    let (value, reason) = match system.or_else(|| boards.next()) {
        None => (None, "neither the system nor a board has a serial number".to_string()),
        Some((whose, manufacturer, product, serial)) => {
            let (manufacturer, product) = (manufacturer.unwrap_or_default(), product.unwrap_or_default());
            (
                Some(derive("serials", &format!("{manufacturer}\n{product}\n{serial}"))),
                format!("derived from the {whose}'s manufacturer, product and serial number {serial}"),
            )
        }
    };
    Candidate { source: IdentitySource::Serials, usable: value.is_some(), value, reason }
}

/// DSP0134 7.3.1, 7.3.2.
fn is_motherboard(board: &Baseboard) -> bool {
    board.board_type == Some(BoardType::Motherboard) || board.features.contains(&BoardFeature::HostingBoard)
}

/// The lowest permanent MAC address of the on-board Ethernet ports: no other port, add-in or disabled, changes it; only
/// disabling that very one does. Where the firmware does not report which ports are on-board, of all ports that are
/// not USB adapters.
fn from_macs(facts: &Facts) -> Candidate {
    let source = IdentitySource::MacAddresses;
    let own = |nic: &&Nic| {
        let ethernet = nic.kind.as_deref().is_none_or(|kind| kind == "ethernet");
        ethernet
            && nic.bus.as_deref() != Some("usb")
            && nic.permanent_mac.as_deref().is_some_and(is_universal)
    };
    let ports: Vec<&Nic> = facts.nics.iter().filter(own).collect();
    let lowest = |ports: &mut dyn Iterator<Item = &&Nic>| {
        ports.filter_map(|nic| Some((nic.permanent_mac.clone()?, nic.name.clone()))).min()
    };
    let on_board = lowest(&mut ports.iter().filter(|nic| is_on_board(nic, facts)));
    let hidden = facts.smbios.iter().flat_map(|smbios| &smbios.onboard_devices).any(|device| {
        let placed = device.bus_address.is_some() && device.enabled == Some(true);
        placed && device.device_type == Some(OnboardDeviceType::Ethernet)
    });
    if on_board.is_none() && hidden {
        // Another port's address would be another identity, until the driver is there again.
        let reason =
            "the on-board ports that SMBIOS lists are missing: no driver is bound to them".to_string();
        return Candidate { source, value: None, usable: false, reason };
    }
    let (value, reason) = match (on_board, lowest(&mut ports.iter())) {
        (Some((mac, name)), _) => (
            Some(derive("macs", &mac)),
            format!("derived from {mac} of {name}, the lowest permanent MAC address of the on-board ports"),
        ),
        (None, Some((mac, name))) => (
            Some(derive("macs", &mac)),
            format!(
                "derived from {mac} of {name}, the lowest permanent MAC address, as the firmware does not report which \
                 ports are on-board"
            ),
        ),
        (None, None) => (None, "no port has a permanent MAC address".to_string()),
    };
    Candidate { source, usable: value.is_some(), value, reason }
}

/// ACPI has given the port a number as an on-board device, or SMBIOS lists it (types 10 and 41).
fn is_on_board(nic: &Nic, facts: &Facts) -> bool {
    let mut devices = facts.smbios.iter().flat_map(|smbios| &smbios.onboard_devices);
    nic.acpi_index.is_some()
        || nic.pci_address.is_some() && devices.any(|device| device.bus_address == nic.pci_address)
}

fn derive(kind: &str, name: &str) -> String {
    Uuid::new_v5(&NAMESPACE, format!("{kind}\n{name}").as_bytes()).to_string()
}

/// IEEE 802, 8.4: bit 1 of the first octet set means locally administered.
fn is_universal(mac: &str) -> bool {
    let first = mac.get(..2).and_then(|octet| u8::from_str_radix(octet, 16).ok());
    first.is_some_and(|octet| octet & 0b11 == 0)
        && mac.len() == "00:00:00:00:00:00".len()
        && !is_monotonous(&mac.replace(':', ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stage1_contract::SystemInformation;
    use stage1_contract::facts::{Chassis, OnboardDevice, Smbios};

    fn facts(uuid: Option<&str>, serial: Option<&str>, macs: &[&str]) -> Facts {
        let system = SystemInformation {
            manufacturer: Some("ACME".to_string()),
            product: Some("R1".to_string()),
            serial: serial.map(str::to_string),
            uuid: uuid.map(str::to_string),
            ..SystemInformation::default()
        };
        let nic = |mac: &&str| Nic { permanent_mac: Some(mac.to_string()), ..Nic::default() };
        Facts { system: Some(system), nics: macs.iter().map(nic).collect(), ..Facts::default() }
    }

    #[test]
    fn a_good_system_uuid_is_the_identity() {
        let identity =
            choose(&facts(Some("4c4c4544-0042-3510-8053-b4c04f564831"), Some("B5SVH1"), &[])).unwrap();
        assert_eq!(identity.id, "4c4c4544-0042-3510-8053-b4c04f564831");
        assert_eq!(identity.source, IdentitySource::SystemUuid);
        assert_eq!(identity.candidates.len(), 3);
    }

    #[test]
    fn shared_uuids_are_passed_over_and_named() {
        let unset = ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"];
        let swapped = ["00020003-0004-0005-0006-000700080009", "03020100-0504-0706-0809-0a0b0c0d0e0f"];
        let others = [
            "fefefefe-fefe-fefe-fefe-fefefefefefe",
            "5a9e1f00-ffff-ffff-ffff-ffffffffffff",
            "00000000-0000-0000-0000-000000000001",
            "00000000-0000-1000-8000-000000000000",
            "ffffffff-ffff-ffff-ffff-000000000000",
            "00112233-4455-6677-8899-aabbccddeeff",
            "01234567-89ab-cdef-0123-456789abcdef",
        ];
        for bad in SHARED_UUIDS.into_iter().chain(unset).chain(swapped).chain(others) {
            let identity = choose(&facts(Some(bad), Some("B5SVH1"), &[])).unwrap();
            assert_eq!(identity.source, IdentitySource::Serials, "{bad}");
            assert!(identity.reason.contains(bad) || unset.contains(&bad), "{}", identity.reason);
            assert_eq!(identity.candidates[0].value.as_deref(), Some(bad));
        }
    }

    #[test]
    fn placeholders_are_no_serial_numbers() {
        for serial in ["To Be Filled By O.E.M.", "0123456789", "Default string", "........", "  ", "12", "A1"]
        {
            let identity =
                choose(&facts(None, Some(serial), &["52:54:00:00:00:01", "ac:1f:6b:00:00:01"])).unwrap();
            assert_eq!(identity.source, IdentitySource::MacAddresses, "{serial}");
        }
    }

    #[test]
    fn the_boards_serial_number_stands_in_for_the_systems_but_no_chassis() {
        let board = Baseboard { serial: Some("B-77".to_string()), ..Baseboard::default() };
        let chassis = Chassis { serial: Some("C-1".to_string()), ..Chassis::default() };
        let mut facts = facts(None, Some("Not Present"), &["ac:1f:6b:00:00:01"]);
        facts.smbios = Some(Smbios { chassis: vec![chassis.clone()], ..Smbios::default() });
        assert_eq!(choose(&facts).unwrap().source, IdentitySource::MacAddresses);
        facts.smbios = Some(Smbios { chassis: vec![chassis], baseboards: vec![board], ..Smbios::default() });
        let identity = choose(&facts).unwrap();
        assert_eq!(identity.source, IdentitySource::Serials);
        assert!(
            identity.reason.contains("the board's") && identity.reason.contains("B-77"),
            "{}",
            identity.reason
        );
    }

    #[test]
    fn of_several_boards_only_the_motherboard_counts() {
        let board = |serial: &str, board_type| Baseboard {
            serial: Some(serial.to_string()),
            board_type: Some(board_type),
            ..Baseboard::default()
        };
        let mut facts = facts(None, None, &[]);
        let boards = vec![board("RSR-1", BoardType::Unknown), board("MB-9A", BoardType::Motherboard)];
        facts.smbios = Some(Smbios { baseboards: boards, ..Smbios::default() });
        assert!(choose(&facts).unwrap().reason.contains("MB-9A"));
    }

    #[test]
    fn a_uuid_made_of_a_mac_address_is_a_good_one() {
        assert!(!is_shared("00000000-0000-0000-0000-d05099faa835"));
        assert!(!is_shared("00000000-0000-0000-0000-002590eb9628"));
    }

    #[test]
    fn the_order_of_the_ports_does_not_matter_nor_do_local_addresses() {
        let id = |macs: &[&str]| choose(&facts(None, None, macs)).unwrap().id;
        let one = id(&["ac:1f:6b:00:00:01", "ac:1f:6b:00:00:02"]);
        assert_eq!(one, id(&["ac:1f:6b:00:00:02", "52:54:00:11:22:33", "ac:1f:6b:00:00:01"]));
    }

    /// A machine with two on-board ports, and whatever is plugged in.
    fn with_on_board(add_in: &[&str]) -> Facts {
        let mut facts = facts(None, None, &["ac:1f:6b:00:00:01", "ac:1f:6b:00:00:02"]);
        facts.nics[0].acpi_index = Some(1);
        facts.nics[1].pci_address = Some("0000:19:00.1".to_string());
        let device =
            OnboardDevice { bus_address: facts.nics[1].pci_address.clone(), ..OnboardDevice::default() };
        facts.smbios = Some(Smbios { onboard_devices: vec![device], ..Smbios::default() });
        facts
            .nics
            .extend(add_in.iter().map(|mac| Nic { permanent_mac: Some(mac.to_string()), ..Nic::default() }));
        facts
    }

    #[test]
    fn a_swapped_card_a_disabled_port_and_a_usb_adapter_change_nothing() {
        let id = |facts: &Facts| choose(facts).unwrap().id;
        let host = id(&with_on_board(&["00:1b:21:00:00:01"]));
        assert_eq!(host, id(&with_on_board(&["0c:42:a1:00:00:09"])));
        let mut disabled = with_on_board(&[]);
        disabled.nics.remove(1);
        assert_eq!(host, id(&disabled));
        let identity = choose(&disabled).unwrap();
        assert!(identity.reason.contains("ac:1f:6b:00:00:01") && identity.reason.contains("on-board ports"));

        // Disabling the one that it was derived from does change it, to that of the other on-board port.
        disabled.nics = with_on_board(&["00:1b:21:00:00:01"]).nics;
        disabled.nics.remove(0);
        assert!(choose(&disabled).unwrap().reason.contains("ac:1f:6b:00:00:02"));

        let mut ib = facts(None, None, &["00:00:10:29:fe:80:00:00:00:00:00:00:00:02:c9:03:00:00:10:29"]);
        assert!(choose(&ib).is_err());
        ib.nics[0].permanent_mac = Some("00:02:c9:00:10:29".to_string());
        ib.nics[0].kind = Some("infiniband".to_string());
        assert!(choose(&ib).is_err());

        let mut usb = facts(None, None, &["00:00:5e:00:53:01", "ac:1f:6b:00:00:01"]);
        usb.nics[0].bus = Some("usb".to_string());
        assert_eq!(id(&usb), id(&facts(None, None, &["ac:1f:6b:00:00:01"])));
    }

    #[test]
    fn no_other_port_stands_in_for_on_board_ports_without_a_driver() {
        let mut facts = facts(None, None, &["00:1b:21:00:00:01"]);
        let device = OnboardDevice {
            device_type: Some(OnboardDeviceType::Ethernet),
            bus_address: Some("0000:19:00.0".to_string()),
            enabled: Some(true),
            ..OnboardDevice::default()
        };
        facts.smbios = Some(Smbios { onboard_devices: vec![device], ..Smbios::default() });
        let error = choose(&facts).unwrap_err().to_string();
        assert!(error.contains("no driver is bound to them"), "{error}");
        facts.smbios.as_mut().unwrap().onboard_devices[0].enabled = Some(false);
        assert!(choose(&facts).is_ok());
    }

    #[test]
    fn a_machine_that_nothing_identifies_is_an_error_with_the_reasons() {
        let error = choose(&facts(None, None, &["00:00:00:00:00:00"])).unwrap_err().to_string();
        assert!(error.contains("no system UUID") && error.contains("has a serial number"), "{error}");
    }
}
