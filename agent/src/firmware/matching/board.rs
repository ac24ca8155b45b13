// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine's own board as a component. Pure.

use stage1_contract::Facts;
use stage1_contract::firmware::manifest::{Component, Format, Match, Source};

use super::Device;
use crate::firmware::reading::{ReadError, Reading};
use crate::firmware::version;

/// The name of the component, in reports and in the journal.
const BOARD: &str = "board";

pub(super) struct Board<'a> {
    pub(super) facts: &'a Facts,
}

impl Board<'_> {
    pub(super) fn device(&self) -> Device {
        let name = BOARD.to_string();
        Device { component: Component::Bios, key: name.clone(), name, port: None }
    }

    /// Whether the machine has what the entry asks for. An entry that asks for nothing fits no machine.
    pub(super) fn fits(&self, required: &Match) -> bool {
        let system = self.facts.system.as_ref();
        // The first baseboard, as in the kernel's `/sys/class/dmi/id/board_name`.
        let board = self.facts.smbios.as_ref().and_then(|smbios| smbios.baseboards.first());
        let esrt = self.facts.firmware.iter().flat_map(|firmware| &firmware.esrt);
        let pairs = [
            (&required.sys_vendor, system.and_then(|system| system.manufacturer.as_ref())),
            (&required.product, system.and_then(|system| system.product.as_ref())),
            (&required.board_vendor, board.and_then(|board| board.manufacturer.as_ref())),
            (&required.board_name, board.and_then(|board| board.product.as_ref())),
        ];
        let given = pairs.iter().any(|(required, _)| required.is_some()) || required.esrt.is_some();
        given
            && pairs.iter().all(|(required, actual)| required.is_none() || required.as_ref() == *actual)
            && required.esrt.as_ref().is_none_or(|class| esrt.clone().any(|entry| entry.fw_class == *class))
    }

    /// The versions; `esrt` is the class of the entry in the ESRT that counts.
    pub(super) fn read(
        &self,
        source: &Source,
        esrt: Option<&str>,
        format: Format,
    ) -> Result<Reading, ReadError> {
        let missing = || ReadError::Missing(source.clone());
        let bios = self.facts.smbios.as_ref().and_then(|smbios| smbios.bios.as_ref());
        let running = match source {
            Source::Dmi => bios.and_then(|bios| bios.version.clone()),
            Source::DmiRelease => bios.and_then(|bios| bios.release.clone()),
            Source::Esrt => {
                let mut entries = self.facts.firmware.iter().flat_map(|firmware| &firmware.esrt);
                let entry = entries.find(|entry| Some(entry.fw_class.as_str()) == esrt);
                let entry = entry.ok_or_else(missing)?;
                let text = |value: Option<u32>| value.map(|value| version::of_u32(format, value));
                let lowest = text(entry.lowest_supported_fw_version.filter(|lowest| *lowest != 0));
                let running = text(entry.fw_version).ok_or_else(missing)?;
                return Ok(Reading { running, stored: None, lowest });
            }
            Source::Tool => return Err(ReadError::NotQueried),
            Source::Devlink(_) | Source::Ethtool(_) => None,
        };
        running.map(|running| Reading { running, ..Reading::default() }).ok_or_else(missing)
    }
}
