// SPDX-License-Identifier: MIT OR Apache-2.0
//! A cable in a network of its own, with lldpd at its far end.

#![allow(unsafe_code, reason = "system calls that nix does not have")]

use std::fs::{self, File};
use std::io::{BufReader, Write};
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use serde_json::Value;

/// Our end of the cable.
pub const OURS: &str = "up0";
/// The switch's.
pub const THEIRS: &str = "sw0";

/// How long lldpd may take to do something.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Runs `test` on a thread with a network of its own, in which [`OURS`] and [`THEIRS`] are the ends of a cable. Where that is
/// not possible it prints why.
pub fn wired(test: impl FnOnce() + Send + 'static) {
    if Command::new("lldpd").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        return note("SKIPPED: there is no lldpd: install Debian's package lldpd");
    }
    let job = thread::spawn(|| {
        if let Err(error) = unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS) {
            return note(&format!(
                "SKIPPED: no network namespace: {error}; run as root, or by: unshare --user --map-root-user cargo test"
            ));
        }
        let none: Option<&str> = None;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
        mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), none).unwrap();
        // For lldpd's directory and its socket.
        mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), none).unwrap();
        fs::create_dir("/run/lldpd").unwrap();
        ip(&["link", "add", OURS, "type", "veth", "peer", "name", THEIRS]);
        for port in ["lo", OURS, THEIRS] {
            ip(&["link", "set", port, "up"]);
        }
        test();
    });
    if let Err(panic) = job.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Prints to standard error, past the harness, which hides what passing tests print.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Makes a link of this kind; returns false and prints why if the kernel does not have such links.
pub fn made(name: &str, kind: &[&str]) -> bool {
    let add = Command::new("ip").args(["link", "add", "name", name]).args(kind).output();
    let output = add.expect("iproute2 is needed");
    let unknown = String::from_utf8_lossy(&output.stderr).contains("Unknown device type");
    assert!(unknown || output.status.success(), "{kind:?}: {output:?}");
    if unknown {
        note(&format!("SKIPPED: this kernel has no {name}: it is built without, or its module is not there"));
    }
    !unknown
}

/// `ip` of iproute2.
pub fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().expect("iproute2 is needed");
    assert!(output.status.success(), "ip {arguments:?}: {output:?}");
}

/// `stage1 lldp` on our end of the cable.
pub fn stage1(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stage1"));
    command.args(["lldp", OURS]).args(arguments).stdout(Stdio::piped());
    command
}

/// What it printed as JSON.
pub fn ports(output: &Output) -> Vec<Value> {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// The one port that it printed as JSON.
pub fn port(output: &Output) -> Value {
    let mut ports = ports(output);
    assert_eq!(ports.len(), 1);
    ports.remove(0)
}

/// An lldpd, mostly at the far end. It ends when this is dropped.
pub struct Lldpd {
    child: Child,
    socket: PathBuf,
}

impl Lldpd {
    /// Starts one at the far end with this chassis ID.
    pub fn start(chassis: &str) -> Self {
        let lldpd = Self::at(THEIRS, chassis, &[]);
        // Without a bridge in its namespace it is none.
        lldpd.configure(&["system", "capabilities", "enabled", "bridge"]);
        lldpd
    }

    /// Starts one at these `ports`, with these options.
    pub fn at(ports: &str, chassis: &str, options: &[&str]) -> Self {
        let socket = PathBuf::from(format!("/run/{chassis}.socket"));
        let log = File::create(format!("/run/{chassis}.log")).unwrap();
        let child = Command::new("lldpd")
            .args(["-d", "-I", ports, "-u"])
            .arg(&socket)
            .args(options)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let lldpd = Self { child, socket };
        lldpd.until("it answers", |lldpd| lldpd.try_ask(&["show", "chassis"]).is_some());
        lldpd.configure(&["system", "chassisid", chassis]);
        lldpd
    }

    /// `lldpcli configure`.
    pub fn configure(&self, words: &[&str]) {
        let words = [&["configure"], words].concat();
        let output = self.lldpcli(&words);
        assert!(output.status.success() && output.stderr.is_empty(), "lldpcli {words:?}: {output:?}");
    }

    /// `lldpcli -f json0 show`, of the one interface.
    pub fn ask(&self, words: &[&str]) -> Value {
        let answer = self.try_ask(words).unwrap_or_else(|| panic!("lldpcli {words:?}"));
        answer["lldp"][0]["interface"][0].clone()
    }

    /// The chassis IDs of the neighbours that it knows.
    pub fn neighbours(&self) -> Vec<String> {
        let answer = self.try_ask(&["show", "neighbors"]).unwrap_or_default();
        let interfaces = answer["lldp"][0]["interface"].as_array().cloned().unwrap_or_default();
        let ids =
            interfaces.iter().filter_map(|interface| interface["chassis"][0]["id"][0]["value"].as_str());
        ids.map(str::to_string).collect()
    }

    /// Waits until something is so.
    pub fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        while !is_so(self) {
            assert!(Instant::now() < deadline, "waiting for lldpd until {what}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn try_ask(&self, words: &[&str]) -> Option<Value> {
        let output = self.lldpcli(&[&["-f", "json0"], words].concat());
        serde_json::from_slice(&output.stdout).ok()
    }

    fn lldpcli(&self, words: &[&str]) -> Output {
        Command::new("lldpcli").arg("-u").arg(&self.socket).args(words).output().unwrap()
    }
}

impl Drop for Lldpd {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

/// Sends frames on the switch's end as fast as it can until `stop` is set; returns how many it sent.
pub fn flood(frames: &[Vec<u8>], stop: &AtomicBool) -> u64 {
    let index = nix::net::if_::if_nametoindex(THEIRS).unwrap().cast_signed();
    // SAFETY: no pointers; the descriptor is a new one.
    let socket = unsafe { OwnedFd::from_raw_fd(libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0)) };
    // SAFETY: all zeros is a valid `sockaddr_ll`.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_ifindex = index;
    let length = size_of::<libc::sockaddr_ll>() as u32;
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        for frame in frames {
            let (fd, at) = (socket.as_raw_fd(), (&raw const address).cast());
            // SAFETY: both pointers are to values of the lengths that follow them.
            let result = unsafe { libc::sendto(fd, frame.as_ptr().cast(), frame.len(), 0, at, length) };
            sent += u64::from(result > 0);
        }
    }
    sent
}

/// The most memory that a process has had, in KiB, and its processor time in ticks of 10 ms.
pub fn usage(pid: u32) -> Option<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|ticks| ticks.parse::<u64>().ok());
    Some((peak.parse().ok()?, ticks(11)? + ticks(12)?))
}

/// The lines of a child's standard output, as it prints them.
pub fn lines(child: &mut Child) -> impl Iterator<Item = String> {
    let reader = BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::lines(reader).map_while(Result::ok)
}
