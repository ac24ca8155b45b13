// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host's BMC: OpenIPMI's ipmi_sim, with its own network stack at the boot network, and a proxy between it and the host that
//! injects faults.

pub mod codec;
pub mod exchange;
pub mod fault;
pub mod proxy;
pub mod service;
pub mod wire;

mod quirks;
mod records;
mod settings;
mod users;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use nix::sys::socket;

use crate::namespace::Namespace;
use crate::network::{self, BRIDGE};
use crate::process::{Process, command, explain, output};
use crate::spec::{BmcSpec, RackSpec};
use crate::transcript::Transcript;

use codec::{Decoder, Frame, Message};
use proxy::Proxy;
use quirks::Quirks;
use service::{Chassis, PORT, REQUESTS_PORT, Service};
use settings::{CONSOLE_PORT, MESSAGES_PORT};

/// The socket of the host's messages, in the host's folder.
pub const SOCKET: &str = "bmc.sock";

/// The longest time that ipmi_sim may take to start.
const START: Duration = Duration::from_secs(30);
/// The interval between attempts to connect to ipmi_sim.
const PAUSE: Duration = Duration::from_millis(5);

/// The BMC of a host.
pub struct Bmc {
    // Dropped in this order.
    proxy: Proxy,
    _sim: Process,
    _endpoints: [Endpoint; 2],
    service: Arc<Service>,
    boot: Arc<Namespace>,
    directory: PathBuf,
    logins: AtomicU32,
}

impl Bmc {
    /// Starts the BMC of host `number` of the rack, with its files in the host's folder, at the boot network in the namespace
    /// `boot`.
    ///
    /// # Errors
    /// ipmi_sim does not start.
    pub fn up(
        rack: &RackSpec,
        number: usize,
        spec: &BmcSpec,
        host: &Path,
        boot: &Arc<Namespace>,
    ) -> Result<Bmc> {
        let directory = host.join("bmc");
        let state = directory.join("state");
        fs::create_dir_all(&state).with_context(|| format!("creating {}", state.display()))?;
        let namespace = Arc::new(Namespace::new()?);
        let offset = u32::try_from(201 + number).context("numbering the BMC")?;
        let address = spec.address.unwrap_or_else(|| rack.network.address(offset));
        let mac = spec.mac.clone().unwrap_or_else(|| format!("52:54:00:ff:00:{:02x}", number + 1));
        network::run_ip(boot, &cable(number, &namespace.path()), &directory.join("cable.ip"))?;
        network::run_ip(&namespace, &port(&mac), &directory.join("port.ip"))?;
        let service =
            Service::new(spec, &rack.network, (address, &mac), Arc::clone(&namespace), directory.clone())?;
        let service = Arc::new(service);
        let endpoints = [
            Endpoint::open(&namespace, REQUESTS_PORT, &service, Service::serve_requests)?,
            Endpoint::open(&namespace, CONSOLE_PORT, &service, Service::serve_console)?,
        ];
        let sim = start(spec, &directory, &namespace)?;
        let connect = move || namespace.run(|| TcpStream::connect((Ipv4Addr::LOCALHOST, MESSAGES_PORT)));
        let connect = move || connect()?.context("connecting to ipmi_sim");
        let proxy = Proxy::start(&host.join(SOCKET), &host.join("bmc.log"), Quirks::new(spec), connect)?;
        proxy.set_faults(spec.faults.clone());
        let logins = AtomicU32::new(0);
        Ok(Bmc {
            proxy,
            _sim: sim,
            _endpoints: endpoints,
            service,
            boot: Arc::clone(boot),
            directory,
            logins,
        })
    }

    /// The proxy between it and its host.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Sets the host that it controls. Only the first call has an effect.
    pub fn set_chassis(&self, chassis: Weak<dyn Chassis>) {
        self.service.set_chassis(Some(chassis));
    }

    /// Its present address in the boot network.
    ///
    /// # Errors
    /// It has none.
    pub fn address(&self) -> Result<Ipv4Addr> {
        let lan = self.lan();
        let address = lan.get("ip_addr").context("finding the BMC's address")?;
        address.parse().with_context(|| format!("{address:?} is not an address"))
    }

