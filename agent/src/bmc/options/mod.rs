// SPDX-License-Identifier: MIT OR Apache-2.0
//! What most fleets leave alone: the key K_G, serial over LAN's bit rate and protection, the boot device, DCMI. Each is read
//! only if it is desired.

mod apply;
mod key;
mod plan;
mod read;

use std::fmt;

use ipmi::app::ChannelKey;
use ipmi::chassis::{BootDevice, BootFlags};
use ipmi::transport::{BitRate, SolAuthentication};
use stage1_contract::{BmcBoot, BootDevice as BootWord};

pub(crate) use apply::apply;
pub(crate) use key::channel_key;
pub(crate) use plan::plan;
pub(crate) use read::{read, read_back};

use super::privilege;

/// The actual configuration. `None`: not read, or the BMC does not report it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// K_G of each LAN channel that leads to a network; `None` if the BMC does not show it.
    pub(crate) keys: Vec<(u8, Option<ChannelKey>)>,
    /// Serial over LAN's bit rate after the BMC's next start.
    pub(crate) sol_bit_rate: Option<BitRate>,
    pub(crate) sol_authentication: Option<SolAuthentication>,
    pub(crate) boot: Option<BootFlags>,
    pub(crate) asset_tag: Option<String>,
    pub(crate) controller_id: Option<String>,
    /// The desired limit of the event log, in percent, which is looked at once the log was read.
    pub(crate) clear_sel_above: Option<u8>,
}

/// A change of one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OptionChange {
    /// Set K_G of this LAN channel.
    Key {
        channel: u8,
        key: ChannelKey,
    },
    SolBitRate(BitRate),
    SolAuthentication(SolAuthentication),
    Boot {
        flags: BootFlags,
    },
    AssetTag(String),
    ControllerId(String),
}

/// Identifies such a change, whatever value it sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OptionId {
    Key(u8),
    Sol,
    Boot,
    AssetTag,
    ControllerId,
}

impl OptionChange {
    pub(crate) fn id(&self) -> OptionId {
        match self {
            Self::Key { channel, .. } => OptionId::Key(*channel),
            Self::SolBitRate(_) | Self::SolAuthentication(_) => OptionId::Sol,
            Self::Boot { .. } => OptionId::Boot,
            Self::AssetTag(_) => OptionId::AssetTag,
            Self::ControllerId(_) => OptionId::ControllerId,
        }
    }
}

impl fmt::Display for OptionChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { channel, .. } => write!(formatter, "key K_G: set on channel {channel}"),
            Self::SolBitRate(rate) => match bits_per_second(*rate) {
                Some(rate) => write!(formatter, "serial over LAN: {rate} bit/s"),
                None => write!(formatter, "serial over LAN: the serial port's bit rate"),
            },
            Self::SolAuthentication(SolAuthentication { encryption, privilege, .. }) => {
                let encryption = if *encryption { "encrypted" } else { "encryption not required" };
                write!(
                    formatter,
                    "serial over LAN: {encryption}, for {} and above",
                    privilege::reported(*privilege)
                )
            }
            Self::Boot { flags } => {
                let BmcBoot { device, is_persistent, is_efi } = boot(flags);
                let when = if is_persistent { "all boots" } else { "the next boot" };
                let firmware = if is_efi { "UEFI" } else { "BIOS" };
                write!(formatter, "boot device: {device} for {when}, {firmware}")
            }
            Self::AssetTag(tag) => write!(formatter, "asset tag: {tag}"),
            Self::ControllerId(id) => write!(formatter, "management controller ID: {id}"),
        }
    }
}

/// `None` for the serial port's own rate.
pub(crate) fn bits_per_second(rate: BitRate) -> Option<u32> {
    BIT_RATES.iter().find(|(code, _)| *code == rate).map(|(_, rate)| *rate)
}

/// The code of a bit rate.
pub(crate) fn bit_rate(bits_per_second: u32) -> Option<BitRate> {
    BIT_RATES.iter().find(|(_, rate)| *rate == bits_per_second).map(|(code, _)| *code)
}

const BIT_RATES: [(BitRate, u32); 5] = [
    (BitRate::B9600, 9600),
    (BitRate::B19200, 19_200),
    (BitRate::B38400, 38_400),
    (BitRate::B57600, 57_600),
    (BitRate::B115200, 115_200),
];

/// What the host boots from, for the report.
pub(crate) fn boot(flags: &BootFlags) -> BmcBoot {
    let device = match flags.device {
        _ if !flags.is_valid => BootWord::Unchanged,
        device => match BOOT_DEVICES.iter().find(|(code, _)| *code == device) {
            Some((_, word)) => word.clone(),
            None => BootWord::Unlisted(format!("{:#04x}", u8::from(device))),
        },
    };
    BmcBoot { device, is_persistent: flags.is_valid && flags.is_persistent, is_efi: flags.is_efi }
}

/// The code of a boot device; `None` for one that is unknown.
pub(crate) fn boot_device(word: &BootWord) -> Option<BootDevice> {
    BOOT_DEVICES.iter().find(|(_, known)| known == word).map(|(code, _)| *code)
}

const BOOT_DEVICES: [(BootDevice, BootWord); 9] = [
    (BootDevice::Unchanged, BootWord::Unchanged),
    (BootDevice::Pxe, BootWord::Pxe),
    (BootDevice::Disk, BootWord::Disk),
    (BootDevice::Cd, BootWord::Cd),
    (BootDevice::Diagnostics, BootWord::Diagnostics),
    (BootDevice::Setup, BootWord::Setup),
    (BootDevice::Floppy, BootWord::Floppy),
    (BootDevice::RemoteCd, BootWord::RemoteCd),
    (BootDevice::RemoteDisk, BootWord::RemoteDisk),
];

#[cfg(test)]
mod tests;
