// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs that are stopped by a signal while they wait. Where the inventory hangs, a stage may go on to the end of the
//! process, and nobody waits for it; every other wait ends itself.

use std::thread;
use std::time::Duration;

use stage1::stages::RunMode;
use stage1_contract::StageName;

use super::case::{Case, wait_for_note};
use super::host::kernel;
use super::inventory::{Inventory, Reply};

const REGISTER: &str = "PUT /ipxe/ID";
const PROFILE: &str = "GET /ipxe/ID/profile";
const KERNEL: &str = "GET /images/kernel";

#[test]
fn while_the_inventory_decides() {
    let case = Case::new(RunMode::Run).on(REGISTER, Reply::wire("registration-wait.json"));
    let ended = case.stop_when(|run, _| wait_for_note(run, &StageName::Register, "action wait"));
    ended.assert_stopped(&StageName::Register);
    ended.assert_no_stage_goes_on();
}

#[test]
fn while_no_profile_is_assigned() {
    let case = Case::new(RunMode::Boot).on(PROFILE, Reply::retry_after(204, 600));
    let ended = case.stop_when(|_, inventory| wait_for_pause(inventory, PROFILE));
    ended.assert_stopped(&StageName::Profile);
    ended.assert_no_stage_goes_on();
}

#[test]
fn between_two_attempts() {
    let case = Case::new(RunMode::Register).on(REGISTER, Reply::retry_after(503, 60));
    let ended = case.stop_when(|_, inventory| wait_for_pause(inventory, REGISTER));
    ended.assert_stopped(&StageName::Register);
    ended.assert_no_stage_goes_on();
    assert_eq!(ended.requests().iter().filter(|request| *request == REGISTER).count(), 1);
}

#[test]
fn while_the_inventory_hangs() {
    for (request, stage) in [
        ("GET /ipxe/firmware-manifests", StageName::Manifests),
        (REGISTER, StageName::Register),
        (PROFILE, StageName::Profile),
        ("GET /ipxe/ID/detail", StageName::Detail),
        ("POST /ipxe/ID/installed", StageName::Installed),
    ] {
        let case = Case::new(RunMode::Run).on(request, Reply::Hang);
        let ended = case.stop_when(|_, inventory| inventory.wait_for(request, ""));
        ended.assert_stopped(&stage);
    }
}

#[test]
fn while_a_download_is_slow() {
    let case = Case::new(RunMode::Run).on(KERNEL, Reply::Drip(kernel().len() as u64));
    let ended = case.stop_when(|_, inventory| inventory.wait_for_end("GET /images/initrd"));
    ended.assert_stopped(&StageName::Download);
    ended.assert_no_stage_goes_on();
}

#[test]
fn while_a_download_hangs() {
    let case = Case::new(RunMode::Boot).on(KERNEL, Reply::Hang);
    let ended = case.stop_when(|_, inventory| inventory.wait_for(KERNEL, ""));
    ended.assert_stopped(&StageName::Download);
}

/// Waits until the response to a request was sent, and a moment more: nothing shows that the client has begun to wait.
fn wait_for_pause(inventory: &Inventory, request: &str) {
    inventory.wait_for_end(request);
    thread::sleep(Duration::from_millis(200));
}
