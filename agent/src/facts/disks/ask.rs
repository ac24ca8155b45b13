// SPDX-License-Identifier: MIT OR Apache-2.0
//! What NVMe and ATA disks report themselves.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::io;
use std::path::Path;

use stage1_contract::Disk;
use stage1_contract::facts::{Ata, Nvme};

use super::discover::DEADLINE;
use super::ioctl::ScsiAnswer;
use super::known::take_identity;
use super::{ata, ioctl, nvme};
use crate::facts::device::Device;
use crate::host::Machine;

/// Asks the controller of an NVMe namespace.
pub(super) fn nvme(machine: &Machine, disk: &mut Disk, problems: &mut Vec<String>) {
    let number =
        machine.attribute(format!("/sys/block/{}/nsid", disk.name)).and_then(|nsid| nsid.parse().ok());
    let Some(known) = &mut disk.nvme else { return };
    let controller = known.controller.clone();
    let node = machine.path(Path::new("/dev").join(&controller));
    let identify =
        |nsid: u32, cns: u32| ioctl::nvme(&node, ioctl::IDENTIFY, nsid, cns, nvme::IDENTIFY_LENGTH, DEADLINE);
    // Of the whole controller, FFFFFFFFh; the length is in double words, less one.
    let log = |page: u32| {
        let length = (nvme::LOG_LENGTH / 4 - 1) as u32;
        ioctl::nvme(&node, ioctl::GET_LOG_PAGE, u32::MAX, length << 16 | page, nvme::LOG_LENGTH, DEADLINE)
    };
    let mut device = Device { machine, name: &controller, problems };
    if let Some(found) = device.answer("identify-controller", &|| identify(0, 1), nvme::controller) {
        disk.model = found.model.or(disk.model.take());
        disk.serial = found.serial.or(disk.serial.take());
        disk.firmware = found.revision.or(disk.firmware.take());
        *known = Nvme { controller: controller.clone(), ..found.nvme };
    }
    if let Some(found) = device.answer("firmware-slot-log", &|| log(3), nvme::firmware) {
        let firmware = known.firmware.get_or_insert_default();
        (firmware.active_slot, firmware.next_slot) = (found.active_slot, found.next_slot);
        firmware.revisions = found.revisions;
    }
    known.health = device.answer("smart-log", &|| log(2), nvme::health);
    disk.failing = known.health.as_ref().map(|health| !health.critical_warnings.is_empty());
    let mut device = Device { machine, name: &disk.name, problems };
    if let Some(number) = number {
        known.namespace = device.answer("identify-namespace", &|| identify(number, 0), nvme::namespace);
        known.namespace.iter_mut().for_each(|namespace| namespace.id = number);
    }
}

/// Asks an ATA disk; nothing that wakes it.
pub(super) fn ata(machine: &Machine, disk: &mut Disk, problems: &mut Vec<String>) {
    let name = disk.name.clone();
    let node = machine.path(Path::new("/dev").join(&name));
    let mut device = Device { machine, name: &name, problems };
    // The kernel has no VPD page 89h of it.
    if disk.ata == Some(Ata::default()) {
        let ask = || data(ioctl::scsi(&node, &ata::IDENTIFY_DEVICE, ata::IDENTIFY_LENGTH, DEADLINE)?);
        let Some(identity) = device.answer("identify-device", &ask, ata::identity) else { return };
        take_identity(disk, identity);
    }
    let Some(known) = &mut disk.ata else { return };
    let command = |command: &[u8; 16]| registers(ioctl::scsi(&node, command, 0, DEADLINE)?);
    let mode = device.answer("check-power-mode", &|| command(&ata::CHECK_POWER_MODE), ata::registers);
    known.power_mode = mode.map(|registers| ata::power_mode(registers.count));
    // A sleeping disk is not woken.
    let awake = mode.is_some_and(|registers| registers.count >= 0x80);
    if awake && known.smart_enabled == Some(true) {
        let ask = || command(&ata::SMART_RETURN_STATUS);
        let status = device.answer("smart-return-status", &ask, ata::registers);
        disk.failing = status.and_then(ata::threshold_exceeded);
    }
}

/// The data of a command that succeeded.
fn data(answer: ScsiAnswer) -> io::Result<Vec<u8>> {
    if answer.status == 0 { Ok(answer.data) } else { Err(refusal(&answer)) }
}

/// The sense data of a command that gives its registers back, which makes it end in a check condition.
fn registers(answer: ScsiAnswer) -> io::Result<Vec<u8>> {
    if ata::registers(&answer.sense).is_some() { Ok(answer.sense) } else { Err(refusal(&answer)) }
}

/// Why a command failed. For a command that the disk does not know, SCSI returns Illegal Request, and SAT Aborted Command
/// where ATA does (SPC-5 table 56; SAT-4 11.6); some controllers report success and give no registers.
fn refusal(answer: &ScsiAnswer) -> io::Error {
    let key = match answer.sense.first().map(|format| format & 0x7f) {
        Some(0x72 | 0x73) => answer.sense.get(1),
        _ => answer.sense.get(2),
    };
    match (answer.status, key.map_or(0, |key| key & 0x0f)) {
        (0, _) | (_, 0x5 | 0xb) => io::ErrorKind::Unsupported.into(),
        (status, key) => io::Error::other(format!("SCSI status {status:#04x}, sense key {key:#03x}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u8, sense: &[u8]) -> ScsiAnswer {
        ScsiAnswer { data: vec![1], sense: sense.to_vec(), status }
    }

    #[test]
    fn a_command_that_the_disk_does_not_know_differs_from_one_that_failed() {
        let kind = |status, sense| data(answer(status, sense)).map_err(|error| error.kind());
        assert_eq!(kind(0, &[]), Ok(vec![1]));
        assert_eq!(kind(2, &[0x72, 0x05, 0x20, 0x00]), Err(io::ErrorKind::Unsupported));
        assert_eq!(kind(2, &[0x70, 0x00, 0x0b]), Err(io::ErrorKind::Unsupported));
        assert_eq!(kind(2, &[0x70, 0x00, 0x04]), Err(io::ErrorKind::Other));
        assert_eq!(kind(2, &[]), Err(io::ErrorKind::Other));
        let without_registers = registers(answer(0, &[])).map_err(|error| error.kind());
        assert_eq!(without_registers, Err(io::ErrorKind::Unsupported));
    }
}
