// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hosts in the database: what they said, and what the operator wants of them.

use anyhow::{Context, Result, anyhow, bail};
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::Serialize;
use serde_json::Value;
use stage1_contract::{Action, Detail, Event, EventKind, Report, VERSION};

use crate::server::answer::canonical_id;
use crate::server::bmc::heed;
use crate::server::store::{NOW, Store};

/// How many events of a host are kept; the oldest go first.
const EVENTS_PER_HOST: u32 = 500;

/// The host's name: the one in its detail, or one made of its identity.
const HOSTNAME: &str = "coalesce(json_extract(detail, '$.hostname'), 'host-' || substr(id, 1, 8))";

/// One line of the list of hosts.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub id: String,
    pub hostname: String,
    pub product: Option<String>,
    pub serial: Option<String>,
    /// `unregistered`, `registered`, `booting`, `installed` or `failed`.
    pub state: String,
    /// What the operator asked for; absent where that is left to the default.
    pub action: Option<String>,
    pub profile: Option<String>,
    pub last_seen: Option<String>,
    /// Problems of the last run.
    pub problems: u32,
}

/// All that is known about a host.
#[derive(Clone, Debug, Serialize)]
pub struct Host {
    #[serde(flatten)]
    pub summary: Summary,
    pub first_seen: Option<String>,
    pub detail: Option<Value>,
    pub report: Option<Value>,
    /// What was tried on its firmware.
    pub firmware: Option<Value>,
    pub installed: Option<Value>,
    pub installed_at: Option<String>,
    pub events: Vec<Received>,
}

/// An event, and when it came.
#[derive(Clone, Debug, Serialize)]
pub struct Received {
    pub received: String,
    pub event: Event,
}

/// What a host does: what the operator asked for, else boot what is assigned, else the default.
fn next_action(asked: Option<Action>, profile: Option<&str>, default: &Action) -> Action {
    asked.or_else(|| profile.map(|_| Action::Boot)).unwrap_or_else(|| default.clone())
}

/// What hosts say.
impl Store {
    /// Keeps a report, and says what the host is to do and whether it is new.
    pub fn register(&self, report: &Report, text: &str, default: &Action) -> Result<(Action, bool)> {
        let id = &report.identity.id.to_ascii_lowercase();
        self.transaction(|transaction| {
            add_host(transaction, id)?;
            heed(transaction, id, report)?;
            let (new, asked, rebooted_in, profile): (bool, Option<String>, Option<String>, Option<String>) =
                transaction.query_row(
                    "SELECT report IS NULL, action, rebooted_in, profile FROM hosts WHERE id = ?",
                    [id],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
                )?;
            let mut asked = asked.as_deref().map(action).transpose()?;
            let mut rebooted_in = rebooted_in;
            if asked == Some(Action::Reboot) {
                // Once only, or the host would never come out of it. A call that is tried again is
                // of the same boot and gets the same answer.
                match &rebooted_in {
                    Some(boot_id) if *boot_id != report.boot_id => (asked, rebooted_in) = (None, None),
                    _ => rebooted_in = Some(report.boot_id.clone()),
                }
            }
            let asked_text = asked.as_ref().map(word).transpose()?;
            transaction.execute(
                &format!(
                    "UPDATE hosts SET report = ?2, state = 'registered', failure = NULL, action = ?3,
                     rebooted_in = ?4, last_seen = {NOW}, first_seen = coalesce(first_seen, {NOW}) WHERE id = ?1"
                ),
                params![id, text, asked_text, rebooted_in],
            )?;
            Ok((next_action(asked, profile.as_deref(), default), new))
        })
    }

    /// Applies a JSON merge patch to a report where `accept` takes the result for one; false for a host
    /// that is not registered.
    pub fn amend<E: From<anyhow::Error>>(
        &self,
        id: &str,
        patch: &str,
        accept: impl FnOnce(&str) -> Result<Report, E>,
    ) -> Result<bool, E> {
        let database = |error: rusqlite::Error| E::from(anyhow::Error::from(error));
        self.transaction(|transaction| {
            // SQLite's json_patch is RFC 7396.
            let patched: Option<String> = transaction
                .query_row(
                    "SELECT json_patch(report, ?) FROM hosts WHERE id = ? AND report IS NOT NULL",
                    [patch, id],
                    |row| row.get(0),
                )
                .optional()
                .map_err(database)?;
            let Some(patched) = patched else { return Ok(false) };
            heed(transaction, id, &accept(&patched)?)?;
            let update = format!("UPDATE hosts SET report = ?, last_seen = {NOW} WHERE id = ?");
            transaction.execute(&update, [&patched, id]).map_err(database)?;
            Ok(true)
        })
    }

