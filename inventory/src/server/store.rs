// SPDX-License-Identifier: MIT OR Apache-2.0
//! The database: SQLite, shared by the running server and the operator's verbs.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use stage1_contract::Profile;
use stage1_contract::firmware::SignedManifests;

/// SQL for the time now, RFC 3339 in UTC.
pub const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')";

/// How the schema came to be: a database whose `user_version` is N has had the first N of these.
const SCHEMA: [&str; 3] = [
    "
    CREATE TABLE profiles (
        name TEXT PRIMARY KEY,
        body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE hosts (
        id TEXT PRIMARY KEY,
        state TEXT NOT NULL DEFAULT 'unregistered',
        -- what the operator wants of it
        action TEXT,
        rebooted_in TEXT,
        profile TEXT REFERENCES profiles (name),
        detail TEXT,
        -- what it said
        first_seen TEXT,
        last_seen TEXT,
        report TEXT,
        failure TEXT,
        installed TEXT,
        installed_at TEXT
    ) STRICT;
    CREATE TABLE events (
        number INTEGER PRIMARY KEY,
        host TEXT NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
        received TEXT NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_of_host ON events (host, number);
    ",
    "
    -- how the operator wants its BMC
    ALTER TABLE hosts ADD COLUMN bmc TEXT;
    -- passwords that it made up for its BMC
    ALTER TABLE hosts ADD COLUMN bmc_credentials TEXT;
    -- passwords that it was told for its BMC, as digests
    ALTER TABLE hosts ADD COLUMN bmc_told TEXT;
    ",
    "
    -- what was tried on its firmware
    ALTER TABLE hosts ADD COLUMN firmware TEXT;
    CREATE TABLE manifests (
        serial INTEGER PRIMARY KEY,
        body TEXT NOT NULL
    ) STRICT;
    ",
];

/// The database. Any number of processes may have it open.
pub struct Store(Mutex<Connection>);

impl Store {
    /// Opens the database at `path`, filling an empty one and bringing an old one up to date.
    pub fn open(path: &Path) -> Result<Self> {
        let open = || {
            // Without the flag to create: a mistyped folder must not become an inventory.
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let mut connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(Duration::from_secs(10))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let version: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
            let Some(steps) = SCHEMA.get(version as usize..) else {
                bail!("it has schema {version}, this program knows schemas up to {} only", SCHEMA.len());
            };
            for (step, version) in steps.iter().zip(version + 1..) {
                transaction.execute_batch(step)?;
                transaction.pragma_update(None, "user_version", version)?;
            }
            transaction.commit()?;
            anyhow::Ok(connection)
        };
        let connection = open().with_context(|| format!("opening the database {}", path.display()))?;
        Ok(Store(Mutex::new(connection)))
    }

    /// Every profile, by name.
    pub fn profiles(&self) -> Result<Vec<Profile>> {
        let connection = self.connection();
        let mut statement = connection.prepare("SELECT body FROM profiles ORDER BY name")?;
        let bodies = statement.query_map([], |row| row.get::<_, String>(0))?;
        bodies.map(|body| Ok(serde_json::from_str(&body?)?)).collect()
    }

    /// The profile of that name.
    pub fn profile(&self, name: &str) -> Result<Option<Profile>> {
        let body: Option<String> = self
            .connection()
            .query_row("SELECT body FROM profiles WHERE name = ?", [name], |row| row.get(0))
            .optional()?;
        Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
    }

    /// Adds a profile, or replaces the one of its name; true where it is new.
    pub fn put_profile(&self, profile: &Profile) -> Result<bool> {
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

    /// The published manifest set of the greatest serial.
    pub fn manifests(&self) -> Result<Option<SignedManifests>> {
        let select = "SELECT body FROM manifests ORDER BY serial DESC LIMIT 1";
        let body: Option<String> = self.connection().query_row(select, [], |row| row.get(0)).optional()?;
        Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
    }

    /// Publishes a manifest set. Its serial has to be greater than that of any other.
    pub fn publish(&self, serial: i64, manifests: &SignedManifests) -> Result<()> {
        let body = serde_json::to_string(manifests)?;
        self.transaction(|transaction| {
            let newest: Option<i64> =
                transaction.query_row("SELECT max(serial) FROM manifests", [], |row| row.get(0))?;
            if let Some(newest) = newest.filter(|newest| *newest >= serial) {
                bail!("a set with serial {newest} is published already; give this one a greater serial");
            }
            transaction
                .execute("INSERT INTO manifests (serial, body) VALUES (?, ?)", params![serial, body])?;
            Ok(())
        })
    }

    /// How many hosts a profile is assigned to.
    pub fn assignments(&self, profile: &str) -> Result<u32> {
        let count = "SELECT count(*) FROM hosts WHERE profile = ?";
        Ok(self.connection().query_row(count, [profile], |row| row.get(0))?)
    }

    /// Removes a profile; false where there is none. One that is assigned stays, and that is an error.
    pub fn remove_profile(&self, name: &str) -> Result<bool> {
        let removed = self.connection().execute("DELETE FROM profiles WHERE name = ?", params![name])?;
        Ok(removed == 1)
    }

    pub fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere has rolled its transaction back.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in one transaction that may write.
    pub fn transaction<T, E: From<anyhow::Error>>(
        &self,
        work: impl FnOnce(&Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        let database = |error: rusqlite::Error| E::from(anyhow::Error::from(error));
        let mut connection = self.connection();
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(database)?;
        let value = work(&transaction)?;
        transaction.commit().map_err(database)?;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_database_of_the_first_schema_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("inventory.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(SCHEMA[0]).unwrap();
        old.execute("INSERT INTO hosts (id, state, action) VALUES ('a', 'registered', 'rescue')", [])
            .unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        drop(old);
        for _ in 0..2 {
            let host = Store::open(&path).unwrap().host("a").unwrap().summary;
            assert_eq!((host.state.as_str(), host.action.as_deref()), ("registered", Some("rescue")));
        }

        // It is the same one as a new one.
        let columns = |path: &Path| -> Vec<String> {
            let store = Store::open(path).unwrap();
            let connection = store.connection();
            let mut statement = connection.prepare("SELECT name FROM pragma_table_info('hosts')").unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        let new = dir.path().join("new.db");
        File::create(&new).unwrap();
        assert_eq!(columns(&path), columns(&new));
        assert!(columns(&new).contains(&"firmware".to_string()));
    }

    #[test]
    fn a_database_of_a_later_schema_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("inventory.db");
        let later = Connection::open(&path).unwrap();
        later.pragma_update(None, "user_version", 4).unwrap();
        drop(later);
        let refused = format!("{:#}", Store::open(&path).err().unwrap());
        assert!(refused.contains("it has schema 4, this program knows schemas up to 3 only"), "{refused}");
    }
}
