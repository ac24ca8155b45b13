// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program itself, which works in a child: no signal leaves a process of it.
//!
//! It plans a run in namespaces of its own, with the SMBIOS table of a captured machine and without a network, for which it
//! waits when the signal comes.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::case::LIMIT;
use super::host::{self, ID};

/// `$1` is the machine, `$2` the program.
const SCRIPT: &str = "mount --bind \"$1/sys/firmware\" /sys/firmware && exec \"$2\" run --plan \
    --inventory http://127.0.0.1:9/ipxe --set allow-http=true --set lldp=off --set bmc=off --set network-timeout=600";

/// How long the program may take to discover the facts; it waits 30 s for the first network port.
const START: Duration = Duration::from_secs(20);

/// The program, which waits for the network.
struct Program {
    parent: Child,
    child: u32,
    lines: Receiver<String>,
    _tree: tempfile::TempDir,
}

impl Program {
    /// `None`, with a line that cannot be overlooked, where it cannot be tested.
    fn start() -> Option<Self> {
        if let Err(why) = has_namespaces() {
            // Not eprintln!, which the test harness captures.
            let _ = writeln!(std::io::stderr(), "SKIPPED: signals to the program: {why}");
            return None;
        }
        let tree = host::machine();
        let mut parent = Command::new("unshare")
            .args(["--map-root-user", "--mount", "--net", "sh", "-c", SCRIPT, "sh"])
            .args([tree.path(), Path::new(env!("CARGO_BIN_EXE_stage1"))])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(parent.stderr.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut program = Self { parent, child: 0, lines, _tree: tree };
        // The log of a stage that ended: what remains then is the network.
        program.wait_for_line(ID);
        let children = children(program.parent.id());
        assert_eq!(children.len(), 1, "{children:?}");
        program.child = children[0];
        Some(program)
    }

    fn wait_for_line(&self, text: &str) {
        let deadline = Instant::now() + START;
        let mut lines = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if line.contains(text) {
                return;
            }
            lines.push(line);
        }
        panic!("no line with {text:?} but: {lines:#?}");
    }

    /// Sends a signal to the process that was started, and waits for its end and that of its child.
    fn end_by(&mut self, signal: Signal) -> ExitStatus {
        kill(Pid::from_raw(self.parent.id().cast_signed()), signal).unwrap();
        let deadline = Instant::now() + LIMIT;
        loop {
            let status = self.parent.try_wait().unwrap();
            if let Some(status) = status.filter(|_| !is_running(self.child)) {
                return status;
            }
            assert!(Instant::now() < deadline, "{status:?}; child running: {}", is_running(self.child));
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if is_running(self.child) {
            let _ = kill(Pid::from_raw(self.child.cast_signed()), Signal::SIGKILL);
        }
        let _ = self.parent.kill();
        let _ = self.parent.wait();
    }
}

#[test]
fn sigterm_ends_parent_and_child() {
    let Some(mut program) = Program::start() else { return };
    assert_eq!(program.end_by(Signal::SIGTERM).code(), Some(1));
    program.wait_for_line("stopped by SIGTERM");
}

#[test]
fn sigint_ends_parent_and_child() {
    let Some(mut program) = Program::start() else { return };
    assert_eq!(program.end_by(Signal::SIGINT).code(), Some(1));
    program.wait_for_line("stopped by SIGINT");
}

#[test]
fn the_child_of_a_parent_that_is_killed_ends() {
    let Some(mut program) = Program::start() else { return };
    assert_eq!(program.end_by(Signal::SIGKILL).code(), None);
}

fn has_namespaces() -> Result<(), String> {
    if !Path::new("/sys/firmware").is_dir() {
        return Err("there is no /sys/firmware".to_string());
    }
    let mount = ["sh", "-c", "mount --bind /tmp /sys/firmware"];
    let output = Command::new("unshare").args(["--map-root-user", "--mount", "--net"]).args(mount).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_string()),
        Err(error) => Err(format!("unshare: {error}")),
    }
}

fn children(parent: u32) -> Vec<u32> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|(_, of)| of == parent)).collect()
}

/// The process 0, of a program that has not started one, is none. A zombie has ended: that nobody has waited for it is no matter of the program.
fn is_running(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != "Z")
}

/// State and parent of a process, after its name (proc_pid_stat(5)).
fn stat(pid: u32) -> Option<(String, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    Some((fields.next()?.to_string(), fields.next()?.parse().ok()?))
}
