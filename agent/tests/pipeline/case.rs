// SPDX-License-Identifier: MIT OR Apache-2.0
//! One run of the pipeline, and what is true of every run that fails.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use stage1::config::Settings;
use stage1::host::Machine;
use stage1::pipeline;
use stage1::run::{Cause, Run};
use stage1::stages::{FinalAction, RunMode, RunOptions, Stages};
use stage1::target::Loader;
use stage1_contract::{Outcome, StageName};
use stage1_kexec::{Image, LoadError, Loaded};
use tempfile::TempDir;

use super::host::{self, INITRD};
use super::inventory::{EVENTS, Inventory, Reply, wire};

/// What ends at once takes less; what hangs takes longer: the client's timeouts are 30 s and more.
pub const LIMIT: Duration = Duration::from_secs(5);

/// The target's command line.
const APPEND: &str = "console=ttyS0 quiet";

/// The stages of the main line, in their order. Image and manifests are waited for before [`StageName::Firmware`].
const MAIN_LINE: [StageName; 11] = [
    StageName::Modules,
    StageName::Facts,
    StageName::Identity,
    StageName::Firmware,
    StageName::Register,
    StageName::Flash,
    StageName::Profile,
    StageName::Detail,
    StageName::Download,
    StageName::Load,
    StageName::Installed,
];

/// A run that is to be: by default of a host that registers and boots a target.
pub struct Case {
    pub tree: TempDir,
    pub inventory: Inventory,
    options: RunOptions,
    settings: Vec<(String, String)>,
    loader: Loader,
}

/// A run that has ended.
pub struct Ended {
    pub result: Result<FinalAction, Cause>,
    pub run: Run,
    pub inventory: Inventory,
    pub tree: TempDir,
    before: BTreeMap<PathBuf, Vec<u8>>,
    took: Duration,
    /// Gets a message when the pipeline's own thread has ended, which nobody else waits for.
    pipeline: Receiver<()>,
}

impl Case {
    pub fn new(mode: RunMode) -> Self {
        let inventory = Inventory::start();
        for (request, reply) in [
            ("GET /ipxe/firmware-manifests", Reply::status(204)),
            ("PUT /ipxe/ID", Reply::wire("registration-boot.json")),
            ("PATCH /ipxe/ID", Reply::status(204)),
            (EVENTS, Reply::status(204)),
            ("GET /ipxe/ID/profile", Reply::body(profile(|_| ()))),
            ("GET /ipxe/ID/detail", Reply::wire("detail.json")),
            ("GET /images/kernel", Reply::body(host::kernel())),
            ("GET /images/initrd", Reply::body(INITRD)),
            ("POST /ipxe/ID/installed", Reply::status(204)),
        ] {
            inventory.on(request, [reply]);
        }
        let url = format!("{}/ipxe", inventory.origin);
        let settings = [("inventory", url.as_str()), ("allow-http", "true"), ("lldp", "off"), ("bmc", "off")];
        Self {
            tree: host::machine(),
            inventory,
            options: RunOptions { mode, plan: false, at_boot: false },
            settings: settings.map(|(key, value)| (key.to_string(), value.to_string())).to_vec(),
            loader: load_nothing,
        }
    }

    /// Only prints what would be done.
    pub fn plan(mut self) -> Self {
        self.options.plan = true;
        self
    }

    /// As at boot, where the image must be whole.
    pub fn at_boot(mut self) -> Self {
        self.options.at_boot = true;
        self
    }

