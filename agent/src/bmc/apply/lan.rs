// SPDX-License-Identifier: MIT OR Apache-2.0
//! The commands that change a LAN channel.

use std::net::Ipv4Addr;

use super::ChangeError;
use crate::bmc::lan_changes::{
    AccessChange, AuthenticationChange, CipherChange, LanChange, LanParameter, LanStep,
};
use crate::bmc::privilege::rank;
use crate::bmc::session::{BmcSession, Error};
use ipmi::app::{AccessMode, ChannelAccess, GetChannelAccess, Privilege, SetChannelAccess, Store};
use ipmi::transport::{
    AddressSource, AuthenticationEnables, CipherEntries, CipherPrivileges, Gateway, GetLanParameter,
    IpAddress, Ipv6Entry, Ipv6EntryStatus, Ipv6Router, Ipv6Source, Ipv6StaticAddress,
    LanParameter as Parameter, SetLanParameter, SubnetMask, Vlan,
};
use ipmi::{Completion, SetInProgress, Writable};

/// Changes the access for now and for after the BMC's next start. The other settings of the channel stay.
pub(super) fn access(bmc: &mut BmcSession, change: &AccessChange) -> Result<(), Error> {
    let channel = change.channel.number;
    for store in [Store::NonVolatile, Store::Volatile] {
        let actual = bmc.ask(&GetChannelAccess { channel, store })?;
        let access = changed(actual, change);
        if access != actual {
            bmc.ask(&SetChannelAccess { channel, store, access })?;
        }
    }
    Ok(())
}

/// A channel that is opened is not limited: the users' own levels limit them.
fn changed(actual: ChannelAccess, change: &AccessChange) -> ChannelAccess {
    let mut access = actual;
    match change.is_available {
        Some(true) => {
            access.mode = AccessMode::Always;
            access.limit = higher(actual.limit, Privilege::Administrator);
        }
        Some(false) => access.mode = AccessMode::Disabled,
        None => {}
    }
    if let Some(limit) = change.limit {
        access.limit = higher(access.limit, limit);
    }
    access.per_message_authentication |= change.is_authenticated;
    access.user_level_authentication |= change.is_authenticated;
    access
}

fn higher(actual: Privilege, least: Privilege) -> Privilege {
    if rank(actual) < rank(least) { least } else { actual }
}

/// Changes the levels of these cipher suites. As many levels are written as the BMC has.
pub(super) fn ciphers(bmc: &mut BmcSession, change: &CipherChange) -> Result<(), ChangeError> {
    let channel = change.channel.number;
    let CipherEntries(suites) = bmc.ask(&GetLanParameter::<CipherEntries>::new(channel))?;
    let CipherPrivileges(mut levels) = bmc.ask(&GetLanParameter::<CipherPrivileges>::new(channel))?;
    for (suite, level) in suites.iter().zip(&mut levels) {
        if change.disabled.contains(suite) {
            *level = Privilege::Other(0);
        } else if change.enabled.contains(suite) {
            *level = change.level;
        }
    }
    locked(bmc, channel, |bmc| Ok(set(bmc, channel, CipherPrivileges(levels))?))
}

pub(super) fn authentication(bmc: &mut BmcSession, change: &AuthenticationChange) -> Result<(), ChangeError> {
    let channel = change.channel.number;
    locked(bmc, channel, |bmc| Ok(set(bmc, channel, AuthenticationEnables(change.levels))?))
}

/// Sets the parameters. If one is refused, those before it get their earlier values back, also on a BMC that applies each at
/// once: half a configuration can be out of reach.
pub(super) fn parameters(bmc: &mut BmcSession, change: &LanChange) -> Result<(), ChangeError> {
    let channel = change.channel;
    locked(bmc, channel, |bmc| {
        for (at, step) in change.steps.iter().enumerate() {
            match parameter(bmc, channel, step.to) {
                Ok(()) => {}
                Err(error) if error.is_fatal() || change.steps.len() == 1 => return Err(error.into()),
                Err(cause) => {
                    let not_put_back = put_back(bmc, channel, &change.steps[..at]);
                    return Err(ChangeError::Refused { parameter: step.to.to_string(), cause, not_put_back });
                }
            }
        }
        Ok(())
    })
}

