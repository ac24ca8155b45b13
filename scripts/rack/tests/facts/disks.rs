// SPDX-License-Identifier: MIT OR Apache-2.0
//! Disks: against lsblk, smartctl and nvme.

use serde_json::{Value, json};

use crate::comparison::{Comparison, find};
use crate::outputs::Outputs;

/// What the kernel reports, against `lsblk -J -b -O`.
pub fn blocks(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut lsblk = Comparison::with("lsblk");
    let theirs = outputs.json("lsblk.json");
    let devices = theirs["blockdevices"].as_array().unwrap();
    lsblk.as_many("disks", devices.len(), &ours["disks"]);
    for device in devices {
        let name = device["name"].as_str().unwrap();
        lsblk
            .thing(name, find(&ours["disks"], "name", name))
            .same("/size_bytes", device["size"].clone())
            .same("/logical_block_bytes", device["log-sec"].clone())
            .same("/physical_block_bytes", device["phy-sec"].clone())
            .same("/rotational", device["rota"].clone())
            .same("/read_only", device["ro"].clone())
            .same("/removable", device["rm"].clone())
            .same("/model", trimmed(&device["model"]))
            .same("/serial", trimmed(&device["serial"]))
            .same("/firmware", trimmed(&device["rev"]))
            .same("/transport", trimmed(&device["tran"]));
    }
    lsblk
}

/// What SATA, SCSI and USB disks report of themselves, against `smartctl --info`.
pub fn identities(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut smartctl = Comparison::with("smartctl --info");
    for name in outputs.devices("smartctl") {
        let theirs = outputs.json(&format!("smartctl.{name}"));
        // It does not know virtio's.
        if theirs["user_capacity"].is_null() {
            assert!(name.starts_with("vd"), "{name}: {theirs:#}");
            continue;
        }
        let serial = theirs["serial_number"].as_str();
        let model = if theirs["model_name"].is_null() { "scsi_product" } else { "model_name" };
        let firmware =
            if theirs["firmware_version"].is_null() { "scsi_revision" } else { "firmware_version" };
        smartctl
            .thing(&name, find(&ours["disks"], "name", &name))
            .same("/size_bytes", theirs["user_capacity"]["bytes"].clone())
            .same("/logical_block_bytes", theirs["logical_block_size"].clone())
            .same("/physical_block_bytes", theirs["physical_block_size"].clone())
            .same("/vendor", theirs["scsi_vendor"].clone())
            .same("/model", theirs[model].clone())
            .same("/serial", serial.filter(|serial| !serial.is_empty()))
            .same("/firmware", theirs[firmware].clone())
            .same("/wwn", wwn(&theirs))
            // 0 is a disk that does not rotate, or does not report it.
            .same("/rotation_rpm", theirs["rotation_rate"].as_u64().filter(|rate| *rate != 0))
            .same("/form_factor", theirs["form_factor"]["name"].clone())
            .same("/ata/trim", theirs["trim"]["supported"].clone())
            .same(
                "/ata/smart_enabled",
                theirs["ata_version"].as_object().and(theirs["smart_support"]["enabled"].as_bool()),
            );
    }
    smartctl
}

/// The name as a disk gives it: in three parts for ATA, in one for SCSI.
fn wwn(theirs: &Value) -> Value {
    let part = |name: &str| theirs["wwn"][name].as_u64();
    if let (Some(naa), Some(oui), Some(id)) = (part("naa"), part("oui"), part("id")) {
        return json!(format!("{:016x}", naa << 60 | oui << 36 | id));
    }
    theirs["logical_unit_id"].as_str().map(|id| id.trim_start_matches("0x")).into()
}

