// SPDX-License-Identifier: MIT OR Apache-2.0
//! The main job, once through: a host registers and powers off, gets a profile, boots again, and becomes its target.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use stage1_contract::{Address, Detail, Interface};
use stage1_initramfs::Compression;

use crate::bmc::Bmc;
use crate::host::Host;
use crate::progress::Progress;
use crate::qmp::PowerOff;
use crate::rack::Rack;

/// The profile's name.
pub const PROFILE: &str = "demo-target";
/// How long a host may take from power-on to what is waited for. Emulated, with others on the same machine.
pub const BOOT: Duration = Duration::from_secs(240);

/// Plays the whole scenario with every host of the rack.
pub fn play(rack: &Rack, progress: Progress) -> Result<()> {
    register_all(rack, progress)?;
    add_profile(rack, "")?;
    progress.say(&format!("added the profile {PROFILE}"));
    for (number, host) in (0..).zip(rack.hosts()) {
        prepare(rack, host, number, &identity(rack, host)?)?;
        host.power_on()?;
        progress.say(&format!("{}: has a profile and a detail, powered on again", host.name()));
    }
    for host in rack.hosts() {
        let words = wait_for_target(rack, host)?;
        progress.say(&format!("{}: {words}", host.name()));
        if let Ok(bmc) = host.bmc() {
            let words = log_in(rack, bmc, &identity(rack, host)?)?;
            progress.say(&format!("{}: {words}", host.name()));
        }
    }
    Ok(())
}

/// Logs in at a BMC from outside, as each user that the inventory wants there.
fn log_in(rack: &Rack, bmc: &Bmc, id: &str) -> Result<String> {
    let credentials = rack.inventory().credentials(id)?;
    let mut users = Vec::new();
    for entry in credentials.as_array().into_iter().flatten() {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let status = bmc.ipmitool(text("user"), text("password"), &["chassis", "power", "status"])?;
        ensure!(status.contains("Chassis Power is on"), "the BMC reports of a host that is on: {status}");
        ensure!(
            bmc.ipmitool(text("user"), "not-its-password", &["chassis", "power", "status"]).is_err(),
            "the BMC lets {} in with a wrong password",
            text("user")
        );
        users.push(text("user").to_string());
    }
    ensure!(!users.is_empty(), "the inventory has no user for the BMC of {id}");
    Ok(format!("BMC reachable at {} as user {}", bmc.address()?, users.join(" and as ")))
}

/// Turns every host on and waits until it has registered and powered itself off.
pub fn register_all(rack: &Rack, progress: Progress) -> Result<()> {
    for host in rack.hosts() {
        host.power_on()?;
        progress.say(&format!("{}: powered on; its console: {}", host.name(), host.serial_log().display()));
    }
    for host in rack.hosts() {
        let end = host.wait_off(BOOT)?;
        ensure!(
            end == PowerOff::Shutdown,
            "host {} did not power off but: {end:?}{}",
            host.name(),
            host.shown()
        );
        let id = identity(rack, host).with_context(|| host.shown())?;
        progress.say(&format!("{}: registered as {id} and powered off", host.name()));
    }
    Ok(())
}

/// Adds the profile: the first stage's own kernel, and an initrd that reports what it became.
pub fn add_profile(rack: &Rack, append: &str) -> Result<()> {
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
    let append = format!(
        "console=ttyS0 panic=-1 quiet cryptomgr.notests target.ping={} {append}",
        rack.spec().network.server
    );
    rack.inventory().add_profile(PROFILE, &paths.built("vmlinuz")?, &initrd, append.trim_end())
}

/// Has the inventory boot the host into the profile, under the host's own name and with an address of its own;
/// `number` reports hosts apart, `id` is the host's identity.
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

/// Waits until the target reports that it is up, and checks that it is the one that the inventory was reported.
pub fn wait_for_target(rack: &Rack, host: &Host) -> Result<String> {
    let nonce = host.wait_for(r"^target: nonce (\w+)\n", BOOT)?;
    let answer = host.wait_for(r"^target: (\S+ answers|\S+ does not answer)\n", BOOT)?;
    let up = host.wait_for(r"^(target is up: (\S+) (\S+))\n", BOOT)?;
    let shown = || host.shown();
    ensure!(answer.group(1).ends_with(" answers"), "the target's network: {}{}", answer.group(1), shown());
    let expected = rack.inventory().host(&identity(rack, host)?)?;
    let reported =
        |pointer: &str| expected.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string();
    ensure!(
        reported("/installed/nonce") == nonce.group(1),
        "another nonce than the inventory was reported{}",
        shown()
    );
    ensure!(reported("/detail/hostname") == up.group(2), "another name than in the detail{}", shown());
    ensure!(
        reported("/detail/interfaces/0/addresses/0") == up.group(3),
        "another address than in the detail{}",
        shown()
    );
    Ok(format!("{}, {}", up.group(1), answer.group(1)))
}

/// Under which identity the inventory has the host: found by the host's MAC addresses.
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
    bail!("host {} is not in the inventory", host.name())
}
