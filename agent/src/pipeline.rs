// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole first stage, top to bottom: one line per stage, with what it needs and what it returns.

#![allow(clippy::disallowed_methods, reason = "starts threads")]

use std::ops::ControlFlow::Break;
use std::sync::OnceLock;
use std::thread;

use stage1_contract::StageName as Name;

use crate::run::{Run, StageHandle, Stopped};
use crate::stages::{FinalAction, RunMode, Stages};

/// Runs the stages of `stages.options`. The first failure of any of them ends the run. What cannot be undone is not done
/// here: it is returned.
///
/// # Errors
/// [`Stopped`]; the run has the cause.
pub fn run(run: &Run, stages: &Stages) -> Result<FinalAction, Stopped> {
    let client = OnceLock::new();
    thread::scope(|scope| {
        let lldp_shutdown = stages.lldp.shutdown_on_drop();
        let image = run.spawn(scope, Name::Image, |stage| stages.check_image(stage));
        let network = run.spawn(scope, Name::Network, |stage| stages.bring_up_network(stage));
        let transport =
            run.spawn_after(scope, Name::Settings, network, |stage, ()| stages.check_settings(stage));
        let manifests = run.spawn_after(scope, Name::Manifests, transport, |stage, transport| {
            stages.read_manifests(stage, transport)
        });
        let neighbours = run.spawn(scope, Name::Lldp, |stage| stages.collect_neighbours(stage));
        run.stage(Name::Modules, |stage| stages.load_modules(stage))?;
        let facts = run.stage(Name::Facts, |stage| stages.discover_facts(stage))?;
        let has_bmc = facts.bmc.is_some();
        let bmc = run.spawn(scope, Name::Bmc, move |stage| stages.read_bmc(stage, has_bmc));
        let identity = run.stage(Name::Identity, |stage| stages.choose_identity(stage, &facts))?;
        image.join()?;
        let (transport, manifests) = manifests.join()?;
        let client = client.get_or_init(|| stages.client(transport, &identity));
        let firmware =
            run.stage(Name::Firmware, |stage| stages.check_firmware(stage, client, &facts, manifests))?;
        let mut amendments = Vec::new();
        if stages.options.mode != RunMode::Boot {
            let registered = run.stage(Name::Register, |stage| {
                stages.register(stage, client, &identity, facts, &bmc, firmware.report())
            })?;
            let desired = stages.desired_bmc(registered.bmc, client, firmware.report(), &registered.next);
            let bmc = run.spawn_after(scope, Name::BmcConfig, bmc, |stage, bmc| {
                stages.configure_bmc(stage, bmc, desired)
            });
            let known = registered.neighbours;
            amendments = vec![
                run.spawn_after(scope, Name::BmcReport, bmc, |stage, bmc| {
                    stages.report_bmc(stage, client, bmc)
                }),
                run.spawn_after(scope, Name::Neighbours, neighbours, |stage, neighbours| {
                    stages.report_neighbours(stage, client, neighbours, known)
                }),
            ];
            let next =
                run.stage(Name::Flash, |stage| stages.flash(stage, client, firmware, registered.next))?;
            if let Break(action) = next {
                amendments.into_iter().try_for_each(StageHandle::join)?;
                return Ok(action);
            }
        }
        let plan = run.stage(Name::Profile, |stage| stages.fetch_profile(stage, client))?;
        let detail = run.stage(Name::Detail, |stage| stages.fetch_detail(stage, client))?;
        if stages.options.plan {
            return run.stage(Name::Plan, |_| stages.show(&plan, &detail)).map(FinalAction::Show);
        }
        let target = run.stage(Name::Download, |stage| stages.download(stage, client, &plan, &detail))?;
        let armed = run.stage(Name::Load, |stage| stages.load(stage, target))?;
        stages.end_health();
        drop(lldp_shutdown);
        amendments.into_iter().try_for_each(StageHandle::join)?;
        run.stage(Name::Installed, |stage| stages.announce(stage, client, &plan, &detail, &armed))?;
        Ok(FinalAction::Execute(armed.loaded))
    })
}
