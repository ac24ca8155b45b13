// SPDX-License-Identifier: MIT OR Apache-2.0
//! LLDP neighbours of servers at virtual switches.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use stage1_contract::{PortNeighbours, PortOutcome, Report, Stage, StageName};
use stage1_rack::console_phrases::{self, SHELL_PROMPT};
use stage1_rack::host::Host;
use stage1_rack::paths::Paths;
use stage1_rack::qmp::PowerOff;
use stage1_rack::rack::Rack;
use stage1_rack::scenario::{self, BOOT};
use stage1_rack::spec::{Boot, Image, NicModel, NicSpec, RackSpec, Speaks};
use stage1_rack::switch::Switch;

const TWO: &str = "6d1f0c5e-8a43-4f0e-9b52-0a5c6e7d0005";
const FOUR: &str = "6d1f0c5e-8a43-4f0e-9b52-0a5c6e7d0004";
/// Its ports' MAC addresses, and the switch and port at the other end of each cable.
const CABLES: [(&str, &str, &str); 4] = [
    ("52:54:00:09:00:41", "leaf1", "swp1"),
    ("52:54:00:09:00:42", "leaf2", "swp1"),
    ("52:54:00:09:00:43", "leaf1", "swp2"),
    ("52:54:00:09:00:44", "leaf2", "swp48"),
];
/// The deadline of host `two`, in milliseconds.
const DEADLINE: u64 = 8000;
/// Tolerance for emulation, in milliseconds.
const SLACK: u64 = 8000;
/// The interval between looks at the inventory.
const POLL: Duration = Duration::from_millis(200);

/// The rack of `racks/lldp.toml` with a change.
fn rack_with(name: &str, change: impl FnOnce(&mut RackSpec)) -> Rack {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("racks/lldp.toml");
    let mut spec = RackSpec::read(&file).unwrap();
    change(&mut spec);
    Rack::up(name, &spec, &Paths::of_checkout().unwrap()).unwrap()
}

/// That rack, with hosts that boot `image`.
fn rack(name: &str, image: Image) -> Rack {
    rack_with(name, |spec| spec.hosts.iter_mut().for_each(|host| host.image = image))
}

fn report(rack: &Rack, host: &Host) -> Report {
    let id = scenario::identity(rack, host).unwrap();
    let known = rack.inventory().host(&id).unwrap();
    serde_json::from_value(known["report"].clone()).unwrap()
}

fn stage<'a>(report: &'a Report, name: &str) -> &'a Stage {
    report.timeline.stages.iter().find(|stage| stage.name.to_string() == name).unwrap()
}

/// How long the run waited for neighbours after the network was up, in milliseconds.
fn waited(report: &Report) -> u64 {
    let end = |name| stage(report, name).end_ms.unwrap();
    end("lldp").saturating_sub(end("network"))
}

/// The times from carrier to the first frame of each neighbour in milliseconds, in ascending order.
fn heard_after(report: &Report) -> Vec<u64> {
    let neighbours = report.lldp.iter().flat_map(|port| &port.neighbours);
    let mut times: Vec<u64> = neighbours.map(|neighbour| neighbour.heard_after_ms).collect();
    times.sort_unstable();
    times
}

/// The ports of the switch with a host as LLDP neighbour.
fn heard(switch: &Switch) -> Vec<String> {
    let heard = switch.neighbours().unwrap();
    let interfaces = heard.pointer("/lldp/0/interface").and_then(|found| found.as_array().cloned());
    let mut ports: Vec<String> = interfaces
        .into_iter()
        .flatten()
        .map(|interface| interface["name"].as_str().unwrap().to_string())
        .collect();
    ports.sort_unstable();
    ports
}

/// Waits until the switch has neighbours on exactly these ports; long before their TTL expires.
fn wait_until_heard(switch: &Switch, ports: &[&str]) {
    let begin = Instant::now();
    while heard(switch) != ports {
        assert!(begin.elapsed() < Duration::from_secs(5), "expected {ports:?}, found {:?}", heard(switch));
    }
}

