// SPDX-License-Identifier: MIT OR Apache-2.0
//! The SQLite database, shared by the running server and the operator's commands.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::store::conflicts;

/// SQL for the time now, RFC 3339 in UTC.
pub(crate) const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')";

/// Migrations: a database whose `user_version` is N has had the first N applied.
const SCHEMA: [&str; 4] = [
    "
    CREATE TABLE profiles (
        name TEXT PRIMARY KEY,
        body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE hosts (
        id TEXT PRIMARY KEY,
        state TEXT NOT NULL DEFAULT 'unregistered',
        -- set by the operator
        action TEXT,
        rebooted_in TEXT,
        profile TEXT REFERENCES profiles (name),
        detail TEXT,
        -- reported by the host
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
    -- its own desired BMC configuration
    ALTER TABLE hosts ADD COLUMN bmc TEXT;
    -- passwords that it generated for its BMC
    ALTER TABLE hosts ADD COLUMN bmc_credentials TEXT;
    -- passwords that it was sent for its BMC, as digests
    ALTER TABLE hosts ADD COLUMN bmc_told TEXT;
    ",
    "
    -- its firmware journal
    ALTER TABLE hosts ADD COLUMN firmware TEXT;
    CREATE TABLE manifests (
        serial INTEGER PRIMARY KEY,
        body TEXT NOT NULL
    ) STRICT;
    ",
    "
    -- what identifies the machine that reported last
    CREATE TABLE marks (
        host TEXT NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
        mark TEXT NOT NULL,
        PRIMARY KEY (host, mark)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX hosts_of_mark ON marks (mark);
    -- hosts that the operator has accepted as two machines, the lesser identity first
    CREATE TABLE distinct_hosts (
        one TEXT NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
        other TEXT NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
        PRIMARY KEY (one, other)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX distinct_from ON distinct_hosts (other);
    -- what identifies another machine that has reported under the same identity
    ALTER TABLE hosts ADD COLUMN rival TEXT;
    ",
];

/// The first schema with marks.
const MARKS: u32 = 4;

/// The database. Any number of processes may have it open.
pub(crate) struct Store(Mutex<Connection>);

impl Store {
    /// Opens the database at `path` and applies the migrations that it lacks.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let open = || {
            // Without the flag to create: a mistyped path must not become an inventory.
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let mut connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(Duration::from_secs(10))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let version: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
            let Some(migrations) = SCHEMA.get(version as usize..) else {
                bail!(
                    "schema {version} is newer than {}, the newest that this version supports",
                    SCHEMA.len()
                );
            };
            for (migration, version) in migrations.iter().zip(version + 1..) {
                transaction.execute_batch(migration)?;
                transaction.pragma_update(None, "user_version", version)?;
            }
            if version < MARKS {
                conflicts::record_all(&transaction)?;
            }
            transaction.commit()?;
            anyhow::Ok(connection)
        };
        let connection = open().with_context(|| format!("opening the database {}", path.display()))?;
        Ok(Store(Mutex::new(connection)))
    }

    /// The connection, for a single statement.
    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        // A transaction that panicked has been rolled back.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in one write transaction; an error rolls it back.
    pub(crate) fn transaction<T, E: From<anyhow::Error>>(
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
    use std::path::Path;

    use rusqlite::Connection;

    use super::{SCHEMA, Store};

    #[test]
    fn a_database_of_the_first_schema_is_migrated() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("inventory.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(SCHEMA[0]).unwrap();
        old.execute("INSERT INTO hosts (id, state, action) VALUES ('a', 'registered', 'rescue')", [])
            .unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        drop(old);
        for _ in 0..2 {
            let store = Store::open(&path).unwrap();
            let select = "SELECT state, action FROM hosts WHERE id = 'a'";
            let host: (String, String) =
                store.connection().query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            assert_eq!(host, ("registered".to_string(), "rescue".to_string()));
        }

        // It has the same columns as a new one.
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
        later.pragma_update(None, "user_version", 5).unwrap();
        drop(later);
        let refused = format!("{:#}", Store::open(&path).err().unwrap());
        assert!(refused.contains("schema 5 is newer than 4"), "{refused}");
    }
}
