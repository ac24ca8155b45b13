// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole first stage, top to bottom.

use std::ops::ControlFlow::Break;
use std::sync::mpsc::channel;
use std::thread;

use crate::config::{SettingError, Settings};
use crate::machine::Machine;
use crate::run::{Current, Failure, Run, join};
use crate::steps::{Aim, Next, Purpose, Steps};

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
    let steps = &Steps::new(run, machine, settings, purpose);
    thread::scope(|scope| {
        let leave = steps.lldp.leave();
        let image = run.beside(scope, "image", |stage| steps.check_image(stage));
        let network = run.beside(scope, "network", |stage| steps.bring_up_network(stage));
        let read_manifests = |stage: &Current| Ok(network.join().map(|()| steps.read_manifests(stage)));
        let manifests = run.beside(scope, "manifests", read_manifests);
        let lldp = run.beside(scope, "lldp", |stage| steps.collect_neighbours(stage));
        run.stage("modules", |stage| steps.load_modules(stage))?;
        let facts = run.stage("facts", |stage| steps.discover_facts(stage))?;
        let (wish, wishes) = channel();
        let is_told = facts.bmc.is_some();
        let bmc = run.beside(scope, "bmc", move |stage| steps.configure_bmc(stage, is_told, &wishes));
        let identity = run.stage("identity", |stage| steps.choose_identity(stage, &facts))?;
        image.join()?;
        let manifests = manifests.join()??;
        let client = run.stage("settings", |_| steps.check_settings(complaints, &identity))?;
        let known = run.stage("firmware", |stage| steps.check_firmware(stage, &client, &facts, manifests))?;
        let mut telling = Vec::new();
        if purpose.aim != Aim::Boot {
            let registered =
                run.stage("register", |stage| steps.register(stage, &client, &identity, facts, wish))?;
            telling = steps.amend_report(scope, &client, lldp, registered.lldp, bmc);
            let next = run.stage("flash", |stage| steps.flash(stage, &client, known, registered.next))?;
            if let Break(next) = next {
                return join(telling).map(|()| next);
            }
        }
        let plan = run.stage("profile", |stage| steps.fetch_profile(stage, &client))?;
        let handover = run.stage("detail", |stage| steps.fetch_detail(stage, &client))?;
        if purpose.plan {
            return run.stage("plan", |_| steps.show(&plan, &handover)).map(Next::Show);
        }
        let target = run.stage("download", |stage| steps.download(stage, &client, &plan, &handover))?;
        let armed = run.stage("load", |stage| steps.load(stage, target))?;
        drop(leave);
        join(telling)?;
        run.stage("installed", |stage| steps.tell_installed(stage, &client, &plan, &handover, &armed))?;
        Ok(Next::Execute(armed.loaded))
    })
}
