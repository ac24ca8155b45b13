// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host with a board of one flash, and an adapter with two banks. Its journal is in an inventory that is often
//! unreachable.

use std::collections::{BTreeMap, BTreeSet};

use stage1::firmware::journal;
use stage1::firmware::matching::{Matched, matches};
use stage1::firmware::plan::{Conditions, Plan, Verdict, plan};
use stage1::firmware::state::{Event, Flashes, Next, State, Traits};
use stage1_contract::Facts;
use stage1_contract::facts::{Bios, Devlink, PciDevice, Smbios};
use stage1_contract::firmware::manifest::{Activation, Component, Update};
use stage1_contract::firmware::{AttemptOutcome, Journal, ManifestSet, Phase};
use stage1_contract::{Nic, SystemInformation};

use super::manifests::{Random, number, random, text};

/// The number of boots with faults, and the greatest number of boots without faults that follow.
const TROUBLED: u64 = 12;
const CALM: u64 = 60;

/// The content of a flash: a version, or `None` for an invalid image.
type Content = Option<u64>;

pub struct Host {
    random: Random,
    set: ManifestSet,
    /// The journal of the inventory.
    kept: Journal,
    nic: Adapter,
    bios: Board,
    boot: u64,
    faults: bool,
    /// A component whose activation never takes effect.
    stubborn: bool,
    /// The boots in which each version was tried on each component.
    tried: BTreeMap<(Component, u64), BTreeSet<u64>>,
    limit: usize,
    resets: usize,
    pub writes: u64,
    pub confirmed: u64,
    pub cuts: u64,
}

struct Adapter {
    banks: [Content; 2],
    active: usize,
    next: usize,
}

struct Board {
    flash: Content,
    running: u64,
    backup: Content,
}

/// The power was cut.
struct Cut;

impl Host {
    pub fn new(mut source: Random) -> Self {
        let (nic, bios) = (source.below(10), source.below(10));
        let set = random(&mut source, 1);
        Self {
            kept: Journal::default(),
            nic: Adapter { banks: [Some(nic), Some(source.below(10))], active: 0, next: 0 },
            bios: Board { flash: Some(bios), running: bios, backup: None },
            boot: 0,
            faults: true,
            stubborn: source.percent(10),
            tried: BTreeMap::new(),
            limit: limit(&set),
            resets: 0,
            writes: 0,
            confirmed: 0,
            cuts: 0,
            set,
            random: source,
        }
    }

    pub fn live(&mut self) {
        for _ in 0..TROUBLED {
            if self.random.percent(10) {
                self.set = random(&mut self.random, self.set.serial + 1);
                self.limit = self.limit.max(limit(&self.set));
            }
            self.live_once();
        }
        self.faults = false;
        // The pause after a failed attempt is shorter than two boots.
        let mut idle = 0;
        for _ in 0..CALM {
            idle = if self.live_once() { 0 } else { idle + 1 };
            if idle == 3 {
                return;
            }
        }
        panic!("a reboot loop: {:?}", self.kept);
    }

    /// One boot, and the restart after it. Returns whether there was anything to do.
    fn live_once(&mut self) -> bool {
        self.boot += 1;
        let mut ended = self.run();
        // The agent was killed without a power cut, or is started again by hand.
        while self.faults && self.random.percent(30) {
            ended = self.run();
        }
        let (next, acted) = ended.unwrap_or_else(|Cut| {
            self.cuts += 1;
            (None, true)
        });
        self.resets += usize::from(next.is_some());
        // Without a requested reset, a later one follows anyway; a power cut is one, too.
        let next = next
            .unwrap_or_else(|| self.random.of(&[Activation::Warm, Activation::Cold, Activation::PowerCycle]));
        self.restart(next);
        self.check();
        acted
    }

    /// One run of the agent. Returns the reset that it ends in, if any, and whether there was anything to do.
    fn run(&mut self) -> Result<(Option<Activation>, bool), Cut> {
        let set = self.set.clone();
        let facts = self.facts();
        let found = matches(&facts, &set);
        let mut journal = (!self.unreachable()).then(|| self.kept.clone());
        if let Some(journal) = &mut journal {
            self.settle(journal, &found.matched);
        }
        let plan = plan(found, journal.as_ref(), &self.conditions());
        self.check_plan(&plan);
        let Some(mut journal) = journal else { return Ok((None, false)) };

        let mut flashes = Flashes::default();
        let mut acting: Vec<(&Matched, &str)> = Vec::new();
        for planned in &plan.components {
            let (recorded, stored) = match &planned.verdict {
                Verdict::Update(_) => (false, false),
                Verdict::PendingActivation { recorded, .. } => (*recorded, true),
                _ => continue,
            };
            flashes.add(Traits::of(planned.matched.entry, recorded), stored);
            acting.push((&planned.matched, planned.verdict.version().unwrap()));
        }
        loop {
            match flashes.due() {
                Next::Act(index, state) => {
                    let (matched, version) = acting[index];
                    let event = self.act(&state, matched, version, &mut journal)?;
                    flashes.advance(index, event);
                }
                Next::Reset(by) => {
                    let broken =
                        |state: &State| matches!(state, State::Over(Some(AttemptOutcome::Broken), _));
                    assert!(!flashes.states().any(broken), "a reset of a broken host");
                    if self.faults && by == Activation::PowerCycle && self.random.percent(20) {
                        // The BMC does not respond, and no weaker reset is tried.
                        return Ok((None, true));
                    }
                    return Ok((Some(by), true));
                }
                Next::Nothing => return Ok((None, !acting.is_empty())),
            }
        }
    }

