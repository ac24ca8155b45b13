// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making a change: the commands that are sent for it.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stage1_contract::{DesiredWatchdog, PowerRestore, Secret};
use thiserror::Error;

use super::change::{Change, LanParameter, action_code, stops};
use super::lan::CHANNEL_LIMIT;
use super::password::{LONG, SHORT};
use super::session::{BmcSession, Error as BmcError};
use ipmi::app::{
    Access, AccessMode, ChannelAccess, EnableUser, GetChannelAccess, GetUserAccess, Password, PasswordSize,
    Payloads, PreTimeout, Privilege, SetChannelAccess, SetUserAccess, SetUserName, SetUserPassword,
    SetUserPayloadAccess, SetWatchdogTimer, Store, UserAccess, UserName, Watchdog, WatchdogUser,
};
use ipmi::chassis::{ChassisIdentify, Identify, RestorePolicy, SetPowerRestorePolicy};
use ipmi::storage::SetSelTime;
use ipmi::transport::{
    AddressSource, CipherEntries, CipherPrivileges, Gateway, GetLanParameter, IpAddress, SetLanParameter,
    SetSolParameter, SolEnable, SubnetMask, Vlan,
};
use ipmi::{Completion, SetInProgress};

/// Why a change failed.
#[derive(Debug, Error)]
pub(crate) enum ChangeError {
    /// A command failed.
    #[error("{0}")]
    Bmc(#[from] BmcError),
    /// No BMC can have the value.
    #[error("{0}")]
    Invalid(String),
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
        Change::ChannelAccess(available) => channel_access(bmc, channel, *available)?,
        Change::CipherSuite0 => disable_cipher_suite_0(bmc, channel)?,
        Change::Lan(parameters) => lan(bmc, channel, parameters)?,
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
    let set = |bmc: &mut BmcSession, access| {
        let command = SetUserAccess { channel, user, access };
        match bmc.ask(&command) {
            // Some BMCs require the session limit too.
            Err(error) if error.completion() == Some(Completion(0xc7)) => {
                bmc.ask(&ipmi::app::SetUserAccessAndLimit(command))
            }
            result => result,
        }
    };
    match set(bmc, access) {
        // Some BMCs have no link authentication.
        Err(error) if error.completion() == Some(Completion::INVALID_FIELD) => {
            set(bmc, Access { link_authentication: false, ..access })
        }
        result => result,
    }
}

/// If the BMC does not report who is enabled, the access of the user is removed too: that can be read back.
fn disable(bmc: &mut BmcSession, channel: u8, user: u8) -> Result<(), BmcError> {
    bmc.ask(&EnableUser { user, is_enabled: false })?;
    let UserAccess { access, is_enabled, .. } = bmc.ask(&GetUserAccess { channel, user })?;
    if is_enabled.is_none() && access.messaging {
        let access = Access { messaging: false, limit: Privilege::NoAccess, ..access };
        bmc.ask(&SetUserAccess { channel, user, access })?;
    }
    Ok(())
}

/// Sets the access mode for now and for after the BMC's next start. The other settings of the channel stay.
fn channel_access(bmc: &mut BmcSession, channel: u8, is_available: bool) -> Result<(), BmcError> {
    let mode = if is_available { AccessMode::Always } else { AccessMode::Disabled };
    for store in [Store::NonVolatile, Store::Volatile] {
        let access = bmc.ask(&GetChannelAccess { channel, store })?;
        if access.mode != mode {
            let access = ChannelAccess { mode, limit: CHANNEL_LIMIT, ..access };
            bmc.ask(&SetChannelAccess { channel, store, access })?;
        }
    }
    Ok(())
}

fn disable_cipher_suite_0(bmc: &mut BmcSession, channel: u8) -> Result<(), ChangeError> {
    let CipherEntries(suites) = bmc.ask(&GetLanParameter::<CipherEntries>::new(channel))?;
    let CipherPrivileges(mut levels) = bmc.ask(&GetLanParameter::<CipherPrivileges>::new(channel))?;
    for (_, level) in suites.iter().zip(&mut levels).filter(|(suite, _)| **suite == 0) {
        *level = Privilege::Other(0);
    }
    locked(bmc, channel, |bmc| bmc.ask(&SetLanParameter { channel, value: CipherPrivileges(levels) }))
}

fn lan(bmc: &mut BmcSession, channel: u8, parameters: &[LanParameter]) -> Result<(), ChangeError> {
    locked(bmc, channel, |bmc| {
        parameters.iter().try_for_each(|parameter| lan_parameter(bmc, channel, *parameter))
    })
}

/// Sets LAN parameters under their lock, and commits. Some BMCs forget what is set without the lock, and roll back if it is
/// released without a commit. On a BMC without lock or commit (both are optional, IPMI 2.0, table 23-4) parameters take
/// effect at once. A cancellation waits until the lock is released.
fn locked(
    bmc: &mut BmcSession,
    channel: u8,
    set: impl FnOnce(&mut BmcSession) -> Result<(), BmcError>,
) -> Result<(), ChangeError> {
    bmc.without_cancellation(|bmc| set_locked(bmc, channel, set))
}

fn set_locked(
    bmc: &mut BmcSession,
    channel: u8,
    set: impl FnOnce(&mut BmcSession) -> Result<(), BmcError>,
) -> Result<(), ChangeError> {
    let progress =
        |bmc: &mut BmcSession, value| bmc.ask(&SetLanParameter::<SetInProgress> { channel, value });
    let has_lock = match progress(bmc, SetInProgress::InProgress) {
        Ok(()) => true,
        Err(error) if error.is_absent() => false,
        // A program ended without releasing the lock: it is released here, otherwise nothing could ever be set again.
        Err(error) if error.completion() == Some(Completion(0x81)) => {
            progress(bmc, SetInProgress::Complete)?;
            progress(bmc, SetInProgress::InProgress)?;
            true
        }
        Err(error) => return Err(error.into()),
    };
    let result = set(bmc);
    if !has_lock {
        return Ok(result?);
    }
    // After a failure, the parameters before it roll back.
    let committed = match &result {
        Ok(()) => progress(bmc, SetInProgress::Commit).map_or_else(only_if_fatal, Ok),
        Err(_) => Ok(()),
    };
    let completed = progress(bmc, SetInProgress::Complete);
    result?;
    committed?;
    Ok(completed?)
}

/// Commit is optional, and BMCs refuse it with different codes.
fn only_if_fatal(error: BmcError) -> Result<(), BmcError> {
    if error.is_fatal() { Err(error) } else { Ok(()) }
}

fn lan_parameter(bmc: &mut BmcSession, channel: u8, parameter: LanParameter) -> Result<(), BmcError> {
    match parameter {
        LanParameter::Dhcp(true) => bmc.ask(&SetLanParameter { channel, value: AddressSource::Dhcp }),
        LanParameter::Dhcp(false) => bmc.ask(&SetLanParameter { channel, value: AddressSource::Static }),
        LanParameter::Address(address) => {
            bmc.ask(&SetLanParameter { channel, value: IpAddress(address.into()) })
        }
        LanParameter::Mask(mask) => bmc.ask(&SetLanParameter { channel, value: SubnetMask(mask.into()) }),
        LanParameter::Gateway(gateway) => {
            bmc.ask(&SetLanParameter { channel, value: Gateway(Ipv4Addr::from(gateway)) })
        }
        LanParameter::Vlan(0) => bmc.ask(&SetLanParameter { channel, value: Vlan(None) }),
        LanParameter::Vlan(vlan) => bmc.ask(&SetLanParameter { channel, value: Vlan(Some(vlan)) }),
    }
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
