// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware that the driver of a network adapter writes (Documentation/networking/devlink/devlink-flash.rst).

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use stage1_contract::facts::Devlink;

use super::search_path::SearchPath;
use super::{Activation, Outcome, Progress, Stored};
use crate::host::Machine;
use crate::net::devlink::{Client, read_info};
use netlink::devlink::{Device, FlashStatus};

/// An adapter.
#[derive(Clone, Debug)]
pub struct Adapter {
    machine: Machine,
    device: Device,
    component: Option<String>,
}

/// What a driver said while it wrote.
#[derive(Default)]
struct Said {
    times: u32,
    progress: bool,
}

impl Adapter {
    /// The adapter that devlink knows as `device`; of it `component`, else all.
    pub fn new(machine: &Machine, device: Device, component: Option<String>) -> Self {
        Self { machine: machine.clone(), device, component }
    }

    pub(super) fn check(&self, image: &Path) -> Result<()> {
        let length =
            std::fs::metadata(image).with_context(|| format!("looking at {}", image.display()))?.len();
        ensure!(length > 0, "{} is empty", image.display());
        self.info().map(drop)
    }

    pub(super) fn write(&self, image: &Path, limit: Duration, progress: &mut dyn FnMut(Progress)) -> Outcome {
        let deadline = Instant::now() + limit;
        let prepare = || {
            self.check(image)?;
            Ok((self.info()?, SearchPath::leading_to(&self.machine, image)?, Client::open()?))
        };
        let (before, search_path, client) = match prepare() {
            Ok(prepared) => prepared,
            Err::<_, anyhow::Error>(error) => return Outcome::Refused(format!("{error:#}")),
        };
        let mut said = Said::default();
        let status = |status: FlashStatus| {
            said.times += 1;
            said.progress |= status.total > 0 || status.timeout_s > 0;
            progress(Progress { phase: phase(&status), done: status.done, total: status.total });
        };
        let component = self.component.as_deref();
        match client.flash(&self.device, search_path.file(), component, deadline, status) {
            Ok(()) => Outcome::Done,
            Err(refusal) if refusal.errno == Errno::ETIMEDOUT && Instant::now() >= deadline => {
                // The driver may still have to find the file.
                search_path.leave();
                Outcome::Unfinished(format!("no end after {} s; the driver is still at it", limit.as_secs()))
            }
            Err(refusal) => self.judge(&before, &said, refusal.to_string()),
        }
    }

    /// What an error of the driver comes down to. Drivers say that they prepare, and then refuse; one that said more may
    /// have written something, and only the versions tell whether that counts.
    fn judge(&self, before: &Devlink, said: &Said, why: String) -> Outcome {
        let unchanged = self.info().is_ok_and(|after| after == *before);
        match (unchanged, said.times <= 1 && !said.progress) {
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
        let body = body.with_context(|| format!("asking {} by devlink", self.device))?;
        read_info(&body).with_context(|| format!("{} tells nothing by devlink", self.device))
    }
}

/// What is being done, and to which component.
fn phase(status: &FlashStatus) -> String {
    match &status.component {
        Some(component) => format!("{} {component}", status.message),
        None => status.message.clone(),
    }
}
