// SPDX-License-Identifier: MIT OR Apache-2.0
//! What follows the write of one component: reading back, restoring the old content, and activating without a reset.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use stage1_contract::firmware::manifest::{Method, Source};

use super::job::Job;
use crate::firmware::backend::deadline::limited;
use crate::firmware::backend::tool::VERSION;
use crate::firmware::backend::{Activation, Backend, Stored};
use crate::firmware::journal::same;
use crate::firmware::reading;
use crate::firmware::state::Event;

impl Job<'_> {
    /// Compares what is stored with what was to be written. Reading may hang just as writing. If the component does not
    /// report what is stored, the result of the write decides.
    pub(super) fn read_back(&self, fault: Option<&str>) -> Event {
        let failed = |why: &str| Event::Failed(why.to_string());
        let name = match (&self.entry().method, &self.entry().version.source) {
            (Method::Mtd(_), _) => "",
            (Method::Devlink(_), Source::Devlink(name)) => name,
            (Method::Exec(_), Source::Tool) => VERSION,
            _ if fault.is_some() => return failed("the component does not report what is stored"),
            _ => return Event::Done,
        };
        self.report("reading back");
        let (backend, image, before) = (self.backend.clone(), self.path.clone(), self.before.clone());
        let read = move || Ok((backend.read_back(&image)?, is_untouched(&backend, before.as_ref())));
        match limited(self.verify_limit(), read) {
            Ok((Stored::Image, _)) => Event::Done,
            Ok((Stored::Different(_), true)) => Event::Untouched,
            Ok((Stored::Different(at), false)) => {
                Event::Failed(format!("it differs from the image at offset {at:#x}"))
            }
            Ok((Stored::Versions { running, stored }, _)) => {
                let (running, stored) = reading::devlink(&running, &stored, name);
                match stored.or(running.filter(|_| !self.reported_stored())) {
                    Some(now) if self.is(now, self.version()) => Event::Done,
                    Some(now) if self.was(now) => Event::Untouched,
                    Some(now) => Event::Failed(format!("{now} is stored")),
                    None => failed("it reports no stored version"),
                }
            }
            Err(error) => Event::Failed(format!("{error:#}")),
        }
    }

    /// Writes the old content back.
    pub(super) fn restore(&mut self) -> Event {
        let Some(before) = self.before.clone() else {
            return Event::Failed("there is no backup of it".to_string());
        };
        self.report("restoring the old content");
        if let Err(error) = self.replace_image(&before) {
            return Event::Failed(format!("{error:#}"));
        }
        match self.write() {
            Event::Done => {}
            event => return event,
        }
        let (backend, before) = (self.backend.clone(), self.before.clone());
        match limited(self.verify_limit(), move || Ok(is_untouched(&backend, before.as_ref()))) {
            Ok(true) => Event::Done,
            Ok(false) => Event::Failed("what was read back differs".to_string()),
            Err(error) => Event::Failed(format!("{error:#}")),
        }
    }

    /// Has the driver activate what is stored, and checks that it runs.
    pub(super) fn reload(&mut self) -> Event {
        self.reloaded = true;
        let backend = self.backend.clone();
        match limited(self.flash_limit(), move || backend.activate()) {
            Ok(Activation::Active) => {}
            Ok(Activation::Reset(why)) => {
                return Event::Refused(why.unwrap_or_else(|| "it needs a reset".to_string()));
            }
            Ok(Activation::WarmReset) => return Event::Refused("it needs a warm reset".to_string()),
            Err(error) => return Event::Failed(format!("{error:#}")),
        }
        self.runs = match (self.backend.read_back(&self.path), &self.entry().version.source) {
            (Ok(Stored::Versions { running, stored }), Source::Devlink(name)) => {
                let (running, _) = reading::devlink(&running, &stored, name);
                running.is_some_and(|running| self.is(running, self.version()))
            }
            _ => false,
        };
        if self.runs {
            Event::Done
        } else {
            Event::Failed("it is not running after its activation".to_string())
        }
    }

    fn is(&self, version: &str, other: &str) -> bool {
        same(self.entry().version.format, version, other)
    }

    /// Whether the component reported a stored version before. If it did and no longer does, what was stored is lost.
    fn reported_stored(&self) -> bool {
        self.planned.matched.reading.as_ref().is_ok_and(|reading| reading.stored.is_some())
    }

    /// Whether this version was stored before, or was running if the component reported no stored one.
    fn was(&self, version: &str) -> bool {
        let Ok(reading) = &self.planned.matched.reading else { return false };
        self.is(version, reading.stored.as_ref().unwrap_or(&reading.running))
    }
}

/// Whether the flash holds its old content, as far as that can be read.
fn is_untouched(backend: &Backend, before: Option<&Vec<u8>>) -> bool {
    let Backend::Mtd(partition) = backend else { return false };
    before.is_some() && partition.read().ok().as_ref() == before
}
