// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hosts in the database, from the agents' side: reports, events, and the next boot.

use anyhow::Result;
use rusqlite::{OptionalExtension, params};
use serde_json::Value;
use stage1_contract::{Action, Detail, EventKind, Report, VERSION};

use crate::store::bmc::record_outcome;
use crate::store::conflicts::{self, Conflict};
use crate::store::database::{NOW, Store};
use crate::store::hosts::{HOSTNAME, action_name, add_host, parse_action};

/// How many events of a host are kept; the oldest are deleted first.
const EVENTS_PER_HOST: u32 = 500;

/// A report that was stored.
#[derive(Debug)]
pub(crate) struct Registered {
    /// What the host is to do.
    pub(crate) action: Action,
    /// Whether it is the host's first report.
    pub(crate) new: bool,
    /// Why the host is held.
    pub(crate) conflicts: Vec<Conflict>,
    /// Whether it is another machine than in the last report, or it has other ports.
    pub(crate) is_changed: bool,
}

impl Store {
    /// Stores a report. A host with a conflict gets the action `wait`.
    pub(crate) fn register(&self, report: &Report, text: &str, default: &Action) -> Result<Registered> {
        let id = &report.identity.id.to_ascii_lowercase();
        self.transaction(|transaction| {
            add_host(transaction, id)?;
            record_outcome(transaction, id, report)?;
            let (new, action, rebooted_in, profile): (bool, Option<String>, Option<String>, Option<String>) =
                transaction.query_row(
                    "SELECT report IS NULL, action, rebooted_in, profile FROM hosts WHERE id = ?",
                    [id],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
                )?;
            let is_changed = conflicts::record(transaction, id, report)?;
            let conflicts = conflicts::of(transaction, id)?;
            let mut action = action.as_deref().map(parse_action).transpose()?;
            let mut rebooted_in = rebooted_in;
            if action == Some(Action::Reboot) && conflicts.is_empty() {
                // Only once, or the host would reboot for ever. A retried call has the same boot ID and
                // gets the same response.
                match &rebooted_in {
                    Some(boot_id) if *boot_id != report.boot_id => (action, rebooted_in) = (None, None),
                    _ => rebooted_in = Some(report.boot_id.clone()),
                }
            }
            let action_set = action.as_ref().map(action_name).transpose()?;
            transaction.execute(
                &format!(
                    "UPDATE hosts SET report = ?2, state = 'registered', failure = NULL, action = ?3,
                     rebooted_in = ?4, last_seen = {NOW}, first_seen = coalesce(first_seen, {NOW}) WHERE id = ?1"
                ),
                params![id, text, action_set, rebooted_in],
            )?;
            let action = match conflicts.is_empty() {
                true => next_action(action, profile.as_deref(), default),
                false => Action::Wait,
            };
            Ok(Registered { action, new, conflicts, is_changed })
        })
    }

    /// Applies a JSON merge patch to a report if `accept` can read the result; returns false for a host that is
    /// not registered.
    pub(crate) fn amend<E: From<anyhow::Error>>(
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
            let report = accept(&patched)?;
            record_outcome(transaction, id, &report)?;
            conflicts::record(transaction, id, &report)?;
            let update = format!("UPDATE hosts SET report = ?, last_seen = {NOW} WHERE id = ?");
            transaction.execute(&update, [&patched, id]).map_err(database)?;
            Ok(true)
        })
    }

    /// The name of the profile assigned to a registered host, if any; `None` for a host that is not registered.
    /// Sets the state of a host with a profile to `booting`. A host with a conflict gets no profile.
    pub(crate) fn boot(&self, id: &str) -> Result<Option<Option<String>>> {
        self.transaction(|transaction| {
            let held = format!("{} > 0", conflicts::count());
            let state = format!("CASE WHEN profile IS NULL OR {held} THEN state ELSE 'booting' END");
            let update = format!(
                "UPDATE hosts SET state = {state}, last_seen = {NOW} WHERE id = ? AND report IS NOT NULL
                 RETURNING CASE WHEN {held} THEN NULL ELSE profile END"
            );
            Ok(transaction.query_row(&update, [id], |row| row.get(0)).optional()?)
        })
    }

    /// The detail of a registered host: as set by the operator, or with a host name only.
    pub(crate) fn detail(&self, id: &str) -> Result<Option<Value>> {
        let select = format!("SELECT detail, {HOSTNAME} FROM hosts WHERE id = ? AND report IS NOT NULL");
        let row: Option<(Option<String>, String)> =
            self.connection().query_row(&select, [id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        row.map(|(detail, hostname)| match detail {
            Some(detail) => Ok(serde_json::from_str(&detail)?),
            None => Ok(serde_json::to_value(Detail { version: VERSION, hostname, ..Detail::default() })?),
        })
        .transpose()
    }

    /// Records that the target is loaded; returns false for a host that is not registered.
    pub(crate) fn installed(&self, id: &str, text: &str) -> Result<bool> {
        let update = format!(
            "UPDATE hosts SET state = 'installed', installed = ?, installed_at = {NOW}, last_seen = {NOW}
             WHERE id = ? AND report IS NOT NULL"
        );
        Ok(self.connection().execute(&update, [text, id])? == 1)
    }

    /// Stores an event, also of a host that has not registered.
    pub(crate) fn event(&self, id: &str, kind: &EventKind, text: &str) -> Result<()> {
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

    /// Whether a host has sent a report.
    pub(crate) fn is_registered(&self, id: &str) -> Result<bool> {
        let select = "SELECT EXISTS (SELECT 1 FROM hosts WHERE id = ? AND report IS NOT NULL)";
        Ok(self.connection().query_row(select, [id], |row| row.get(0))?)
    }
}

/// The action set by the operator, else `boot` if a profile is assigned, else the default.
fn next_action(action: Option<Action>, profile: Option<&str>, default: &Action) -> Action {
    action.or_else(|| profile.map(|_| Action::Boot)).unwrap_or_else(|| default.clone())
}
