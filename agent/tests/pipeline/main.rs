// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole pipeline, in all modes, on a captured machine and against a fake inventory on loopback. Only the kernel is
//! left out: nothing is loaded into the one that runs the tests.

mod inventory;
mod process;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use nix::sys::signal::Signal;
use stage1::config::Settings;
use stage1::host::Machine;
use stage1::pipeline;
use stage1::run::{Cause, Run};
use stage1::stages::{FinalAction, RunMode, RunOptions, Stages};
use stage1_contract::{Outcome, StageName};
use stage1_kexec::Loaded;

use inventory::{Answer, Inventory, json, profile, registration};

/// Far more than a run takes whose end is prompt, and far less than any of its waits.
const PROMPT: Duration = Duration::from_secs(10);

/// How a run ended.
struct End {
    result: Result<FinalAction, Cause>,
    run: Run,
    took: Duration,
    machine: tempfile::TempDir,
}

/// A run that is yet to be made.
struct Case<'a> {
    mode: RunMode,
    plan: bool,
    at_boot: bool,
    inventory: Option<&'a Inventory>,
    settings: &'a [(&'a str, &'a str)],
    /// Whether the machine has an identity.
    has_identity: bool,
    /// Whether the kernel takes the target.
    loads: bool,
    /// What is done to the run while it works.
    meanwhile: Option<&'a (dyn Fn(&Run) + Sync)>,
}

impl Case<'_> {
    fn of(mode: RunMode, inventory: &Inventory) -> Case<'_> {
        let (has_identity, loads, inventory) = (true, true, Some(inventory));
        Case {
            mode,
            plan: false,
            at_boot: false,
            inventory,
            settings: &[],
            has_identity,
            loads,
            meanwhile: None,
        }
    }

    fn run(&self) -> End {
        let directory = tempfile::tempdir().unwrap();
        if self.has_identity {
            port(directory.path());
        }
        let machine = Machine::at(directory.path());
        let run = Run::new(&machine, Instant::now(), !self.plan);
        let mut flags = vec![
            ("allow-http".to_string(), "true".to_string()),
            ("lldp".to_string(), "off".to_string()),
            ("inventory-timeout".to_string(), "3".to_string()),
        ];
        flags.extend(self.inventory.map(|inventory| ("inventory".to_string(), inventory.base.clone())));
        flags.extend(self.settings.iter().map(|(key, value)| ((*key).to_string(), (*value).to_string())));
        let settings = Settings::merge(None, "", &flags);
        let options = RunOptions { mode: self.mode, plan: self.plan, at_boot: self.at_boot };
        let mut stages = Stages::new(&run, &machine, settings, options);
        stages.load = match self.loads {
            true => |target| Ok(target.armed(Loaded::by_nobody())),
            false => |_| bail!("the kernel refuses it"),
        };
        let begin = Instant::now();
        let result = thread::scope(|scope| {
            if let Some(act) = self.meanwhile {
                scope.spawn(|| act(&run));
            }
            run.supervise(move |run| pipeline::run(run, &stages))
        });
        End { result, took: begin.elapsed(), run, machine: directory }
    }
}

impl End {
    fn outcome(&self, name: StageName) -> Option<Outcome> {
        let stages = self.run.timeline().stages;
        stages.into_iter().find(|stage| stage.name == name).map(|stage| stage.outcome)
    }

    /// The run failed in this stage, and was over at once.
    #[track_caller]
    fn failed_in(&self, name: &StageName, message: &str) {
        match &self.result {
            Err(Cause::Failed(failure)) if failure.stage == *name => {
                assert!(failure.message.contains(message), "{failure}");
                assert!(failure.advice.is_some_and(|advice| !advice.is_empty()));
            }
            other => panic!("{other:?}: {:#?}", self.run.timeline()),
        }
        assert!(self.took < PROMPT, "{:?}", self.took);
        let failed = |outcome| outcome == Outcome::Failed;
        let stages = self.run.timeline().stages;
        assert_eq!(stages.iter().filter(|stage| failed(stage.outcome.clone())).count(), 1);
        assert!(stages.iter().all(|stage| stage.outcome != Outcome::Running), "{stages:#?}");
        assert_eq!(self.outcome(name.clone()), Some(Outcome::Failed));
        assert_eq!(
            self.outcome(StageName::Installed),
            (*name == StageName::Installed).then_some(Outcome::Failed)
        );
    }
}

/// A port with a permanent MAC address, of which an identity is made.
fn port(root: &Path) {
    let port = root.join("sys/class/net/eth0");
    fs::create_dir_all(port.join("device")).unwrap();
    for (name, content) in
        [("type", "1\n"), ("address", "ac:1f:6b:00:00:01\n"), ("addr_assign_type", "0\n"), ("carrier", "1\n")]
    {
        fs::write(port.join(name), content).unwrap();
    }
}

#[test]
fn a_host_that_is_to_boot_goes_through_all_calls_in_order() {
    let inventory = Inventory::start(&[]);
    let end = Case::of(RunMode::Run, &inventory).run();
    assert!(matches!(end.result, Ok(FinalAction::Execute(_))), "{:?}", end.result);
    let requests = inventory.requests();
    let order =
        ["GET firmware-manifests", "PUT", "GET profile", "GET detail", "GET kernel", "POST installed"];
    let found: Vec<&String> = requests.iter().filter(|request| order.contains(&request.as_str())).collect();
    assert_eq!(found, order.iter().collect::<Vec<_>>());
    assert_eq!(end.outcome(StageName::Installed), Some(Outcome::Done));
    assert!(end.machine.path().join("run/stage1/status.json").exists());
}

