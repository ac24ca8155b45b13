// SPDX-License-Identifier: MIT OR Apache-2.0
//! Networks of their own for tests: a host whose ports are cables to sites, each in a network namespace.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use nix::unistd::gettid;

use crate::config::Settings;
use crate::host::{Machine, Manager};
use crate::net::bring_up;

/// Runs `test` on a thread with a network of its own: the host's. Where that is not possible it prints why.
pub(super) fn on_host(test: impl FnOnce(Host) + Send + 'static) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let job = thread::spawn(move || {
        if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
            return note(&format!(
                "SKIPPED: no network namespace: {error}; run as root, or by: unshare --user --map-root-user cargo test"
            ));
        }
        let root = std::env::temp_dir().join(format!("stage1-net-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        for folder in ["etc", "proc", "sys/class/net"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        ip("link set lo up");
        test(Host { root: root.clone(), command_line: String::new() });
        let _ = fs::remove_dir_all(&root);
    });
    if let Err(panic) = job.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Prints to standard error, past the harness, which hides what passing tests print.
pub(super) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// `ip` of iproute2, in the network of this thread; returns what it prints.
pub(super) fn ip(arguments: &str) -> String {
    let output = Command::new("ip").args(arguments.split(' ')).output().expect("iproute2 is needed");
    assert!(output.status.success(), "ip {arguments}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until `is_met`, for at most 20 s.
pub(super) fn until(what: &str, mut is_met: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_met() {
        assert!(
            Instant::now() < deadline,
            "not within 20 s: {what}\n{}{}",
            ip("address"),
            ip("route show table all")
        );
        thread::sleep(Duration::from_millis(20));
    }
}

/// The host: its network is that of the thread.
pub(super) struct Host {
    root: PathBuf,
    /// The kernel command line.
    pub(super) command_line: String,
}

impl Host {
    /// A cable from a new port of this name to `far` at the site.
    pub(super) fn cable(&self, port: &str, site: &Site, far: &str) {
        let device = self.root.join("sys/class/net").join(port);
        fs::create_dir_all(device.join("device")).unwrap();
        fs::write(device.join("type"), "1\n").unwrap();
        ip(&format!("link add {port} type veth peer name {far} netns {}", site.thread));
    }

    /// The agent, which manages this network from now on; its result.
    pub(super) fn bring_up(&self, inventory: &str, seconds: u64) -> Result<String, String> {
        let (settings, errors) = Settings::merge(None, &self.command_line, &[]);
        assert_eq!(errors, []);
        let settings = Settings {
            network_timeout: Duration::from_secs(seconds),
            inventory: inventory.split_whitespace().map(str::to_string).collect(),
            dhcp_host_name: "node7".to_string(),
            ..settings
        };
        bring_up(&Machine::at(&self.root), Manager::Agent, &settings, &|| false)
            .map_err(|error| format!("{error:#}"))
    }

    /// A file for a server, or the path of one.
    pub(super) fn file(&self, name: &str, text: Option<&str>) -> String {
        let path = self.root.join(name);
        text.into_iter().for_each(|text| fs::write(&path, text).unwrap());
        path.display().to_string()
    }

    /// /etc/resolv.conf.
    pub(super) fn resolv_conf(&self) -> String {
        fs::read_to_string(self.root.join("etc/resolv.conf")).unwrap_or_default()
    }

    /// The IPv4 addresses of a port, with their prefix lengths.
    pub(super) fn addresses(&self, port: &str) -> Vec<String> {
        let text = ip(&format!("-4 -o address show dev {port}"));
        text.lines().filter_map(|line| line.split_whitespace().nth(3)).map(str::to_string).collect()
    }

    /// The routes of the main table that are not of the kernel, without what is the same in all.
    pub(super) fn routes(&self) -> Vec<String> {
        let text = ip("-4 route show proto dhcp");
        text.lines().map(|line| line.trim().to_string()).collect()
    }
}

/// A network at the other end of a cable, with the gateway of 10.9.0.0/24 or another one.
pub(super) struct Site {
    thread: i32,
    jobs: Sender<Box<dyn FnOnce() + Send>>,
}

impl Site {
    pub(super) fn new() -> Self {
        let (jobs, todo) = channel::<Box<dyn FnOnce() + Send>>();
        let (sender, thread) = channel();
        thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            sender.send(gettid().as_raw()).unwrap();
            todo.into_iter().for_each(|job| job());
        });
        let site = Self { thread: thread.recv().unwrap(), jobs };
        site.run(|| drop(ip("link set lo up")));
        site
    }

    /// Runs `job` in the site's network, and returns its result.
    pub(super) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (sender, result) = channel();
        self.jobs.send(Box::new(move || drop(sender.send(job())))).unwrap();
        result.recv().expect("the job has not panicked")
    }

    /// Sets up the site's end of a cable with this address.
    pub(super) fn set_up(&self, far: &str, address: &str) {
        let commands = [format!("address replace {address} dev {far}"), format!("link set {far} up")];
        self.run(move || commands.iter().for_each(|command| drop(ip(command))));
    }

    /// `ip` in the site's network.
    pub(super) fn ip(&self, arguments: &str) -> String {
        let arguments = arguments.to_string();
        self.run(move || ip(&arguments))
    }

    /// Starts a program in the site's network, which ends with the value.
    pub(super) fn start(&self, program: &str, arguments: &str) -> Daemon {
        let mut command = Command::new(program);
        command
            .args(arguments.split_whitespace())
            // Kea's own folders may not be there.
            .envs([("KEA_PIDFILE_DIR", "/tmp"), ("KEA_LOCKFILE_DIR", "none")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Daemon(self.run(move || command.spawn()).unwrap_or_else(|error| panic!("{program}: {error}")))
    }

    /// A TCP server at this address of the site.
    pub(super) fn listen(&self, address: &'static str) {
        self.run(move || {
            let listener = std::net::TcpListener::bind(address).unwrap();
            thread::spawn(move || listener.incoming().for_each(drop));
        });
    }
}

/// A program that ends when this is dropped.
pub(super) struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
