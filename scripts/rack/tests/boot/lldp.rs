// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who is at the other end of each port: servers at switches of their own.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use stage1_contract::{PortNeighbours, PortOutcome, Report, Stage};
use stage1_rack::host::Host;
use stage1_rack::paths::Paths;
use stage1_rack::qmp::PowerOff;
use stage1_rack::rack::Rack;
use stage1_rack::scenario::{self, BOOT};
use stage1_rack::spec::{Boot, Image, NicModel, NicSpec, RackSpec, Speaks};
use stage1_rack::switch::Switch;

const TWO: &str = "6d1f0c5e-8a43-4f0e-9b52-0a5c6e7d0005";
const FOUR: &str = "6d1f0c5e-8a43-4f0e-9b52-0a5c6e7d0004";
/// Its ports' addresses, and to which port of which switch their cables lead.
const CABLES: [(&str, &str, &str); 4] = [
    ("52:54:00:09:00:41", "leaf1", "swp1"),
    ("52:54:00:09:00:42", "leaf2", "swp1"),
    ("52:54:00:09:00:43", "leaf1", "swp2"),
    ("52:54:00:09:00:44", "leaf2", "swp48"),
];
/// The prompt of the rescue shell: of the init kind, or of systemd.
const SHELL: &str = "^(stage1 rescue|~ )# $";
/// The deadline of host `two`, in milliseconds.
const DEADLINE: u64 = 8000;
/// What an emulated machine may take for what takes no time, in milliseconds.
const SLACK: u64 = 8000;

/// The rack of `racks/lldp.toml`, changed.
fn rack_with(name: &str, change: impl FnOnce(&mut RackSpec)) -> Rack {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("racks/lldp.toml");
    let mut spec = RackSpec::read(&file).unwrap();
    change(&mut spec);
    Rack::up(name, &spec, &Paths::of_checkout().unwrap()).unwrap()
}

/// The same with hosts that boot `image`.
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

/// For how long the neighbours were waited for once a port was known to have carrier, in milliseconds.
fn waited(report: &Report) -> u64 {
    let end = |name| stage(report, name).end_ms.unwrap();
    end("lldp").saturating_sub(end("network"))
}

/// After how many milliseconds each neighbour was heard, the slowest last.
fn heard_after(report: &Report) -> Vec<u64> {
    let neighbours = report.lldp.iter().flat_map(|port| &port.neighbours);
    let mut times: Vec<u64> = neighbours.map(|neighbour| neighbour.heard_after_ms).collect();
    times.sort_unstable();
    times
}

/// The ports at which the switch hears a host.
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

/// Waits until the switch hears hosts at exactly these ports; long before what it heard becomes too old.
fn wait_until_heard(switch: &Switch, ports: &[&str]) {
    let begin = Instant::now();
    while heard(switch) != ports {
        assert!(begin.elapsed() < Duration::from_secs(5), "{ports:?} are not {:?}", heard(switch));
    }
}

/// A host with four ports finds all four neighbours, in the time of the slowest; the switches know it as long as it is
/// the first stage's.
fn four_ports(rack: &Rack) {
    let host = rack.host("four").unwrap();
    let leaf1 = rack.switch("leaf1").unwrap();
    rack.inventory().set_action(FOUR, "wait").unwrap();
    host.power_on().unwrap();
    host.wait_for("stage1: lldp: neighbours on 4 of 4 ports.*\n", BOOT).unwrap();
    wait_until_heard(leaf1, &["swp1", "swp2"]);
    rack.inventory().set_action(FOUR, "rescue").unwrap();
    host.wait_for(SHELL, BOOT).unwrap();
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

/// A host with a port without cable and one at a silent switch reports it, and waits for its one deadline at most.
fn nobody_there(rack: &Rack) {
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
    println!("waited {waited} ms for nobody");
    assert!(waited <= DEADLINE + SLACK, "{waited} ms: {:#?}", report.timeline);
    let problems: Vec<&str> = report.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert!(problems.len() == 1 && problems[0].contains("no neighbour within 8 s"), "{problems:#?}");
}

/// Two ports at a switch that answers, and two that are plugged late into one that speaks only when its timer strikes: the
/// wait is as long as the slowest port's, and not as all of theirs together.
#[test]
fn ports_are_waited_for_all_at_once() {
    const LATE: [usize; 2] = [1, 3];
    let rack = rack_with("test-lldp-slow", |spec| {
        spec.switches[1].speaks = Speaks::Slow;
        for nic in LATE {
            // It drops what came before; e1000e keeps what the switch said at power-on.
            spec.hosts[0].nics[nic].model = NicModel::VirtioNetPci;
            spec.hosts[0].nics[nic].connected = false;
        }
    });
    let host = rack.host("four").unwrap();
    host.power_on().unwrap();
    // Who is new powers off, but not before the inventory has been reported all neighbours.
    host.wait_for("stage1: register: action shutdown.*\n", BOOT).unwrap();
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

/// Noise at one port, as much as the host can take, costs no more than its silence, and no memory.
#[test]
fn a_flood_stalls_no_boot() {
    let rack = rack_with("test-lldp-flood", |spec| {
        spec.switches[2].noise = 100_000;
        let host = &mut spec.hosts[1];
        host.boot = Boot::Kernel;
        let [quiet, flooded] = &mut host.nics[..] else { panic!("{host:#?}") };
        // The noise would take the place of DHCP's answers in the cable.
        *flooded = NicSpec { mac: flooded.mac.clone(), ..quiet.clone() };
        (quiet.switch, quiet.port) = (Some("leaf1".to_string()), Some("swp3".to_string()));
    });
    let (host, mute) = (rack.host("two").unwrap(), rack.switch("mute").unwrap());
    rack.inventory().set_action(TWO, "wait").unwrap();
    host.power_on().unwrap();
    host.wait_for("stage1: network: .*\n", BOOT).unwrap();
    let (began, before) = (Instant::now(), mute.sent("swp1").unwrap());
    host.wait_for("stage1: lldp: neighbours on 1 of 2 ports.*\n", BOOT).unwrap();
    let rate = (mute.sent("swp1").unwrap() - before) as f64 / began.elapsed().as_secs_f64();
    rack.inventory().set_action(TWO, "rescue").unwrap();
    host.wait_for(SHELL, BOOT).unwrap();
    let waited = waited(&report(&rack, host));

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
    assert!(rate > 1000.0, "the flood was a trickle: {rate:.0} frames/s");
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
fn init_reports_that_nobody_is_there() {
    nobody_there(&rack("test-lldp-nobody", Image::Init));
}

#[test]
fn systemd_reports_that_nobody_is_there() {
    nobody_there(&rack("test-lldp-nobody-systemd", Image::Systemd));
}
