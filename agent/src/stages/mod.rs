// SPDX-License-Identifier: MIT OR Apache-2.0
//! What each line of the pipeline does.

mod bmc;
mod firmware;
mod image;
mod lldp;

use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use stage1_contract::firmware::FirmwareReport;
use stage1_contract::firmware::manifest::Activation;
use stage1_contract::{
    Action, BmcReport, Detail, Facts, Identity, Installed, PortNeighbours, Profile, Registration, RunKind,
    VERSION,
};
use stage1_kexec::Loaded;

use crate::config::{SettingError, Settings};
use crate::display::hex;
use crate::facts;
use crate::host::random;
use crate::host::{Machine, Manager, manager, modules, mounts};
use crate::inventory::{self, Assigned, BaseUrl, Client, Transport};
use crate::json;
use crate::lldp::Collector;
use crate::net;
use crate::run::report::{self, report};
use crate::run::{Run, StageContext, StageHandle};
use crate::target::{self, Armed, Downloader, Plan, Target};

pub use bmc::Wish;

/// How long a host waits where the inventory says to wait but not how long.
const WAIT: Duration = Duration::from_secs(30);

/// How long a progress event may take.
const EVENT: Duration = Duration::from_secs(5);

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// How far it goes.
    pub aim: Aim,
    /// Say what would be done, and do nothing that changes anything outside of this host.
    pub plan: bool,
    /// It runs at boot, and the image must be whole.
    pub at_boot: bool,
}

/// How far a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Register, then what the inventory says.
    Run,
    /// Register.
    Register,
    /// From the profile to the jump.
    Boot,
}

/// What comes after the pipeline: the acts that cannot be undone, and the ends that need none.
pub enum Next {
    /// Jump into the target.
    Execute(Loaded),
    /// Power the host off.
    PowerOff,
    /// Start again from the firmware.
    Restart,
    /// Start again, so that new firmware runs.
    Reset(Activation),
    /// Stay, with a shell on the console, for this reason.
    Rescue(String),
    /// Nothing; show this.
    Show(String),
}

/// The stages' work, with what all of them share.
pub struct Stages<'a> {
    /// The run that records them.
    pub run: &'a Run,
    /// The machine they work on.
    pub machine: &'a Machine,
    /// The settings.
    pub settings: &'a Settings,
    /// What they are for.
    pub purpose: Purpose,
    /// The neighbours.
    pub lldp: Collector,
    /// Made when it is needed first.
    transport: Mutex<Option<Transport>>,
    /// The BMC, as far as is known.
    bmc: Mutex<Option<BmcReport>>,
    /// The firmware, as far as is known.
    firmware: Mutex<Option<FirmwareReport>>,
    /// The report is amended by one at a time, or an older list of problems might replace a newer one.
    amending: Mutex<()>,
}

/// What came of registering.
pub struct Registered {
    /// What comes next; to go on where the host is to boot.
    pub next: ControlFlow<Next>,
    /// The neighbours that the inventory has been told of.
    pub lldp: Vec<PortNeighbours>,
}

/// What the target gets to know of itself.
pub struct Handover {
    detail: Detail,
    nonce: String,
    segment: Vec<u8>,
}

impl<'a> Stages<'a> {
    /// The stages' work, none of it done.
    pub fn new(run: &'a Run, machine: &'a Machine, settings: &'a Settings, purpose: Purpose) -> Self {
        let lldp = Collector::new(machine, Self::lldp_options(settings, purpose));
        let (transport, bmc, firmware, amending) = Default::default();
        Self { run, machine, settings, purpose, lldp, transport, bmc, firmware, amending }
    }

    /// The initramfs must be whole. By hand, on a machine that was not booted by one, there is none.
    pub fn check_image(&self, stage: &StageContext) -> Result<()> {
        if !self.purpose.at_boot && manager(self.machine) == Manager::Systemd {
            stage.note("not booted from an initramfs of stage1");
            return Ok(());
        }
        image::check(stage, self.machine)
    }

    /// Drivers for every device.
    pub fn load_modules(&self, stage: &StageContext) -> Result<()> {
        match manager(self.machine) {
            Manager::Agent => {
                let loaded = modules::load_all(self.machine);
                let unmounted = mounts::mount_firmware_variables();
                loaded.problems.into_iter().chain(unmounted).for_each(|problem| stage.problem(problem));
                stage.note(format!("{} kernel modules", loaded.count));
            }
            Manager::Systemd => stage.note("left to the init system"),
        }
        Ok(())
    }

