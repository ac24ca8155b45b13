// SPDX-License-Identifier: MIT OR Apache-2.0
//! Profiles in the database.

use anyhow::Result;
use rusqlite::{OptionalExtension, params};
use stage1_contract::Profile;

use crate::store::database::Store;

impl Store {
    /// Every profile, by name.
    pub(crate) fn profiles(&self) -> Result<Vec<Profile>> {
        let connection = self.connection();
        let mut statement = connection.prepare("SELECT body FROM profiles ORDER BY name")?;
        let bodies = statement.query_map([], |row| row.get::<_, String>(0))?;
        bodies.map(|body| Ok(serde_json::from_str(&body?)?)).collect()
    }

    /// The profile named `name`.
    pub(crate) fn profile(&self, name: &str) -> Result<Option<Profile>> {
        let body: Option<String> = self
            .connection()
            .query_row("SELECT body FROM profiles WHERE name = ?", [name], |row| row.get(0))
            .optional()?;
        Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
    }

    /// Adds a profile, or replaces the one of the same name; returns whether it is new.
    pub(crate) fn put_profile(&self, profile: &Profile) -> Result<bool> {
        let body = serde_json::to_string(profile)?;
        self.transaction(|transaction| {
            let new = transaction.execute(
                "INSERT INTO profiles (name, body) VALUES (?, ?) ON CONFLICT DO NOTHING",
                [&profile.name, &body],
            )?;
            transaction.execute("UPDATE profiles SET body = ? WHERE name = ?", [&body, &profile.name])?;
            Ok(new == 1)
        })
    }

    /// Number of hosts that a profile is assigned to.
    pub(crate) fn assignments(&self, profile: &str) -> Result<u32> {
        let count = "SELECT count(*) FROM hosts WHERE profile = ?";
        Ok(self.connection().query_row(count, [profile], |row| row.get(0))?)
    }

    /// Removes a profile; returns whether it existed. Fails while it is assigned to a host.
    pub(crate) fn remove_profile(&self, name: &str) -> Result<bool> {
        let removed = self.connection().execute("DELETE FROM profiles WHERE name = ?", params![name])?;
        Ok(removed == 1)
    }
}
