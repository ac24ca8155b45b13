// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host and a router, each in a network namespace of its own, with a cable between them.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};

use crate::config::Settings;
use crate::host::{Machine, Manager};
use crate::net::bring_up;

/// The host's port.
const PORT: &str = "eth0";
/// The router's.
pub(super) const ROUTER_PORT: &str = "s0";
const TIMEOUT: Duration = Duration::from_secs(40);

/// Runs `test` on a thread with a network of its own. Where that is not possible it prints why, and so if one of the programs
/// is missing.
pub(super) fn with_router(programs: &[&str], test: impl FnOnce(&mut Lab) + Send + 'static) {
    for program in programs {
        let found = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
            .iter()
            .any(|dir| Path::new(dir).join(program).exists());
        if !found {
            return note(&format!("SKIPPED: there is no {program}: run scripts/setup"));
        }
    }
    let job = thread::spawn(|| {
        if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
            return note(&format!("SKIPPED: no network namespace: {error}; run as root"));
        }
        test(&mut Lab::new());
    });
    if let Err(panic) = job.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Prints to standard error, past the harness, which hides what passing tests print.
pub(super) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Whether the kernel has links of this kind; prints why not.
pub(super) fn has_kind(kind: &[&str]) -> bool {
    let add =
        Command::new("ip").args(["link", "add", "link", PORT, "name", "probe"]).args(kind).output().unwrap();
    let _ = Command::new("ip").args(["link", "delete", "probe"]).output();
    let unknown = String::from_utf8_lossy(&add.stderr).contains("Unknown device type");
    if unknown {
        note(&format!("SKIPPED: this kernel has no links of the kind {}", kind[1]));
    }
    !unknown
}

/// The host, on the thread of the test, and its router.
pub(super) struct Lab {
    folder: tempfile::TempDir,
    /// Holds the router's namespace.
    router: Child,
    servers: Vec<Child>,
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in self.servers.iter_mut().chain([&mut self.router]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Lab {
    fn new() -> Self {
        let mut router = Command::new("unshare")
            .args(["--net", "sh", "-c", "echo ready; exec sleep 600"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("util-linux is needed");
        let mut ready = [0; 6];
        router.stdout.take().unwrap().read_exact(&mut ready).unwrap();
        let lab = Self { folder: tempfile::tempdir().unwrap(), router, servers: Vec::new() };
        let pid = lab.router.id().to_string();
        run("ip", &["link", "set", "lo", "up"]);
        run(
            "ip",
            &[
                "link",
                "add",
                PORT,
                "address",
                "02:00:00:00:00:07",
                "type",
                "veth",
                "peer",
                "name",
                ROUTER_PORT,
            ],
        );
        run("ip", &["link", "set", ROUTER_PORT, "netns", &pid]);
        lab.router("ip", &["link", "set", "lo", "up"]);
        lab.router("ip", &["address", "add", "fd00:9::1/64", "dev", ROUTER_PORT, "nodad"]);
        lab.router("ip", &["link", "set", ROUTER_PORT, "up"]);
        // A physical port is known by files that a cable between namespaces does not have.
        let index = String::from_utf8(run("ip", &["-oneline", "link", "show", PORT])).unwrap();
        let index = index.split(':').next().unwrap().to_string();
        for (name, content) in [
            ("type", "1"),
            ("address", "02:00:00:00:00:07"),
            ("carrier", "1"),
            ("ifindex", index.as_str()),
            ("device/uevent", ""),
        ] {
            let path = lab.folder.path().join("sys/class/net").join(PORT).join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        fs::create_dir(lab.folder.path().join("etc")).unwrap();
        lab
    }

    /// Runs a program in the router's namespace, to its end.
    pub(super) fn router(&self, program: &str, arguments: &[&str]) {
        let target = self.router.id().to_string();
        let own = ["--target", &target, "--net", program];
        run("nsenter", &[&own[..], arguments].concat());
    }

    /// Starts a server in the router's namespace; it runs as long as the lab.
    pub(super) fn serve(&mut self, program: &str, arguments: &[&str]) {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.router.id().to_string(), "--net", program]).args(arguments);
        command.env("KEA_PIDFILE_DIR", self.folder.path()).env("KEA_LOCKFILE_DIR", "none");
        let log = fs::File::create(self.path(&format!("{program}.log"))).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.servers.push(command.spawn().unwrap());
    }

    /// A file of the lab with this content.
    pub(super) fn file(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        // radvd refuses what others may write.
        run("chmod", &["0644", path.to_str().unwrap()]);
        path.to_str().unwrap().to_string()
    }

    /// The path of a file of the lab.
    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Brings the host's network up with the settings of a kernel command line.
    pub(super) fn bring_up(&self, line: &str, timeout: u64) -> Result<String, String> {
        let (mut settings, errors) = Settings::merge(None, line, &[]);
        assert_eq!(errors, []);
        settings.network_timeout = Duration::from_secs(timeout);
        let machine = Machine::at(self.folder.path());
        bring_up(&machine, Manager::Agent, &settings, &|| false).map_err(|error| format!("{error:#}"))
    }

    /// Waits until /etc/resolv.conf has this content.
    pub(super) fn wait_for_resolv_conf(&self, expected: &str) {
        let text = || fs::read_to_string(self.path("etc/resolv.conf")).unwrap_or_default();
        wait(|| text() == expected, || format!("resolv.conf:\n{}\nexpected:\n{expected}", text()));
    }

    /// Waits until the host reaches an address.
    pub(super) fn wait_for_answer(&self, address: IpAddr) {
        // Nothing listens there: the refusal is the answer.
        let socket = SocketAddr::new(address, 9);
        let reached = || {
            let connection = TcpStream::connect_timeout(&socket, Duration::from_secs(1));
            connection.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
        };
        wait(reached, || format!("no answer from {address}\n{}", self.state()));
    }

    /// Addresses and routes of the host.
    pub(super) fn state(&self) -> String {
        let show = |arguments: &[&str]| String::from_utf8(run("ip", arguments)).unwrap();
        show(&["address"]) + &show(&["-6", "route"]) + &show(&["route"])
    }
}

fn wait(done: impl Fn() -> bool, why: impl Fn() -> String) {
    let deadline = Instant::now() + TIMEOUT;
    while !done() {
        assert!(Instant::now() < deadline, "{}", why());
        thread::sleep(Duration::from_millis(100));
    }
}

fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output =
        Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    output.stdout
}