/// Waits until the inventory has a report in which the collection of neighbours is over on every port.
fn wait_until_collected(rack: &Rack, host: &Host, id: &str) {
    let begin = Instant::now();
    loop {
        let lldp = rack.inventory().host(id).ok().and_then(|known| known.pointer("/report/lldp").cloned());
        let ports: Vec<PortNeighbours> =
            lldp.and_then(|lldp| serde_json::from_value(lldp).ok()).unwrap_or_default();
        if !ports.is_empty() && ports.iter().all(|port| port.outcome != PortOutcome::Listening) {
            return;
        }
        assert!(begin.elapsed() < BOOT, "still listening: {ports:#?}{}", host.shown());
        thread::sleep(POLL);
    }
}

/// Waits until the inventory has the host's report.
fn wait_until_registered(rack: &Rack, host: &Host, id: &str) {
    let begin = Instant::now();
    while rack.inventory().host(id).map_or(true, |known| known["report"].is_null()) {
        assert!(begin.elapsed() < BOOT, "not registered{}", host.shown());
        thread::sleep(POLL);
    }
}

/// A host with four ports finds all four neighbours, in the time of the slowest one; the switches have it as a neighbour as
/// long as the first stage runs.
fn four_ports(rack: &Rack) {
    let host = rack.host("four").unwrap();
    let leaf1 = rack.switch("leaf1").unwrap();
    rack.inventory().set_action(FOUR, "wait").unwrap();
    host.power_on().unwrap();
    wait_until_collected(rack, host, FOUR);
    wait_until_heard(leaf1, &["swp1", "swp2"]);
    rack.inventory().set_action(FOUR, "rescue").unwrap();
    host.wait_for(SHELL_PROMPT, BOOT).unwrap();
    wait_until_heard(leaf1, &[]);
    assert!(host.on_since().is_some());

    let report = report(rack, host);
    let found: Vec<(&str, &str, &str)> = CABLES
        .iter()
        .filter_map(|(mac, ..)| report.lldp.iter().find(|port| port.mac.as_deref() == Some(mac)))
        .map(|port| {
            let [neighbour] = port.neighbours.as_slice() else { panic!("{port:#?}") };
            assert_eq!(neighbour.port_id_subtype, "ifname");
            let system = neighbour.system_name.as_deref().unwrap();
            (port.mac.as_deref().unwrap(), system, neighbour.port_id.as_str())
        })
        .collect();
    assert_eq!(found, CABLES, "{:#?}", report.lldp);
    let slowest = *heard_after(&report).last().unwrap();
    let waited = waited(&report);
    println!("waited {waited} ms for neighbours, of which the slowest was heard after {slowest} ms");
    assert!(waited <= slowest + SLACK, "{waited} ms, and the slowest {slowest} ms: {:#?}", report.timeline);
}

/// A host reports a port without cable and one at a silent switch, and waits no longer than its deadline.
fn no_neighbours(rack: &Rack) {
    let host = rack.host("two").unwrap();
    host.power_on().unwrap();
    assert_eq!(host.wait_off(BOOT).unwrap(), PowerOff::Shutdown);
    let report = report(rack, host);
    let outcomes: BTreeMap<&str, &PortOutcome> = report
        .lldp
        .iter()
        .map(|port: &PortNeighbours| (port.mac.as_deref().unwrap(), &port.outcome))
        .collect();
    let expected =
        [("52:54:00:09:00:51", &PortOutcome::Silent), ("52:54:00:09:00:52", &PortOutcome::NoCarrier)];
    assert_eq!(outcomes, BTreeMap::from(expected), "{:#?}", report.lldp);
    let waited = waited(&report);
    println!("waited {waited} ms without neighbours");
    assert!(waited <= DEADLINE + SLACK, "{waited} ms: {:#?}", report.timeline);
    let problems: Vec<&str> = report.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert!(problems.len() == 1 && problems[0].contains("no neighbour within 8 s"), "{problems:#?}");
}

