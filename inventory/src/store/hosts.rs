// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hosts in the database, from the operator's side: reading and selecting them, and setting their next boot.

use anyhow::{Context, Result, anyhow, bail};
use rusqlite::{Row, Transaction, params};
use serde::Serialize;
use serde_json::Value;
use stage1_contract::{Action, Event};

use crate::store::conflicts::{self, Conflict};
use crate::store::database::Store;

/// SQL for the host name: from the detail, or else derived from the identity.
pub(crate) const HOSTNAME: &str = "coalesce(json_extract(detail, '$.hostname'), 'host-' || substr(id, 1, 8))";

/// A host in the list of hosts.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) id: String,
    pub(crate) hostname: String,
    pub(crate) product: Option<String>,
    pub(crate) serial: Option<String>,
    /// `unregistered`, `registered`, `booting`, `installed` or `failed`.
    pub(crate) state: String,
    /// As set by the operator; absent for the default.
    pub(crate) action: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) last_seen: Option<String>,
    /// Number of problems in the last run.
    pub(crate) problems: u32,
    /// Number of hosts that may be the same machine; while there are any, the host is held in `wait`.
    pub(crate) conflicts: u32,
}

/// A host with everything that is stored about it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Host {
    #[serde(flatten)]
    pub(crate) summary: Summary,
    pub(crate) first_seen: Option<String>,
    /// Hosts that may be the same machine, or another machine with the same identity.
    pub(crate) conflicting: Vec<Conflict>,
    pub(crate) detail: Option<Value>,
    pub(crate) report: Option<Value>,
    /// Its firmware journal.
    pub(crate) firmware: Option<Value>,
    pub(crate) installed: Option<Value>,
    pub(crate) installed_at: Option<String>,
    pub(crate) events: Vec<Received>,
}

/// An event, and when it was received (RFC 3339, UTC).
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Received {
    pub(crate) received: String,
    pub(crate) event: Event,
}

impl Store {
    /// Every host, ordered by host name.
    pub(crate) fn hosts(&self) -> Result<Vec<Summary>> {
        let connection = self.connection();
        let mut statement = connection.prepare(&format!("{} ORDER BY hostname, id", select_summary()))?;
        let summaries = statement.query_map([], summary)?;
        Ok(summaries.collect::<Result<_, _>>()?)
    }

    /// The host with the identity `id`.
    pub(crate) fn host(&self, id: &str) -> Result<Host> {
        let connection = self.connection();
        let summary = connection.query_row(&format!("{} WHERE id = ?", select_summary()), [id], summary)?;
        let (first_seen, detail, report, firmware, installed, installed_at) = connection.query_row(
            "SELECT first_seen, detail, report, firmware, installed, installed_at FROM hosts WHERE id = ?",
            [id],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)),
        )?;
        let value = |text: Option<String>| text.map(|text| serde_json::from_str(&text)).transpose();
        let mut statement =
            connection.prepare("SELECT received, body FROM events WHERE host = ? ORDER BY number")?;
        let events = statement.query_map([id], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
        let events = events.map(|row| {
            let (received, body) = row?;
            anyhow::Ok(Received { received, event: serde_json::from_str(&body)? })
        });
        Ok(Host {
            summary,
            first_seen,
            conflicting: conflicts::of(&connection, id)?,
            detail: value(detail)?,
            report: value(report)?,
            firmware: value(firmware)?,
            installed: value(installed)?,
            installed_at,
            events: events.collect::<Result<_>>()?,
        })
    }

    /// Finds hosts by identity, host name or serial number, or by a prefix of the identity. An exact match takes
    /// precedence over a prefix.
    pub(crate) fn find(&self, selector: &str) -> Result<Selected> {
        let connection = self.connection();
        let conditions = [
            "id = lower(?1)".to_string(),
            format!(
                "{HOSTNAME} = ?1 COLLATE NOCASE
                 OR json_extract(report, '$.facts.system.serial') = ?1 COLLATE NOCASE"
            ),
            "?1 != '' AND substr(id, 1, length(?1)) = lower(?1)".to_string(),
        ];
        for condition in conditions {
            let mut statement =
                connection.prepare(&format!("SELECT id FROM hosts WHERE {condition} ORDER BY id"))?;
            let ids = statement.query_map([selector], |row| row.get(0))?;
            let mut ids: Vec<String> = ids.collect::<Result<_, _>>()?;
            match (ids.pop(), ids.is_empty()) {
                (Some(id), true) => return Ok(Selected::One(id)),
                (Some(id), false) => {
                    ids.push(id);
                    return Ok(Selected::Several(ids));
                }
                (None, _) => {}
            }
        }
        Ok(Selected::None)
    }

    /// Adds a host that has not registered yet, so that it can be prepared.
    pub(crate) fn expect(&self, id: &str) -> Result<()> {
        self.transaction(|transaction| add_host(transaction, id))
    }

    /// Sets the action after registration; `None` restores the default.
    pub(crate) fn put_action(&self, id: &str, action: Option<&Action>) -> Result<()> {
        let action = action.map(action_name).transpose()?;
        let update = "UPDATE hosts SET action = ?, rebooted_in = NULL WHERE id = ?";
        self.connection().execute(update, params![action, id])?;
        Ok(())
    }

    /// Assigns a profile, or none; returns false if the profile does not exist.
    pub(crate) fn assign(&self, id: &str, profile: Option<&str>) -> Result<bool> {
        self.transaction(|transaction| {
            let known = "SELECT ?1 IS NULL OR EXISTS (SELECT 1 FROM profiles WHERE name = ?1)";
            if !transaction.query_row(known, [profile], |row| row.get(0))? {
                return Ok(false);
            }
            transaction.execute("UPDATE hosts SET profile = ? WHERE id = ?", params![profile, id])?;
            Ok(true)
        })
    }

    /// Sets a host's detail, JSON text of the contract.
    pub(crate) fn put_detail(&self, id: &str, text: &str) -> Result<()> {
        self.connection().execute("UPDATE hosts SET detail = ? WHERE id = ?", [text, id])?;
        Ok(())
    }

    /// Removes a host, with its events and BMC passwords.
    pub(crate) fn remove(&self, id: &str) -> Result<()> {
        self.connection().execute("DELETE FROM hosts WHERE id = ?", [id])?;
        Ok(())
    }
}

