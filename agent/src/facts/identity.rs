// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who the host is: the SMBIOS system UUID, else one derived from serial numbers, else from a MAC address. Pure.
//!
//! Each rule uses the least that identifies the machine, so that a disk, an add-in card or a disabled port that comes or
//! goes does not change the identity. Two machines must never become one: where that could be, a rule uses more, or refuses.

use anyhow::{Result, bail};
use stage1_contract::facts::{Baseboard, BoardFeature, BoardType, OnboardDevice, OnboardDeviceType};
use stage1_contract::{Candidate, Facts, FirmwareKind, Identity, IdentitySource, Nic};
use uuid::Uuid;

use super::placeholder::is_monotonous;
use super::serial_number;
use super::system_uuid::{self, Kind};

/// The UUIDv5 namespace of derived identities, fixed for ever.
const NAMESPACE: Uuid = Uuid::from_u128(0x5f1a_9c0e_6a1d_4d0b_9d52_7374_6167_6531);

/// Chassis that hold several machines (DSP0134 7.4.1, 19h, 1Ch, 1Dh): their serial number may be in the system information
/// of each.
const SHARED_CHASSIS: [&str; 3] = ["Multi-system", "Blade", "Blade Enclosure"];

/// Chooses the host's identity; the result carries every candidate and the reason.
///
/// # Errors
/// Where nothing in the facts identifies the machine, or where what should is missing from the SMBIOS tables: the rest of
/// the facts would give it another identity than in the next boot.
pub(super) fn choose(facts: &Facts) -> Result<Identity> {
    check_tables(facts)?;
    let (uuid, kind) = from_system_uuid(facts);
    let mut candidates = vec![uuid, from_serials(facts), from_macs(facts)];
    if kind == Some(Kind::OfMac) {
        candidates.swap(0, 1);
    }
    let chosen = candidates.iter().find(|candidate| candidate.usable);
    let Some(Candidate { source, value: Some(id), reason, .. }) = chosen else {
        let why: Vec<&str> = candidates.iter().map(|candidate| candidate.reason.as_str()).collect();
        bail!("cannot derive a host identity: {}", why.join("; "));
    };
    let passed_over = |candidate: &&Candidate| {
        let demoted = kind == Some(Kind::OfMac) && candidate.source == IdentitySource::SystemUuid;
        candidate.source != *source && (demoted || !candidate.usable)
    };
    let end = candidates.iter().position(|candidate| candidate.source == *source).unwrap_or_default().max(1);
    let end = if kind == Some(Kind::OfMac) { end + 1 } else { end };
    let passed_over: Vec<&str> =
        candidates.iter().take(end).filter(passed_over).map(|candidate| candidate.reason.as_str()).collect();
    let mut words = reason.clone();
    if !passed_over.is_empty() {
        words = format!("{words}, since {}", passed_over.join(" and "));
    }
    Ok(Identity { id: id.clone(), source: source.clone(), reason: words, candidates })
}

/// Tables that the kernel did not find, or that lack the system information, are those of a firmware that failed in this
/// boot: UEFI machines have tables, and all tables have a type 1 (DSP0134 6.2).
fn check_tables(facts: &Facts) -> Result<()> {
    let uefi = facts.firmware.as_ref().is_some_and(|firmware| firmware.kind == FirmwareKind::Uefi);
    let advice = "power the machine off and on; if it stays so, update its firmware";
    match (&facts.smbios, &facts.system) {
        (Some(_), None) => bail!(
            "cannot derive a host identity: the SMBIOS tables have no readable system information (type 1); {advice}"
        ),
        (None, None) if uefi => {
            bail!(
                "cannot derive a host identity: this is a UEFI machine, but the kernel found no SMBIOS tables; {advice}"
            )
        }
        _ => Ok(()),
    }
}

fn from_system_uuid(facts: &Facts) -> (Candidate, Option<Kind>) {
    let uuid = facts.system.as_ref().and_then(|system| system.uuid.clone());
    let macs = facts.nics.iter().filter_map(|nic| nic.permanent_mac.as_deref()).collect::<Vec<_>>();
    let kind = uuid.as_deref().map(|uuid| system_uuid::kind(uuid, &macs));
    let reason = match (uuid.as_deref(), kind) {
        (None, _) => "the firmware reports no system UUID".to_string(),
        (Some("00000000-0000-0000-0000-000000000000" | "ffffffff-ffff-ffff-ffff-ffffffffffff"), _) => {
            "the firmware has no system UUID set".to_string()
        }
        (Some(uuid), Some(Kind::Shared)) => {
            format!("the system UUID {uuid} is one that many machines share")
        }
        (Some(uuid), Some(Kind::OfMac)) => {
            format!("the SMBIOS system UUID {uuid} is made of a MAC address, and changes with that port")
        }
        (Some(_), _) => "the SMBIOS system UUID".to_string(),
    };
    let usable = matches!(kind, Some(Kind::Own | Kind::OfMac));
    (Candidate { source: IdentitySource::SystemUuid, value: uuid, usable, reason }, kind)
}