/// Two ports at a switch that answers at once, and two that are connected late to one that sends only every 30 s: the run
/// waits as long as for the slowest port, not for the sum.
fn late_ports(name: &str, image: Image) {
    const LATE: [usize; 2] = [1, 3];
    let rack = rack_with(name, |spec| {
        spec.switches[1].speaks = Speaks::Slow;
        spec.hosts[0].image = image;
        for nic in LATE {
            // It drops earlier frames; e1000e keeps those that the switch sent at power-on.
            spec.hosts[0].nics[nic].model = NicModel::VirtioNetPci;
            spec.hosts[0].nics[nic].connected = false;
        }
    });
    let host = rack.host("four").unwrap();
    host.power_on().unwrap();
    // A new host powers off, but not before the inventory has all neighbours.
    wait_until_registered(&rack, host, FOUR);
    LATE.iter().for_each(|nic| host.set_link(*nic, true).unwrap());
    assert_eq!(host.wait_off(BOOT).unwrap(), PowerOff::Shutdown);

    let report = report(&rack, host);
    let heard = heard_after(&report);
    assert_eq!(heard.len(), CABLES.len(), "{:#?}", report.lldp);
    let end = |name| stage(&report, name).end_ms.unwrap();
    let waited = end("lldp") - end("register");
    println!("waited {waited} ms for neighbours that were heard after {heard:?} ms");
    assert!(waited < heard[3] * 13 / 10 + 2000, "{waited} ms, {heard:?}: {:#?}", report.timeline);
}

/// Noise on one port delays the boot no longer than a silent switch, and needs no more memory.
fn noise(name: &str, image: Image) {
    let rack = rack_with(name, |spec| {
        spec.switches[2].noise = 100_000;
        let host = &mut spec.hosts[1];
        host.image = image;
        host.boot = Boot::Kernel;
        let [quiet, flooded] = &mut host.nics[..] else { panic!("{host:#?}") };
        // The noise would displace DHCP responses on the cable.
        *flooded = NicSpec { mac: flooded.mac.clone(), ..quiet.clone() };
        (quiet.switch, quiet.port) = (Some("leaf1".to_string()), Some("swp3".to_string()));
    });
    let (host, mute) = (rack.host("two").unwrap(), rack.switch("mute").unwrap());
    rack.inventory().set_action(TWO, "wait").unwrap();
    host.power_on().unwrap();
    host.wait_for(&console_phrases::stage(&StageName::Network), BOOT).unwrap();
    let (began, before) = (Instant::now(), mute.sent("swp1").unwrap());
    wait_until_collected(&rack, host, TWO);
    let rate = (mute.sent("swp1").unwrap() - before) as f64 / began.elapsed().as_secs_f64();
    rack.inventory().set_action(TWO, "rescue").unwrap();
    host.wait_for(SHELL_PROMPT, BOOT).unwrap();
    let report = report(&rack, host);
    let with_neighbours = report.lldp.iter().filter(|port| port.outcome == PortOutcome::Neighbours).count();
    assert_eq!((with_neighbours, report.lldp.len()), (1, 2), "{:#?}", report.lldp);
    let waited = waited(&report);

    host.type_line(
        "stage1 lldp --watch >/dev/null & for n in 3 9; do sleep $n; grep VmHWM /proc/$!/status; done",
    )
    .unwrap();
    let peak = || -> u64 {
        let line = host.wait_for(r"VmHWM:\s+(\d+) kB\n", BOOT).unwrap();
        line.group(1).parse().unwrap()
    };
    let (early, late) = (peak(), peak());
    println!("{rate:.0} frames/s: waited {waited} ms; {early} KiB after 3 s, {late} KiB after 12 s");
    assert!(rate > 1000.0, "only {rate:.0} frames/s");
    assert!(waited <= DEADLINE + SLACK, "{waited} ms{}", host.shown());
    assert!(late <= early + 256, "{early} KiB, and then {late} KiB");
}

#[test]
fn init_finds_four_neighbours() {
    four_ports(&rack("test-lldp", Image::Init));
}

#[test]
fn systemd_finds_four_neighbours() {
    four_ports(&rack("test-lldp-systemd", Image::Systemd));
}

#[test]
fn init_reports_no_neighbours() {
    no_neighbours(&rack("test-lldp-silent", Image::Init));
}

#[test]
fn systemd_reports_no_neighbours() {
    no_neighbours(&rack("test-lldp-silent-systemd", Image::Systemd));
}

#[test]
fn init_waits_for_ports_in_parallel() {
    late_ports("test-lldp-slow", Image::Demo);
}

#[test]
fn systemd_waits_for_ports_in_parallel() {
    late_ports("test-lldp-slow-systemd", Image::Systemd);
}

#[test]
fn noise_does_not_stall_the_boot_of_init() {
    noise("test-lldp-flood", Image::Demo);
}

#[test]
fn noise_does_not_stall_the_boot_of_systemd() {
    noise("test-lldp-flood-systemd", Image::Systemd);
}
