// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware, once through: a host gets new firmware, is reset once, runs it, and becomes its target; the next time that it
//! is powered on, nothing is written.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::host::Host;
use crate::progress::Progress;
use crate::rack::Rack;
use crate::scenario::{BOOT, add_profile, prepare, wait_for_target};

/// Plays the scenario with every host of the rack, one after the other.
pub fn play(rack: &Rack, progress: Progress) -> Result<()> {
    add_profile(rack, "")?;
    for (number, host) in (0..).zip(rack.hosts()) {
        let say = |words: &str| progress.say(&format!("{}: {words}", host.name()));
        let id = host.spec().smbios.system.uuid.as_deref().context("a host needs smbios.system.uuid")?;
        prepare(rack, host, number, id)?;
        let delivered = Flashed::of(host)?;
        host.power_on()?;
        say(&format!("powered on; its console: {}", host.serial_log().display()));
        follow(host, say)?;
        say(&wait_for_target(rack, host)?);
        let (boots, written) = (boots(rack, id)?, Flashed::of(host)?);
        ensure!(boots == 2, "the host was started {boots} times, and not twice{}", host.shown());
        ensure!(written != delivered, "nothing was written{}", host.shown());
        let attempts = confirmed(rack, id)?;
        say(&format!("one reset; {attempts} components run what they should: confirmed"));

        host.cut();
        host.power_on()?;
        say("powered on once more");
        follow(host, say)?;
        say(&wait_for_target(rack, host)?);
        let unchanged = Flashed::of(host)? == written && confirmed(rack, id)? == attempts;
        ensure!(unchanged, "something was written that was written already{}", host.shown());
        say("nothing was written");
    }
    Ok(())
}

/// What is in the flash of a host's components, and how often that of its network port was written.
#[derive(PartialEq, Eq)]
pub struct Flashed {
    nic_chunks: Option<u32>,
    bios_code: Option<Vec<u8>>,
}

impl Flashed {
    /// As it is now.
    pub fn of(host: &Host) -> Result<Flashed> {
        let spec = host.spec();
        let nic_chunks = spec.firmware_nic.as_ref().map(|_| host.nic_flash()?.chunks()).transpose()?;
        let bios_code = spec.bios.as_ref().map(|_| host.bios_code()).transpose()?;
        Ok(Flashed { nic_chunks, bios_code })
    }
}

/// How often the host was started, as far as the inventory was reported.
pub fn boots(rack: &Rack, id: &str) -> Result<usize> {
    let host = rack.inventory().host(id)?;
    let events = host.get("events").and_then(Value::as_array).into_iter().flatten();
    let ids: BTreeSet<&str> = events.filter_map(|event| event.pointer("/event/boot_id")?.as_str()).collect();
    Ok(ids.len())
}

/// Reports what the host reports of its firmware, until it jumps into its target.
fn follow(host: &Host, say: impl Fn(&str)) -> Result<()> {
    loop {
        let reported = "firmware: .*|flash: .*|a [a-z-]+ reset, .*";
        let line = host.wait_for(&format!("^(?:stage1: )?(?:({reported})|installed: .*)\n"), BOOT)?;
        match line.group(1) {
            "" => return Ok(()),
            words => say(words),
        }
    }
}

/// How many attempts the journal has: one for each component, confirmed.
fn confirmed(rack: &Rack, id: &str) -> Result<usize> {
    let host = rack.inventory().host(id)?;
    let attempts = host.pointer("/firmware/attempts").and_then(Value::as_array).cloned().unwrap_or_default();
    let reported = |attempt: &Value, key: &str| attempt.get(key).and_then(Value::as_str).map(str::to_string);
    let devices: BTreeSet<_> = attempts.iter().filter_map(|attempt| reported(attempt, "device")).collect();
    let all = attempts.iter().all(|attempt| reported(attempt, "outcome").as_deref() == Some("confirmed"));
    ensure!(
        all && !attempts.is_empty() && devices.len() == attempts.len(),
        "the journal reports: {attempts:#?}"
    );
    Ok(attempts.len())
}
