// SPDX-License-Identifier: MIT OR Apache-2.0
//! The commands that change an option.

use ipmi::SetInProgress;
use ipmi::app::SetChannelKey;
use ipmi::chassis::{BootAcknowledge, BootFlags, BootFlagsKept, SetBootOption};
use ipmi::dcmi::{SetAssetTag, SetControllerId};
use ipmi::transport::{BitRate, SetSolParameter, SolAuthentication, SolBitRate, SolVolatileBitRate};

use super::OptionChange;
use crate::bmc::apply::ChangeError;
use crate::bmc::session::{BmcSession, Error};

/// Makes the change. `channel` is the LAN channel in use.
pub(crate) fn apply(bmc: &mut BmcSession, channel: u8, change: &OptionChange) -> Result<(), ChangeError> {
    match change {
        OptionChange::Key { channel, key } => bmc.ask(&SetChannelKey { channel: *channel, key: *key })?,
        OptionChange::SolBitRate(rate) => bit_rate(bmc, channel, *rate)?,
        OptionChange::SolAuthentication(value) => {
            bmc.ask::<SetSolParameter<SolAuthentication>>(&SetSolParameter { channel, value: *value })?;
        }
        OptionChange::Boot { flags } => boot(bmc, *flags)?,
        OptionChange::AssetTag(tag) => {
            let pieces = SetAssetTag::pieces(tag).ok_or_else(|| too_long("asset tag"))?;
            pieces.iter().try_for_each(|piece| bmc.ask(piece))?;
        }
        OptionChange::ControllerId(id) => {
            let pieces = SetControllerId::pieces(id).ok_or_else(|| too_long("management controller ID"))?;
            pieces.iter().try_for_each(|piece| bmc.ask(piece))?;
        }
    }
    Ok(())
}

fn too_long(what: &str) -> ChangeError {
    ChangeError::Invalid(format!("the {what} must have 1 to 63 bytes"))
}

/// For after the BMC's next start, and for now; a BMC may have one of them only.
fn bit_rate(bmc: &mut BmcSession, channel: u8, rate: BitRate) -> Result<(), Error> {
    bmc.ask(&SetSolParameter { channel, value: SolBitRate(rate) })?;
    match bmc.ask(&SetSolParameter { channel, value: SolVolatileBitRate(rate) }) {
        Err(error) if error.is_fatal() => Err(error),
        _ => Ok(()),
    }
}

/// As ipmitool does it: under the lock, and with the earlier flags acknowledged for the firmware. Without the other parameters,
/// of which each is optional, some BMCs forget the flags after a minute.
fn boot(bmc: &mut BmcSession, flags: BootFlags) -> Result<(), Error> {
    let kept = BootFlagsKept { timeout: true, ..BootFlagsKept::default() };
    bmc.without_cancellation(|bmc| {
        let has_lock = optional(bmc.ask(&SetBootOption { value: SetInProgress::InProgress }))?;
        optional(bmc.ask(&SetBootOption { value: kept }))?;
        optional(bmc.ask(&SetBootOption { value: BootAcknowledge { mask: 0x01, noticed: 0x01 } }))?;
        let result = bmc.ask(&SetBootOption { value: flags });
        if has_lock {
            if result.is_ok() {
                optional(bmc.ask(&SetBootOption { value: SetInProgress::Commit }))?;
            }
            optional(bmc.ask(&SetBootOption { value: SetInProgress::Complete }))?;
        }
        result
    })
}

/// Whether the BMC accepted it; an error only if nothing more can be sent.
fn optional(result: Result<(), Error>) -> Result<bool, Error> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.is_fatal() => Err(error),
        Err(_) => Ok(false),
    }
}
