// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making a change: the commands that are sent for it.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stage1_contract::{DesiredWatchdog, PowerRestore, Secret};
use thiserror::Error;

use super::change::{Change, action_code, stops};
use super::options;
use super::password::{LONG, SHORT};
use super::session::{BmcSession, Error as BmcError};
use ipmi::Completion;
use ipmi::app::{
    Access, EnableUser, GetUserAccess, Password, PasswordSize, Payloads, PreTimeout, Privilege,
    SetUserAccess, SetUserName, SetUserPassword, SetUserPayloadAccess, SetWatchdogTimer, UserAccess,
    UserName, Watchdog, WatchdogUser,
};
use ipmi::chassis::{ChassisIdentify, Identify, RestorePolicy, SetPowerRestorePolicy};
use ipmi::storage::SetSelTime;
use ipmi::transport::{SetSolParameter, SolEnable};

mod lan;

/// Why a change failed.
#[derive(Debug, Error)]
pub(crate) enum ChangeError {
    /// A command failed.
    #[error("{0}")]
    Bmc(#[from] BmcError),
    /// No BMC can have the value.
    #[error("{0}")]
    Invalid(String),
    /// One of several parameters was refused, and the others are as they were, or not.
    #[error("{parameter} was refused: {cause}; {}", put_back(not_put_back))]
    Refused {
        /// The parameter with its value.
        parameter: String,
        cause: BmcError,
        /// The parameters that could not be put back.
        not_put_back: Vec<String>,
    },
}

/// Makes a change. `password` is that of [`Change::UserPassword`].
///
/// # Errors
/// [`ChangeError`].
pub(crate) fn apply(
    bmc: &mut BmcSession,
    channel: u8,
    change: &Change,
    password: Option<&Secret>,
) -> Result<(), ChangeError> {
    match change {
        Change::UserName { slot, name } => {
            let name = user_name(name)?;
            bmc.ask(&SetUserName { user: *slot, name })?;
        }
        Change::UserPassword { slot, name, .. } => {
            let missing = || ChangeError::Invalid(format!("user {name} has no password"));
            set_password(bmc, *slot, password.ok_or_else(missing)?)?;
        }
        Change::UserAccess { slot, privilege, .. } => access(bmc, channel, *slot, *privilege)?,
        Change::UserEnable { slot, .. } => bmc.ask(&EnableUser { user: *slot, is_enabled: true })?,
        Change::UserDisable { slot, .. } => disable(bmc, channel, *slot)?,
        Change::UserPayload { slot, .. } => {
            let payloads = Payloads::SOL;
            bmc.ask(&SetUserPayloadAccess { channel, user: *slot, is_enabled: true, payloads })?;
        }
        Change::UserOtherAccess { slot, privilege, channel, .. } => access(bmc, *channel, *slot, *privilege)?,
        Change::UserSessions { slot, limit, channels, .. } => sessions(bmc, channels, *slot, *limit)?,
        Change::ChannelAccess(change) => lan::access(bmc, change)?,
        Change::CipherSuites(change) => lan::ciphers(bmc, change)?,
        Change::Authentication(change) => lan::authentication(bmc, change)?,
        Change::Lan(change) => lan::parameters(bmc, change)?,
        Change::Option(change) => options::apply(bmc, channel, change)?,
        Change::SerialOverLan(enabled) => {
            bmc.ask(&SetSolParameter { channel, value: SolEnable(*enabled) })?;
        }
        Change::Clock => bmc.ask(&SetSelTime { seconds: host_clock() })?,
        Change::IdentifyOff => bmc.ask(&ChassisIdentify { identify: Identify::Off })?,
        Change::Watchdog(desired) => watchdog(bmc, desired)?,
        Change::PowerRestore(policy) => power_restore(bmc, policy)?,
    }
    Ok(())
}

fn put_back(not_put_back: &[String]) -> String {
    match not_put_back {
        [] => "the others are as they were".to_string(),
        left => format!("what was set before it could not be put back: {}", left.join(", ")),
    }
}

/// The host's clock, in seconds since 1970.
pub(crate) fn host_clock() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(now.as_secs()).unwrap_or(u32::MAX)
}

fn user_name(name: &str) -> Result<UserName, ChangeError> {
    UserName::new(name).ok_or_else(|| {
        ChangeError::Invalid(format!(
            "user {name}: a name must have 1 to 16 printable ASCII characters, and no space at either end"
        ))
    })
}

