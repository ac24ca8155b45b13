// SPDX-License-Identifier: MIT OR Apache-2.0
//! The main scenario: a host registers and powers off, gets a profile, boots again, and runs its target.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use stage1_contract::{Address, Detail, Interface};
use stage1_initramfs::Compression;

use crate::bmc::Bmc;
use crate::console_phrases::{TARGET_NONCE, TARGET_PING, TARGET_PING_ANSWERED, TARGET_UP};
use crate::host::Host;
use crate::progress::Progress;
use crate::qmp::PowerOff;
use crate::rack::Rack;
use crate::uki;

/// The name of the profile that boots the target.
pub(crate) const PROFILE: &str = "demo-target";
/// The longest time from power-on to whatever is waited for, on an emulated host that shares the machine with others.
pub const BOOT: Duration = Duration::from_secs(240);

/// The form of the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A kernel and an initrd.
    Kernel,
    /// A unified kernel image, which has the command line too.
    Uki,
}

/// Runs the scenario on every host of the rack.
///
/// # Errors
/// The first step that failed, with the end of the host's console.
pub fn run(rack: &Rack, form: Form, progress: Progress) -> Result<()> {
    register_all(rack, progress)?;
    match form {
        Form::Kernel => add_profile(rack, "")?,
        Form::Uki => add_uki_profile(rack)?,
    }
    progress.print(&format!("added the profile {PROFILE}"));
    for (number, host) in (0..).zip(rack.hosts()) {
        prepare(rack, host, number, &identity(rack, host)?)?;
        host.power_on()?;
        progress.print(&format!("{}: has a profile and a detail, powered on again", host.name()));
    }
    for host in rack.hosts() {
        let target = wait_for_target(rack, host)?;
        progress.print(&format!("{}: {target}", host.name()));
        if let Ok(bmc) = host.bmc() {
            let login = log_in(rack, bmc, &identity(rack, host)?)?;
            progress.print(&format!("{}: {login}", host.name()));
        }
    }
    Ok(())
}

/// Logs in to a BMC over the network, as each user that the inventory configures.
fn log_in(rack: &Rack, bmc: &Bmc, id: &str) -> Result<String> {
    let credentials = rack.inventory().credentials(id)?;
    let mut users = Vec::new();
    for entry in credentials.as_array().into_iter().flatten() {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let status = bmc.ipmitool(text("user"), text("password"), &["chassis", "power", "status"])?;
        ensure!(status.contains("Chassis Power is on"), "the host is on, but its BMC reports: {status}");
        ensure!(
            bmc.ipmitool(text("user"), "not-its-password", &["chassis", "power", "status"]).is_err(),
            "the BMC accepts a wrong password of user {}",
            text("user")
        );
        users.push(text("user").to_string());
    }
    ensure!(!users.is_empty(), "the inventory has no credentials for the BMC of host {id}");
    Ok(format!("BMC reachable at {} as user {}", bmc.address()?, users.join(" and ")))
}

/// Powers every host on, and waits until it has registered and powered off.
///
/// # Errors
/// A host did not power off, or is not in the inventory.
pub fn register_all(rack: &Rack, progress: Progress) -> Result<()> {
    for host in rack.hosts() {
        host.power_on()?;
        progress.print(&format!("{}: powered on, console log: {}", host.name(), host.serial_log().display()));
    }
    for host in rack.hosts() {
        let end = host.wait_off(BOOT)?;
        ensure!(
            end == PowerOff::Shutdown,
            "host {} ended by {end:?} instead of powering off{}",
            host.name(),
            host.shown()
        );
        let id = identity(rack, host).with_context(|| host.shown())?;
        progress.print(&format!("{}: registered as {id} and powered off", host.name()));
    }
    Ok(())
}

/// Adds the profile: the first stage's own kernel, and an initrd that prints its nonce, hostname and address. `append` is
/// added to its kernel command line.
///
/// # Errors
/// The initrd cannot be built, or the inventory refuses the profile.
pub fn add_profile(rack: &Rack, append: &str) -> Result<()> {
    let append = format!("{} {append}", command_line(rack));
    let (kernel, initrd) = (rack.paths().built("vmlinuz")?, build_initrd(rack)?);
    rack.inventory().add_profile(PROFILE, &kernel, &initrd, append.trim_end())
}