    fn act(
        &mut self,
        state: &State,
        matched: &Matched,
        version: &str,
        journal: &mut Journal,
    ) -> Result<Event, Cut> {
        let component = matched.device.component;
        let desired = number(version);
        if !matches!(state, State::Write { .. }) {
            self.cut()?;
        }
        let boot_id = self.boot_id();
        if let Some(phase) = state.record() {
            let begins = phase != Phase::Staged;
            journal::reach(journal, matched, version, (&boot_id, self.now()), phase);
            let event = self.keep(journal);
            if begins && event == Event::Done {
                self.tried.entry((component, desired)).or_default().insert(self.boot);
            }
            return Ok(event);
        }
        Ok(match state {
            State::Fetch | State::Preflight if self.faults && self.random.percent(5) => self.failed(),
            State::BackUp => {
                self.bios.backup = self.bios.flash;
                Event::Done
            }
            State::Write { .. } => {
                self.check_write(matched, version);
                self.writes += 1;
                self.write(component, desired)?
            }
            State::ReadBack { .. } => self.read_back(component, desired, number(&running(matched))),
            State::Restore(_) => {
                self.cut()?;
                self.bios.flash = self.bios.backup;
                Event::Done
            }
            State::Reload => self.reload(desired),
            State::Close(outcome, why) => {
                assert_ne!(*outcome, AttemptOutcome::Confirmed, "confirmed in the same boot");
                journal::close(journal, &matched.device.key, &boot_id, outcome.clone(), why);
                self.keep(journal)
            }
            _ => Event::Done,
        })
    }

    /// Checks that only a later boot that runs the version confirms an attempt.
    fn settle(&mut self, journal: &mut Journal, matched: &[Matched]) {
        let before = journal.clone();
        if !journal::settle(journal, &self.boot_id(), matched) {
            return;
        }
        for (old, new) in before.attempts.iter().zip(&journal.attempts) {
            if old.outcome == new.outcome {
                continue;
            }
            assert_ne!(new.boot_id, self.boot_id(), "settled in its own boot");
            let is = matched.iter().find(|matched| matched.device.key == new.device).unwrap();
            let runs = running(is) == new.version;
            assert_eq!(new.outcome == Some(AttemptOutcome::Confirmed), runs, "{new:?}");
            self.confirmed += u64::from(runs);
        }
        self.keep(journal);
    }

    fn check_plan(&self, plan: &Plan) {
        let keys: BTreeSet<&str> =
            plan.components.iter().map(|planned| planned.matched.device.key.as_str()).collect();
        assert_eq!(keys.len(), plan.components.len(), "two plans for one component");
        assert!(plan.components.is_sorted_by_key(|planned| planned.matched.device.component));
        let known = plan.components.len() + plan.skipped.len();
        assert_eq!(known, 2, "each component is planned or skipped, once");
    }

    fn check_write(&self, matched: &Matched, version: &str) {
        let key = &matched.device.key;
        let armed = journal::of_boot(&self.kept, key, &self.boot_id());
        let armed = armed.unwrap_or_else(|| panic!("a write of {version} without a record in the journal"));
        assert_eq!((armed.version.as_str(), &armed.phase, &armed.outcome), (version, &Phase::Armed, &None));
        if matched.entry.policy.update == Update::UpgradeOnly {
            assert!(number(version) >= number(&running(matched)), "a downgrade to {version}");
            let stored = matched.reading.as_ref().unwrap().stored.as_ref();
            assert!(
                stored.is_none_or(|stored| number(version) >= number(stored)),
                "a downgrade to {version}"
            );
        }
    }

    fn check(&self) {
        for ((component, version), boots) in &self.tried {
            assert!(boots.len() <= self.limit, "{component:?} {version}: tried in the boots {boots:?}");
        }
        let tries: usize = self.tried.values().map(BTreeSet::len).sum();
        assert!(self.resets <= tries, "{} resets for {tries} attempts", self.resets);
        assert!(self.writes <= 2 * tries as u64);
    }

