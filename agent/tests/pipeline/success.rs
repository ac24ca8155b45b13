// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs that reach their end, in all modes, and their plans.

use stage1::run::status;
use stage1::stages::{FinalAction, RunMode};
use stage1_contract::{Event, Installed, Report, RunKind, StageName};
use stage1_kexec::ExecuteError;

use super::case::Case;
use super::host::{ID, place};
use super::inventory::{EVENTS, Reply};

const MANIFESTS: &str = "GET /ipxe/firmware-manifests";
const REGISTER: &str = "PUT /ipxe/ID";
const INSTALLED: &str = "POST /ipxe/ID/installed";

/// The requests of a run in their order; downloads run in parallel.
fn in_order(mut requests: Vec<String>) -> Vec<String> {
    if let Some(first) = requests.iter().position(|request| request.starts_with("GET /images/")) {
        requests[first..first + 2].sort();
    }
    requests
}

#[test]
fn a_run_registers_and_boots_in_the_contracts_order() {
    let ended = Case::new(RunMode::Run).run();
    assert!(matches!(ended.action(), FinalAction::Execute(_)), "{:?}", ended.result);
    assert_eq!(
        in_order(ended.requests()),
        [
            MANIFESTS,
            REGISTER,
            "GET /ipxe/ID/profile",
            "GET /ipxe/ID/detail",
            "GET /images/initrd",
            "GET /images/kernel",
            INSTALLED,
        ]
    );
    let report = ended.inventory.bodies::<Report>(REGISTER).remove(0);
    assert_eq!((report.identity.id.as_str(), report.run), (ID, RunKind::Run));
    assert_eq!(report.timeline.stages.last().unwrap().name, StageName::Register);
    let installed = ended.inventory.bodies::<Installed>(INSTALLED).remove(0);
    assert_eq!((installed.profile.as_str(), installed.nonce.len()), ("compute-1", 32));
    let urls: Vec<&str> = installed.artifacts.iter().map(|artifact| artifact.url.as_str()).collect();
    let origin = &ended.inventory.origin;
    assert_eq!(urls, [format!("{origin}/images/kernel"), format!("{origin}/images/initrd")]);
    assert!(place(ended.tree.path(), status::FILE).exists());
}

#[test]
fn an_expired_signature_is_renewed_by_the_profile_and_stays_secret() {
    let case = Case::new(RunMode::Boot);
    let signed = |signature: &str| {
        let url = format!("/images/kernel?sig={signature}");
        Reply::body(super::case::profile(|profile| profile["kernel"]["urls"][0] = url.into()))
    };
    case.inventory.on("GET /ipxe/ID/profile", [signed("S3CRET-1"), signed("S3CRET-2")]);
    case.inventory.on("GET /images/kernel?sig=S3CRET-1", [Reply::status(403)]);
    case.inventory.on("GET /images/kernel?sig=S3CRET-2", [Reply::body(super::host::kernel())]);
    let ended = case.run();
    assert!(matches!(ended.action(), FinalAction::Execute(_)), "{:?}", ended.result);
    let installed = ended.inventory.bodies::<Installed>(INSTALLED).remove(0);
    assert_eq!(installed.artifacts[0].url, format!("{}/images/kernel", ended.inventory.origin));
    assert!(!ended.inventory.all_bodies().contains("S3CRET"));
}

#[test]
fn what_was_not_loaded_is_not_executed() {
    let ended = Case::new(RunMode::Boot).run();
    let Ok(FinalAction::Execute(loaded)) = ended.result else { panic!("{:?}", ended.result) };
    let Err(error) = loaded.execute();
    assert_eq!(error, ExecuteError::NothingLoaded);
}

#[test]
fn a_boot_neither_registers_nor_asks_for_firmware() {
    let ended = Case::new(RunMode::Boot).run();
    assert!(matches!(ended.action(), FinalAction::Execute(_)), "{:?}", ended.result);
    assert_eq!(
        in_order(ended.requests()),
        [
            "GET /ipxe/ID/profile",
            "GET /ipxe/ID/detail",
            "GET /images/initrd",
            "GET /images/kernel",
            INSTALLED
        ]
    );
}

