// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware of a network adapter, written by its driver (Documentation/networking/devlink/devlink-flash.rst).

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use stage1_contract::facts::Devlink;

use super::deadline::within;
use super::search_path::SearchPath;
use super::{Activation, Outcome, Progress, Stored};
use crate::host::Machine;
use crate::net::devlink::{Client, read_info};
use netlink::devlink::{Device, FlashStatus};

/// An adapter, or one component of it.
#[derive(Clone, Debug)]
pub struct Adapter {
    machine: Machine,
    device: Device,
    component: Option<String>,
}

/// The status messages of a driver during a write.
#[derive(Default)]
struct Statuses {
    count: u32,
    progress: bool,
}

impl Adapter {
    /// The adapter with the devlink handle `device`; only `component` of it, if given.
    pub fn new(machine: &Machine, device: Device, component: Option<String>) -> Self {
        Self { machine: machine.clone(), device, component }
    }

    pub(super) fn check(&self, image: &Path) -> Result<()> {
        let length = std::fs::metadata(image)
            .with_context(|| format!("reading the size of {}", image.display()))?
            .len();
        ensure!(length > 0, "{} is empty", image.display());
        self.info().map(drop)
    }

    pub(super) fn write(&self, image: &Path, limit: Duration, progress: &mut dyn FnMut(Progress)) -> Outcome {
        let prepare = || {
            self.check(image)?;
            Ok((self.info()?, SearchPath::leading_to(&self.machine, image)?, Client::open()?))
        };
        let (before, search_path, client) = match prepare() {
            Ok(prepared) => prepared,
            Err::<_, anyhow::Error>(error) => return Outcome::Refused(format!("{error:#}")),
        };
        let adapter = self.clone();
        let work = move |report: &dyn Fn(Progress)| {
            let mut statuses = Statuses::default();
            let status = |status: FlashStatus| {
                statuses.count += 1;
                statuses.progress |= status.total > 0 || status.timeout_s > 0;
                report(Progress { phase: phase(&status), done: status.done, total: status.total });
            };
            let component = adapter.component.as_deref();
            match client.flash(&adapter.device, search_path.file(), component, status) {
                Ok(()) => Outcome::Done,
                Err(refusal) => adapter.classify(&before, &statuses, refusal.to_string()),
            }
        };
        within(limit, "devlink", work, progress)
    }

    /// The outcome of an error of the driver. Drivers report that they prepare, and then refuse. One that reported more
    /// may have written something; only the versions show whether it did.
    fn classify(&self, before: &Devlink, statuses: &Statuses, why: String) -> Outcome {
        let unchanged = self.info().is_ok_and(|after| after == *before);
        match (unchanged, statuses.count <= 1 && !statuses.progress) {
            (false, _) => Outcome::Unknown(why),
            (true, true) => Outcome::Refused(why),
            (true, false) => Outcome::Failed(why),
        }
    }

    pub(super) fn read_back(&self) -> Result<Stored> {
        let Devlink { running, stored, .. } = self.info()?;
        Ok(Stored::Versions { running, stored })
    }

    pub(super) fn activate(&self) -> Result<Activation> {
        match Client::open()?.activate(&self.device) {
            Ok(()) => Ok(Activation::Active),
            Err(refusal) if refusal.errno == Errno::EOPNOTSUPP => {
                Ok(Activation::Reset(Some(refusal.to_string())))
            }
            Err(refusal) => Err(refusal).with_context(|| format!("activating {}", self.device)),
        }
    }

    fn info(&self) -> Result<Devlink> {
        let body = Client::open().and_then(|client| client.info(&self.device));
        let body = body.with_context(|| format!("querying {} by devlink", self.device))?;
        read_info(&body).with_context(|| format!("querying {} by devlink: no information", self.device))
    }
}

/// The phase, with the component if the driver reports one.
fn phase(status: &FlashStatus) -> String {
    match &status.component {
        Some(component) => format!("{} {component}", status.message),
        None => status.message.clone(),
    }
}
