// SPDX-License-Identifier: MIT OR Apache-2.0
//! The firmware scenario: a host gets new firmware, is reset once, confirms it, and runs its target; at the next power-on,
//! nothing is written.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::console_phrases::FIRMWARE_OR_INSTALLED;
use crate::host::Host;
use crate::progress::Progress;
use crate::rack::Rack;
use crate::scenario::{BOOT, add_profile, prepare, wait_for_target};

/// Runs the scenario on every host of the rack, one after the other.
///
/// # Errors
/// The first step that failed, with the end of the host's console.
pub fn run(rack: &Rack, progress: Progress) -> Result<()> {
    add_profile(rack, "")?;
    for (number, host) in (0..).zip(rack.hosts()) {
        let print = |line: &str| progress.print(&format!("{}: {line}", host.name()));
        let id = host.spec().smbios.system.uuid.as_deref().context("a host needs smbios.system.uuid")?;
        prepare(rack, host, number, id)?;
        let delivered = Flashed::of(host)?;
        host.power_on()?;
        print(&format!("powered on, console log: {}", host.serial_log().display()));
        follow(host, print)?;
        print(&wait_for_target(rack, host)?);
        let (boots, written) = (boots(rack, id)?, Flashed::of(host)?);
        ensure!(boots == 2, "the host was started {boots} times instead of twice{}", host.shown());
        ensure!(written != delivered, "nothing was written{}", host.shown());
        let attempts = confirmed(rack, id)?;
        print(&format!("one reset; {attempts} components run the new firmware: confirmed"));

        host.cut();
        host.power_on()?;
        print("powered on again");
        follow(host, print)?;
        print(&wait_for_target(rack, host)?);
        let unchanged = Flashed::of(host)? == written && confirmed(rack, id)? == attempts;
        ensure!(unchanged, "firmware was written that is current already{}", host.shown());
        print("nothing was written");
    }
    Ok(())
}

/// The code in a host's BIOS chip, and the number of chunks written to its network adapter's flash. Compares equal as long
/// as nothing was written.
#[derive(PartialEq, Eq)]
pub(crate) struct Flashed {
    nic_chunks: Option<u32>,
    bios_code: Option<Vec<u8>>,
}

impl Flashed {
    /// The present state of the host's flash.
    ///
    /// # Errors
    /// A file of the host cannot be read.
    pub fn of(host: &Host) -> Result<Flashed> {
        let spec = host.spec();
        let nic_chunks = spec.firmware_nic.as_ref().map(|_| host.nic_flash()?.chunks()).transpose()?;
        let bios_code = spec.bios.as_ref().map(|_| host.bios_code()).transpose()?;
        Ok(Flashed { nic_chunks, bios_code })
    }
}

/// The number of boots that the inventory has events of.
///
/// # Errors
/// The inventory does not have the host.
pub fn boots(rack: &Rack, id: &str) -> Result<usize> {
    let host = rack.inventory().host(id)?;
    let events = host.get("events").and_then(Value::as_array).into_iter().flatten();
    let ids: BTreeSet<&str> = events.filter_map(|event| event.pointer("/event/boot_id")?.as_str()).collect();
    Ok(ids.len())
}

/// Prints the host's progress with its firmware, until the target is installed.
fn follow(host: &Host, print: impl Fn(&str)) -> Result<()> {
    loop {
        let line = host.wait_for(FIRMWARE_OR_INSTALLED, BOOT)?;
        match line.group(1) {
            "" => return Ok(()),
            line => print(line),
        }
    }
}

/// The number of attempts in the firmware journal; fails unless there is one for each component, and all are confirmed.
fn confirmed(rack: &Rack, id: &str) -> Result<usize> {
    let host = rack.inventory().host(id)?;
    let attempts = host.pointer("/firmware/attempts").and_then(Value::as_array).cloned().unwrap_or_default();
    let field = |attempt: &Value, key: &str| attempt.get(key).and_then(Value::as_str).map(str::to_string);
    let devices: BTreeSet<_> = attempts.iter().filter_map(|attempt| field(attempt, "device")).collect();
    let all = attempts.iter().all(|attempt| field(attempt, "outcome").as_deref() == Some("confirmed"));
    ensure!(
        all && !attempts.is_empty() && devices.len() == attempts.len(),
        "unconfirmed attempts in the firmware journal: {attempts:#?}"
    );
    Ok(attempts.len())
}