/// What the serial numbers of a machine belong to.
struct Serial {
    whose: &'static str,
    manufacturer: String,
    product: String,
    serial: String,
}

impl Serial {
    fn new(whose: &'static str, [manufacturer, product, serial]: [&Option<String>; 3]) -> Option<Self> {
        let text = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().to_string();
        let (manufacturer, product, serial) = (text(manufacturer), text(product), text(serial));
        serial_number::is_own(&serial).then_some(Self { whose, manufacturer, product, serial })
    }

    fn name(&self) -> String {
        format!("{}\n{}\n{}", self.manufacturer, self.product, self.serial)
    }
}

/// The serial numbers of the system and of its motherboard: either may be shared, that of the system by the nodes of an
/// enclosure, that of the board by all of a make. So the system's counts alone where the machine has its chassis for
/// itself, and the board's only together with a MAC address. Never the chassis's, nor a riser's or a backplane's, which
/// moves.
fn from_serials(facts: &Facts) -> Candidate {
    let system = facts.system.as_ref();
    let system = system
        .and_then(|system| Serial::new("system", [&system.manufacturer, &system.product, &system.serial]));
    let boards = facts.smbios.as_ref().map(|smbios| smbios.baseboards.as_slice()).unwrap_or_default();
    let is_main = |board: &&Baseboard| boards.len() == 1 || is_motherboard(board);
    let board = boards
        .iter()
        .filter(is_main)
        .find_map(|board| Serial::new("board", [&board.manufacturer, &board.product, &board.serial]));
    let candidate = |value: Option<String>, reason: String| Candidate {
        source: IdentitySource::Serials,
        usable: value.is_some(),
        value,
        reason,
    };
    let derived =
        |name: &str, from: &str| candidate(Some(derive("serials", name)), format!("derived from {from}"));
    let words = |serial: &Serial| {
        format!("the {}'s manufacturer, product and serial number {}", serial.whose, serial.serial)
    };
    let one = match (&system, &board) {
        (None, None) => {
            return candidate(
                None,
                "neither the system nor a board has a serial number of its own".to_string(),
            );
        }
        (Some(system), Some(board)) => {
            let name = format!("{}\n{}", system.name(), board.name());
            return derived(&name, &format!("{} and {}", words(system), words(board)));
        }
        (Some(system), None) if !shares_chassis(facts) => return derived(&system.name(), &words(system)),
        (Some(one), None) | (None, Some(one)) => one,
    };
    match lowest_mac(facts) {
        Ok((mac, name)) => {
            let from = format!("{} and {mac} of {name}", words(one));
            derived(&format!("{}\n{mac}", one.name()), &from)
        }
        Err(reason) => {
            let reason = format!(
                "other machines may have the {}'s serial number {}, and {reason}",
                one.whose, one.serial
            );
            candidate(None, reason)
        }
    }
}

/// Whether the machine is in a chassis with others.
fn shares_chassis(facts: &Facts) -> bool {
    facts.smbios.iter().any(|smbios| {
        let shared = |kind: &String| SHARED_CHASSIS.contains(&kind.as_str());
        smbios.chassis.iter().any(|chassis| chassis.chassis_type.as_ref().is_some_and(shared))
            || smbios.baseboards.iter().any(|board| board.board_type == Some(BoardType::ServerBlade))
    })
}

/// DSP0134 7.3.1, 7.3.2.
fn is_motherboard(board: &Baseboard) -> bool {
    matches!(board.board_type, Some(BoardType::Motherboard | BoardType::ServerBlade))
        || board.features.contains(&BoardFeature::HostingBoard)
}

fn from_macs(facts: &Facts) -> Candidate {
    let source = IdentitySource::MacAddresses;
    match lowest_mac(facts) {
        Ok((mac, name)) => {
            let ports = if facts.nics.iter().any(|nic| is_own(&nic) && is_on_board(nic, facts)) {
                " of the on-board ports"
            } else {
                ", as the firmware does not report which ports are on-board"
            };
            let reason = format!("derived from {mac} of {name}, the lowest permanent MAC address{ports}");
            Candidate { source, value: Some(derive("macs", &mac)), usable: true, reason }
        }
        Err(reason) => Candidate { source, value: None, usable: false, reason },
    }
}

