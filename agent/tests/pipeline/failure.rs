// SPDX-License-Identifier: MIT OR Apache-2.0
//! Each stage that can fail on a captured machine. Modules, facts, LLDP, BMC and firmware fail no run; the network needs a
//! live machine.

use std::fs::File;
use std::io::Write;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use stage1::host::Machine;
use stage1::run::status::Status;
use stage1::stages::RunMode;
use stage1_contract::{Outcome, StageName};
use stage1_kexec::LoadError;

use super::case::{Case, artifact, profile};
use super::host::{ID, kernel, place};
use super::inventory::Reply;

const MANIFESTS: &str = "GET /ipxe/firmware-manifests";
const REGISTER: &str = "PUT /ipxe/ID";
const PROFILE: &str = "GET /ipxe/ID/profile";
const DETAIL: &str = "GET /ipxe/ID/detail";
const KERNEL: &str = "GET /images/kernel";
const INSTALLED: &str = "POST /ipxe/ID/installed";
const CONTENTS: &str = "/etc/stage1/contents.d/initramfs.sha256";

fn case() -> Case {
    Case::new(RunMode::Run)
}

#[test]
fn a_damaged_image() {
    let digest = format!("{}  usr/a\n", "0".repeat(64));
    let ended = case().at_boot().file(CONTENTS, &digest).file("/usr/a", "a").run();
    ended.assert_failed(&StageName::Image, "1 of 1 files are missing or differ, the first is /usr/a");
    case().at_boot().run().assert_failed(&StageName::Image, "has no /etc/stage1/contents.d");
}

#[test]
fn bad_settings() {
    let ended = case().set("colour", "blue").run();
    ended.assert_failed(&StageName::Settings, "unknown setting \"colour\"");
    assert_eq!(ended.outcome(&StageName::Manifests), Some(Outcome::Skipped));
    assert_eq!(ended.note(&StageName::Manifests), "needs settings");
    assert_eq!(ended.requests(), [""; 0]);
    case().unset("inventory").run().assert_failed(&StageName::Settings, "no inventory is set");
    case().set("token-file", "/none").run().assert_failed(&StageName::Settings, "setting token-file");
    case()
        .set("inventory", "https://127.0.0.1/ipxe")
        .run()
        .assert_failed(&StageName::Settings, "no CA certificate");
}

#[test]
fn plain_http_that_is_not_allowed() {
    let certificate = rcgen::generate_simple_self_signed(["inventory".to_string()]).unwrap().cert.pem();
    let case = case().unset("allow-http").set("firmware", "off");
    let ended = case.set("ca", "/ca.pem").file("/ca.pem", &certificate).run();
    ended.assert_failed(&StageName::Register, "plain http is not allowed");
    assert_eq!(ended.requests(), [""; 0]);
}

#[test]
fn a_machine_without_an_identity() {
    let ended = case().without("/sys/firmware").run();
    ended.assert_failed(&StageName::Identity, "cannot derive a host identity");
    assert!(!ended.requests().contains(&REGISTER.to_string()));
}

#[test]
fn a_registration_that_fails() {
    let ended = case().set("inventory-timeout", "1").on(REGISTER, Reply::status(500)).run();
    ended.assert_failed(&StageName::Register, "HTTP 500 (gave up after");
    let with = |reply| case().on(REGISTER, reply).run();
    with(Reply::body("<html>log in</html>")).assert_failed(&StageName::Register, "an HTML page");
    with(Reply::status(404)).assert_failed(&StageName::Register, "HTTP 404");
    with(Reply::wire("registration-unknown-action.json")).assert_failed(&StageName::Register, "\"wipe\"");
    let ended = case().set("wait-timeout", "5").on(REGISTER, Reply::wire("registration-wait.json")).run();
    ended.assert_failed(&StageName::Register, "no action for this host within 5 s (setting wait-timeout)");
}

