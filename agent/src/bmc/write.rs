// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writing settings to a BMC.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stage1_contract::{DesiredWatchdog, PowerRestore, Secret};
use thiserror::Error;

use super::lan::CHANNEL_LIMIT;
use super::password::{LONG, SHORT};
use super::plan::{LanWrite, Write, action_code};
use super::session::{BmcSession, Error as Refused};
use super::users;
use ipmi::app::{
    Access, AccessMode, ChannelAccess, EnableUser, GetChannelAccess, GetUserAccess, Password, PasswordSize,
    Payloads, PreTimeout, Privilege, SetChannelAccess, SetUserAccess, SetUserName, SetUserPassword,
    SetUserPayloadAccess, SetWatchdogTimer, Store, UserAccess, Watchdog, WatchdogUser,
};
use ipmi::chassis::{ChassisIdentify, Identify, RestorePolicy, SetPowerRestorePolicy};
use ipmi::storage::SetSelTime;
use ipmi::transport::{
    AddressSource, CipherEntries, CipherPrivileges, Gateway, GetLanParameter, IpAddress, SetLanParameter,
    SetSolParameter, SolEnable, SubnetMask, Vlan,
};
use ipmi::{Completion, SetInProgress};

/// Why a write failed.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The BMC refused it, or did not answer.
    #[error("{0}")]
    Bmc(#[from] Refused),
    /// It cannot be expressed in IPMI.
    #[error("{0}")]
    Impossible(String),
}

/// Makes one write. `secret` is the password for [`Write::Password`].
///
/// # Errors
/// [`WriteError`].
pub fn write(
    bmc: &mut BmcSession,
    channel: u8,
    write: &Write,
    secret: Option<&Secret>,
) -> Result<(), WriteError> {
    match write {
        Write::Name(user, name) => {
            let name = users::name(name).map_err(WriteError::Impossible)?;
            bmc.ask(&SetUserName { user: *user, name })?;
        }
        Write::Password(user, name, _) => {
            let secret =
                secret.ok_or_else(|| WriteError::Impossible(format!("user {name} has no password")))?;
            password(bmc, *user, secret)?;
        }
        Write::Access(user, _, privilege) => access(bmc, channel, *user, *privilege)?,
        Write::Enable(user, _) => bmc.ask(&EnableUser { user: *user, is_enabled: true })?,
        Write::Disable(user, _) => disable(bmc, channel, *user)?,
        Write::Payload(user, _) => {
            let payloads = Payloads::SOL;
            bmc.ask(&SetUserPayloadAccess { channel, user: *user, is_enabled: true, payloads })?;
        }
        Write::Channel(available) => channel_access(bmc, channel, *available)?,
        Write::NoCipherSuite0 => no_cipher_suite_0(bmc, channel)?,
        Write::Lan(writes) => lan(bmc, channel, writes)?,
        Write::SerialOverLan(on) => bmc.ask(&SetSolParameter { channel, value: SolEnable(*on) })?,
        Write::Clock => bmc.ask(&SetSelTime { seconds: seconds_now() })?,
        Write::IdentifyOff => bmc.ask(&ChassisIdentify { identify: Identify::Off })?,
        Write::Watchdog(desired) => watchdog(bmc, desired)?,
        Write::PowerRestore(policy) => power_restore(bmc, policy)?,
    }
    Ok(())
}

/// The host's clock, in seconds since 1970.
pub fn seconds_now() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(now.as_secs()).unwrap_or(u32::MAX)
}

/// Sets a password of up to 16 bytes in the 16-byte format, which also works with IPMI 1.5, or in the 20-byte format if
/// the BMC requires that; a longer one only in the 20-byte format, since a BMC with 16 bytes would truncate it.
fn password(bmc: &mut BmcSession, user: u8, secret: &Secret) -> Result<(), WriteError> {
    let set = |bmc: &mut BmcSession, size| {
        let password = Password::new(secret.reveal(), size);
        let password =
            password.ok_or_else(|| WriteError::Impossible(format!("a password has 1 to {LONG} bytes")))?;
        bmc.ask(&SetUserPassword { user, password }).map_err(WriteError::from)
    };
    if secret.reveal().len() > SHORT {
        return set(bmc, PasswordSize::Twenty);
    }
    match set(bmc, PasswordSize::Sixteen) {
        Err(WriteError::Bmc(error)) if is_about_length(&error) => set(bmc, PasswordSize::Twenty),
        result => result,
    }
}

/// Whether the BMC may have refused a password because of the length of its format.
fn is_about_length(error: &Refused) -> bool {
    matches!(error.completion(), Some(Completion(0xc6 | 0xc7 | 0xc8 | 0xcc)))
}

fn access(bmc: &mut BmcSession, channel: u8, user: u8, limit: Privilege) -> Result<(), Refused> {
    let access = Access { callback_only: false, link_authentication: true, messaging: true, limit };
    match bmc.ask(&SetUserAccess { channel, user, access }) {
        // Some BMCs do not support link authentication.
        Err(error) if error.completion() == Some(Completion::INVALID_FIELD) => {
            bmc.ask(&SetUserAccess { channel, user, access: Access { link_authentication: false, ..access } })
        }
        result => result,
    }
}

/// Disables a user. If the BMC does not report enabled users, messaging and privilege are removed too, since those can
/// be read back.
fn disable(bmc: &mut BmcSession, channel: u8, user: u8) -> Result<(), Refused> {
    bmc.ask(&EnableUser { user, is_enabled: false })?;
    let UserAccess { access, is_enabled, .. } = bmc.ask(&GetUserAccess { channel, user })?;
    if is_enabled.is_none() && access.messaging {
        let access = Access { messaging: false, limit: Privilege::NoAccess, ..access };
        bmc.ask(&SetUserAccess { channel, user, access })?;
    }
    Ok(())
}