#[test]
fn each_action_of_the_inventory_is_returned() {
    for (action, is_right) in [
        ("shutdown", (|action| matches!(action, FinalAction::PowerOff)) as fn(&FinalAction) -> bool),
        ("reboot", |action| matches!(action, FinalAction::Reboot)),
        ("rescue", |action| matches!(action, FinalAction::Rescue(_))),
    ] {
        let inventory = Inventory::start(&[("PUT", registration(action))]);
        let end = Case::of(RunMode::Run, &inventory).run();
        assert!(end.result.as_ref().is_ok_and(is_right), "{action}: {:?}", end.result);
        assert!(!inventory.requests().contains(&"GET profile".to_string()));
    }
}

#[test]
fn register_and_boot_do_their_part() {
    let inventory = Inventory::start(&[]);
    let end = Case::of(RunMode::Register, &inventory).run();
    let Ok(FinalAction::Show(text)) = &end.result else { panic!("{:?}", end.result) };
    assert!(text.ends_with("registered, action boot\n"), "{text}");
    assert!(!inventory.requests().contains(&"GET profile".to_string()));

    let inventory = Inventory::start(&[]);
    let end = Case::of(RunMode::Boot, &inventory).run();
    assert!(matches!(end.result, Ok(FinalAction::Execute(_))), "{:?}", end.result);
    assert_eq!(inventory.requests(), ["GET profile", "GET detail", "GET kernel", "POST installed"]);
}

#[test]
fn a_plan_changes_nothing_here_or_there() {
    for mode in [RunMode::Run, RunMode::Register, RunMode::Boot] {
        let inventory = Inventory::start(&[]);
        let end = Case { plan: true, ..Case::of(mode, &inventory) }.run();
        assert!(matches!(end.result, Ok(FinalAction::Show(_))), "{mode:?}: {:?}", end.result);
        assert!(!end.machine.path().join("run").exists(), "{mode:?}");
        let requests = inventory.requests();
        assert!(requests.iter().all(|request| request.starts_with("GET ")), "{requests:?}");
        assert!(!requests.contains(&"GET kernel".to_string()), "{requests:?}");
    }
}

#[test]
fn the_host_s_own_stages_fail_a_run() {
    let inventory = Inventory::start(&[]);
    let case = || Case::of(RunMode::Run, &inventory);
    Case { has_identity: false, ..case() }.run().failed_in(&StageName::Identity, "");
    Case { at_boot: true, ..case() }.run().failed_in(&StageName::Image, "contents.d");
    Case { settings: &[("network-timeout", "soon")], ..case() }.run().failed_in(&StageName::Settings, "soon");
    Case { inventory: None, ..case() }.run().failed_in(&StageName::Settings, "no inventory");
    Case { loads: false, ..case() }.run().failed_in(&StageName::Load, "refuses");
}

#[test]
fn each_call_of_the_inventory_can_fail_a_run() {
    let refused = || Answer::Body(404, b"{}".to_vec());
    let wrong = profile(&"0".repeat(64), inventory::kernel().len());
    for (route, answer, stage, message) in [
        ("PUT", Answer::Body(500, Vec::new()), StageName::Register, "500"),
        ("PUT", json("<html>login</html>"), StageName::Register, "HTML"),
        ("PUT", registration("dance"), StageName::Register, "dance"),
        ("GET profile", json(r#"{"version":1}"#), StageName::Profile, "name"),
        ("GET profile", refused(), StageName::Profile, "404"),
        ("GET detail", json(r#"{"version":2}"#), StageName::Detail, "version 2"),
        ("GET kernel", refused(), StageName::Download, "404"),
        ("GET kernel", Answer::Body(200, vec![1; 4096]), StageName::Download, "SHA-256"),
        ("GET profile", wrong, StageName::Download, "SHA-256"),
        ("POST installed", refused(), StageName::Installed, "404"),
    ] {
        let inventory = Inventory::start(&[(route, answer)]);
        Case::of(RunMode::Run, &inventory).run().failed_in(&stage, message);
    }
}

#[test]
fn a_failure_does_not_wait_for_what_hangs_and_skips_what_needs_it() {
    let inventory = Inventory::start(&[("GET firmware-manifests", Answer::Hang)]);
    let slow = [("inventory-timeout", "600")];
    let end = Case { at_boot: true, settings: &slow, ..Case::of(RunMode::Run, &inventory) }.run();
    end.failed_in(&StageName::Image, "");
    let stopped = [Some(Outcome::Stopped), Some(Outcome::Skipped)];
    assert!(stopped.contains(&end.outcome(StageName::Manifests)), "{:#?}", end.run.timeline());
}

#[test]
fn a_signal_ends_a_run_whatever_it_waits_for() {
    let drip = profile(&"0".repeat(64), 100_000);
    for routes in [
        vec![("PUT", registration("wait"))],
        vec![("PUT", Answer::Hang)],
        vec![("GET profile", Answer::Body(204, Vec::new()))],
        vec![("GET profile", drip), ("GET kernel", Answer::Drip(100_000))],
    ] {
        let (waits_for, _) = routes.last().unwrap();
        let inventory = Inventory::start(&routes);
        let signal = |run: &Run| {
            while !inventory.requests().iter().any(|request| request == waits_for) {
                thread::sleep(Duration::from_millis(5));
            }
            run.stop(Cause::Signal(Signal::SIGTERM));
        };
        let settings = &[("inventory-timeout", "600")];
        let end = Case { settings, meanwhile: Some(&signal), ..Case::of(RunMode::Run, &inventory) }.run();
        assert!(matches!(end.result, Err(Cause::Signal(Signal::SIGTERM))), "{:?}", end.result);
        assert!(end.took < PROMPT, "{:?}", end.took);
        assert!(end.run.timeline().stages.iter().all(|stage| stage.outcome != Outcome::Running));
    }
}
