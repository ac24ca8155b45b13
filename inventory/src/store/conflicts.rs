// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a host is the machine that its identity stands for: what identifies a machine, compared among all hosts.
//!
//! One machine may come under two identities, as when its BMC gave the firmware no UUID in one boot, and two machines may
//! come under one. Either way the wrong machine would be installed, so a host with a conflict is held until the operator
//! has resolved it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use rusqlite::{Connection, Transaction, params};
use serde::Serialize;
use stage1_contract::{IdentitySource, Nic, Report};

use crate::store::database::Store;

/// A host that may be the same machine, or another machine with the same identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Conflict {
    /// The other host; the host itself if another machine has reported under its identity.
    pub(crate) host: String,
    /// What both have; of another machine under the same identity, what that one has.
    pub(crate) marks: Vec<String>,
}

impl Conflict {
    /// In words, of host `id`.
    pub(crate) fn words(&self, id: &str) -> String {
        let marks = self.marks.join(", ");
        if self.host == id {
            format!("another machine has the same identity: {marks}")
        } else {
            format!("host {} may be the same machine: both have {marks}", self.host)
        }
    }
}

/// SQL for the marks that a host shares with others that the operator has not accepted as other machines.
const SHARED: &str = "FROM marks AS mine
    JOIN marks AS theirs ON theirs.mark = mine.mark AND theirs.host <> mine.host
    LEFT JOIN distinct_hosts AS accepted
    ON accepted.one = min(mine.host, theirs.host) AND accepted.other = max(mine.host, theirs.host)
    WHERE accepted.one IS NULL AND mine.host = ";

/// SQL for the number of conflicts of the row of `hosts`.
pub(crate) fn count() -> String {
    format!("(SELECT count(DISTINCT theirs.host) {SHARED} hosts.id) + (rival IS NOT NULL)")
}

impl Store {
    /// Accepts that a host is another machine than those it conflicts with, and that the machine which reported last is
    /// the one of its identity.
    pub(crate) fn accept(&self, id: &str) -> Result<()> {
        self.transaction(|transaction| {
            for Conflict { host, .. } in of(transaction, id)? {
                if host != id {
                    let insert =
                        "INSERT INTO distinct_hosts VALUES (min(?1, ?2), max(?1, ?2)) ON CONFLICT DO NOTHING";
                    transaction.execute(insert, [id, &host])?;
                }
            }
            transaction.execute("UPDATE hosts SET rival = NULL WHERE id = ?", [id])?;
            Ok(())
        })
    }
}

/// The conflicts of a host.
pub(crate) fn of(connection: &Connection, id: &str) -> Result<Vec<Conflict>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT theirs.host, theirs.mark {SHARED} ? ORDER BY theirs.host, theirs.mark"
    ))?;
    let rows = statement.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut marks: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows {
        let (host, mark): (String, String) = row?;
        marks.entry(host).or_default().push(mark);
    }
    let mut conflicts: Vec<Conflict> =
        marks.into_iter().map(|(host, marks)| Conflict { host, marks }).collect();
    let rival: Option<String> =
        connection.query_row("SELECT rival FROM hosts WHERE id = ?", [id], |row| row.get(0))?;
    if let Some(rival) = rival {
        conflicts.push(Conflict { host: id.to_string(), marks: serde_json::from_str(&rival)? });
    }
    Ok(conflicts)
}