/// Adds the same profile as one unified kernel image.
fn add_uki_profile(rack: &Rack) -> Result<()> {
    let (kernel, initrd, uki) =
        (rack.paths().built("vmlinuz")?, build_initrd(rack)?, rack.directory().join("target.efi"));
    let stub = &rack.paths().uki_stub;
    ensure!(stub.is_file(), "{} is missing: run scripts/setup", stub.display());
    uki::build(stub, &kernel, &initrd, &command_line(rack), &uki)?;
    rack.inventory().add_uki(PROFILE, &uki)
}

fn command_line(rack: &Rack) -> String {
    format!(
        "console=ttyS0 panic=-1 quiet no_timer_check cryptomgr.notests target.ping={}",
        rack.spec().network.server
    )
}

fn build_initrd(rack: &Rack) -> Result<PathBuf> {
    let paths = rack.paths();
    let initrd = rack.directory().join("target.cpio.zst");
    let variables = BTreeMap::from([
        ("busybox".to_string(), "/bin/busybox".to_string()),
        ("kernel".to_string(), paths.kernel_package.to_string_lossy().into_owned()),
    ]);
    let list = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/target.list"));
    let image = stage1_initramfs::build("target", &[list], variables)
        .and_then(|image| image.to_bytes(Compression::Zstd))
        .context("building the target's initrd; scripts/setup fetches what it needs")?;
    fs::write(&initrd, image).with_context(|| format!("writing {}", initrd.display()))?;
    Ok(initrd)
}

/// Makes the inventory boot the host with identity `id` into the profile, as `target-NAME` with the address of host
/// `number` of the rack, counted from 0.
///
/// # Errors
/// The host has no NIC, or the inventory refuses.
pub fn prepare(rack: &Rack, host: &Host, number: u32, id: &str) -> Result<()> {
    let inventory = rack.inventory();
    let nic = host.spec().nics.first().with_context(|| format!("host {} has no NIC", host.name()))?;
    let network = &rack.spec().network;
    let address = format!("{}/{}", network.address(11 + number), network.prefix);
    let interface = Interface {
        name: "port0".to_string(),
        mac: Some(nic.mac.clone()),
        addresses: vec![Address(address)],
        ..Interface::default()
    };
    let hostname = format!("target-{}", host.name());
    let detail = Detail {
        version: stage1_contract::VERSION,
        hostname,
        interfaces: vec![interface],
        ..Detail::default()
    };
    inventory.set_detail(id, &detail)?;
    inventory.assign(id, PROFILE)?;
    inventory.set_action(id, "boot")
}

/// Waits until the target is up, and checks its nonce, hostname and address against the inventory. Returns a line for
/// people.
///
/// # Errors
/// The target is not up in time, or differs from what the inventory has.
pub fn wait_for_target(rack: &Rack, host: &Host) -> Result<String> {
    let nonce = host.wait_for(TARGET_NONCE, BOOT)?;
    let answer = host.wait_for(TARGET_PING, BOOT)?;
    let up = host.wait_for(TARGET_UP, BOOT)?;
    let shown = || host.shown();
    ensure!(
        answer.group(1).ends_with(TARGET_PING_ANSWERED),
        "the target's network: {}{}",
        answer.group(1),
        shown()
    );
    let expected = rack.inventory().host(&identity(rack, host)?)?;
    let stored =
        |pointer: &str| expected.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string();
    ensure!(
        stored("/installed/nonce") == nonce.group(1),
        "the target's nonce differs from the inventory's{}",
        shown()
    );
    ensure!(
        stored("/detail/hostname") == up.group(2),
        "the target's hostname differs from the detail's{}",
        shown()
    );
    ensure!(
        stored("/detail/interfaces/0/addresses/0") == up.group(3),
        "the target's address differs from the detail's{}",
        shown()
    );
    Ok(format!("{}, {}", up.group(1), answer.group(1)))
}

/// The identity that the inventory knows the host by; found by the host's MAC addresses.
///
/// # Errors
/// The host is not registered.
pub fn identity(rack: &Rack, host: &Host) -> Result<String> {
    let inventory = rack.inventory();
    for known in inventory.hosts()?.as_array().into_iter().flatten() {
        let Some(id) = known.get("id").and_then(Value::as_str) else { continue };
        let known = inventory.host(id)?;
        let nics = known.pointer("/report/facts/nics").and_then(Value::as_array).into_iter().flatten();
        let macs: Vec<&str> =
            nics.filter_map(|nic| nic.get("permanent_mac").or(nic.get("mac"))?.as_str()).collect();
        if host.spec().nics.iter().any(|nic| macs.contains(&nic.mac.as_str())) {
            return Ok(id.to_string());
        }
    }
    bail!("host {} is not registered in the inventory", host.name())
}
