// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole first stage, top to bottom.

use std::ops::ControlFlow::Break;
use std::thread;

use crate::config::{SettingError, Settings};
use crate::lldp::Collector;
use crate::machine::Machine;
use crate::run::{Failure, Run};
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
    let lldp = Collector::new(machine, Steps::lldp_options(settings, purpose));
    let steps = &Steps { run, machine, settings, purpose, lldp };
    thread::scope(|scope| {
        let leave = steps.lldp.leave();
        let image = run.beside(scope, "image", |stage| steps.check_image(stage));
        let network = run.beside(scope, "network", |stage| steps.bring_up_network(stage));
        let lldp = run.beside(scope, "lldp", |stage| steps.collect_neighbours(stage));
        run.stage("modules", |stage| steps.load_modules(stage))?;
        let facts = run.stage("facts", |stage| steps.discover_facts(stage))?;
        let identity = run.stage("identity", |stage| steps.choose_identity(stage, &facts))?;
        run.skip("firmware", "this version does not check firmware");
        image.join()?;
        network.join()?;
        let client = run.stage("settings", |_| steps.check_settings(complaints, &identity))?;
        if purpose.aim != Aim::Boot {
            let (next, told) =
                run.stage("register", |stage| steps.register(stage, &client, &identity, facts))?;
            let inventory = client.clone();
            let neighbours = run.beside(scope, "neighbours", move |stage| {
                steps.tell_neighbours(stage, &inventory, lldp, told)
            });
            run.skip("bmc", "this version does not configure the BMC");
            if let Break(next) = next {
                neighbours.join()?;
                return Ok(next);
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
        run.stage("installed", |stage| steps.tell_installed(stage, &client, &plan, &handover, &armed))?;
        Ok(Next::Execute(armed.loaded))
    })
}