/// Sets the earlier values of these steps, the last first. Returns those that the BMC refuses.
fn put_back(bmc: &mut BmcSession, channel: u8, steps: &[LanStep]) -> Vec<String> {
    let earlier = steps.iter().rev().filter_map(|step| step.from);
    let refused = earlier.filter_map(|from| {
        let error = parameter(bmc, channel, from).err()?;
        Some(format!("{from} ({error})"))
    });
    refused.collect()
}

fn parameter(bmc: &mut BmcSession, channel: u8, parameter: LanParameter) -> Result<(), Error> {
    match parameter {
        LanParameter::Dhcp(true) => set(bmc, channel, AddressSource::Dhcp),
        LanParameter::Dhcp(false) => set(bmc, channel, AddressSource::Static),
        LanParameter::Address(address) => set(bmc, channel, IpAddress(address.into())),
        LanParameter::Mask(mask) => set(bmc, channel, SubnetMask(mask.into())),
        LanParameter::Gateway(gateway) => set(bmc, channel, Gateway(Ipv4Addr::from(gateway))),
        LanParameter::Vlan(vlan) => set(bmc, channel, Vlan((vlan != 0).then_some(vlan))),
        LanParameter::Ipv6Enables(enables) => set(bmc, channel, enables),
        LanParameter::Ipv6Address { set: number, is_enabled, address, prefix } => {
            let (source, status) = (Ipv6Source::Static, Ipv6EntryStatus::Active);
            let entry = Ipv6Entry { set: number, is_enabled, source, address, prefix, status };
            set(bmc, channel, Ipv6StaticAddress(entry))
        }
        LanParameter::Ipv6Routers(control) => set(bmc, channel, control),
        LanParameter::Ipv6Router(router) => set(bmc, channel, Ipv6Router(router)),
    }
}

fn set<P: Parameter + Writable>(bmc: &mut BmcSession, channel: u8, value: P) -> Result<(), Error> {
    bmc.ask(&SetLanParameter { channel, value })
}

/// Sets LAN parameters under their lock, and commits. Some BMCs forget what is set without the lock, and roll back if it is
/// released without a commit. On a BMC without lock or commit (both are optional, IPMI 2.0, table 23-4; they are refused with
/// various codes) parameters take effect at once. A cancellation waits until the lock is released.
fn locked(
    bmc: &mut BmcSession,
    channel: u8,
    set: impl FnOnce(&mut BmcSession) -> Result<(), ChangeError>,
) -> Result<(), ChangeError> {
    bmc.without_cancellation(|bmc| set_locked(bmc, channel, set))
}

fn set_locked(
    bmc: &mut BmcSession,
    channel: u8,
    set_all: impl FnOnce(&mut BmcSession) -> Result<(), ChangeError>,
) -> Result<(), ChangeError> {
    let progress = |bmc: &mut BmcSession, value| set::<SetInProgress>(bmc, channel, value);
    let has_lock = match progress(bmc, SetInProgress::InProgress) {
        Ok(()) => true,
        // A program ended without releasing the lock: it is released here, otherwise nothing could ever be set again.
        Err(error) if error.completion() == Some(Completion(0x81)) => {
            progress(bmc, SetInProgress::Complete)?;
            progress(bmc, SetInProgress::InProgress)?;
            true
        }
        Err(error) if error.completion().is_some_and(is_busy) => return Err(error.into()),
        Err(error) => {
            only_if_fatal(error)?;
            false
        }
    };
    let result = set_all(bmc);
    if !has_lock {
        return result;
    }
    // After a failure, a BMC that waits for the commit forgets the parameters before it.
    let committed = match &result {
        Ok(()) => progress(bmc, SetInProgress::Commit).map_or_else(only_if_fatal, Ok),
        Err(_) => Ok(()),
    };
    let completed = progress(bmc, SetInProgress::Complete);
    result?;
    committed?;
    Ok(completed?)
}

/// Whether the BMC would refuse the parameters too. FFh can mean anything.
fn is_busy(code: Completion) -> bool {
    code.may_pass() && code != Completion::UNSPECIFIED
}

/// What is optional is refused with different codes.
fn only_if_fatal(error: Error) -> Result<(), Error> {
    if error.is_fatal() { Err(error) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