/// The lowest permanent MAC address of the on-board Ethernet ports, with the port's name. No other port, add-in or
/// disabled, changes it. Where the firmware does not report which ports are on-board, of all ports that are not USB
/// adapters. Else the reason why there is none.
fn lowest_mac(facts: &Facts) -> Result<(String, String), String> {
    let missing: Vec<&str> = missing_ports(facts)
        .map(|device| device.designation.as_deref().or(device.bus_address.as_deref()).unwrap_or("unnamed"))
        .collect();
    if !missing.is_empty() {
        // Another port's address would be another identity, until this one is there again.
        return Err(format!(
            "on-board ports that SMBIOS lists are missing: {}: no driver is bound to them",
            missing.join(", ")
        ));
    }
    let lowest = |ports: &mut dyn Iterator<Item = &Nic>| {
        ports.filter_map(|nic| Some((nic.permanent_mac.clone()?, nic.name.clone()))).min()
    };
    let on_board = lowest(&mut facts.nics.iter().filter(is_own).filter(|nic| is_on_board(nic, facts)));
    on_board
        .or_else(|| lowest(&mut facts.nics.iter().filter(is_own)))
        .ok_or_else(|| "no port has a permanent MAC address".to_string())
}

/// Whether the port's permanent address may stand for the machine.
fn is_own(nic: &&Nic) -> bool {
    let ethernet = nic.kind.as_deref().is_none_or(|kind| kind == "ethernet");
    ethernet && nic.bus.as_deref() != Some("usb") && nic.permanent_mac.as_deref().is_some_and(is_universal)
}

