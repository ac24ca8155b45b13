// SPDX-License-Identifier: MIT OR Apache-2.0
//! BMCs: how each is wanted, and what is known of their passwords.

use std::collections::BTreeMap;

use anyhow::Result;
use ring::hmac;
use rusqlite::{OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};
use stage1_contract::{BmcCredentials, BmcOutcome, PasswordState, Report, Secret, WantedBmc};

use crate::server::folder::{Folder, hex, random_hex};
use crate::server::store::Store;
use crate::server::wanted;

/// How the operator wants a host's BMC: its own settings, or else the folder's for every host.
pub fn wanted(folder: &Folder, store: &Store, id: &str) -> Result<Option<WantedBmc>> {
    match store.own_bmc(id)? {
        Some(own) => Ok(Some(own)),
        None => wanted::read(&folder.wanted_bmc()),
    }
}

/// A password of a user of a host's BMC.
#[derive(Serialize)]
pub struct Credential {
    pub user: String,
    pub password: Secret,
    /// `wanted`, or `generated` by the host.
    pub source: &'static str,
    /// Whether the host's last word on it was that it is in place.
    pub in_place: bool,
}

/// What a host was told of its BMC's passwords. Digests with a salt, since a report only says that what was told is
/// in place.
#[derive(Serialize, Deserialize)]
struct Told {
    salt: String,
    users: BTreeMap<String, Password>,
}

#[derive(Serialize, Deserialize)]
struct Password {
    digest: String,
    in_place: bool,
}

impl Told {
    fn digest(&self, user: &str, password: &Secret) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.salt.as_bytes());
        hex(hmac::sign(&key, format!("{user}\0{}", password.reveal()).as_bytes()).as_ref())
    }

    fn is_in_place(&self, user: &str, password: &Secret) -> bool {
        let known = self.users.get(user);
        known.is_some_and(|known| known.in_place && known.digest == self.digest(user, password))
    }

    /// What is in place when the host is told this password now; another one is in doubt from here on.
    fn told(&self, user: &str, password: &Secret) -> Password {
        Password { digest: self.digest(user, password), in_place: self.is_in_place(user, password) }
    }
}

impl Store {
    /// Sets how a host's BMC is wanted; `None` leaves it to the folder's settings again.
    pub fn put_bmc(&self, id: &str, wanted: Option<&WantedBmc>) -> Result<()> {
        let wanted = wanted.map(serde_json::to_string).transpose()?;
        self.connection().execute("UPDATE hosts SET bmc = ? WHERE id = ?", params![wanted, id])?;
        Ok(())
    }

    fn own_bmc(&self, id: &str) -> Result<Option<WantedBmc>> {
        let select = "SELECT bmc FROM hosts WHERE id = ?";
        let own: Option<Option<String>> =
            self.connection().query_row(select, [id], |row| row.get(0)).optional()?;
        Ok(own.flatten().map(|own| serde_json::from_str(&own)).transpose()?)
    }

    /// Fills in what a host is told of the passwords, and remembers that it was.
    pub fn tell_bmc(&self, id: &str, mut wanted: WantedBmc) -> Result<WantedBmc> {
        self.transaction(|transaction| {
            let (credentials, mut told) = passwords(transaction, id)?;
            let mut users = BTreeMap::new();
            for user in &mut wanted.users {
                if user.generate
                    && let Some(password) = credentials.get(&user.name)
                {
                    user.generate = false;
                    user.password = Some(password.clone());
                }
                let told = user.password.as_ref().map(|password| told.told(&user.name, password));
                user.in_place = told.as_ref().is_some_and(|told| told.in_place);
                users.extend(told.map(|told| (user.name.clone(), told)));
            }
            told.users = users;
            remember(transaction, id, &told)?;
            Ok(wanted)
        })
    }

    /// Keeps a password that a host made up; false for a host that is not registered.
    pub fn keep_credentials(&self, id: &str, made_up: &BmcCredentials) -> Result<bool> {
        self.transaction(|transaction| {
            let (mut credentials, mut told) = passwords(transaction, id)?;
            let password = told.told(&made_up.user, &made_up.password);
            told.users.insert(made_up.user.clone(), password);
            credentials.insert(made_up.user.clone(), made_up.password.clone());
            let update = "UPDATE hosts SET bmc_credentials = ? WHERE id = ? AND report IS NOT NULL";
            let known = transaction.execute(update, [&serde_json::to_string(&credentials)?, id])? == 1;
            if known {
                remember(transaction, id, &told)?;
            }
            Ok(known)
        })
    }

    /// Every password of a host's BMC: of the users that are `wanted`, and what the host made up.
    pub fn credentials(&self, id: &str, wanted: Option<WantedBmc>) -> Result<Vec<Credential>> {
        let (credentials, told) = self.transaction(|transaction| passwords(transaction, id))?;
        let users = wanted.map(|wanted| wanted.users).unwrap_or_default();
        let wanted = users.into_iter().filter_map(|user| Some((user.name, user.password?, "wanted")));
        let made_up = credentials.into_iter().map(|(user, password)| (user, password, "generated"));
        let credential = |(user, password, source): (String, Secret, &'static str)| {
            let in_place = told.is_in_place(&user, &password);
            Credential { user, password, source, in_place }
        };
        Ok(wanted.chain(made_up).map(credential).collect())
    }
}

/// Notes what a new report of a host, before it takes the place of the old one, says of the passwords that it was told.
pub fn heed(transaction: &Transaction, id: &str, report: &Report) -> Result<()> {
    let Some(outcome) = report.bmc.as_ref().and_then(|bmc| bmc.outcome.as_ref()) else { return Ok(()) };
    let select = "SELECT json_extract(report, '$.bmc.outcome') FROM hosts WHERE id = ?";
    let old: Option<String> = transaction.query_row(select, [id], |row| row.get(0))?;
    // What was said before is of passwords that were told before.
    if old.and_then(|old| serde_json::from_str::<BmcOutcome>(&old).ok()).as_ref() == Some(outcome) {
        return Ok(());
    }
    let (_, mut told) = passwords(transaction, id)?;
    for user in &outcome.users {
        if let Some(password) = told.users.get_mut(&user.name) {
            password.in_place = match user.password {
                PasswordState::Proven | PasswordState::Set | PasswordState::Believed => true,
                PasswordState::Failed => false,
                PasswordState::NotWanted | PasswordState::Unknown(_) => password.in_place,
            };
        }
    }
    remember(transaction, id, &told)
}

/// The passwords that a host made up, and what it was told of any.
fn passwords(transaction: &Transaction, id: &str) -> Result<(BTreeMap<String, Secret>, Told)> {
    let select = "SELECT bmc_credentials, bmc_told FROM hosts WHERE id = ?";
    let row = transaction.query_row(select, [id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (credentials, told): (Option<String>, Option<String>) = row.unwrap_or_default();
    let credentials = credentials.map(|text| serde_json::from_str(&text)).transpose()?;
    let told = match told {
        Some(told) => serde_json::from_str(&told)?,
        None => Told { salt: random_hex()?, users: BTreeMap::new() },
    };
    Ok((credentials.unwrap_or_default(), told))
}

fn remember(transaction: &Transaction, id: &str, told: &Told) -> Result<()> {
    let update = "UPDATE hosts SET bmc_told = ? WHERE id = ?";
    transaction.execute(update, [&serde_json::to_string(told)?, id])?;
    Ok(())
}