    /// Some port must have an address.
    pub fn bring_up_network(&self, stage: &StageContext) -> Result<()> {
        stage.note(net::bring_up(
            self.machine,
            manager(self.machine),
            self.settings.network_timeout,
            &|| false,
        )?);
        Ok(())
    }

    /// What the machine is.
    pub fn discover_facts(&self, stage: &StageContext) -> Result<Facts> {
        let (facts, problems) = facts::discover(self.machine, facts::everything());
        problems.into_iter().for_each(|problem| stage.problem(problem));
        stage.note(facts::one_line(&facts));
        Ok(facts)
    }

    /// Who the host is.
    pub fn choose_identity(&self, stage: &StageContext, facts: &Facts) -> Result<Identity> {
        let identity = facts::identify(self.machine, facts)?;
        stage.note(format!("{} ({})", identity.id, identity.reason));
        self.run.identify(&identity);
        Ok(identity)
    }

    /// A client of the inventory, which from here on hears of every stage.
    pub fn check_settings(&self, complaints: &[SettingError], identity: &Identity) -> Result<Client> {
        if let Some(complaint) = complaints.first() {
            bail!("{complaint}");
        }
        if self.settings.inventory.is_empty() {
            bail!("no inventory is set: give stage1.inventory=https://HOST/ipxe on the kernel command line");
        }
        if self.settings.allow_http {
            log::warn!(
                "plain http is allowed: what comes over it can be read and changed on the way (setting allow-http)"
            );
        }
        let timeout = self.settings.inventory_timeout;
        let client = Client::new(self.transport()?, &self.settings.inventory, &identity.id, timeout);
        if !self.purpose.plan {
            self.tell_progress(&client);
        }
        Ok(client)
    }

    /// Registers, and waits as long as the inventory wants to be waited for. Passes on how the BMC is wanted.
    pub fn register(
        &self,
        stage: &StageContext,
        client: &Client,
        identity: &Identity,
        facts: Facts,
        wish: Sender<Wish>,
    ) -> Result<Registered> {
        let kind = if self.purpose.aim == Aim::Run { RunKind::Run } else { RunKind::Register };
        let deadline = Instant::now() + self.settings.wait_timeout;
        let mut report = report(self.run, kind, identity.clone(), facts);
        loop {
            // Links have come up since the facts were found out.
            report.facts.nics.iter_mut().for_each(|nic| facts::refresh_link(self.machine, nic));
            report.lldp = self.lldp.snapshot();
            report.bmc = self.bmc().clone();
            report.firmware = self.firmware().clone();
            (report.problems, report.timeline) = (self.run.problems(), self.run.timeline());
            if self.purpose.plan {
                return Ok(Registered { next: Break(Next::Show(json::pretty(&report))), lldp: report.lldp });
            }
            let Registration { action, seconds, bmc, .. } = client.register(&report)?;
            let words = json::value(&action).to_string();
            stage.note(format!("the inventory says {words}"));
            let next = match action {
                _ if self.purpose.aim == Aim::Register => {
                    Break(Next::Show(format!("{}: registered, action {words}\n", identity.id)))
                }
                Action::Boot => Continue(()),
                Action::Shutdown => Break(Next::PowerOff),
                Action::Reboot => Break(Next::Restart),
                Action::Rescue => {
                    // Whoever waits for a shell does not wait for a switch.
                    self.lldp.shutdown();
                    Break(Next::Rescue("as the inventory says".to_string()))
                }
                Action::Wait => {
                    let pause = seconds.map_or(WAIT, |seconds| Duration::from_secs(seconds.into()));
                    self.wait(pause, deadline, "action")?;
                    continue;
                }
                Action::Unknown(action) => {
                    bail!("the inventory wants {action:?}, which this agent does not know")
                }
            };
            // Nobody hears it where the BMC is left alone.
            let _ = wish.send(Wish { wanted: bmc, client: client.clone() });
            return Ok(Registered { next, lldp: report.lldp });
        }
    }

