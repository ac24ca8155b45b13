// SPDX-License-Identifier: MIT OR Apache-2.0
//! The BMC: against ipmitool and FreeIPMI, and how often it is asked.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use stage1_rack::host::Host;
use stage1_rack::scenario::BOOT;

use crate::comparison::{Comparison, find};
use crate::outputs::Outputs;

/// What stage1 sets; the reference's init has ipmitool set as much.
const DESIRED: &str = "
serial_over_lan = false
[[users]]
name = 'ours'
password = 'Battery-Staple-2'
[lan]
source = 'static'
address = '10.9.0.78'
prefix = 21
gateway = '10.9.0.2'
";

/// How often the BMC is asked while ipmitool sets it, and while stage1 does.
pub fn count_requests(host: &Host) -> [usize; 2] {
    fs::write(host.share().join("desired.toml"), DESIRED).unwrap();
    let proxy = host.bmc().unwrap().proxy();
    let wait_for = |mark: &str| drop(host.wait_for(&format!("^reference: mark {mark}\\n"), BOOT).unwrap());
    ["ipmitool", "stage1"].map(|tool| {
        wait_for("begin");
        proxy.reset_counts();
        host.type_line("").unwrap();
        wait_for(tool);
        let requests = proxy.exchanges().len();
        host.type_line("").unwrap();
        requests
    })
}

/// All that the tools read too, before and after it was set.
pub fn all(outputs: &Outputs) -> [Comparison; 13] {
    let [before, after] = ["", "set-"].map(|prefix| (prefix, outputs.json(&format!("{prefix}bmc.json"))));
    let health = &before.1["health"];
    [
        users(outputs, before.0, &before.1),
        lan(outputs, before.0, &before.1),
        users(outputs, after.0, &after.1),
        lan(outputs, after.0, &after.1),
        mc(outputs, &before.1["device"]),
        bmc_info(outputs, &before.1),
        chassis(outputs, &before.1["chassis"]),
        sel_info(outputs, &health["sel"]),
        sel_list(outputs, &outputs.json("bmc-sel.json")),
        ipmi_sel(outputs, &health["sel"]),
        sensor(outputs, &outputs.json("bmc-sensors.json")),
        ipmi_sensors(outputs, &health["sensors"]),
        frus(outputs, &health["frus"]),
    ]
}

/// Those who have a name. ipmitool lists all slots, as `SLOT,NAME,CALL-IN,LINK,IPMI,PRIVILEGE`.
fn users(outputs: &Outputs, prefix: &str, ours: &Value) -> Comparison {
    let mut ipmitool = Comparison::with("ipmitool user list");
    let users = rows(outputs, &format!("{prefix}ipmitool-user.txt"));
    let named: Vec<&Vec<String>> = users.iter().filter(|user| !user[1].is_empty()).collect();
    ipmitool.as_many("users", named.len(), &ours["users"]);
    for user in named {
        ipmitool
            .thing(&user[1], find(&ours["users"], "name", &user[1]))
            .same("/slot", number(&user[0]))
            .same("/ipmi_messaging", user[4] == "true")
            .same("/privilege", user[5].to_lowercase());
    }
    ipmitool
}

fn lan(outputs: &Outputs, prefix: &str, ours: &Value) -> Comparison {
    let mut ipmitool = Comparison::with("ipmitool lan print");
    let lan = outputs.lines(&format!("{prefix}ipmitool-lan.txt"));
    let source = match lan["IP Address Source"].as_str() {
        "Static Address" => "static",
        "DHCP Address" => "dhcp",
        other => panic!("{other}"),
    };
    let suites: Vec<i64> = lan["RMCP+ Cipher Suites"].split(',').map(number).collect();
    ipmitool
        .thing("LAN", Some(&ours["lan"]))
        .same("/source", source)
        .same("/address", &*lan["IP Address"])
        .same("/mask", &*lan["Subnet Mask"])
        .same("/gateway", &*lan["Default Gateway IP"])
        .same("/mac", &*lan["MAC Address"])
        .same("/cipher_suites", suites);
    if lan["802.1q VLAN ID"] == "Disabled" {
        ipmitool.as_many("VLANs", 0, &ours["lan"]["vlan"]);
    } else {
        ipmitool.thing("VLAN", Some(&ours["lan"])).same("/vlan", number(&lan["802.1q VLAN ID"]));
    }
    ipmitool
}

