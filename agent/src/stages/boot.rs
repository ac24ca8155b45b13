// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the profile to the loaded target.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use stage1_contract::{Detail, Installed, Profile, VERSION};
use stage1_kexec::{USUAL_COMMAND_LINE, longest_command_line};

use super::Stages;
use crate::display::{hex, size};
use crate::facts;
use crate::host::random;
use crate::inventory::{Assigned, BaseUrl, Client};
use crate::json;
use crate::run::StageContext;
use crate::target::{self, Armed, Downloader, Overlay, Plan, Target};

/// What the target gets of its own: the detail, the nonce, and the overlay with both.
pub struct TargetDetail {
    detail: Detail,
    nonce: String,
    overlay: Overlay,
}

/// Bytes at the beginning of a bzImage that have its setup header.
const SETUP_HEADER: u64 = 1024;

impl Stages {
    /// Fetches the profile, and waits until one is assigned.
    pub(crate) fn fetch_profile(&self, stage: &StageContext, client: &Client) -> Result<Plan> {
        let deadline = Instant::now() + self.settings.wait_timeout;
        loop {
            match client.profile()? {
                Assigned::Profile(profile, base) => {
                    let plan = self.plan(stage, &profile, &base)?;
                    check_command_line(stage, client, &plan)?;
                    return Ok(plan);
                }
                Assigned::Nothing(pause) => self.wait(stage, pause, deadline, "profile")?,
            }
        }
    }

    /// Fetches the detail, checks it, and makes the overlay of it.
    pub(crate) fn fetch_detail(&self, stage: &StageContext, client: &Client) -> Result<TargetDetail> {
        let detail = client.detail()?;
        let nonce = hex(&random::bytes::<16>());
        let overlay = target::overlay(&detail, &nonce)?;
        stage.note(format!("host name {}, {} interfaces", detail.hostname, detail.interfaces.len()));
        Ok(TargetDetail { detail, nonce, overlay })
    }

    /// Downloads kernel and initrds into memory, and verifies them.
    pub(crate) fn download(
        &self,
        stage: &StageContext,
        client: &Client,
        plan: &Plan,
        detail: &TargetDetail,
    ) -> Result<Target> {
        let renewed = client.clone();
        let downloader = Downloader::new(client.transport().clone(), self.settings.download_timeout)
            .renewed_by(move || match renewed.profile()? {
                Assigned::Profile(profile, base) => Plan::new(&profile, &base.0),
                Assigned::Nothing(_) => bail!("no profile is assigned any more"),
            });
        let target = target::fetch(downloader, plan, &detail.overlay)?;
        stage.note(format!("{}, digests verified", size(plan.bytes())));
        Ok(target)
    }

    /// Loads the target into the running kernel.
    pub(crate) fn load(&self, stage: &StageContext, target: Target) -> Result<Armed> {
        let armed = target.load(self.loader)?;
        stage.note("the kernel has the target");
        Ok(armed)
    }

    /// Informs the inventory that the next step is the jump.
    pub(crate) fn announce(
        &self,
        stage: &StageContext,
        client: &Client,
        plan: &Plan,
        detail: &TargetDetail,
        armed: &Armed,
    ) -> Result<()> {
        client.installed(&Installed {
            version: VERSION,
            boot_id: self.run.boot_id().to_string(),
            profile: plan.profile().to_string(),
            artifacts: armed.artifacts.clone(),
            nonce: detail.nonce.clone(),
            timeline: self.run.timeline(),
        })?;
        stage.note("reported; the next step is the jump");
        Ok(())
    }

    /// What would be booted, as text.
    pub(crate) fn show(&self, plan: &Plan, detail: &TargetDetail) -> Result<String> {
        Ok(format!("{}detail   {}", plan.text(), json::pretty(&detail.detail)))
    }

    fn plan(&self, stage: &StageContext, profile: &Profile, base: &BaseUrl) -> Result<Plan> {
        let plan = Plan::new(profile, &base.0)?;
        let available = facts::available_bytes(&self.machine);
        if let Some(available) = available.filter(|available| *available < plan.memory_bytes()) {
            bail!(
                "profile {:?} needs {} of memory until the jump (three times its files), this host has {}",
                plan.profile(),
                size(plan.memory_bytes()),
                size(available)
            );
        }
        stage.note(format!("{}, {}", plan.profile(), size(plan.bytes())));
        Ok(plan)
    }
}

/// Refuses a command line that the kernel would refuse after the download. Kernels of kernel.org all accept the same
/// length; for a longer one this kernel's header is read.
fn check_command_line(stage: &StageContext, client: &Client, plan: &Plan) -> Result<()> {
    let append = plan.append();
    if append.len() <= USUAL_COMMAND_LINE as usize {
        return Ok(());
    }
    let header = target::beginning(client.transport(), plan.kernel_file(), SETUP_HEADER);
    match header.as_deref().and_then(longest_command_line) {
        Some(longest) => target::check_command_line(append, longest)
            .with_context(|| format!("profile {:?}: append", plan.profile())),
        None => {
            stage.problem(format!(
                "profile {:?}: append: {} bytes, most kernels accept {USUAL_COMMAND_LINE}; \
                 whether this one accepts it is known after the download",
                plan.profile(),
                append.len()
            ));
            Ok(())
        }
    }
}