/// The hosts that match a selector.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Selected {
    One(String),
    Several(Vec<String>),
    None,
}

impl Selected {
    /// The one host.
    pub(crate) fn one(self, selector: &str) -> Result<String> {
        match self {
            Selected::One(id) => Ok(id),
            Selected::None => {
                bail!("selecting host {selector:?}: no host with this identity, host name or serial number")
            }
            Selected::Several(ids) => {
                bail!(
                    "selecting host {selector:?}: several hosts match, give more of the identity: {}",
                    ids.join(", ")
                )
            }
        }
    }

    /// The one host, or a new one if the selector is a whole identity.
    pub(crate) fn one_or_new(self, selector: &str, store: &Store) -> Result<String> {
        match (&self, canonical_id(selector)) {
            (Selected::None, Some(id)) => {
                store.expect(&id)?;
                Ok(id)
            }
            _ => self.one(selector),
        }
    }
}

/// `id` in lower case if it is a UUID as `dmidecode` prints it.
pub(crate) fn canonical_id(id: &str) -> Option<String> {
    let well_formed = id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    well_formed.then(|| id.to_ascii_lowercase())
}

/// The action with the wire name `name`.
pub(crate) fn parse_action(name: &str) -> Result<Action> {
    match serde_json::from_value(Value::from(name))? {
        Action::Unknown(other) => {
            Err(anyhow!("unknown action {other:?}; use boot, shutdown, reboot, rescue or wait"))
        }
        action => Ok(action),
    }
}

/// The wire name of an action.
pub(crate) fn action_name(action: &Action) -> Result<String> {
    serde_json::from_value(serde_json::to_value(action)?).context("writing an action")
}

/// Adds a host unless it exists.
pub(crate) fn add_host(transaction: &Transaction, id: &str) -> Result<()> {
    transaction.execute("INSERT INTO hosts (id) VALUES (?) ON CONFLICT DO NOTHING", [id])?;
    Ok(())
}

fn select_summary() -> String {
    format!(
        "SELECT id, {HOSTNAME} AS hostname, json_extract(report, '$.facts.system.product'),
         json_extract(report, '$.facts.system.serial'), state, action, profile, last_seen,
         max(coalesce(json_array_length(report, '$.problems'), 0),
             coalesce(json_array_length(failure, '$.problems'), failure IS NOT NULL)), {}
         FROM hosts",
        conflicts::count()
    )
}

fn summary(row: &Row) -> rusqlite::Result<Summary> {
    Ok(Summary {
        id: row.get(0)?,
        hostname: row.get(1)?,
        product: row.get(2)?,
        serial: row.get(3)?,
        state: row.get(4)?,
        action: row.get(5)?,
        profile: row.get(6)?,
        last_seen: row.get(7)?,
        problems: row.get(8)?,
        conflicts: row.get(9)?,
    })
}

#[cfg(test)]
mod tests {
    use super::canonical_id;

    #[test]
    fn only_a_whole_uuid_is_an_identity() {
        let id = "4C4C4544-0042-3510-8052-B4C04F4A4B32";
        assert_eq!(canonical_id(id), Some(id.to_lowercase()));
        for bad in [
            "",
            "4c4c4544",
            &id[..35],
            &format!("{id}0"),
            &id.replace('-', "0"),
            &id.replace('C', "g"),
            "../../../../../../../../../../../../a",
        ] {
            assert_eq!(canonical_id(bad), None, "{bad}");
        }
    }
}