    fn write(&mut self, component: Component, desired: u64) -> Result<Event, Cut> {
        let fault = if self.faults { self.random.below(20) } else { 99 };
        let content = match fault {
            0..=2 => None,
            3 | 4 => return Ok(Event::Refused("locked".to_string())),
            // It reports success, but did nothing.
            5 => return Ok(Event::Done),
            // It timed out before it began.
            9 => return Ok(Event::TimedOut("timed out".to_string())),
            _ => Some(desired),
        };
        match component {
            Component::Nic => {
                let spare = 1 - self.nic.active;
                self.nic.banks[spare] = content;
                if content.is_some() || fault == 1 {
                    self.nic.next = spare;
                }
            }
            Component::Bios => self.bios.flash = content,
        }
        match fault {
            0 => Err(Cut),
            1 => Ok(Event::Done),
            2 => Ok(self.failed()),
            6 => Ok(Event::TimedOut("timed out".to_string())),
            7 => Ok(self.failed()),
            8 => Err(Cut),
            _ => Ok(Event::Done),
        }
    }

    fn read_back(&mut self, component: Component, desired: u64, old: u64) -> Event {
        if self.faults && self.random.percent(5) {
            return self.failed();
        }
        let content = match component {
            Component::Nic => self.nic.banks[self.nic.next],
            Component::Bios => self.bios.flash,
        };
        match content {
            Some(version) if version == desired => Event::Done,
            Some(version) if version == old => Event::Untouched,
            _ => self.failed(),
        }
    }

    fn reload(&mut self, desired: u64) -> Event {
        if self.stubborn || (self.faults && self.random.percent(20)) {
            return Event::Refused("it needs a cold reset".to_string());
        }
        self.nic.boot();
        if self.nic.running() == desired { Event::Done } else { self.failed() }
    }

    fn restart(&mut self, by: Activation) {
        if !(self.stubborn && self.nic.banks[self.nic.active].is_some() && by != Activation::PowerCycle) {
            self.nic.boot();
        }
        // A host that no longer boots gets a valid image by an external programmer.
        let running = self.bios.flash.unwrap_or_else(|| self.random.below(10));
        self.bios = Board { flash: Some(running), running, backup: None };
        // Or an operator restores an older version.
        if self.faults && self.random.percent(5) {
            let older = self.random.below(10);
            self.bios = Board { flash: Some(older), running: older, backup: None };
        }
    }

    /// Stores the journal in the inventory. A failure may also be a stored journal with a lost response.
    fn keep(&mut self, journal: &Journal) -> Event {
        let unreachable = self.unreachable();
        if !unreachable || self.random.percent(50) {
            self.kept = journal.clone();
        }
        if unreachable { self.failed() } else { Event::Done }
    }

    fn unreachable(&mut self) -> bool {
        self.faults && self.random.percent(8)
    }

    fn cut(&mut self) -> Result<(), Cut> {
        if self.faults && self.random.percent(5) { Err(Cut) } else { Ok(()) }
    }

    fn failed(&self) -> Event {
        Event::Failed("a fault".to_string())
    }

    fn boot_id(&self) -> String {
        format!("boot-{}", self.boot)
    }

    fn now(&self) -> u64 {
        1_000_000 + self.boot * 300
    }

    fn conditions(&self) -> Conditions {
        Conditions { boot_id: self.boot_id(), now: self.now(), ..Conditions::default() }
    }

    fn facts(&self) -> Facts {
        let versions = |content: u64| BTreeMap::from([("fw".to_string(), text(content))]);
        let devlink = Devlink {
            serial: Some("SN0042".to_string()),
            running: versions(self.nic.running()),
            stored: self.nic.banks[self.nic.next].map(versions).unwrap_or_default(),
            ..Devlink::default()
        };
        let address = "0000:05:00.0".to_string();
        let nic = Nic { pci_address: Some(address.clone()), devlink: Some(devlink), ..Nic::default() };
        let id = |id: &str| Some(id.to_string());
        let pci = PciDevice { address, vendor: id("0x1af4"), device: id("0x1110"), ..PciDevice::default() };
        let bios = Bios { version: Some(text(self.bios.running)), ..Bios::default() };
        Facts {
            system: Some(SystemInformation { product: id("Model"), ..SystemInformation::default() }),
            smbios: Some(Smbios { bios: Some(bios), ..Smbios::default() }),
            nics: vec![nic],
            pci: vec![pci],
            ..Facts::default()
        }
    }
}

impl Adapter {
    /// The boot ROM takes the next bank, or the other one if that is invalid.
    fn boot(&mut self) {
        self.active = if self.banks[self.next].is_some() { self.next } else { 1 - self.next };
    }

    /// Writes go to the other bank, so the running one is always valid.
    fn running(&self) -> u64 {
        self.banks[self.active].unwrap()
    }
}

fn running(matched: &Matched) -> String {
    matched.reading.as_ref().unwrap().running.clone()
}

fn limit(set: &ManifestSet) -> usize {
    set.entries.iter().map(|entry| entry.limits.max_attempts as usize).max().unwrap_or(0)
}