/// The enabled on-board ports that SMBIOS lists (types 10 and 41) with a place at which there is no port. Where another
/// kind of device is, the firmware has the place wrong.
fn missing_ports(facts: &Facts) -> impl Iterator<Item = &OnboardDevice> {
    let is_other = |address: &Option<String>| {
        let function = facts.pci.iter().find(|function| Some(&function.address) == address.as_ref());
        let class = function.and_then(|function| function.class.as_deref());
        class.is_some_and(|class| !class.starts_with("0x02"))
    };
    facts.smbios.iter().flat_map(|smbios| &smbios.onboard_devices).filter(move |device| {
        device.bus_address.is_some()
            && !is_other(&device.bus_address)
            && device.enabled != Some(false)
            && device.device_type == Some(OnboardDeviceType::Ethernet)
            && !facts.nics.iter().any(|nic| nic.pci_address == device.bus_address)
    })
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
    use stage1_contract::facts::{Chassis, OnboardDevice, PciDevice, Smbios};

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
    fn a_shared_uuid_is_passed_over_and_named() {
        for bad in ["03000200-0400-0500-0006-000700080009", "00000000-0000-0000-0000-000000000000"] {
            let identity = choose(&facts(Some(bad), Some("B5SVH1"), &[])).unwrap();
            assert_eq!(identity.source, IdentitySource::Serials, "{bad}");
            assert!(identity.reason.contains("system UUID"), "{}", identity.reason);
            assert_eq!(identity.candidates[0].value.as_deref(), Some(bad));
        }
    }

    #[test]
    fn a_uuid_made_of_a_mac_address_ranks_below_a_serial_number_and_above_none() {
        let of = |last: u8, serial: Option<&str>| {
            let uuid = format!("00000000-0000-0000-0000-ac1f6b00000{last}");
            choose(&facts(Some(&uuid), serial, &["ac:1f:6b:00:00:02"])).unwrap()
        };
        let (one, other) = (of(1, Some("S15317X9")), of(2, Some("S15317X9")));
        assert_eq!((one.source.clone(), &one.id), (IdentitySource::Serials, &other.id));
        assert!(
            one.reason.ends_with("ac1f6b000001 is made of a MAC address, and changes with that port"),
            "{}",
            one.reason
        );
        let alone = of(1, Some("To be filled by O.E.M."));
        assert_eq!(
            (alone.source, alone.id.as_str()),
            (IdentitySource::SystemUuid, "00000000-0000-0000-0000-ac1f6b000001")
        );
    }

    #[test]
    fn tables_without_system_information_and_none_on_uefi_make_no_identity() {
        let mut facts = facts(None, None, &["ac:1f:6b:00:00:01"]);
        facts.system = None;
        assert!(choose(&facts).is_ok());
        facts.firmware = serde_json::from_value(serde_json::json!({ "kind": "uefi" })).ok();
        let error = choose(&facts).unwrap_err().to_string();
        assert!(error.contains("UEFI machine, but the kernel found no SMBIOS tables"), "{error}");
        facts.firmware = None;
        facts.smbios = Some(Smbios::default());
        let error = choose(&facts).unwrap_err().to_string();
        assert!(error.contains("no readable system information (type 1)"), "{error}");
    }

    /// A node of an enclosure: its board's serial number, its MAC address.
    fn node(chassis: &str, board: Option<&str>, mac: &str) -> Facts {
        let board = Baseboard { serial: board.map(str::to_string), ..Baseboard::default() };
        let chassis = Chassis {
            chassis_type: Some(chassis.to_string()),
            serial: Some("ENC5718".to_string()),
            ..Chassis::default()
        };
        let smbios = Smbios { baseboards: vec![board], chassis: vec![chassis], ..Smbios::default() };
        Facts { smbios: Some(smbios), ..facts(None, Some("ENC5718"), &[mac]) }
    }

    #[test]
    fn the_serial_number_of_an_enclosure_does_not_make_one_host_of_its_nodes() {
        let id = |facts: &Facts| choose(facts).unwrap().id;
        let (one, other) = ("ac:1f:6b:00:00:01", "ac:1f:6b:00:00:02");
        for chassis in ["Multi-system", "Rack Mount Chassis"] {
            let node = |board, mac| id(&node(chassis, Some(board), mac));
            assert_ne!(node("NODE17XYZ", one), node("NODE18XYZ", other), "{chassis}");
            assert_eq!(node("NODE17XYZ", one), node("NODE17XYZ", other), "{chassis}");
        }
        assert_ne!(id(&node("Multi-system", None, one)), id(&node("Multi-system", None, other)));
        assert_eq!(id(&node("Tower", None, one)), id(&node("Tower", None, other)));
    }

    #[test]
    fn the_serial_number_of_a_board_does_not_make_one_host_of_all_of_a_make() {
        let board = |mac: &str| {
            let mut facts = node("Tower", Some("MBS-2019-A"), mac);
            facts.system.as_mut().unwrap().serial = None;
            choose(&facts)
        };
        let (one, other) = (board("ac:1f:6b:00:00:01").unwrap(), board("ac:1f:6b:00:00:02").unwrap());
        assert_eq!(one.source, IdentitySource::Serials);
        assert_ne!(one.id, other.id);
        let error = board("02:1f:6b:00:00:01").unwrap_err().to_string();
        assert!(error.contains("other machines may have the board's serial number MBS-2019-A"), "{error}");
    }

    #[test]
    fn placeholders_are_no_serial_numbers() {
        for serial in ["To Be Filled By O.E.M.", "0123456789", "Serial", "........", "  ", "12", "A1"] {
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
        let mut facts = facts(None, None, &["ac:1f:6b:00:00:01"]);
        let boards = vec![board("RSR-1", BoardType::Unknown), board("MB-9A", BoardType::Motherboard)];
        facts.smbios = Some(Smbios { baseboards: boards, ..Smbios::default() });
        assert!(choose(&facts).unwrap().reason.contains("MB-9A"));
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
    fn no_other_port_stands_in_for_an_on_board_port_without_a_driver() {
        let place = |bus: u8| Some(format!("0000:{bus:02x}:00.0"));
        let device = |bus: u8| OnboardDevice {
            designation: Some(format!("LAN{bus}")),
            device_type: Some(OnboardDeviceType::Ethernet),
            bus_address: place(bus),
            enabled: Some(true),
            ..OnboardDevice::default()
        };
        let mut facts = facts(None, None, &["ac:1f:6b:00:00:02"]);
        facts.nics[0].pci_address = place(2);
        facts.smbios = Some(Smbios { onboard_devices: vec![device(1), device(2)], ..Smbios::default() });
        let error = choose(&facts).unwrap_err().to_string();
        assert!(error.contains("are missing: LAN1: no driver is bound to them"), "{error}");
        let function = PciDevice {
            address: "0000:01:00.0".to_string(),
            class: Some("0x020000".to_string()),
            ..PciDevice::default()
        };
        facts.pci = vec![function];
        assert!(choose(&facts).is_err());
        facts.pci[0].class = Some("0x060000".to_string());
        assert!(choose(&facts).is_ok());
        facts.pci.clear();
        facts.smbios.as_mut().unwrap().onboard_devices[0].enabled = Some(false);
        assert!(choose(&facts).is_ok());
    }

    #[test]
    fn a_machine_that_nothing_identifies_is_an_error_with_the_reasons() {
        let error = choose(&facts(None, None, &["00:00:00:00:00:00"])).unwrap_err().to_string();
        assert!(error.contains("no system UUID") && error.contains("has a serial number"), "{error}");
    }
}