#[test]
fn a_registration_ends_there_whatever_the_action_is() {
    for (example, action) in [("registration-boot.json", "boot"), ("registration-shutdown.json", "shutdown")]
    {
        let ended = Case::new(RunMode::Register).on(REGISTER, Reply::wire(example)).run();
        assert_eq!(ended.text(), format!("{ID}: registered, action {action}\n"));
        assert_eq!(ended.requests(), [MANIFESTS, REGISTER]);
        assert_eq!(ended.inventory.bodies::<Report>(REGISTER).remove(0).run, RunKind::Register);
    }
}

#[test]
fn a_run_ends_in_the_inventorys_action() {
    let action = |example: &str| {
        let ended = Case::new(RunMode::Run).on(REGISTER, Reply::wire(example)).run();
        assert_eq!(ended.requests(), [MANIFESTS, REGISTER]);
        format!("{:?}", ended.action())
    };
    assert_eq!(action("registration-shutdown.json"), "PowerOff");
    assert_eq!(action("registration-reboot.json"), "Reboot");
    assert_eq!(action("registration-rescue.json"), "Rescue(\"requested by the inventory\")");
}

#[test]
fn a_host_waits_for_its_action_and_for_its_profile() {
    let case = Case::new(RunMode::Run);
    let wait = r#"{"version":1,"action":"wait","seconds":1}"#;
    case.inventory.on(REGISTER, [Reply::body(wait), Reply::wire("registration-boot.json")]);
    let profile = Reply::body(super::case::profile(|_| ()));
    case.inventory.on("GET /ipxe/ID/profile", [Reply::retry_after(204, 1), profile]);
    let ended = case.run();
    assert!(matches!(ended.action(), FinalAction::Execute(_)), "{:?}", ended.result);
    let count = |request: &str| ended.requests().iter().filter(|other| *other == request).count();
    assert_eq!((count(REGISTER), count("GET /ipxe/ID/profile")), (2, 2));
}

#[test]
fn temporary_errors_are_retried() {
    let case = Case::new(RunMode::Run);
    case.inventory.on(REGISTER, [Reply::status(500), Reply::wire("registration-boot.json")]);
    case.inventory
        .on("GET /ipxe/ID/detail", [Reply::Half(vec![b' '; 100]), Reply::wire("detail-hostname.json")]);
    assert!(matches!(case.run().action(), FinalAction::Execute(_)));
}

#[test]
fn a_whole_image_boots() {
    // SHA-256 of "a".
    let digest = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  usr/a\n";
    let case = Case::new(RunMode::Run).at_boot().file("/usr/a", "a");
    let ended = case.file("/etc/stage1/contents.d/initramfs.sha256", digest).run();
    assert!(matches!(ended.action(), FinalAction::Execute(_)), "{:?}", ended.result);
}

#[test]
fn progress_is_sent_and_not_waited_for() {
    let ended = Case::new(RunMode::Run).run();
    ended.action();
    ended.inventory.wait_for(EVENTS, "\"stage\":\"installed\"");
    let events = ended.inventory.bodies::<Event>(EVENTS);
    assert!(events.iter().any(|event| event.stage == StageName::Register), "{events:?}");

    Case::new(RunMode::Run).on(EVENTS, Reply::Hang).run().action();
}

#[test]
fn a_plan_writes_nothing() {
    let run = Case::new(RunMode::Run).plan().run();
    assert_eq!(serde_json::from_str::<Report>(run.text()).unwrap().identity.id, ID);
    assert_eq!(run.requests(), [MANIFESTS]);
    run.assert_nothing_written();

    let register = Case::new(RunMode::Register).plan().run();
    assert_eq!(serde_json::from_str::<Report>(register.text()).unwrap().run, RunKind::Register);
    assert_eq!(register.requests(), [MANIFESTS]);
    register.assert_nothing_written();

    let boot = Case::new(RunMode::Boot).plan().run();
    assert!(
        boot.text().contains("profile  compute-1") && boot.text().contains("compute-17"),
        "{}",
        boot.text()
    );
    assert_eq!(boot.requests(), ["GET /ipxe/ID/profile", "GET /ipxe/ID/detail"]);
    boot.assert_nothing_written();
}