fn mc(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut ipmitool = Comparison::with("ipmitool mc info");
    let mc = outputs.lines("ipmitool-mc.txt");
    ipmitool
        .thing("device", Some(ours))
        .same("/firmware", &*mc["Firmware Revision"])
        .same("/ipmi_version", &*mc["IPMI Version"])
        .same("/manufacturer_id", number(&mc["Manufacturer ID"]))
        .same("/product_id", first_number(&mc["Product ID"]));
    ipmitool
}

/// Its channels after the first LAN are not those of the BMC: each that is not there shows what was in memory.
fn bmc_info(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut freeipmi = Comparison::with("bmc-info");
    let text = outputs.text("bmc-info.txt");
    let device = outputs.lines("bmc-info.txt");
    let maker = device["Manufacturer ID"].trim_end_matches(')').rsplit_once('(').unwrap();
    freeipmi
        .thing("device", Some(&ours["device"]))
        .same("/firmware", &*device["Firmware Revision"])
        .same("/ipmi_version", &*device["IPMI Version"])
        .same("/manufacturer", maker.0.trim())
        .same("/manufacturer_id", number(maker.1))
        .same("/product_id", number(&device["Product ID"]));
    let lan = text.split("\n\n").find(|channel| channel.contains("802.3 LAN")).unwrap();
    let channel = lan.lines().find_map(|line| line.strip_prefix("Channel Number       : ")).unwrap();
    freeipmi.thing("LAN", Some(&ours["lan"])).same("/channel", number(channel));
    freeipmi
}

fn chassis(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut ipmitool = Comparison::with("ipmitool chassis status");
    let chassis = outputs.lines("ipmitool-chassis.txt");
    let faults =
        ["Power Overload", "Main Power Fault", "Power Control Fault", "Drive Fault", "Cooling/Fan Fault"];
    let switches = ["Power Interlock", "Chassis Intrusion"];
    let count = faults.iter().filter(|fault| chassis[**fault] == "true").count()
        + switches.iter().filter(|switch| chassis[**switch] == "active").count();
    ipmitool.as_many("faults", count, &ours["faults"]);
    ipmitool
        .thing("chassis", Some(ours))
        .same("/is_on", chassis["System Power"] == "on")
        .same("/power_restore", &*chassis["Power Restore Policy"]);
    ipmitool
}

fn sel_info(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut ipmitool = Comparison::with("ipmitool sel info");
    let info = outputs.lines("ipmitool-sel-info.txt");
    ipmitool
        .thing("SEL", Some(ours))
        .same("/entries", number(&info["Entries"]))
        .same("/free_bytes", first_number(&info["Free Space"]))
        .same("/is_overflown", info["Overflow"] == "true")
        .same("/last_added", time(&info["Last Add Time"]));
    ipmitool
}

/// Every event. What has no time was there before the BMC knew it.
fn sel_list(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut ipmitool = Comparison::with("ipmitool sel list");
    let text = outputs.text("ipmitool-sel.txt");
    let events: Vec<BTreeMap<&str, &str>> = text
        .split("\n\n")
        .map(|event| event.lines().filter_map(|line| line.split_once(':')))
        .map(|fields| fields.map(|(key, value)| (key.trim(), value.trim())).collect())
        .filter(|event: &BTreeMap<_, _>| event.contains_key("SEL Record ID"))
        .collect();
    ipmitool.as_many("events", events.len(), &ours["events"]);
    for (event, ours) in events.iter().zip(ours["events"].as_array().unwrap()) {
        ipmitool
            .thing(event["SEL Record ID"], Some(ours))
            .same("/record", hex(event["SEL Record ID"]))
            .same("/time", time(event["Timestamp"]))
            .same("/sensor_type", event["Sensor Type"])
            .same("/sensor", hex(event["Sensor Number"]))
            .same("/generator_id", hex(event["Generator ID"]))
            .same("/data", event["Event Data"])
            .same("/is_deassertion", event["Event Direction"] == "Deassertion Event")
            .same("/event", event["Description"]);
    }
    ipmitool
}

/// `RECORD,DATE,TIME,NAME,TYPE,STATE,EVENT`; a sensor without a name is `Sensor #NUMBER`.
fn ipmi_sel(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut freeipmi = Comparison::with("ipmi-sel");
    let events = rows(outputs, "ipmi-sel.txt");
    freeipmi.as_many("events", events.len(), &ours["events"]);
    for (event, ours) in events.iter().zip(ours["events"].as_array().unwrap()) {
        let unnamed = event[3].strip_prefix("Sensor #");
        freeipmi
            .thing(&event[0], Some(ours))
            .same("/record", number(&event[0]))
            .same("/sensor_name", unnamed.is_none().then_some(&*event[3]))
            .same("/sensor", unnamed.map(number))
            .same("/sensor_type", &*event[4]);
    }
    freeipmi
}

