// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware in the database: published manifest sets, and the journal of each host.

use anyhow::{Result, bail};
use rusqlite::{OptionalExtension, params};
use serde_json::Value;
use stage1_contract::firmware::SignedManifests;

use crate::store::database::{NOW, Store};
use crate::store::hosts::add_host;

impl Store {
    /// The published manifest set with the greatest serial.
    pub(crate) fn manifests(&self) -> Result<Option<SignedManifests>> {
        let select = "SELECT body FROM manifests ORDER BY serial DESC LIMIT 1";
        let body: Option<String> = self.connection().query_row(select, [], |row| row.get(0)).optional()?;
        Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
    }

    /// Publishes a manifest set. Its serial must be greater than that of every published one.
    pub(crate) fn publish(&self, serial: i64, manifests: &SignedManifests) -> Result<()> {
        let body = serde_json::to_string(manifests)?;
        self.transaction(|transaction| {
            let newest: Option<i64> =
                transaction.query_row("SELECT max(serial) FROM manifests", [], |row| row.get(0))?;
            if let Some(newest) = newest.filter(|newest| *newest >= serial) {
                bail!("serial {serial} is not greater than {newest}, which is already published; increase the serial");
            }
            transaction
                .execute("INSERT INTO manifests (serial, body) VALUES (?, ?)", params![serial, body])?;
            Ok(())
        })
    }

    /// A host's firmware journal; `None` if it never sent one.
    pub(crate) fn firmware_journal(&self, id: &str) -> Result<Option<Value>> {
        let select = "SELECT firmware FROM hosts WHERE id = ?";
        let text: Option<Option<String>> =
            self.connection().query_row(select, [id], |row| row.get(0)).optional()?;
        Ok(text.flatten().map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// Stores a host's firmware journal. The host may not have registered yet: firmware is flashed before that.
    pub(crate) fn put_firmware_journal(&self, id: &str, text: &str) -> Result<()> {
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

    /// Clears a host's firmware journal, so that failed updates are tried again.
    pub(crate) fn clear_firmware_journal(&self, id: &str) -> Result<()> {
        self.connection().execute("UPDATE hosts SET firmware = NULL WHERE id = ?", [id])?;
        Ok(())
    }
}