/// What NVMe controllers and namespaces report of themselves, against `nvme`.
pub fn nvme(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut nvme = Comparison::with("nvme id-ctrl, id-ns, smart-log");
    let controllers = outputs.devices("nvme-id-ctrl");
    for controller in &controllers {
        let name = format!("{controller}n1");
        let disk = find(&ours["disks"], "name", &name);
        let theirs = outputs.json(&format!("nvme-id-ctrl.{controller}"));
        let number = |key: &str| theirs[key].as_u64().unwrap();
        let version = number("ver");
        nvme.thing(controller, disk)
            .same("/model", trimmed(&theirs["mn"]))
            .same("/serial", trimmed(&theirs["sn"]))
            .same("/firmware", trimmed(&theirs["fr"]))
            .same("/nvme/controller", controller.as_str())
            .same("/nvme/vendor_id", format!("0x{:04x}", number("vid")))
            .same("/nvme/subsystem_vendor_id", format!("0x{:04x}", number("ssvid")))
            .same("/nvme/oui", format!("{:06x}", number("ieee")))
            .same("/nvme/controller_id", number("cntlid"))
            .same("/nvme/version", format!("{}.{}.{}", version >> 16, version >> 8 & 0xff, version & 0xff))
            .same("/nvme/namespaces_max", number("nn"))
            .same("/nvme/subsystem_nqn", theirs["subnqn"].clone())
            .same("/nvme/firmware/slots", number("frmw") >> 1 & 7)
            .same("/nvme/firmware/first_slot_read_only", number("frmw") & 1 == 1);
        namespace(&mut nvme, &name, disk, &outputs.json(&format!("nvme-id-ns.{controller}")));
        health(&mut nvme, controller, disk, &outputs.json(&format!("nvme-smart-log.{controller}")));
    }
    let counted = ours["disks"].as_array().into_iter().flatten().filter(|disk| !disk["nvme"].is_null());
    nvme.as_many("namespaces", controllers.len(), &counted.cloned().collect());
    nvme
}

fn namespace(nvme: &mut Comparison, name: &str, disk: Option<&Value>, theirs: &Value) {
    let used = (theirs["flbas"].as_u64().unwrap() & 0xf) as usize;
    let formats = theirs["lbafs"].as_array().unwrap();
    let block = 1 << formats[used]["ds"].as_u64().unwrap();
    let bytes = |key: &str| theirs[key].as_u64().unwrap() * block;
    // All zeros is none.
    let name_of = |key: &str| theirs[key].as_str().filter(|name| name.contains(|digit| digit != '0'));
    let mut thing = nvme.thing(&format!("{name} namespace"), disk);
    thing
        .same("/nvme/namespace/id", 1)
        .same("/nvme/namespace/size_bytes", bytes("nsze"))
        .same("/nvme/namespace/capacity_bytes", bytes("ncap"))
        .same("/nvme/namespace/used_bytes", bytes("nuse"))
        .same("/nvme/namespace/nguid", name_of("nguid"))
        .same("/nvme/namespace/eui64", name_of("eui64"));
    for (number, format) in formats.iter().enumerate() {
        let performance = ["Best", "Better", "Good", "Degraded"][format["rp"].as_u64().unwrap() as usize];
        let at = |key: &str| format!("/nvme/namespace/formats/{number}/{key}");
        thing
            .same(&at("data_bytes"), 1u64 << format["ds"].as_u64().unwrap())
            .same(&at("metadata_bytes"), format["ms"].clone())
            .same(&at("performance"), performance)
            .same(&at("in_use"), number == used);
    }
}

fn health(nvme: &mut Comparison, controller: &str, disk: Option<&Value>, theirs: &Value) {
    /// A thousand blocks of 512 bytes (NVMe 1.4, figure 196).
    const DATA_UNIT: u64 = 512_000;
    let printed = |key: &str| theirs[key].clone();
    let bytes = |key: &str| theirs[key].as_str().map_or(theirs[key].as_u64(), |text| text.parse().ok());
    let number = |key: &str| Value::from(bytes(key));
    nvme.thing(&format!("{controller} health"), disk)
        .same("/nvme/health/critical_warnings", json!([]))
        .same("/nvme/health/temperature_celsius", theirs["temperature"].as_i64().map(|kelvin| kelvin - 273))
        .same("/nvme/health/available_spare_percent", printed("avail_spare"))
        .same("/nvme/health/available_spare_threshold_percent", printed("spare_thresh"))
        .same("/nvme/health/used_percent", printed("percent_used"))
        .same("/nvme/health/written_bytes", bytes("data_units_written").map(|units| units * DATA_UNIT))
        .same("/nvme/health/power_cycles", number("power_cycles"))
        .same("/nvme/health/power_on_hours", number("power_on_hours"))
        .same("/nvme/health/unsafe_shutdowns", number("unsafe_shutdowns"))
        .same("/nvme/health/media_errors", number("media_errors"))
        .same("/nvme/health/error_log_entries", number("num_err_log_entries"));
    assert_eq!(theirs["critical_warning"], 0, "{theirs:#}");
}

/// Without the blanks that fill a field of fixed length; null where nothing is left.
fn trimmed(value: &Value) -> Value {
    value.as_str().map(str::trim).filter(|text| !text.is_empty()).into()
}