#[test]
fn a_failed_run_is_on_record() {
    let ended = case().on(REGISTER, Reply::status(404)).run();
    ended.run.save(Some("failed"));
    let status = Status::read(&Machine::at(ended.tree.path())).unwrap().unwrap();
    assert_eq!((status.id.as_deref(), status.end.as_deref()), (Some(ID), Some("failed")));
    assert_eq!((status.problems, status.timeline), (ended.run.problems(), ended.run.timeline()));
}

#[test]
fn a_registration_that_fails_in_register_mode() {
    let ended = Case::new(RunMode::Register).on(REGISTER, Reply::status(400)).run();
    ended.assert_failed(&StageName::Register, "HTTP 400");
}

#[test]
fn a_profile_that_cannot_be_used() {
    for mode in [RunMode::Run, RunMode::Boot] {
        let with = |reply| Case::new(mode).on(PROFILE, reply).run();
        with(Reply::body("no JSON")).assert_failed(&StageName::Profile, "not the contract's JSON");
        with(Reply::status(404)).assert_failed(&StageName::Profile, "HTTP 404");
        let neither = profile(|profile| profile["kernel"] = serde_json::Value::Null);
        with(Reply::body(neither)).assert_failed(&StageName::Profile, "neither a kernel nor a uki");
    }
    let large = profile(|profile| profile["initrds"][0]["size"] = (1_u64 << 40).into());
    let ended = case().on(PROFILE, Reply::body(large)).run();
    ended.assert_failed(&StageName::Profile, "this host has 1 GiB");
    let ended = case().set("wait-timeout", "5").on(PROFILE, Reply::retry_after(204, 30)).run();
    ended.assert_failed(&StageName::Profile, "no profile for this host within 5 s (setting wait-timeout)");
    let ended = case().set("inventory-timeout", "1").on(PROFILE, Reply::Half(profile(|_| ()))).run();
    ended.assert_failed(&StageName::Profile, "response truncated");
}

/// Before the download: the kernel's header is read, if its file is longer than most kernels accept.
#[test]
fn a_command_line_that_the_kernel_does_not_accept() {
    let with = |length: usize| profile(|profile| profile["append"] = "a".repeat(length).into());
    let ended = case().on(PROFILE, Reply::body(with(2017))).run();
    ended.assert_failed(&StageName::Profile, "command line too long: 2017 bytes, this kernel accepts 2016");
    let plan = || Case::new(RunMode::Boot).plan();
    plan()
        .on(PROFILE, Reply::body(with(2017)))
        .run()
        .assert_failed(&StageName::Profile, "command line too long");
    let fits = plan().on(PROFILE, Reply::body(with(2016))).run();
    assert!(
        fits.run.problems().is_empty() && fits.text().contains("append   aaaa"),
        "{:?}",
        fits.run.problems()
    );
    let unknown =
        plan().on(PROFILE, Reply::body(with(2017))).on("GET /images/kernel", Reply::status(404)).run();
    assert!(unknown.result.is_ok(), "{:?}", unknown.result);
    assert!(
        unknown.run.problems()[0].message.contains("2017 bytes, most kernels accept 2016"),
        "{:?}",
        unknown.run.problems()
    );
    let lines = profile(|profile| profile["append"] = "a\nb".into());
    case().on(PROFILE, Reply::body(lines)).run().assert_failed(&StageName::Profile, "append is not one line");
}