    /// With a setting.
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.push((key.to_string(), value.to_string()));
        self
    }

    /// Without a setting of [`Case::new`].
    pub fn unset(mut self, key: &str) -> Self {
        self.settings.retain(|(other, _)| other != key);
        self
    }

    /// With a file of the machine.
    pub fn file(self, path: &str, content: &str) -> Self {
        host::put(self.tree.path(), path, content.as_bytes());
        self
    }

    /// Without a folder of the machine.
    pub fn without(self, path: &str) -> Self {
        std::fs::remove_dir_all(host::place(self.tree.path(), path)).unwrap();
        self
    }

    /// With another reply of the inventory.
    pub fn on(self, request: &str, reply: Reply) -> Self {
        self.inventory.on(request, [reply]);
        self
    }

    /// With another loader.
    pub fn loader(mut self, loader: Loader) -> Self {
        self.loader = loader;
        self
    }

    pub fn run(self) -> Ended {
        self.run_while(|_, _| ())
    }

    /// Runs it, and in parallel `meanwhile`.
    pub fn run_while(self, meanwhile: impl FnOnce(&Run, &Inventory) + Send) -> Ended {
        let Self { tree, inventory, options, settings, loader } = self;
        let before = host::files(tree.path());
        let machine = Machine::at(tree.path());
        let run = Run::new(&machine, Instant::now(), !options.plan);
        let settings = Settings::merge(None, "", &settings);
        let stages = Stages::new(&run, &machine, settings, options).with_loader(loader);
        let (sender, pipeline) = channel();
        let begin = Instant::now();
        let (result, took) = thread::scope(|scope| {
            scope.spawn(|| meanwhile(&run, &inventory));
            let result = run.supervise(move |run| {
                let result = pipeline::run(run, &stages);
                let _ = sender.send(());
                result
            });
            (result, begin.elapsed())
        });
        Ended { result, run, inventory, tree, before, took, pipeline }
    }

    /// Runs it until `is_met`, and stops it by a signal then.
    pub fn stop_when(self, is_met: impl FnOnce(&Run, &Inventory) + Send) -> Ended {
        self.run_while(|run, inventory| {
            is_met(run, inventory);
            run.stop(Cause::Signal(Signal::SIGTERM));
        })
    }
}

impl Ended {
    /// What a run that succeeded ends in.
    pub fn action(&self) -> &FinalAction {
        assert!(
            self.outcomes().iter().all(|(_, outcome)| *outcome == Outcome::Done),
            "{:?}",
            self.outcomes()
        );
        self.result.as_ref().unwrap_or_else(|cause| panic!("{cause}"))
    }

    /// The text that a run which only shows something ends in.
    pub fn text(&self) -> &str {
        match self.action() {
            FinalAction::Show(text) => text,
            other => panic!("{other:?}"),
        }
    }

    /// The requests, without progress events.
    pub fn requests(&self) -> Vec<String> {
        self.inventory.requests()
    }

    /// How a stage ended; `None` where it did not begin.
    pub fn outcome(&self, stage: &StageName) -> Option<Outcome> {
        self.outcomes().into_iter().find(|(name, _)| name == stage).map(|(_, outcome)| outcome)
    }

    /// Why a stage was skipped, or what it found.
    pub fn note(&self, stage: &StageName) -> String {
        note(&self.run, stage).unwrap_or_default()
    }

