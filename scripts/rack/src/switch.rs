// SPDX-License-Identifier: MIT OR Apache-2.0
//! A switch: a network namespace with a bridge to the boot network, and lldpd on every port.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::console_phrases::{LLDPD_READY, LLDPD_REFUSED};
use crate::namespace::Namespace;
use crate::network::{self, BRIDGE};
use crate::noise::NoiseSource;
use crate::process::{Process, command, explain, output};
use crate::spec::{RackSpec, Speaks, SwitchSpec};
use crate::tap::Tap;
use crate::transcript::Transcript;

/// A switch of the rack.
pub struct Switch {
    // Dropped in this order.
    agents: Vec<Process>,
    _noise: Option<NoiseSource>,
    spec: SwitchSpec,
    directory: PathBuf,
    namespace: Arc<Namespace>,
}

/// The switch's device towards the boot network.
pub(crate) const UPLINK: &str = "uplink";

/// The longest time that lldpd may take to start.
const START: Duration = Duration::from_secs(30);

impl Switch {
    /// Starts switch `number` of the rack, with its files in `directory`, at the boot network in the namespace `boot`.
    pub fn up(rack: &RackSpec, number: usize, directory: PathBuf, boot: &Namespace) -> Result<Switch> {
        let spec = rack
            .switches
            .get(number)
            .with_context(|| format!("no switch {number} in the rack's declaration"))?
            .clone();
        let ports: Vec<&str> = rack.ports(&spec.name).map(|(port, ..)| port).collect();
        fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
        let namespace = Arc::new(Namespace::new()?);
        let uplink = uplink_commands(number, &namespace.path());
        network::run_ip(boot, &uplink, &directory.join("uplink.ip"))?;
        network::run_ip(&namespace, &ip_commands(rack, &spec), &directory.join("network.ip"))?;

        let agents = (1..=spec.neighbours)
            .map(|agent| start_agent(&namespace, &directory, &spec, agent, &ports))
            .collect::<Result<_>>()?;
        let noise = match spec.noise {
            0 => None,
            rate => Some(NoiseSource::send(Arc::clone(&namespace), &ports, rate)?),
        };
        Ok(Switch { agents, _noise: noise, spec, directory, namespace })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The tap that is its port with that name.
    pub(crate) fn tap(&self, port: &str) -> Tap {
        Tap { name: port.to_string(), namespace: Arc::clone(&self.namespace) }
    }

    /// Its LLDP neighbours, as `lldpcli -f json0 show neighbors details` prints them.
    ///
    /// # Errors
    /// It runs no lldpd.
    pub fn neighbours(&self) -> Result<Value> {
        self.ask(&["show", "neighbors", "details"])
    }

    /// The number of frames that it has sent on its port with that name, towards the host.
    ///
    /// # Errors
    /// It has no such port.
    pub fn sent(&self, port: &str) -> Result<u64> {
        let mut ip = command("ip");
        ip.args(["-json", "-stats", "link", "show", "dev", port]);
        let output = self.namespace.run(move || output(&mut ip))?.map_err(|error| explain("ip", error))?;
        let links: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("reading ip's output for port {port}"))?;
        links.pointer("/0/stats64/tx/packets").and_then(Value::as_u64).with_context(|| format!("{links:#}"))
    }

    fn ask(&self, words: &[&str]) -> Result<Value> {
        ensure!(!self.agents.is_empty(), "switch {} runs no lldpd", self.name());
        let mut lldpcli = command("lldpcli");
        lldpcli.args(["-u", &socket(1), "-f", "json0"]).args(words).current_dir(&self.directory);
        let output = output(&mut lldpcli).map_err(|error| explain("lldpcli", error))?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "querying lldpd of switch {}: {}", self.name(), errors.trim_end());
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("reading lldpcli's output for switch {}", self.name()))
    }
}

/// A pair of devices, one at the bridge of the boot network, the other in the switch's namespace at `path`.
fn uplink_commands(number: usize, path: &str) -> String {
    format!(
        "link add {UPLINK}{number} type veth peer name {UPLINK} netns {path}\n\
         link set {UPLINK}{number} master {BRIDGE} up\n"
    )
}

