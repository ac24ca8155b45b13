// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1 lldp` at one end of a cable, lldpd at the other.

mod wire;

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use wire::{Lldpd, OURS, THEIRS, flood, ip, lines, made, port, ports, stage1, usage, wired};

#[test]
fn a_switch_answers_because_it_was_solicited() {
    wired(|| {
        let lldpd = Lldpd::start("solicited");
        let began = Instant::now();
        let output = stage1(&["--json"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        // Unsolicited it would send after 30 s.
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        let port = port(&output);
        assert_eq!(port["outcome"], "neighbours");
        assert_eq!(port["neighbours"][0]["chassis_id"], "solicited");
        assert_eq!(port["speed_mbps"], 10_000);
        // A second time, since it has removed us.
        assert_eq!(lldpd.neighbours(), Vec::<String>::new());
        let output = stage1(&["--json"]).output().unwrap();
        assert_eq!(wire::port(&output)["neighbours"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn the_switch_lists_us_and_removes_us_at_the_shutdown_lldpdu() {
    wired(|| {
        let lldpd = Lldpd::start("watched");
        let mut watch = stage1(&["--watch"]).spawn().unwrap();
        let line = lines(&mut watch).next().unwrap();
        assert!(line.contains("up0") && line.contains("ms"), "{line}");
        lldpd.until("it lists us", |lldpd| lldpd.neighbours().len() == 1);
        let seen = lldpd.ask(&["show", "neighbors", "details"]);
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        assert_eq!(
            seen["chassis"][0]["id"],
            json!([{ "type": "local", "value": format!("stage1 {}", boot.trim()) }])
        );
        let mac = std::fs::read_to_string(format!("/sys/class/net/{OURS}/address")).unwrap();
        assert_eq!(seen["port"][0]["id"], json!([{ "type": "mac", "value": mac.trim() }]));
        assert_eq!(seen["port"][0]["ttl"][0]["value"], "20");
        assert!(
            seen["lldp-med"][0]["device-type"][0]["value"].as_str().unwrap().contains("Class I"),
            "{seen}"
        );
        kill(Pid::from_raw(watch.id().cast_signed()), Signal::SIGINT).unwrap();
        assert!(watch.wait().unwrap().success());
        assert_eq!(lldpd.neighbours(), Vec::<String>::new());
    });
}

/// What lldpd is configured with (a slash stands for a space within an argument), and what the report must then carry.
struct Configuration {
    configure: &'static [&'static str],
    expected: &'static [(&'static str, &'static str)],
}

const CONFIGURATIONS: &[Configuration] = &[
    Configuration {
        configure: &[
            "lldp custom-tlv oui 00,80,c2 subtype 1 oui-info 00,1e",
            "lldp custom-tlv add oui 00,80,c2 subtype 3 oui-info 00,1e,04,64,61,74,61",
            "lldp custom-tlv add oui 33,44,55 subtype 254 oui-info 55,55",
            "lldp custom-tlv add oui 00,12,0f subtype 4 oui-info 24,00",
        ],
        expected: &[
            ("/port_id_subtype", "mac"),
            ("/vlan", "30"),
            ("/vlan_names/0/name", "data"),
            ("/maximum_frame_bytes", "9216"),
        ],
    },
    Configuration {
        configure: &[
            "system hostname leaf-7",
            "system description A/switch,/really",
            "lldp portidsubtype ifname",
            "system capabilities enabled bridge,router",
            "system ip management pattern 10.*",
        ],
        expected: &[
            ("/port_id", "sw0"),
            ("/port_id_subtype", "ifname"),
            ("/management_addresses/0", "10.1.2.3"),
        ],
    },
    Configuration {
        configure: &[
            "lldp portidsubtype local Slot/7",
            "system ip management pattern fd00:*",
            "lldp tx-hold 2",
            "system capabilities enabled bridge,station",
        ],
        expected: &[
            ("/port_id", "Slot 7"),
            ("/port_id_subtype", "local"),
            ("/management_addresses/0", "fd00::7"),
        ],
    },
    Configuration {
        configure: &[
            "lldp custom-tlv oui 00,12,bb subtype 10 oui-info 53,59,2d,31",
            "lldp custom-tlv add oui 00,12,bb subtype 8 oui-info 53,4e,37",
            "lldp custom-tlv add oui 00,80,c2 subtype 3 oui-info 00",
        ],
        expected: &[("/model", "SY-1"), ("/serial", "SN7")],
    },
];

#[test]
fn what_we_report_is_what_lldpd_reports_of_itself() {
    wired(|| {
        ip(&["address", "add", "10.1.2.3/24", "dev", THEIRS]);
        ip(&["address", "add", "fd00::7/64", "dev", THEIRS, "nodad"]);
        let lldpd = Lldpd::start("many-ways");
        lldpd.configure(&["ports", THEIRS, "lldp", "portdescription", "rack 4, host 7"]);
        for Configuration { configure, expected } in CONFIGURATIONS {
            for words in *configure {
                let words: Vec<String> = words.split(' ').map(|word| word.replace('/', " ")).collect();
                lldpd.configure(&words.iter().map(String::as_str).collect::<Vec<_>>());
            }
            let output = stage1(&["--json"]).output().unwrap();
            let ours = port(&output)["neighbours"][0].clone();
            let theirs = lldpd.ask(&["show", "interfaces"]);
            compare(&ours, &theirs);
            assert_eq!(ours["system_description"], theirs["chassis"][0]["descr"][0]["value"]);
            assert_eq!(ours["port_description"], theirs["port"][0]["descr"][0]["value"]);
            assert_eq!(ours["ttl_seconds"].to_string(), theirs["ttl"][0]["ttl"].as_str().unwrap());
            for (pointer, value) in *expected {
                let word = ours.pointer(pointer).map(|value| value.to_string().trim_matches('"').to_string());
                assert_eq!(word.as_deref(), Some(*value), "{pointer} after {configure:?}");
            }
        }
        let output = stage1(&["--json"]).output().unwrap();
        let faults = port(&output)["neighbours"][0]["faults"].clone();
        assert!(faults[0].as_str().unwrap().starts_with("802.1 VLAN name TLV at byte"), "{faults}");
    });
}

/// Field by field, with lldpcli's names for the same.
fn compare(ours: &Value, theirs: &Value) {
    let (chassis, port) = (&theirs["chassis"][0], &theirs["port"][0]);
    let value = |field: &Value| field[0]["value"].clone();
    assert_eq!(ours["chassis_id"], value(&chassis["id"]));
    assert_eq!(ours["chassis_id_subtype"], chassis["id"][0]["type"]);
    assert_eq!(ours["port_id"], value(&port["id"]));
    assert_eq!(ours["port_id_subtype"], port["id"][0]["type"]);
    assert_eq!(ours["system_name"], value(&chassis["name"]));
    let all = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let addresses: Vec<Value> = all(&chassis["mgmt-ip"]).iter().map(|ip| ip["value"].clone()).collect();
    assert_eq!(all(&ours["management_addresses"]), addresses);
    let enabled = all(&chassis["capability"]).into_iter().filter(|capability| capability["enabled"] == true);
    let enabled: Vec<Value> =
        enabled.map(|capability| capability["type"].as_str().unwrap().to_lowercase().into()).collect();
    assert_eq!(all(&ours["capabilities"]), enabled);
}

/// Compared with another lldpd at our end of the cable, which only receives.
#[test]
fn a_switch_that_sends_only_cdp_is_a_neighbour() {
    wired(|| {
        ip(&["address", "add", "10.1.2.3/24", "dev", THEIRS]);
        let lldpd = Lldpd::at(THEIRS, "cisco", &["-ll", "-ccccc"]);
        let reference = Lldpd::at(OURS, "reference", &["-r", "-c"]);
        for words in
            [["system", "hostname", "leaf-9"], ["system", "platform", "WS-9"], ["lldp", "tx-interval", "1"]]
        {
            lldpd.configure(&words);
        }
        let details = |lldpd: &Lldpd| lldpd.ask(&["show", "neighbors", "details"]);
        reference.until("it has received all", |lldpd| details(lldpd).to_string().contains("WS-9"));
        let (theirs, ours) = (
            details(&reference),
            port(&stage1(&["--json", "--timeout", "5"]).output().unwrap())["neighbours"].clone(),
        );
        assert_eq!(ours.as_array().unwrap().len(), 1, "{ours}");
        let ours = &ours[0];
        compare(ours, &theirs);
        assert_eq!((&ours["protocol"], &theirs["via"]), (&json!("cdp"), &json!("CDPv2")));
        assert_eq!((&ours["chassis_id"], &ours["model"]), (&json!("leaf-9"), &json!("WS-9")));
        let description = format!("WS-9 running on\n{}", ours["system_description"].as_str().unwrap());
        assert_eq!(theirs["chassis"][0]["descr"][0]["value"], description);
        assert_eq!(ours["ttl_seconds"].to_string(), theirs["port"][0]["ttl"][0]["value"].as_str().unwrap());
    });
}

/// Frames in VLAN 0 have a priority and no VLAN.
#[test]
fn neighbours_are_found_in_any_vlan() {
    wired(|| {
        let lldpd = Lldpd::start("tagged");
        for vlan in ["0", "5"] {
            lldpd.configure(&["ports", THEIRS, "lldp", "vlan-tx", vlan, "priority", "7", "dei", "0"]);
            assert_eq!(lldpd.ask(&["show", "interfaces"])["port"][0]["vlanTX"][0]["id"], vlan);
            let output = stage1(&["--json"]).output().unwrap();
            assert_eq!(port(&output)["neighbours"][0]["chassis_id"], "tagged", "{output:?}");
        }
    });
}

/// Both ports of an active-backup bond, and of a bridge; with a VLAN on top.
#[test]
fn ports_with_a_master_have_neighbours_and_masters_are_not_ports() {
    for (name, kind) in
        [("bond0", &["type", "bond", "mode", "active-backup"][..]), ("bridge0", &["type", "bridge"])]
    {
        wired(move || {
            ip(&["link", "add", "up1", "type", "veth", "peer", "name", "sw1"]);
            if !made(name, kind) {
                return;
            }
            for port in [OURS, "up1"] {
                ip(&["link", "set", port, "down"]);
                ip(&["link", "set", port, "master", name]);
            }
            let vlan = made("vlan5", &["link", name, "type", "vlan", "id", "5"]);
            let links = [OURS, "up1", "sw1", name].into_iter().chain(vlan.then_some("vlan5"));
            links.for_each(|link| ip(&["link", "set", link, "up"]));
            let lldpd = Lldpd::at("sw0,sw1", "leaf", &[]);
            lldpd.configure(&["system", "capabilities", "enabled", "bridge"]);
            let ours = ports(&stage1(&["--json", "up1"]).output().unwrap());
            let descriptions: Vec<&Value> =
                ours.iter().map(|port| &port["neighbours"][0]["port_description"]).collect();
            assert_eq!(descriptions, ["sw0", "sw1"], "{name}: {ours:#?}");
            // Nor are virtual Ethernet links.
            let output =
                Command::new(env!("CARGO_BIN_EXE_stage1")).args(["lldp", "--json"]).output().unwrap();
            assert_eq!(ports(&output), Vec::<Value>::new(), "{name}");
        });
    }
}

#[test]
fn two_neighbours_on_one_port_are_both_kept() {
    wired(|| {
        let lldpds = [Lldpd::start("one"), Lldpd::start("two")];
        // They answer at about the same time, but on a busy machine one may be late.
        lldpds[0].until("both are neighbours", |_| {
            let neighbours = port(&stage1(&["--json"]).output().unwrap())["neighbours"].clone();
            let ids = neighbours.as_array().into_iter().flatten().map(|neighbour| &neighbour["chassis_id"]);
            let mut ids: Vec<&str> = ids.filter_map(Value::as_str).collect();
            ids.sort_unstable();
            ids == ["one", "two"]
        });
    });
}

/// A telephone that answers first, or another host, does not hide the switch.
#[test]
fn a_station_does_not_end_the_wait() {
    wired(|| {
        let station = Lldpd::start("station");
        station.configure(&["system", "capabilities", "enabled", "station"]);
        let run = stage1(&["--json", "--timeout", "20"]).spawn().unwrap();
        station.until("it lists us", |lldpd| lldpd.neighbours().len() == 1);
        thread::sleep(Duration::from_secs(1));
        let _switch = Lldpd::start("switch");
        let neighbours = port(&run.wait_with_output().unwrap())["neighbours"].clone();
        let ids: Vec<&Value> = neighbours.as_array().unwrap().iter().map(|one| &one["chassis_id"]).collect();
        assert_eq!(ids, ["switch", "station"], "{neighbours:#}");
    });
}

#[test]
fn two_ports_of_one_host_at_one_cable_are_reported_as_such() {
    wired(|| {
        let output = stage1(&["--json", "--timeout", "2", THEIRS]).output().unwrap();
        for (port, other) in ports(&output).iter().zip([OURS, THEIRS]) {
            assert_eq!(port["outcome"], "neighbours", "{port:#}");
            let fault = port["faults"][0].as_str().unwrap();
            assert!(fault.contains("of this host") && fault.contains(other), "{fault}");
        }
    });
}

#[test]
fn a_silent_port_costs_the_deadline_and_one_without_carrier_less() {
    wired(|| {
        let output = stage1(&["--json", "--timeout", "1"]).output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(port(&output)["outcome"], "silent");
        ip(&["link", "set", THEIRS, "down"]);
        let output = stage1(&["--json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(port(&output)["outcome"], "no-carrier");
    });
}

#[test]
fn a_port_that_gets_carrier_during_the_wait_is_solicited_then() {
    wired(|| {
        let _lldpd = Lldpd::start("late");
        ip(&["link", "set", THEIRS, "down"]);
        let run = stage1(&["-v", "--json"]).spawn().unwrap();
        // It has opened its socket when the multicast groups are joined.
        let groups = || std::fs::read_to_string("/proc/thread-self/net/dev_mcast").unwrap_or_default();
        while !groups().lines().any(|line| line.contains(OURS) && line.contains("01000ccccccc")) {
            thread::sleep(Duration::from_millis(10));
        }
        ip(&["link", "set", THEIRS, "up"]);
        let output = run.wait_with_output().unwrap();
        assert_eq!(port(&output)["neighbours"][0]["chassis_id"], "late", "{output:?}");
    });
}

/// 100,000 frames of noise a second: some for the kernel's filter, some for the decoder, some that are neighbours.
#[test]
fn a_flood_costs_neither_memory_nor_processor_time() {
    wired(|| {
        let quiet = watch_for(Duration::from_secs(1)).0;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let began = Instant::now();
        let sender = thread::spawn(move || flood(&noise(), &stopped));
        let (flooded, ticks) = watch_for(Duration::from_secs(4));
        stop.store(true, Ordering::Relaxed);
        let rate = (sender.join().unwrap() as f64 / began.elapsed().as_secs_f64()) as u64;
        wire::note(&format!(
            "flood: {rate} frames/s: {flooded} KiB at most, {quiet} KiB without; {ticks}0 ms of processor time in 4 s"
        ));
        assert!(rate > 20_000, "the flood is too slow for this test: {rate} frames/s");
        assert!(flooded < quiet + 2048, "{flooded} KiB, without a flood {quiet} KiB");
        assert!(ticks < 200, "{ticks}0 ms of processor time");
    });
}

/// Runs `stage1 lldp --watch` for `time`; returns its peak memory in KiB and its processor time in ticks.
fn watch_for(time: Duration) -> (u64, u64) {
    let mut child = stage1(&["--watch"]).stdout(Stdio::null()).spawn().unwrap();
    thread::sleep(time);
    let usage = usage(child.id()).expect("it still runs");
    let signalled = Instant::now();
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    child.wait().unwrap();
    assert!(signalled.elapsed() < Duration::from_secs(2), "it ended after {:?}", signalled.elapsed());
    usage
}

fn noise() -> Vec<Vec<u8>> {
    let mut state = 1_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    let head = [&[1, 0x80, 0xc2, 0, 0, 0x0e, 2, 0, 0, 0, 0, 9, 0x88, 0xcc][..]].concat();
    let mut frames = Vec::new();
    for number in 0..3000_u16 {
        let mut frame = head.clone();
        match number % 3 {
            0 => {}
            1 => frame.extend([2, 7, 4]),
            _ => {
                let [high, low] = number.to_be_bytes();
                frame.extend([2, 3, 7, high, low, 4, 2, 7, 1, 6, 2, 0, 120]);
            }
        }
        frame.extend((0..usize::from(number % 500)).map(|_| random()));
        frame.resize(frame.len().max(60), 0);
        frames.push(frame);
    }
    frames
}
