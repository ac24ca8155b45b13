// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole first stage, top to bottom.

use std::ops::ControlFlow::Break;
use std::sync::mpsc::channel;
use std::thread;

use crate::config::{SettingError, Settings};
use crate::host::Machine;
use crate::run::{Failure, Run, StageContext, join};
use crate::stages::{Aim, Next, Purpose, Stages};

/// Runs the stages that `purpose` asks for. What cannot be undone is not done here: it is returned.
///
/// # Errors
/// The stage that stopped the run.
pub fn run(
    run: &Run,
    machine: &Machine,
    settings: &Settings,
    complaints: &[SettingError],
    purpose: Purpose,
) -> Result<Next, Failure> {
    let stages = &Stages::new(run, machine, settings, purpose);
    thread::scope(|scope| {
        let leave = stages.lldp.shutdown_on_drop();
        let image = run.spawn(scope, "image", |stage| stages.check_image(stage));
        let network = run.spawn(scope, "network", |stage| stages.bring_up_network(stage));
        let read_manifests = |stage: &StageContext| Ok(network.join().map(|()| stages.read_manifests(stage)));
        let manifests = run.spawn(scope, "manifests", read_manifests);
        let lldp = run.spawn(scope, "lldp", |stage| stages.collect_neighbours(stage));
        run.stage("modules", |stage| stages.load_modules(stage))?;
        let facts = run.stage("facts", |stage| stages.discover_facts(stage))?;
        let (wish, wishes) = channel();
        let is_told = facts.bmc.is_some();
        let bmc = run.spawn(scope, "bmc", move |stage| stages.configure_bmc(stage, is_told, &wishes));
        let identity = run.stage("identity", |stage| stages.choose_identity(stage, &facts))?;
        image.join()?;
        let manifests = manifests.join()??;
        let client = run.stage("settings", |_| stages.check_settings(complaints, &identity))?;
        let known =
            run.stage("firmware", |stage| stages.check_firmware(stage, &client, &facts, manifests))?;
        let mut telling = Vec::new();
        if purpose.aim != Aim::Boot {
            let registered =
                run.stage("register", |stage| stages.register(stage, &client, &identity, facts, wish))?;
            telling = stages.amend_report(scope, &client, lldp, registered.lldp, bmc);
            let next = run.stage("flash", |stage| stages.flash(stage, &client, known, registered.next))?;
            if let Break(next) = next {
                return join(telling).map(|()| next);
            }
        }
        let plan = run.stage("profile", |stage| stages.fetch_profile(stage, &client))?;
        let handover = run.stage("detail", |stage| stages.fetch_detail(stage, &client))?;
        if purpose.plan {
            return run.stage("plan", |_| stages.show(&plan, &handover)).map(Next::Show);
        }
        let target = run.stage("download", |stage| stages.download(stage, &client, &plan, &handover))?;
        let armed = run.stage("load", |stage| stages.load(stage, target))?;
        drop(leave);
        join(telling)?;
        run.stage("installed", |stage| stages.tell_installed(stage, &client, &plan, &handover, &armed))?;
        Ok(Next::Execute(armed.loaded))
    })
}
