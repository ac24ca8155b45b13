// SPDX-License-Identifier: MIT OR Apache-2.0
//! The boot network: a bridge, a tap for each port, and dnsmasq.

use std::fmt::Write;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::console_phrases::DNSMASQ_READY;
use crate::namespace::Namespace;
use crate::process::{Process, command, explain, output};
use crate::spec::{INVENTORY_NAME, NetworkSpec};
use crate::tap::{self, Tap};
use crate::transcript::Transcript;

/// The bridge, which has the boot server's address.
pub(crate) const BRIDGE: &str = "br0";
/// The boot server's IPv6 address.
const SERVER_IPV6: &str = "fd00:9::1";
/// The server of a foreign network.
const FOREIGN: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 1);
/// The longest time that dnsmasq may take to start.
const START: Duration = Duration::from_secs(30);

/// Creates the bridge and the taps. If the inventory has an address of its own, this is its gateway.
pub fn connect(
    namespace: &Namespace,
    spec: &NetworkSpec,
    inventory: Option<Ipv4Addr>,
    taps: &[String],
    directory: &Path,
) -> Result<()> {
    tap::device()?;
    run_ip(namespace, &ip_commands(spec, inventory, taps), &directory.join("network.ip"))
}

/// A network from which nothing of the rack is reached: another bridge, with a DHCP server, a name server that knows no name,
/// and a gateway that forwards nothing.
pub(crate) struct Foreign {
    _dnsmasq: Process,
    namespace: Arc<Namespace>,
}

impl Foreign {
    /// Starts it with its files in `directory`, and creates the taps.
    pub(crate) fn up(taps: &[String], directory: &Path) -> Result<Foreign> {
        fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
        let namespace = Arc::new(Namespace::new()?);
        let spec = NetworkSpec { server: FOREIGN, ..NetworkSpec::default() };
        connect(&namespace, &spec, None, taps, directory)?;
        let settings = format!(
            "local=/{}/\ndhcp-range={},{},1h\n{DNSMASQ}",
            INVENTORY_NAME.split_once('.').map_or(INVENTORY_NAME, |(_, domain)| domain),
            spec.address(100),
            spec.address(199)
        );
        let dnsmasq = serve(&namespace, &settings, directory)?;
        Ok(Foreign { _dnsmasq: dnsmasq, namespace })
    }

    /// The tap with that name.
    pub(crate) fn tap(&self, name: String) -> Tap {
        Tap { name, namespace: Arc::clone(&self.namespace) }
    }
}

/// Runs `commands` by `ip -batch` in the namespace, from the file `batch`.
pub(crate) fn run_ip(namespace: &Namespace, commands: &str, batch: &Path) -> Result<()> {
    fs::write(batch, commands).with_context(|| format!("writing {}", batch.display()))?;
    let mut ip = command("ip");
    ip.arg("-batch").arg(batch);
    let output = namespace.run(move || output(&mut ip))?.map_err(|error| explain("ip", error))?;
    ensure!(
        output.status.success(),
        "setting up the network with {}: {}",
        batch.display(),
        String::from_utf8_lossy(&output.stderr).trim_end()
    );
    Ok(())
}

/// Starts dnsmasq, and waits until it serves.
pub(crate) fn serve(namespace: &Namespace, settings: &str, directory: &Path) -> Result<Process> {
    let file = directory.join("dnsmasq.conf");
    fs::write(&file, settings).with_context(|| format!("writing {}", file.display()))?;
    let transcript = Arc::new(Transcript::create(&directory.join("dnsmasq.log"))?);
    transcript.begin("dnsmasq");
    let mut dnsmasq = command("dnsmasq");
    dnsmasq.arg("--no-daemon").arg(format!("--conf-file={}", file.display()));
    let process = Process::spawn(namespace, dnsmasq, Vec::new(), Arc::clone(&transcript))?;
    transcript.wait_for(DNSMASQ_READY, START).context("starting dnsmasq")?;
    Ok(process)
}