    /// The name of the profile that a registered host gets, if any; `None` for a host that is not
    /// registered. One that gets a profile is booting from here on.
    pub fn boot(&self, id: &str) -> Result<Option<Option<String>>> {
        self.transaction(|transaction| {
            let state = "CASE WHEN profile IS NULL THEN state ELSE 'booting' END";
            let update = format!(
                "UPDATE hosts SET state = {state}, last_seen = {NOW} WHERE id = ? AND report IS NOT NULL
                 RETURNING profile"
            );
            Ok(transaction.query_row(&update, [id], |row| row.get(0)).optional()?)
        })
    }

    /// The detail of a registered host: the operator's, or one with a host name only.
    pub fn detail(&self, id: &str) -> Result<Option<Value>> {
        let select = format!("SELECT detail, {HOSTNAME} FROM hosts WHERE id = ? AND report IS NOT NULL");
        let row: Option<(Option<String>, String)> =
            self.connection().query_row(&select, [id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        row.map(|(detail, hostname)| match detail {
            Some(detail) => Ok(serde_json::from_str(&detail)?),
            None => Ok(serde_json::to_value(Detail { version: VERSION, hostname, ..Detail::default() })?),
        })
        .transpose()
    }

    /// Records that the target is loaded; false for a host that is not registered.
    pub fn installed(&self, id: &str, text: &str) -> Result<bool> {
        let update = format!(
            "UPDATE hosts SET state = 'installed', installed = ?, installed_at = {NOW}, last_seen = {NOW}
             WHERE id = ? AND report IS NOT NULL"
        );
        Ok(self.connection().execute(&update, [text, id])? == 1)
    }

    /// What was tried on a host's firmware, as it last told; `None` where it never did.
    pub fn firmware(&self, id: &str) -> Result<Option<Value>> {
        let select = "SELECT firmware FROM hosts WHERE id = ?";
        let text: Option<Option<String>> =
            self.connection().query_row(select, [id], |row| row.get(0)).optional()?;
        Ok(text.flatten().map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// Keeps what was tried on a host's firmware, also of a host that did not register yet: firmware comes first.
    pub fn put_firmware(&self, id: &str, text: &str) -> Result<()> {
        self.transaction(|transaction| {
            add_host(transaction, id)?;
            let update = format!(
                "UPDATE hosts SET firmware = ?, last_seen = {NOW}, first_seen = coalesce(first_seen, {NOW})
                 WHERE id = ?"
            );
            transaction.execute(&update, [text, id])?;
            Ok(())
        })
    }

    /// Keeps an event, also of a host that never came to register.
    pub fn event(&self, id: &str, kind: &EventKind, text: &str) -> Result<()> {
        let failure = (*kind == EventKind::Failed).then_some(text);
        self.transaction(|transaction| {
            add_host(transaction, id)?;
            transaction.execute(
                &format!(
                    "UPDATE hosts SET last_seen = {NOW}, first_seen = coalesce(first_seen, {NOW}),
                     failure = coalesce(?2, failure), state = CASE WHEN ?2 IS NULL THEN state ELSE 'failed' END
                     WHERE id = ?1"
                ),
                params![id, failure],
            )?;
            let insert = format!("INSERT INTO events (host, received, body) VALUES (?, {NOW}, ?)");
            transaction.execute(&insert, [id, text])?;
            transaction.execute(
                "DELETE FROM events WHERE number IN
                 (SELECT number FROM events WHERE host = ? ORDER BY number DESC LIMIT -1 OFFSET ?)",
                params![id, EVENTS_PER_HOST],
            )?;
            Ok(())
        })
    }
}

/// What the operator asks and wants.
impl Store {
    /// Every host, by name.
    pub fn hosts(&self) -> Result<Vec<Summary>> {
        let connection = self.connection();
        let mut statement = connection.prepare(&format!("{} ORDER BY hostname, id", select_summary()))?;
        let summaries = statement.query_map([], summary)?;
        Ok(summaries.collect::<Result<_, _>>()?)
    }

    /// All about one host.
    pub fn host(&self, id: &str) -> Result<Host> {
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
            detail: value(detail)?,
            report: value(report)?,
            firmware: value(firmware)?,
            installed: value(installed)?,
            installed_at,
            events: events.collect::<Result<_>>()?,
        })
    }

    /// The identity of the one host that `selector` names: its identity, host name or serial number,
    /// or how its identity begins.
    pub fn find(&self, selector: &str) -> Result<Selected> {
        let connection = self.connection();
        let wheres = [
            "id = lower(?1)".to_string(),
            format!(
                "{HOSTNAME} = ?1 COLLATE NOCASE
                 OR json_extract(report, '$.facts.system.serial') = ?1 COLLATE NOCASE"
            ),
            "?1 != '' AND substr(id, 1, length(?1)) = lower(?1)".to_string(),
        ];
        for condition in wheres {
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

    /// Makes a host known before it ever reported, so that it can be given what it will need.
    pub fn expect(&self, id: &str) -> Result<()> {
        self.transaction(|transaction| add_host(transaction, id))
    }

    /// Sets what a host is to do; `None` leaves it to the default again.
    pub fn put_action(&self, id: &str, action: Option<&Action>) -> Result<()> {
        let action = action.map(word).transpose()?;
        let update = "UPDATE hosts SET action = ?, rebooted_in = NULL WHERE id = ?";
        self.connection().execute(update, params![action, id])?;
        Ok(())
    }

    /// Assigns a profile, or none; false where there is no such profile.
    pub fn assign(&self, id: &str, profile: Option<&str>) -> Result<bool> {
        self.transaction(|transaction| {
            let known = "SELECT ?1 IS NULL OR EXISTS (SELECT 1 FROM profiles WHERE name = ?1)";
            if !transaction.query_row(known, [profile], |row| row.get(0))? {
                return Ok(false);
            }
            transaction.execute("UPDATE hosts SET profile = ? WHERE id = ?", params![profile, id])?;
            Ok(true)
        })
    }

    /// Sets a host's detail.
    pub fn put_detail(&self, id: &str, text: &str) -> Result<()> {
        self.connection().execute("UPDATE hosts SET detail = ? WHERE id = ?", [text, id])?;
        Ok(())
    }

    /// Whether a host sent a report.
    pub fn is_registered(&self, id: &str) -> Result<bool> {
        let select = "SELECT EXISTS (SELECT 1 FROM hosts WHERE id = ? AND report IS NOT NULL)";
        Ok(self.connection().query_row(select, [id], |row| row.get(0))?)
    }

    /// Forgets what was tried on a host's firmware.
    pub fn forget_firmware(&self, id: &str) -> Result<()> {
        self.connection().execute("UPDATE hosts SET firmware = NULL WHERE id = ?", [id])?;
        Ok(())
    }

    /// Forgets a host.
    pub fn remove(&self, id: &str) -> Result<()> {
        self.connection().execute("DELETE FROM hosts WHERE id = ?", [id])?;
        Ok(())
    }
}

/// What a selector names.
#[derive(Debug, PartialEq, Eq)]
pub enum Selected {
    One(String),
    Several(Vec<String>),
    None,
}

impl Selected {
    /// The one host.
    pub fn one(self, selector: &str) -> Result<String> {
        match self {
            Selected::One(id) => Ok(id),
            Selected::None => bail!("no host has the identity, name or serial number {selector:?}"),
            Selected::Several(ids) => {
                bail!("{selector:?} names several hosts, give more of the identity: {}", ids.join(", "))
            }
        }
    }

    /// The one host, or a new one where the selector is a whole identity.
    pub fn one_or_new(self, selector: &str, store: &Store) -> Result<String> {
        match (&self, canonical_id(selector)) {
            (Selected::None, Some(id)) => {
                store.expect(&id)?;
                Ok(id)
            }
            _ => self.one(selector),
        }
    }
}

/// The action that `word` names on the wire.
pub fn action(word: &str) -> Result<Action> {
    match serde_json::from_value(Value::from(word))? {
        Action::Unknown(other) => {
            Err(anyhow!("there is no action {other:?}; it is one of boot, shutdown, reboot, rescue and wait"))
        }
        action => Ok(action),
    }
}

fn word(action: &Action) -> Result<String> {
    serde_json::from_value(serde_json::to_value(action)?).context("writing an action")
}

fn add_host(transaction: &Transaction, id: &str) -> Result<()> {
    transaction.execute("INSERT INTO hosts (id) VALUES (?) ON CONFLICT DO NOTHING", [id])?;
    Ok(())
}

fn select_summary() -> String {
    format!(
        "SELECT id, {HOSTNAME} AS hostname, json_extract(report, '$.facts.system.product'),
         json_extract(report, '$.facts.system.serial'), state, action, profile, last_seen,
         max(coalesce(json_array_length(report, '$.problems'), 0),
             coalesce(json_array_length(failure, '$.problems'), failure IS NOT NULL))
         FROM hosts"
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
    })
}