/// `NAME | READING | UNIT | STATE | thresholds`.
fn sensor(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut ipmitool = Comparison::with("ipmitool sensor");
    let text = outputs.text("ipmitool-sensor.txt");
    ipmitool.as_many("sensors", text.lines().count(), ours);
    for line in text.lines() {
        let sensor: Vec<&str> = line.split('|').map(str::trim).collect();
        ipmitool
            .thing(sensor[0], find(ours, "name", sensor[0]))
            .same("/reading_milli", number(&sensor[1].replace('.', "")))
            .same("/unit", sensor[2])
            .same("/is_out_of_range", sensor[3] != "ok");
    }
    ipmitool
}

/// `NUMBER,NAME,TYPE,READING,UNIT,'EVENT'`, with a number of its own.
fn ipmi_sensors(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut freeipmi = Comparison::with("ipmi-sensors");
    let sensors = rows(outputs, "ipmi-sensors.txt");
    freeipmi.as_many("sensors", sensors.len(), ours);
    for sensor in sensors {
        let state = sensor[5].trim_matches('\'').trim_end_matches(" Threshold");
        let state = state.trim_start_matches("At or Above (>=) ").trim_start_matches("At or Below (<=) ");
        freeipmi
            .thing(&sensor[1], find(ours, "name", &sensor[1]))
            .same("/sensor_type", &*sensor[2])
            .same("/state", state.to_lowercase());
    }
    freeipmi
}

/// The only one, for ipmitool and FreeIPMI.
fn frus(outputs: &Outputs, ours: &Value) -> Comparison {
    const FIELDS: [(&str, &str, &str); 13] = [
        ("/chassis_part_number", "Chassis Part Number", "FRU Chassis Part Number"),
        ("/chassis_serial", "Chassis Serial", "FRU Chassis Serial Number"),
        ("/board_manufacturer", "Board Mfg", "FRU Board Manufacturer"),
        ("/board_product", "Board Product", "FRU Board Product Name"),
        ("/board_serial", "Board Serial", "FRU Board Serial Number"),
        ("/board_part_number", "Board Part Number", "FRU Board Part Number"),
        ("/product_manufacturer", "Product Manufacturer", "FRU Product Manufacturer Name"),
        ("/product_name", "Product Name", "FRU Product Name"),
        ("/product_part_number", "Product Part Number", "FRU Product Part/Model Number"),
        ("/product_version", "Product Version", "FRU Product Version"),
        ("/product_serial", "Product Serial", "FRU Product Serial Number"),
        ("/asset_tag", "Product Asset Tag", "FRU Product Asset Tag"),
        ("/chassis_type", "Chassis Type", "FRU Chassis Type"),
    ];
    let mut tools = Comparison::with("ipmitool fru print, ipmi-fru");
    let (ipmitool, freeipmi) = (outputs.lines("ipmitool-fru.txt"), outputs.lines("ipmi-fru.txt"));
    tools.as_many("FRUs", 1, ours);
    let mut fru = tools.thing("FRU 0", Some(&ours[0]));
    for (pointer, theirs, freeipmis) in FIELDS {
        for printed in [&ipmitool[theirs], &freeipmi[freeipmis]] {
            // SMBIOS 3.x, 7.4.1.
            fru.same(pointer, if printed == "Rack Mount Chassis" { json!(23) } else { json!(printed) });
        }
    }
    tools
}

/// Lines of values with commas in between.
fn rows(outputs: &Outputs, file: &str) -> Vec<Vec<String>> {
    outputs.text(file).lines().map(|line| line.split(',').map(str::to_string).collect()).collect()
}

fn number(text: &str) -> i64 {
    text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn first_number(text: &str) -> i64 {
    number(text.split(' ').next().unwrap_or_default())
}

fn hex(text: &str) -> i64 {
    i64::from_str_radix(text, 16).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// ipmitool's `MM/DD/YYYY HH:MM:SS UTC` as in RFC 3339; `None` where it is no time of day.
fn time(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split([' ', '/']).collect();
    let [month, day, year, clock, "UTC"] = words[..] else { return None };
    Some(format!("{year}-{month}-{day}T{clock}Z"))
}
