// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who the host is: the SMBIOS system UUID, else one derived from serial numbers, else from MAC
//! addresses. Pure.

use anyhow::{Result, bail};
use stage1_inventory::{Candidate, Facts, Identity, IdentitySource};
use uuid::Uuid;

use super::placeholder::{is_monotonous, is_placeholder};

/// UUIDs that many machines share, because the vendor never set a real one.
const KNOWN_BAD_UUIDS: &[&str] = &[
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "03000200-0400-0500-0006-000700080009",
    "00020003-0004-0005-0006-000700080009",
    "fefefefe-fefe-fefe-fefe-fefefefefefe",
    "12345678-1234-5678-90ab-cddeefaabbcc",
    "12345678-1234-1234-1234-123456789abc",
    "11111111-2222-3333-4444-555555555555",
];

/// The UUIDv5 namespace of derived identities, fixed for ever.
const NAMESPACE: Uuid = Uuid::from_u128(0x5f1a_9c0e_6a1d_4d0b_9d52_7374_6167_6531);

/// Chooses the host's identity; the result carries every candidate and the reason.
///
/// # Errors
/// Where nothing about the machine is its own.
pub fn choose(facts: &Facts) -> Result<Identity> {
    let candidates = vec![from_system_uuid(facts), from_serials(facts), from_macs(facts)];
    let chosen = candidates.iter().find(|candidate| candidate.usable);
    let Some(Candidate { source, value: Some(id), reason, .. }) = chosen else {
        let why: Vec<&str> = candidates.iter().map(|candidate| candidate.reason.as_str()).collect();
        bail!("this machine has nothing that is its own: {}", why.join("; "));
    };
    let passed_over: Vec<&str> =
        candidates.iter().take_while(|c| !c.usable).map(|c| c.reason.as_str()).collect();
    let mut words = reason.clone();
    if !passed_over.is_empty() {
        words = format!("{words}, since {}", passed_over.join(" and "));
    }
    Ok(Identity { id: id.clone(), source: source.clone(), reason: words, candidates })
}

fn from_system_uuid(facts: &Facts) -> Candidate {
    let uuid = facts.system.as_ref().and_then(|system| system.uuid.clone());
    let (usable, reason) = match uuid.as_deref() {
        None => (false, "the firmware gives no system UUID".to_string()),
        Some(uuid) if KNOWN_BAD_UUIDS.contains(&uuid) || is_monotonous(uuid) => {
            (false, format!("the system UUID {uuid} is one that many machines share"))
        }
        Some(_) => (true, "the SMBIOS system UUID".to_string()),
    };
    Candidate { source: IdentitySource::SystemUuid, value: uuid, usable, reason }
}

fn from_serials(facts: &Facts) -> Candidate {
    let system = facts.system.clone().unwrap_or_default();
    let serial = system.serial.as_deref().filter(|serial| !is_placeholder(serial));
    let (value, reason) = match serial {
        None => (None, "the firmware gives no serial number of the system".to_string()),
        Some(serial) => {
            let parts = [system.manufacturer.as_deref(), system.product.as_deref(), Some(serial)];
            let name = parts.map(Option::unwrap_or_default).join("\n");
            (
                Some(derive("serials", &name)),
                format!("derived from manufacturer, product and serial number {serial}"),
            )
        }
    };
    Candidate { source: IdentitySource::Serials, usable: value.is_some(), value, reason }
}

fn from_macs(facts: &Facts) -> Candidate {
    let permanent = facts.nics.iter().filter_map(|nic| nic.permanent_mac.as_deref());
    let mut macs: Vec<&str> = permanent.filter(|mac| is_universal(mac)).collect();
    macs.sort_unstable();
    macs.dedup();
    let (value, reason) = if macs.is_empty() {
        (None, "there is no port with a permanent MAC address".to_string())
    } else {
        (
            Some(derive("macs", &macs.join("\n"))),
            format!("derived from the permanent MAC addresses {}", macs.join(", ")),
        )
    };
    Candidate { source: IdentitySource::MacAddresses, usable: value.is_some(), value, reason }
}

fn derive(kind: &str, name: &str) -> String {
    Uuid::new_v5(&NAMESPACE, format!("{kind}\n{name}").as_bytes()).to_string()
}

/// IEEE 802, 8.4: bit 1 of the first octet set means locally administered.
fn is_universal(mac: &str) -> bool {
    let first = mac.get(..2).and_then(|octet| u8::from_str_radix(octet, 16).ok());
    first.is_some_and(|octet| octet & 0b11 == 0) && !is_monotonous(&mac.replace(':', ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stage1_inventory::{Nic, SystemInformation};

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
        for bad in KNOWN_BAD_UUIDS {
            let identity = choose(&facts(Some(bad), Some("B5SVH1"), &[])).unwrap();
            assert_eq!(identity.source, IdentitySource::Serials);
            assert!(identity.reason.contains(bad), "{}", identity.reason);
        }
    }

    #[test]
    fn placeholders_are_no_serial_numbers() {
        for serial in ["To Be Filled By O.E.M.", "0123456789", "Default string", "........", "  "] {
            let identity =
                choose(&facts(None, Some(serial), &["52:54:00:00:00:01", "ac:1f:6b:00:00:01"])).unwrap();
            assert_eq!(identity.source, IdentitySource::MacAddresses, "{serial}");
        }
    }

    #[test]
    fn the_order_of_the_ports_does_not_matter_nor_do_local_addresses() {
        let id = |macs: &[&str]| choose(&facts(None, None, macs)).unwrap().id;
        let one = id(&["ac:1f:6b:00:00:01", "ac:1f:6b:00:00:02"]);
        assert_eq!(one, id(&["ac:1f:6b:00:00:02", "52:54:00:11:22:33", "ac:1f:6b:00:00:01"]));
    }

    #[test]
    fn a_machine_without_anything_of_its_own_is_an_error_that_says_why() {
        let error = choose(&facts(None, None, &["00:00:00:00:00:00"])).unwrap_err().to_string();
        assert!(error.contains("no system UUID") && error.contains("no serial number"), "{error}");
    }
}
