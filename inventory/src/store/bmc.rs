// SPDX-License-Identifier: MIT OR Apache-2.0
//! BMCs in the database: a host's own desired configuration, and the state of the passwords.

use std::collections::BTreeMap;

use anyhow::Result;
use ring::hmac;
use rusqlite::{OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};
use stage1_contract::{BmcCredentials, BmcOutcome, DesiredBmcConfig, PasswordState, Report, Secret};

use crate::hex;
use crate::store::database::Store;

/// The password of a user of a host's BMC.
#[derive(Serialize)]
pub(crate) struct Credential {
    pub(crate) user: String,
    pub(crate) password: Secret,
    /// `configured` by the operator, or `generated` by the host.
    pub(crate) source: &'static str,
    /// Whether the host has last reported it as set.
    pub(crate) in_place: bool,
}

/// The passwords that a host was last sent for its BMC, as salted digests: a report refers to them without
/// containing them.
#[derive(Serialize, Deserialize)]
struct SentPasswords {
    salt: String,
    users: BTreeMap<String, SentPassword>,
}

#[derive(Serialize, Deserialize)]
struct SentPassword {
    digest: String,
    in_place: bool,
}

impl SentPasswords {
    fn digest(&self, user: &str, password: &Secret) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.salt.as_bytes());
        hex::encode(hmac::sign(&key, format!("{user}\0{}", password.reveal()).as_bytes()).as_ref())
    }

    fn is_in_place(&self, user: &str, password: &Secret) -> bool {
        let known = self.users.get(user);
        known.is_some_and(|known| known.in_place && known.digest == self.digest(user, password))
    }

    /// The entry for a password that is sent now. Unless it is the one sent before, it is not known to be set.
    fn entry(&self, user: &str, password: &Secret) -> SentPassword {
        SentPassword { digest: self.digest(user, password), in_place: self.is_in_place(user, password) }
    }
}

impl Store {
    /// Sets a host's own desired configuration; `None` restores that of the data folder.
    pub(crate) fn put_bmc_config(&self, id: &str, config: Option<&DesiredBmcConfig>) -> Result<()> {
        let config = config.map(serde_json::to_string).transpose()?;
        self.connection().execute("UPDATE hosts SET bmc = ? WHERE id = ?", params![config, id])?;
        Ok(())
    }

    /// A host's own desired configuration, as set by the operator.
    pub(crate) fn own_bmc_config(&self, id: &str) -> Result<Option<DesiredBmcConfig>> {
        let select = "SELECT bmc FROM hosts WHERE id = ?";
        let own: Option<Option<String>> =
            self.connection().query_row(select, [id], |row| row.get(0)).optional()?;
        Ok(own.flatten().map(|own| serde_json::from_str(&own)).transpose()?)
    }

    /// Fills in the passwords that a host generated, and which of all are already set; records what is sent.
    pub(crate) fn prepare_bmc_config(
        &self,
        id: &str,
        mut config: DesiredBmcConfig,
    ) -> Result<DesiredBmcConfig> {
        self.transaction(|transaction| {
            let (credentials, mut sent) = passwords(transaction, id)?;
            let mut users = BTreeMap::new();
            for user in &mut config.users {
                if user.generate
                    && let Some(password) = credentials.get(&user.name)
                {
                    user.generate = false;
                    user.password = Some(password.clone());
                }
                let entry = user.password.as_ref().map(|password| sent.entry(&user.name, password));
                user.in_place = entry.as_ref().is_some_and(|entry| entry.in_place);
                users.extend(entry.map(|entry| (user.name.clone(), entry)));
            }
            sent.users = users;
            put_sent(transaction, id, &sent)?;
            Ok(config)
        })
    }

    /// Stores a password that a host generated; returns false for a host that is not registered.
    pub(crate) fn put_credentials(&self, id: &str, generated: &BmcCredentials) -> Result<bool> {
        self.transaction(|transaction| {
            let (mut credentials, mut sent) = passwords(transaction, id)?;
            let entry = sent.entry(&generated.user, &generated.password);
            sent.users.insert(generated.user.clone(), entry);
            credentials.insert(generated.user.clone(), generated.password.clone());
            let update = "UPDATE hosts SET bmc_credentials = ? WHERE id = ? AND report IS NOT NULL";
            let known = transaction.execute(update, [&serde_json::to_string(&credentials)?, id])? == 1;
            if known {
                put_sent(transaction, id, &sent)?;
            }
            Ok(known)
        })
    }

    /// Every password of a host's BMC: those of its desired configuration, and those that the host generated.
    pub(crate) fn credentials(&self, id: &str, config: Option<DesiredBmcConfig>) -> Result<Vec<Credential>> {
        let (credentials, sent) = self.transaction(|transaction| passwords(transaction, id))?;
        let users = config.map(|config| config.users).unwrap_or_default();
        let configured = users.into_iter().filter_map(|user| Some((user.name, user.password?, "configured")));
        let generated = credentials.into_iter().map(|(user, password)| (user, password, "generated"));
        let credential = |(user, password, source): (String, Secret, &'static str)| {
            let in_place = sent.is_in_place(&user, &password);
            Credential { user, password, source, in_place }
        };
        Ok(configured.chain(generated).map(credential).collect())
    }
}

/// Records from a new report which of the sent passwords are set. The old report must still be stored.
pub(crate) fn record_outcome(transaction: &Transaction, id: &str, report: &Report) -> Result<()> {
    let Some(outcome) = report.bmc.as_ref().and_then(|bmc| bmc.outcome.as_ref()) else { return Ok(()) };
    let select = "SELECT json_extract(report, '$.bmc.outcome') FROM hosts WHERE id = ?";
    let old: Option<String> = transaction.query_row(select, [id], |row| row.get(0))?;
    // An outcome that was reported before is about passwords that were sent before.
    if old.and_then(|old| serde_json::from_str::<BmcOutcome>(&old).ok()).as_ref() == Some(outcome) {
        return Ok(());
    }
    let (_, mut sent) = passwords(transaction, id)?;
    for user in &outcome.users {
        if let Some(password) = sent.users.get_mut(&user.name) {
            password.in_place = match user.password {
                PasswordState::Proven | PasswordState::Set | PasswordState::Believed => true,
                PasswordState::Failed => false,
                PasswordState::NotDesired | PasswordState::Unknown(_) => password.in_place,
            };
        }
    }
    put_sent(transaction, id, &sent)
}

/// The passwords that a host generated, and those that it was last sent.
fn passwords(transaction: &Transaction, id: &str) -> Result<(BTreeMap<String, Secret>, SentPasswords)> {
    let select = "SELECT bmc_credentials, bmc_told FROM hosts WHERE id = ?";
    let row = transaction.query_row(select, [id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (credentials, sent): (Option<String>, Option<String>) = row.unwrap_or_default();
    let credentials = credentials.map(|text| serde_json::from_str(&text)).transpose()?;
    let sent = match sent {
        Some(sent) => serde_json::from_str(&sent)?,
        None => SentPasswords { salt: hex::random()?, users: BTreeMap::new() },
    };
    Ok((credentials.unwrap_or_default(), sent))
}

fn put_sent(transaction: &Transaction, id: &str, sent: &SentPasswords) -> Result<()> {
    let update = "UPDATE hosts SET bmc_told = ? WHERE id = ?";
    transaction.execute(update, [&serde_json::to_string(sent)?, id])?;
    Ok(())
}