fn ip_commands(rack: &RackSpec, spec: &SwitchSpec) -> String {
    let mut commands = format!(
        "link set lo up\n\
         link add {BRIDGE} type bridge stp_state 0 mcast_snooping 0\n\
         link set {BRIDGE} addrgenmode none up\n\
         link set {UPLINK} master {BRIDGE} up\n"
    );
    if let Some(address) = spec.address {
        let _ = writeln!(commands, "address add {address}/{} dev {BRIDGE}", rack.network.prefix);
    }
    for (port, host, nic) in rack.ports(&spec.name) {
        let host = &host.name;
        let _ = writeln!(
            commands,
            "tuntap add {port} mode tap\n\
             link set dev {port} alias \"{host} nic {nic}\"\n\
             link set dev {port} master {BRIDGE} up"
        );
    }
    commands
}

/// Starts the switch's lldpd number `agent`, counted from 1, and waits until it runs.
fn start_agent(
    namespace: &Namespace,
    directory: &Path,
    spec: &SwitchSpec,
    agent: usize,
    ports: &[&str],
) -> Result<Process> {
    let (name, file) = (format!("lldpd{agent}"), directory.join(format!("lldpd{agent}.conf")));
    fs::write(&file, settings(spec, agent)).with_context(|| format!("writing {}", file.display()))?;
    let transcript = Arc::new(Transcript::create(&directory.join(format!("{name}.log")))?);
    transcript.begin(&name);
    // Names without folders: lldpd drops root, and a socket's path must be short.
    let mut lldpd = command("lldpd");
    lldpd.args(["-d", "-u", &socket(agent), "-O", &format!("{name}.conf"), "-I", &ports.join(",")]);
    lldpd.current_dir(directory);
    let process = Process::spawn_guarded(namespace, &lldpd, Arc::clone(&transcript))?;
    transcript
        .wait_for(LLDPD_READY, START)
        .with_context(|| format!("starting lldpd of switch {}", spec.name))?;
    let refused = transcript.text().contains(LLDPD_REFUSED);
    ensure!(
        !refused,
        "lldpd of switch {} does not accept {}{}",
        spec.name,
        file.display(),
        transcript.shown()
    );
    Ok(process)
}

/// The control socket of lldpd number `agent`, in the switch's directory.
fn socket(agent: usize) -> String {
    format!("lldpd{agent}.sock")
}