/// Sets a password of up to 16 bytes with 16 bytes, which can log in with IPMI 1.5 too, or with 20 if the BMC requires that;
/// a longer one with 20 only, since a BMC that stores 16 would truncate it.
fn set_password(bmc: &mut BmcSession, user: u8, secret: &Secret) -> Result<(), ChangeError> {
    let set = |bmc: &mut BmcSession, size| {
        let password = Password::new(secret.reveal(), size);
        let password = password
            .ok_or_else(|| ChangeError::Invalid(format!("a password must have 1 to {LONG} bytes")))?;
        bmc.ask(&SetUserPassword { user, password }).map_err(ChangeError::from)
    };
    if secret.reveal().len() > SHORT {
        return set(bmc, PasswordSize::Twenty);
    }
    match set(bmc, PasswordSize::Sixteen) {
        Err(ChangeError::Bmc(error)) if is_about_length(&error) => set(bmc, PasswordSize::Twenty),
        result => result,
    }
}

/// Whether the BMC may have refused a password because it stores another number of bytes.
fn is_about_length(error: &BmcError) -> bool {
    matches!(error.completion(), Some(Completion(0xc6 | 0xc7 | 0xc8 | 0xcc)))
}

fn access(bmc: &mut BmcSession, channel: u8, user: u8, limit: Privilege) -> Result<(), BmcError> {
    let access = Access { callback_only: false, link_authentication: true, messaging: true, limit };
    match set_access(bmc, SetUserAccess { channel, user, access, sessions: None }) {
        // Some BMCs have no link authentication.
        Err(error) if error.completion() == Some(Completion::INVALID_FIELD) => {
            let access = Access { link_authentication: false, ..access };
            set_access(bmc, SetUserAccess { channel, user, access, sessions: None })
        }
        result => result,
    }
}

/// Some BMCs require the number of sessions.
fn set_access(bmc: &mut BmcSession, command: SetUserAccess) -> Result<(), BmcError> {
    match bmc.ask(&command) {
        Err(error)
            if command.sessions.is_none() && error.completion() == Some(Completion::INVALID_LENGTH) =>
        {
            bmc.ask(&SetUserAccess { sessions: Some(0), ..command })
        }
        result => result,
    }
}

/// Limits the sessions that a user may have at once. The rest of its access stays.
fn sessions(bmc: &mut BmcSession, channels: &[u8], user: u8, limit: u8) -> Result<(), BmcError> {
    channels.iter().try_for_each(|channel| {
        let UserAccess { access, .. } = bmc.ask(&GetUserAccess { channel: *channel, user })?;
        bmc.ask(&SetUserAccess { channel: *channel, user, access, sessions: Some(limit) })
    })
}

/// If the BMC does not report who is enabled, the access of the user is removed too: that can be read back.
fn disable(bmc: &mut BmcSession, channel: u8, user: u8) -> Result<(), BmcError> {
    bmc.ask(&EnableUser { user, is_enabled: false })?;
    let UserAccess { access, is_enabled, .. } = bmc.ask(&GetUserAccess { channel, user })?;
    if is_enabled.is_none() && access.messaging {
        let access = Access { messaging: false, limit: Privilege::NoAccess, ..access };
        set_access(bmc, SetUserAccess { channel, user, access, sessions: None })?;
    }
    Ok(())
}

/// Stops the timer, or sets and starts it.
fn watchdog(bmc: &mut BmcSession, desired: &DesiredWatchdog) -> Result<(), ChangeError> {
    let action = action_code(&desired.action).ok_or_else(|| {
        ChangeError::Invalid("unknown action; use stop, reset, power-off or power-cycle".to_string())
    })?;
    let watchdog = Watchdog {
        user: WatchdogUser::Os,
        is_logged: true,
        action: action.into(),
        interrupt: PreTimeout::Nothing,
        interrupt_before: Duration::ZERO,
        countdown: Duration::from_secs(desired.seconds.into()),
    };
    bmc.ask(&SetWatchdogTimer { watchdog })?;
    if !stops(desired) {
        bmc.ask(&ipmi::app::ResetWatchdogTimer)?;
    }
    Ok(())
}

fn power_restore(bmc: &mut BmcSession, policy: &PowerRestore) -> Result<(), ChangeError> {
    let policy = match policy {
        PowerRestore::AlwaysOff => RestorePolicy::Off,
        PowerRestore::Previous => RestorePolicy::Previous,
        PowerRestore::AlwaysOn => RestorePolicy::On,
        PowerRestore::Unknown(policy) => {
            return Err(ChangeError::Invalid(format!("unknown policy {policy:?}")));
        }
    };
    bmc.ask(&SetPowerRestorePolicy { policy })?;
    Ok(())
}