/// Sets the access mode, volatile and non-volatile. Other settings of the channel stay.
fn channel_access(bmc: &mut BmcSession, channel: u8, is_available: bool) -> Result<(), Refused> {
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

fn no_cipher_suite_0(bmc: &mut BmcSession, channel: u8) -> Result<(), WriteError> {
    let CipherEntries(suites) = bmc.ask(&GetLanParameter::<CipherEntries>::new(channel))?;
    let CipherPrivileges(mut levels) = bmc.ask(&GetLanParameter::<CipherPrivileges>::new(channel))?;
    for (_, level) in suites.iter().zip(&mut levels).filter(|(suite, _)| **suite == 0) {
        *level = Privilege::Other(0);
    }
    locked(bmc, channel, |bmc| bmc.ask(&SetLanParameter { channel, value: CipherPrivileges(levels) }))
}

fn lan(bmc: &mut BmcSession, channel: u8, writes: &[LanWrite]) -> Result<(), WriteError> {
    locked(bmc, channel, |bmc| writes.iter().try_for_each(|write| lan_parameter(bmc, channel, *write)))
}

/// Writes LAN parameters under the Set In Progress lock, and commits. Without the lock some BMCs lose the write;
/// without a commit they roll it back. A BMC without lock or commit (both are optional, IPMI 2.0, table 23-4) applies
/// writes at once.
fn locked(
    bmc: &mut BmcSession,
    channel: u8,
    writes: impl FnOnce(&mut BmcSession) -> Result<(), Refused>,
) -> Result<(), WriteError> {
    bmc.without_cancellation(|bmc| write_locked(bmc, channel, writes))
}

fn write_locked(
    bmc: &mut BmcSession,
    channel: u8,
    writes: impl FnOnce(&mut BmcSession) -> Result<(), Refused>,
) -> Result<(), WriteError> {
    let progress =
        |bmc: &mut BmcSession, value| bmc.ask(&SetLanParameter::<SetInProgress> { channel, value });
    let has_lock = match progress(bmc, SetInProgress::InProgress) {
        Ok(()) => true,
        Err(error) if error.is_absent() => false,
        // Stale lock of a program that died: release it, or nothing could ever be written again.
        Err(error) if error.completion() == Some(Completion(0x81)) => {
            progress(bmc, SetInProgress::Complete)?;
            progress(bmc, SetInProgress::InProgress)?;
            true
        }
        Err(error) => return Err(error.into()),
    };
    let written = writes(bmc);
    if !has_lock {
        return Ok(written?);
    }
    // After a failed write the earlier ones are rolled back: no commit.
    let committed = match &written {
        Ok(()) => progress(bmc, SetInProgress::Commit).map_or_else(only_if_hung, Ok),
        Err(_) => Ok(()),
    };
    let completed = progress(bmc, SetInProgress::Complete);
    written?;
    committed?;
    Ok(completed?)
}

/// Commit is optional, and BMCs refuse it with any completion code.
fn only_if_hung(error: Refused) -> Result<(), Refused> {
    if error.is_hung() { Err(error) } else { Ok(()) }
}

fn lan_parameter(bmc: &mut BmcSession, channel: u8, write: LanWrite) -> Result<(), Refused> {
    match write {
        LanWrite::Dhcp(true) => bmc.ask(&SetLanParameter { channel, value: AddressSource::Dhcp }),
        LanWrite::Dhcp(false) => bmc.ask(&SetLanParameter { channel, value: AddressSource::Static }),
        LanWrite::Address(address) => bmc.ask(&SetLanParameter { channel, value: IpAddress(address.into()) }),
        LanWrite::Mask(mask) => bmc.ask(&SetLanParameter { channel, value: SubnetMask(mask.into()) }),
        LanWrite::Gateway(gateway) => {
            bmc.ask(&SetLanParameter { channel, value: Gateway(Ipv4Addr::from(gateway)) })
        }
        LanWrite::Vlan(0) => bmc.ask(&SetLanParameter { channel, value: Vlan(None) }),
        LanWrite::Vlan(vlan) => bmc.ask(&SetLanParameter { channel, value: Vlan(Some(vlan)) }),
    }
}

/// Sets and starts the watchdog, or stops it.
fn watchdog(bmc: &mut BmcSession, desired: &DesiredWatchdog) -> Result<(), WriteError> {
    let action = action_code(&desired.action).ok_or_else(|| {
        WriteError::Impossible("the watchdog's action is none that this agent knows".to_string())
    })?;
    let runs = action != 0 && desired.seconds > 0;
    let watchdog = Watchdog {
        user: WatchdogUser::Os,
        is_logged: true,
        action: action.into(),
        interrupt: PreTimeout::Nothing,
        interrupt_before: Duration::ZERO,
        countdown: Duration::from_secs(desired.seconds.into()),
    };
    bmc.ask(&SetWatchdogTimer { watchdog })?;
    if runs {
        bmc.ask(&ipmi::app::ResetWatchdogTimer)?;
    }
    Ok(())
}

fn power_restore(bmc: &mut BmcSession, policy: &PowerRestore) -> Result<(), WriteError> {
    let policy = match policy {
        PowerRestore::AlwaysOff => RestorePolicy::Off,
        PowerRestore::Previous => RestorePolicy::Previous,
        PowerRestore::AlwaysOn => RestorePolicy::On,
        PowerRestore::Unknown(policy) => {
            return Err(WriteError::Impossible(format!("{policy:?} is no policy that this agent knows")));
        }
    };
    bmc.ask(&SetPowerRestorePolicy { policy })?;
    Ok(())
}