#[test]
fn a_detail_that_cannot_be_used() {
    let with = |reply| case().on(DETAIL, reply).run();
    with(Reply::status(404)).assert_failed(&StageName::Detail, "HTTP 404");
    with(Reply::body(r#"{"version":2}"#)).assert_failed(&StageName::Detail, "contract version 2");
    let detail = r#"{"version":1,"hostname":"a\nb","interfaces":[],"dns":{"servers":[],"search":[]},"ntp":[],"files":[]}"#;
    with(Reply::body(detail)).assert_failed(&StageName::Detail, "hostname");
    let detail = r#"{"version":1,"hostname":"a","files":[{"path":"/tmp/x","content":""}]}"#;
    let plan = Case::new(RunMode::Boot).plan().on(DETAIL, Reply::body(detail)).run();
    plan.assert_failed(&StageName::Detail, "files[0].path: \"/tmp/x\" would be hidden");
}

#[test]
fn a_download_that_fails() {
    let with = |reply| case().on(KERNEL, reply).run();
    with(Reply::body(vec![0; kernel().len()]))
        .assert_failed(&StageName::Download, "/images/kernel: wrong digest");
    with(Reply::body("short")).assert_failed(&StageName::Download, "wrong size");
    with(Reply::status(404)).assert_failed(&StageName::Download, "/images/kernel: HTTP 404");
    let page = profile(|profile| profile["kernel"] = artifact("kernel", b"<html>"));
    let ended = case().on(PROFILE, Reply::body(page)).on(KERNEL, Reply::body("<html>")).run();
    ended.assert_failed(&StageName::Download, "not a kernel but an HTML or XML page");
    let ended = case().set("download-timeout", "1").on(KERNEL, Reply::Drip(kernel().len() as u64)).run();
    ended.assert_failed(&StageName::Download, "timed out after");
}

#[test]
fn a_signature_in_a_url_is_in_no_message_and_a_write_is_not_redirected() {
    let secret = || profile(|profile| profile["kernel"]["urls"][0] = "/images/kernel?sig=S3CRET".into());
    let ended = case()
        .on(PROFILE, Reply::body(secret()))
        .on("GET /images/kernel?sig=S3CRET", Reply::status(404))
        .run();
    ended.assert_failed(&StageName::Download, "/images/kernel: HTTP 404");
    let said = format!("{:?} {:?} {:?}", ended.result, ended.run.problems(), ended.run.timeline());
    assert!(!said.contains("S3CRET"), "{said}");
    ended.inventory.wait_for(super::inventory::EVENTS, "HTTP 404");
    assert!(!ended.inventory.all_bodies().contains("S3CRET"));
    let ended = Case::new(RunMode::Boot).plan().on(PROFILE, Reply::body(secret())).run();
    assert!(!ended.text().contains("S3CRET") && ended.text().contains("/images/kernel"), "{}", ended.text());
    let moved = Reply::Answer(307, "location: https://other/ipxe\r\n".to_string(), Vec::new());
    case().on(REGISTER, moved).run().assert_failed(&StageName::Register, "a redirect to https://other/ipxe");
}

#[test]
fn a_target_that_the_kernel_refuses() {
    let ended = case().loader(|_, _, _| Err(LoadError::NotPermitted)).run();
    ended.assert_failed(&StageName::Load, "loading the target: not permitted");
    assert!(!ended.requests().contains(&INSTALLED.to_string()));
}

#[test]
fn an_inventory_that_does_not_take_the_last_report() {
    let ended = case().set("inventory-timeout", "1").on(INSTALLED, Reply::status(500)).run();
    ended.assert_failed(&StageName::Installed, "HTTP 500 (gave up after");
    let ended = case().on(INSTALLED, Reply::status(409)).run();
    ended.assert_failed(&StageName::Installed, "HTTP 409");
}

#[test]
fn a_stage_that_panics_is_an_internal_error_of_that_stage() {
    let ended = case().loader(|_, _, _| panic!("no such page")).run();
    ended.assert_failed(&StageName::Load, "internal error, please report it: no such page");
}

/// The list of the image's files is a FIFO, so that the check fails when the other stage is known to wait.
#[test]
fn a_failure_does_not_wait_for_a_stage_that_hangs() {
    let case = case().at_boot().file("/etc/stage1/contents.d/other", "").on(MANIFESTS, Reply::Hang);
    let list = place(case.tree.path(), CONTENTS);
    mkfifo(&list, Mode::S_IRWXU).unwrap();
    let ended = case.run_while(|_, inventory| {
        inventory.wait_for(MANIFESTS, "");
        File::options().write(true).open(&list).unwrap().write_all(b"half a li").unwrap();
    });
    ended.assert_failed(&StageName::Image, "is not a digest and a path");
    assert_eq!(ended.outcome(&StageName::Manifests), Some(Outcome::Stopped));
}