fn settings(spec: &SwitchSpec, agent: usize) -> String {
    let SwitchSpec { name, description, .. } = spec;
    let mut settings =
        format!("configure system description \"{description}\"\nconfigure lldp portidsubtype ifname\n");
    settings += &match agent {
        1 => format!("configure system hostname {name}\n"),
        _ => format!("configure system hostname {name}-{agent}\nconfigure system chassisid {name}-{agent}\n"),
    };
    if spec.speaks == Speaks::Slow {
        // Without reception, it discovers no new neighbour. Disabling MED's fast start would not do: lldpd would still send one
        // frame at once.
        settings += "configure lldp status tx-only\n";
    }
    settings
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::time::Instant;

    use super::*;

    const NIC: &str =
        "[[host]]\nname = 'a'\n[[host.nic]]\nmac = '52:54:00:09:00:01'\nswitch = 'leaf1'\nport = 'swp3'\n";
    /// QEMU's own header is before each frame of a tap.
    const BEFORE: usize = 10;
    const HEADER: &[u8] = b"\x01\x80\xc2\x00\x00\x0e\x52\x54\x00\x09\x00\x01\x88\xcc";
    const US: &[u8] = b"\x02\x07\x04\x52\x54\x00\x09\x00\x01\x04\x07\x03\x52\x54\x00\x09\x00\x01";
    /// Our MED capabilities (TIA-1057 10.2.2): those, and an endpoint of class 1.
    const MED: &[u8] = b"\xfe\x07\x00\x12\xbb\x01\x00\x01\x01";
    const TIME: Duration = Duration::from_secs(20);

    /// A switch with these keys, its boot network, and the other end of its port.
    fn up(keys: &str) -> (tempfile::TempDir, Namespace, Switch, File) {
        let spec = RackSpec::parse(&format!("[[switch]]\nname = 'leaf1'\n{keys}\n{NIC}")).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let boot = Namespace::new().unwrap();
        network::connect(&boot, &spec.network, None, &[], directory.path()).unwrap();
        let switch = Switch::up(&spec, 0, directory.path().join("leaf1"), &boot).unwrap();
        let host = File::from(switch.tap("swp3").open().unwrap());
        (directory, boot, switch, host)
    }

    fn send(host: &mut File, ttl: u8, more: &[u8]) {
        let frame = [&[0; BEFORE], HEADER, US, b"\x06\x02\x00", &[ttl], more, b"\x00\x00"].concat();
        host.write_all(&frame).unwrap();
    }

    /// Reads frames until each of `expected` was received: a frame that contains all of its parts.
    fn receive(host: &mut File, expected: &[&[&[u8]]]) {
        let (begin, mut expected, mut buffer) = (Instant::now(), expected.to_vec(), [0; 2048]);
        while !expected.is_empty() {
            let length = host.read(&mut buffer).unwrap();
            let frame = &buffer[BEFORE..length];
            let has = |part: &[u8]| frame.windows(part.len()).any(|window| window == part);
            expected.retain(|parts| !parts.iter().all(|part| has(part)));
            assert!(begin.elapsed() < TIME, "not received: {expected:x?}");
        }
    }

    fn wait_until_known(switch: &Switch, known: bool) -> Value {
        let begin = Instant::now();
        loop {
            let heard = switch.neighbours().unwrap();
            if heard.pointer("/lldp/0/interface/0").is_some() == known {
                return heard;
            }
            assert!(begin.elapsed() < TIME, "{heard:#}");
        }
    }

    #[test]
    fn every_agent_answers_a_new_neighbour() {
        let (_directory, _boot, switch, mut host) = up("neighbours = 2\naddress = '10.9.0.2'");
        let first: &[&[u8]] = &[b"\x0a\x05leaf1", b"\x05swp3", b"\x08\x07a nic 0", b"\x0a\x09\x00\x02"];
        let second: &[&[u8]] = &[b"\x02\x08\x07leaf1-2", b"\x0a\x07leaf1-2"];
        // Once by itself, since the port has carrier.
        receive(&mut host, &[first, second]);
        send(&mut host, 120, MED);
        receive(&mut host, &[first, second]);
        let heard = wait_until_known(&switch, true);
        let interface = &heard["lldp"][0]["interface"];
        assert_eq!(interface.as_array().unwrap().len(), 1, "{heard:#}");
        assert_eq!(interface[0]["name"], "swp3");
        assert_eq!(interface[0]["chassis"][0]["id"][0]["value"], "52:54:00:09:00:01");
        send(&mut host, 0, &[]);
        wait_until_known(&switch, false);
    }

    #[test]
    fn a_slow_switch_only_sends() {
        for (keys, expected) in [("speaks = 'slow'", "TX only"), ("speaks = 'fast'", "RX and TX")] {
            let (_directory, _boot, switch, _host) = up(keys);
            let shown = switch.ask(&["show", "interfaces"]).unwrap();
            let status = &shown["lldp"][0]["interface"][0]["status"][0]["value"];
            assert_eq!(status, expected, "{shown:#}");
        }
    }

    #[test]
    fn a_switch_without_lldpd_forwards_to_the_boot_network() {
        let (_directory, boot, switch, _host) = up("neighbours = 0\naddress = '10.9.0.2'");
        assert!(switch.neighbours().is_err());
        let ping = boot.run(|| command("busybox").args(["ping", "-c", "1", "-W", "20", "10.9.0.2"]).output());
        let ping = ping.unwrap().unwrap();
        assert!(ping.status.success(), "{ping:?}");
    }
}