/// Stores what identifies the machine of a report, and whether it is another one than that of the last report. Returns
/// whether anything of this is new.
pub(crate) fn record(transaction: &Transaction, id: &str, report: &Report) -> Result<bool> {
    let mut select = transaction.prepare_cached("SELECT mark FROM marks WHERE host = ?")?;
    let known: BTreeSet<String> = select.query_map([id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let marks = marks(report);
    if marks == known {
        return Ok(false);
    }
    if are_two_machines(&known, &marks, id) {
        let rival = serde_json::to_string(&known)?;
        transaction.execute("UPDATE hosts SET rival = ? WHERE id = ?", params![rival, id])?;
    }
    transaction.execute("DELETE FROM marks WHERE host = ?", [id])?;
    let mut insert = transaction.prepare_cached("INSERT INTO marks VALUES (?, ?)")?;
    marks.iter().try_for_each(|mark| insert.execute([id, mark]).map(drop))?;
    Ok(true)
}

/// Fills the marks of hosts that have reported to an earlier version.
pub(crate) fn record_all(transaction: &Transaction) -> Result<()> {
    let mut select = transaction.prepare("SELECT id, report FROM hosts WHERE report IS NOT NULL")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for row in rows {
        let (id, text): (String, String) = row?;
        // One that cannot be read is replaced when the host registers again.
        if let Ok(report) = serde_json::from_str(&text) {
            record(transaction, &id, &report)?;
        }
    }
    Ok(())
}

/// Whether two reports under one identity are of two machines: all their ports differ, and nothing but the identity is
/// the same. Where a serial number is, the ports were replaced.
fn are_two_machines(known: &BTreeSet<String>, new: &BTreeSet<String>, id: &str) -> bool {
    let has_ports = |marks: &BTreeSet<String>| marks.iter().any(|mark| mark.starts_with(MAC));
    let identity = |mark: &String| mark.ends_with(&canonical(id)) || mark.ends_with(id);
    has_ports(known) && has_ports(new) && known.intersection(new).all(identity)
}

/// What a MAC address begins with as a mark.
const MAC: &str = "MAC address ";

/// What identifies the machine: permanent MAC addresses, and the candidates for its identity.
fn marks(report: &Report) -> BTreeSet<String> {
    let macs =
        report.facts.nics.iter().filter(|nic| is_own(nic)).filter_map(|nic| nic.permanent_mac.as_deref());
    let mut marks: BTreeSet<String> = macs.map(|mac| format!("{MAC}{}", mac.to_lowercase())).collect();
    let identity = &report.identity;
    for candidate in identity.candidates.iter().filter(|candidate| candidate.usable) {
        let Some(value) = candidate.value.as_deref().map(str::to_lowercase) else { continue };
        match candidate.source {
            IdentitySource::SystemUuid => drop(marks.insert(format!("system UUID {}", canonical(&value)))),
            IdentitySource::Serials => drop(marks.insert(format!("serial numbers, UUID {value}"))),
            // It is made of one of the addresses above.
            _ => {}
        }
    }
    marks
}

/// Ports of the machine itself: no USB adapter, which moves, or is the BMC's and has the same address in each.
fn is_own(nic: &Nic) -> bool {
    let ethernet = nic.kind.as_deref().is_none_or(|kind| kind == "ethernet");
    let mac = nic.permanent_mac.as_deref().unwrap_or_default();
    let octets: Vec<u8> = mac.split(':').filter_map(|octet| u8::from_str_radix(octet, 16).ok()).collect();
    // IEEE 802, 8.4: bit 0 of the first octet is a group's, bit 1 a locally administered address.
    let universal =
        octets.len() == 6 && octets[0] & 0b11 == 0 && octets.iter().any(|octet| *octet != octets[0]);
    ethernet && nic.bus.as_deref() != Some("usb") && universal
}

/// The same text for both byte orders: the one that SMBIOS before 2.6 had, and the one since (DSP0134 7.2.1). An update of
/// the firmware may change from one to the other.
fn canonical(uuid: &str) -> String {
    let swap = |part: &str| -> String {
        let pairs: Vec<&str> = (0..part.len() / 2).filter_map(|at| part.get(2 * at..2 * at + 2)).collect();
        pairs.into_iter().rev().collect()
    };
    let parts: Vec<&str> = uuid.split('-').collect();
    let swapped = match parts.as_slice() {
        [a, b, c, d, e] => [swap(a), swap(b), swap(c), (*d).to_string(), (*e).to_string()].join("-"),
        _ => uuid.to_string(),
    };
    swapped.min(uuid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_the_same_in_both_byte_orders() {
        let (one, other) = ("4c4c4544-0042-3510-8053-b4c04f564831", "44454c4c-4200-1035-8053-b4c04f564831");
        assert_eq!(canonical(one), canonical(other));
        assert_ne!(canonical(one), canonical("4c4c4544-0042-3510-8053-b4c04f564832"));
        assert_eq!(canonical("x-y"), "x-y");
    }

    #[test]
    fn two_machines_under_one_identity_have_nothing_else_in_common() {
        let id = "4c4c4544-0042-3510-8053-b4c04f564831";
        let marks = |marks: &[&str]| marks.iter().map(|mark| (*mark).to_string()).collect::<BTreeSet<_>>();
        let uuid = format!("system UUID {}", canonical(id));
        let one = marks(&[&uuid, "serial numbers, UUID 1", "MAC address a"]);
        assert!(are_two_machines(&one, &marks(&[&uuid, "serial numbers, UUID 2", "MAC address b"]), id));
        // The adapter was replaced; there is one more; no driver.
        assert!(!are_two_machines(&one, &marks(&[&uuid, "serial numbers, UUID 1", "MAC address b"]), id));
        assert!(!are_two_machines(&one, &marks(&[&uuid, "MAC address a", "MAC address b"]), id));
        assert!(!are_two_machines(&one, &marks(&[&uuid]), id));
        assert!(!are_two_machines(&BTreeSet::new(), &one, id));
    }

    #[test]
    fn addresses_of_usb_adapters_and_local_ones_are_no_marks() {
        let nic = |mac: &str, bus: &str, kind: &str| Nic {
            permanent_mac: Some(mac.to_string()),
            bus: Some(bus.to_string()),
            kind: Some(kind.to_string()),
            ..Nic::default()
        };
        assert!(is_own(&nic("a4:ba:db:00:00:01", "pci", "ethernet")));
        assert!(!is_own(&nic("00:11:22:33:44:55", "usb", "ethernet")));
        assert!(!is_own(&nic("52:54:00:00:00:01", "virtio", "ethernet")));
        assert!(!is_own(&nic("00:00:00:00:00:00", "pci", "ethernet")));
        assert!(!is_own(&nic("a4:ba:db:00:00:01", "pci", "infiniband")));
    }
}