    /// Amends the report with what comes after it: neighbours, and the BMC.
    pub fn amend_report<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        client: &Client,
        lldp: StageHandle<'scope, ()>,
        told: Vec<PortNeighbours>,
        bmc: StageHandle<'scope, ()>,
    ) -> Vec<StageHandle<'scope, ()>> {
        let inventory = client.clone();
        let neighbours = move |stage: &StageContext| self.tell_neighbours(stage, &inventory, lldp, told);
        let inventory = client.clone();
        let report = move |stage: &StageContext| self.tell_bmc(stage, &inventory, bmc);
        vec![self.run.spawn(scope, "neighbours", neighbours), self.run.spawn(scope, "bmc report", report)]
    }

    /// What to boot.
    pub fn fetch_profile(&self, stage: &StageContext, client: &Client) -> Result<Plan> {
        let deadline = Instant::now() + self.settings.wait_timeout;
        loop {
            match client.profile()? {
                Assigned::Profile(profile, base) => return self.plan(stage, &profile, &base),
                Assigned::Nothing(pause) => self.wait(pause, deadline, "profile")?,
            }
        }
    }

    /// What the target gets to know of itself.
    pub fn fetch_detail(&self, stage: &StageContext, client: &Client) -> Result<Handover> {
        let detail = client.detail()?;
        let nonce = hex(&random::bytes::<16>());
        let segment = target::overlay(&detail, &nonce).context("detail")?;
        stage.note(format!("host name {}, {} interfaces", detail.hostname, detail.interfaces.len()));
        Ok(Handover { detail, nonce, segment })
    }

    /// Kernel and initrds into memory.
    pub fn download(
        &self,
        stage: &StageContext,
        client: &Client,
        plan: &Plan,
        handover: &Handover,
    ) -> Result<Target> {
        let deadline = Instant::now() + self.settings.download_timeout;
        let downloader = Downloader { transport: client.transport().clone(), deadline };
        let target = target::fetch(&downloader, plan, &handover.segment)?;
        stage.note(format!("{} bytes, digests as the profile says", plan.bytes()));
        Ok(target)
    }

    /// Hands the target to the running kernel.
    pub fn load(&self, stage: &StageContext, target: Target) -> Result<Armed> {
        let armed = target.load()?;
        stage.note("the kernel has the target");
        Ok(armed)
    }

    /// The last word to the inventory.
    pub fn tell_installed(
        &self,
        stage: &StageContext,
        client: &Client,
        plan: &Plan,
        handover: &Handover,
        armed: &Armed,
    ) -> Result<()> {
        client.installed(&Installed {
            version: VERSION,
            boot_id: self.run.boot_id().to_string(),
            profile: plan.profile().to_string(),
            artifacts: armed.artifacts.clone(),
            nonce: handover.nonce.clone(),
            timeline: self.run.timeline(),
        })?;
        stage.note("the inventory knows; the next step is the jump");
        Ok(())
    }

    /// What would be booted, for people.
    pub fn show(&self, plan: &Plan, handover: &Handover) -> Result<String> {
        Ok(format!("{}detail   {}", plan.text(), json::pretty(&handover.detail)))
    }

    fn plan(&self, stage: &StageContext, profile: &Profile, base: &BaseUrl) -> Result<Plan> {
        let plan = Plan::new(profile, &base.0)?;
        let available = facts::available_bytes(self.machine);
        if let Some(available) = available.filter(|available| *available < plan.memory_bytes()) {
            let needed = plan.memory_bytes();
            bail!(
                "profile {:?} needs {needed} bytes of memory until the jump (three times its files), this host has {available}",
                plan.profile()
            );
        }
        stage.note(format!("{}, {} bytes", plan.profile(), plan.bytes()));
        Ok(plan)
    }

    /// Amends the report by one of its fields, the problems and the timeline.
    fn amend(
        &self,
        client: &Client,
        field: &str,
        value: &impl Serialize,
        timeout: Duration,
    ) -> Result<(), inventory::Error> {
        let _turn = self.amending.lock().unwrap_or_else(PoisonError::into_inner);
        client.amend(&report::patch(self.run, field, json::value(value)), timeout)
    }

    /// How the inventory is spoken to, over connections that are kept.
    fn transport(&self) -> Result<Transport> {
        let mut transport = self.transport.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(transport) = &*transport {
            return Ok(transport.clone());
        }
        Ok(transport.insert(Transport::new(self.machine, self.settings)?).clone())
    }

    fn wait(&self, pause: Duration, deadline: Instant, what: &str) -> Result<()> {
        let pause = pause.max(Duration::from_secs(1));
        if Instant::now() + pause >= deadline {
            bail!(
                "no {what} for this host within {} s (setting wait-timeout)",
                self.settings.wait_timeout.as_secs()
            );
        }
        log::info!("the inventory has no {what} for this host yet; asking again in {} s", pause.as_secs());
        thread::sleep(pause);
        Ok(())
    }

    /// From now on events go out on a thread that nobody waits for.
    fn tell_progress(&self, client: &Client) {
        let (sender, events) = channel();
        let client = client.clone();
        self.run.tell(sender);
        thread::spawn(move || {
            for event in events {
                if let Err(error) = client.event(&event, EVENT) {
                    log::debug!("{error}");
                }
            }
        });
    }
}