fn ip_commands(spec: &NetworkSpec, inventory: Option<Ipv4Addr>, taps: &[String]) -> String {
    let mut commands = format!(
        "link set lo up\n\
         link add {BRIDGE} address 52:54:00:00:00:01 type bridge stp_state 0 mcast_snooping 0 group_fwd_mask 0x4000\n\
         link set {BRIDGE} addrgenmode none\n\
         address add {}/{} dev {BRIDGE}\n\
         address add fe80::1/64 dev {BRIDGE} nodad\n\
         address add {SERVER_IPV6}/64 dev {BRIDGE} nodad\n\
         link set {BRIDGE} up\n",
        spec.server, spec.prefix
    );
    if let Some(address) = inventory {
        let _ = writeln!(commands, "address add {address}/32 dev lo");
    }
    for tap in taps {
        let _ = writeln!(commands, "tuntap add {tap} mode tap\nlink set {tap} master {BRIDGE} up");
    }
    commands
}

/// What each dnsmasq has.
const DNSMASQ: &str = "user=root
no-hosts
no-resolv
no-ping
log-dhcp
interface=br0
except-interface=lo
bind-interfaces
leasefile-ro
dhcp-authoritative
";

/// The settings of the boot network's dnsmasq. TFTP serves the folder `boot`, which is at `boot_url` by HTTP. With router
/// advertisements, as iPXE under UEFI waits 16 s for one.
pub(crate) fn dnsmasq_settings(
    spec: &NetworkSpec,
    inventory: Option<Ipv4Addr>,
    boot: &Path,
    boot_url: &str,
) -> String {
    let ([first, last], server) = (spec.dhcp_range, inventory.unwrap_or(spec.server));
    let (boot, delay) = (boot.display(), spec.dhcp_delay);
    let ntp =
        if spec.ntp { format!("dhcp-option=option:ntp-server,{}\n", spec.server) } else { String::new() };
    let addresses = match spec.ipv6_only {
        true => format!(
            "local=/{INVENTORY_NAME}/\naddress=/{INVENTORY_NAME}/{SERVER_IPV6}\ndhcp-option=option6:dns-server,[{SERVER_IPV6}]\n"
        ),
        false => format!("host-record={INVENTORY_NAME},{server}\ndhcp-range={first},{last},1h\n"),
    };
    format!(
        "{addresses}{ntp}{DNSMASQ}\
         dhcp-reply-delay={delay}\n\
         enable-ra\n\
         dhcp-range=fd00:9::,ra-stateless,64\n\
         enable-tftp\n\
         tftp-root={boot}\n\
         dhcp-match=set:ipxe,175\n\
         dhcp-match=set:uefi,option:client-arch,7\n\
         dhcp-match=set:uefi,option:client-arch,9\n\
         dhcp-match=set:uefi-http,option:client-arch,16\n\
         dhcp-option=tag:uefi-http,60,HTTPClient\n\
         dhcp-boot=tag:uefi-http,tag:!ipxe,{boot_url}/snponly.efi\n\
         dhcp-boot=tag:ipxe,{boot_url}/boot.ipxe\n\
         dhcp-boot=tag:uefi,tag:!ipxe,snponly.efi\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connects_every_tap_to_the_bridge() {
        let directory = tempfile::tempdir().unwrap();
        let namespace = Namespace::new().unwrap();
        let taps = ["tap0".to_string(), "tap1".to_string()];
        connect(&namespace, &NetworkSpec::default(), None, &taps, directory.path()).unwrap();
        let show = namespace.run(|| command("ip").args(["-brief", "link", "show", "master", "br0"]).output());
        let shown = String::from_utf8(show.unwrap().unwrap().stdout).unwrap();
        assert_eq!(shown.lines().count(), 2, "{shown}");

        let error = connect(&namespace, &NetworkSpec::default(), None, &taps, directory.path()).unwrap_err();
        assert!(error.to_string().contains("network.ip: RTNETLINK answers: File exists"), "{error}");
    }

    #[test]
    fn dnsmasq_accepts_its_settings() {
        let directory = tempfile::tempdir().unwrap();
        let namespace = Namespace::new().unwrap();
        connect(&namespace, &NetworkSpec::default(), None, &[], directory.path()).unwrap();
        for ipv6_only in [false, true] {
            let spec = NetworkSpec { ipv6_only, ntp: true, dhcp_delay: 2, ..NetworkSpec::default() };
            let settings = dnsmasq_settings(&spec, None, directory.path(), "http://10.9.0.1:8080/boot");
            serve(&namespace, &settings, directory.path()).unwrap();
        }
    }
}
