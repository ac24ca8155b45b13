// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals to the real program, in namespaces of its own: a network without a port, and a captured /sys.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use super::PROMPT;

/// A run that waits for a network; `None` without root, which namespaces need.
fn waiting_run(sys: &Path) -> Option<Child> {
    if !geteuid().is_root() {
        eprintln!("left out: signals to the program, which need root");
        return None;
    }
    super::port(sys);
    let script = format!(
        "mount --bind {0}/sys /sys && exec {1} run --plan --inventory http://127.0.0.1:9/ipxe \
         --set allow-http=true --set network-timeout=600",
        sys.display(),
        env!("CARGO_BIN_EXE_stage1")
    );
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "sh", "-c", &script]).stderr(Stdio::piped());
    Some(command.spawn().unwrap())
}

/// The child of a process that does the work, once it waits.
fn worker(parent: u32) -> u32 {
    let begin = Instant::now();
    loop {
        let children =
            fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
        let worker: Option<u32> = children.split_whitespace().next().and_then(|pid| pid.parse().ok());
        // The pipeline, its stages and the thread of signals.
        let threads = |pid: u32| fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
        if let Some(worker) = worker.filter(|worker| threads(*worker) >= 4) {
            return worker;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "no child that works: {children:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn is_there(pid: u32) -> bool {
    // A zombie has no command line.
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}

#[track_caller]
fn is_soon_gone(pid: u32) {
    let begin = Instant::now();
    while is_there(pid) {
        assert!(begin.elapsed() < PROMPT, "process {pid} lives on");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_signal_to_the_program_reaches_the_child_that_works() {
    for each in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let sys = tempfile::tempdir().unwrap();
        let Some(run) = waiting_run(sys.path()) else { return };
        let worker = worker(run.id());
        signal(run.id(), each);
        let output = run.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.trim_end().ends_with(&format!("stage1: stopped by {each}")), "{text}");
        is_soon_gone(worker);
    }
}

#[test]
fn a_program_that_is_killed_takes_its_child_along() {
    let sys = tempfile::tempdir().unwrap();
    let Some(mut run) = waiting_run(sys.path()) else { return };
    let worker = worker(run.id());
    run.kill().unwrap();
    run.wait().unwrap();
    is_soon_gone(worker);
}