    /// Its LAN parameters with ipmi_sim's names: `ip_addr`, `ip_addr_src`, `subnet_mask`, `default_gw_ip_addr`, `mac_addr`, ...
    pub fn lan(&self) -> BTreeMap<&'static str, String> {
        self.service.lan()
    }

    /// Its host's boot device: `none`, `pxe`, `default`, `cdrom` or `bios`.
    pub fn boot_device(&self) -> String {
        self.service.boot_device()
    }

    /// Runs ipmitool's command `words` over the boot network as that user, at the BMC's present address; returns its output.
    ///
    /// # Errors
    /// The login or the command fails; the error has ipmitool's message.
    pub fn ipmitool(&self, user: &str, password: &str, words: &[&str]) -> Result<String> {
        let number = self.logins.fetch_add(1, Ordering::Relaxed);
        let file = self.directory.join(format!("password{number}"));
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&file)
            .and_then(|mut file| file.write_all(password.as_bytes()))
            .with_context(|| format!("writing {}", file.display()))?;
        let mut ipmitool = command("ipmitool");
        let address = self.address()?.to_string();
        // The cipher suite that every BMC has; and enough time for a command that powers the host on.
        ipmitool.args(["-I", "lanplus", "-C", "3", "-N", "5", "-R", "2", "-H", &address, "-U", user, "-f"]);
        ipmitool.arg(&file).args(words);
        // Not on the namespace's own thread, which starts QEMU for a command that powers the host on.
        let output = thread::scope(|scope| {
            let run = || -> Result<_> {
                self.boot.enter()?;
                output(&mut ipmitool).map_err(|error| explain("ipmitool", error))
            };
            scope.spawn(run).join().map_err(|_| anyhow!("the thread of ipmitool panicked"))?
        });
        fs::remove_file(&file).with_context(|| format!("removing {}", file.display()))?;
        let output = output?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_string();
        let (printed, errors) = (text(&output.stdout), text(&output.stderr));
        ensure!(output.status.success(), "ipmitool {}: {errors}\n{printed}", words.join(" "));
        Ok(printed)
    }
}

impl Drop for Bmc {
    fn drop(&mut self) {
        self.service.set_chassis(None);
    }
}

/// A pair of devices, one at the bridge of the boot network, the other in the namespace at `path`.
fn cable(number: usize, path: &str) -> String {
    format!(
        "link add bmc{number} type veth peer name {PORT} netns {path}\n\
         link set bmc{number} addrgenmode none\n\
         link set bmc{number} master {BRIDGE} up\n"
    )
}

fn port(mac: &str) -> String {
    format!(
        "link set lo up\n\
         link set {PORT} addrgenmode none address {mac}\n\
         link set {PORT} up\n"
    )
}

/// Starts ipmi_sim, and waits until it serves.
fn start(spec: &BmcSpec, directory: &Path, namespace: &Namespace) -> Result<Process> {
    for (name, content) in [
        (settings::REQUEST, settings::request()),
        ("lan.conf", settings::lan(spec)),
        ("bmc.emu", settings::emulation(spec)?),
    ] {
        let file = directory.join(name);
        fs::write(&file, content).with_context(|| format!("writing {}", file.display()))?;
    }
    let transcript = Arc::new(Transcript::create(&directory.join("ipmi_sim.log"))?);
    transcript.begin("ipmi_sim");
    let mut sim = command("ipmi_sim");
    sim.args(["-n", "-c", "lan.conf", "-f", "bmc.emu", "-s", "state"]).current_dir(directory);
    let mut sim = Process::spawn(namespace, sim, Vec::new(), Arc::clone(&transcript))?;
    wait_until_up(&mut sim, namespace, &settings::limits(spec))
        .map_err(|error| anyhow!("starting ipmi_sim: {error:#}{}", transcript.shown()))?;
    Ok(sim)
}

/// Waits for its capabilities, sends it these requests, and disconnects.
fn wait_until_up(sim: &mut Process, namespace: &Namespace, requests: &[Message]) -> Result<()> {
    let begin = Instant::now();
    let mut stream = loop {
        match namespace.run(|| TcpStream::connect((Ipv4Addr::LOCALHOST, MESSAGES_PORT)))? {
            Ok(stream) => break stream,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused && begin.elapsed() < START => {
                ensure!(sim.wait(PAUSE)?.is_none(), "ipmi_sim ended");
            }
            Err(error) => return Err(error).context("connecting to ipmi_sim"),
        }
    };
    stream.set_read_timeout(Some(START)).context("setting up the connection")?;
    let (mut decoder, mut buffer) = (Decoder::default(), [0; 64]);
    loop {
        let length = stream.read(&mut buffer).context("waiting for its capabilities")?;
        if length == 0 {
            bail!("ipmi_sim closed the connection");
        }
        let frames = decoder.feed(buffer.get(..length).unwrap_or_default());
        if frames.iter().any(|frame| matches!(frame, Frame::Control(bytes) if bytes.first() == Some(&0xff))) {
            break;
        }
    }
    for request in requests {
        stream.write_all(&request.encode()).context("setting it up")?;
    }
    stream.shutdown(Shutdown::Write).context("disconnecting")?;
    // ipmi_sim accepts another host only after this one has shut down its side, and then closes the connection.
    stream.read_to_end(&mut Vec::new()).context("disconnecting").map(drop)
}

/// A listener for ipmi_sim, closed when dropped.
struct Endpoint(Arc<TcpListener>);

impl Endpoint {
    /// Listens on the loopback of the namespace; a thread runs `serve`.
    fn open(
        namespace: &Namespace,
        port: u16,
        service: &Arc<Service>,
        serve: fn(&Service, &TcpListener),
    ) -> Result<Endpoint> {
        let listener = namespace.run(move || TcpListener::bind((Ipv4Addr::LOCALHOST, port)))?;
        let listener = Arc::new(listener.with_context(|| format!("listening on port {port} of the BMC"))?);
        let (service, thread) = (Arc::clone(service), Arc::clone(&listener));
        thread::spawn(move || serve(&service, &thread));
        Ok(Endpoint(listener))
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = socket::shutdown(self.0.as_raw_fd(), socket::Shutdown::Both);
    }
}