    /// The run failed at this stage and for this reason, at once, and everything else ended with it.
    pub fn assert_failed(&self, stage: &StageName, reason: &str) {
        let Err(Cause::Failed(failure)) = &self.result else { panic!("{:?}", self.result) };
        assert_eq!(failure.stage, *stage, "{failure}");
        assert!(failure.message.contains(reason), "{failure}");
        assert!(failure.advice.is_some(), "{failure}");
        let outcomes = self.outcomes();
        let failed: Vec<_> = outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Failed).collect();
        assert_eq!(failed, [&(stage.clone(), Outcome::Failed)]);
        let blamed: Vec<StageName> = self.run.problems().into_iter().map(|problem| problem.stage).collect();
        assert_eq!(blamed, std::slice::from_ref(stage));
        self.assert_ended(stage);
    }

    /// A signal stopped the run in this stage, at once, and everything else ended with it.
    pub fn assert_stopped(&self, stage: &StageName) {
        assert_eq!(self.result.as_ref().err(), Some(&Cause::Signal(Signal::SIGTERM)));
        assert_eq!(self.outcome(stage), Some(Outcome::Stopped));
        assert_eq!(self.run.problems(), [], "what was stopped is no problem");
        self.assert_ended(stage);
    }

    /// The stages themselves have ended, and not only the wait for them.
    pub fn assert_no_stage_goes_on(&self) {
        assert!(self.pipeline.recv_timeout(LIMIT).is_ok(), "{:?}", self.run.timeline());
    }

    /// Nothing began after `stage`, nothing goes on, and it did not take long.
    fn assert_ended(&self, stage: &StageName) {
        let outcomes = self.outcomes();
        assert!(outcomes.iter().all(|(_, outcome)| *outcome != Outcome::Running), "{outcomes:?}");
        let firmware = MAIN_LINE.iter().position(|other| *other == StageName::Firmware);
        let later = MAIN_LINE.iter().position(|other| other == stage).map(|at| at + 1).or(firmware).unwrap();
        for stage in &MAIN_LINE[later..] {
            assert_eq!(self.outcome(stage), None, "{outcomes:?}");
        }
        assert!(self.took < LIMIT, "it took {:?}", self.took);
    }

    /// Neither the machine nor the inventory was changed.
    pub fn assert_nothing_written(&self) {
        // An event would be sent by a thread that nobody waits for.
        thread::sleep(Duration::from_millis(200));
        assert_eq!(host::files(self.tree.path()), self.before);
        let requests = self.inventory.all_requests();
        assert!(requests.iter().all(|request| request.starts_with("GET ")), "{requests:?}");
    }

    fn outcomes(&self) -> Vec<(StageName, Outcome)> {
        self.run.timeline().stages.into_iter().map(|stage| (stage.name, stage.outcome)).collect()
    }
}

/// Waits until a stage has this note.
pub fn wait_for_note(run: &Run, stage: &StageName, expected: &str) {
    let deadline = Instant::now() + LIMIT;
    while note(run, stage).as_deref() != Some(expected) {
        assert!(Instant::now() < deadline, "{:?}", run.timeline());
        thread::sleep(Duration::from_millis(5));
    }
}

fn note(run: &Run, stage: &StageName) -> Option<String> {
    run.timeline().stages.into_iter().find(|other| other.name == *stage)?.note
}

/// The contract's example of a profile, with the files that the inventory serves, and then with `change`.
pub fn profile(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut profile: Value = serde_json::from_slice(&wire("profile-kernel.json")).unwrap();
    profile["kernel"] = artifact("kernel", &host::kernel());
    profile["initrds"] = json!([artifact("initrd", INITRD)]);
    profile["append"] = APPEND.into();
    change(&mut profile);
    profile.to_string().into_bytes()
}

/// A file that the inventory serves, as a profile has it.
pub fn artifact(name: &str, content: &[u8]) -> Value {
    let sha256 = hex(digest(&SHA256, content).as_ref());
    json!({ "urls": [format!("/images/{name}")], "sha256": sha256, "size": content.len() })
}

/// Loads nothing, and checks what would be loaded.
fn load_nothing(kernel: BorrowedFd, initrd: Option<BorrowedFd>, cmdline: &str) -> Result<Loaded, LoadError> {
    let read = |fd: BorrowedFd| {
        let mut content = Vec::new();
        // Through /proc, since the descriptor's own offset may be at its end.
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&fd));
        std::fs::File::open(path).unwrap().read_to_end(&mut content).unwrap();
        content
    };
    assert!(matches!(Image::parse(&read(kernel)), Ok(Image::BzImage { .. })));
    let initrd = read(initrd.unwrap());
    let at = initrd.windows(INITRD.len()).position(|bytes| bytes == INITRD).unwrap();
    let (directories, overlay) = (&initrd[..at], &initrd[at + INITRD.len()..]);
    assert!(directories.starts_with(b"070701") && directories.len() % 4 == 0);
    assert!(directories.windows(4).any(|name| name == b"etc\0"));
    assert!(overlay.starts_with(b"\x00\x00070701"), "the overlay begins at a multiple of four");
    assert!(overlay.windows(12).any(|name| name == b"etc/hostname"));
    assert_eq!(cmdline, APPEND);
    Ok(Loaded::nothing())
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
