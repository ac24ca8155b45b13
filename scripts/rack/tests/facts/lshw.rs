// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything: against lshw.

use serde_json::Value;

use crate::comparison::{Comparison, find};
use crate::outputs::Outputs;

/// Every node of lshw's tree that stands for hardware.
pub fn tree(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut lshw = Comparison::with("lshw");
    node(&mut lshw, &outputs.json("lshw.json"), ours);
    lshw
}

fn node(lshw: &mut Comparison, theirs: &Value, ours: &Value) {
    let printed = |key: &str| theirs[key].as_str();
    let driver = theirs["configuration"]["driver"].clone();
    if let Some(address) = printed("businfo").and_then(|bus| bus.strip_prefix("pci@")) {
        lshw.thing(address, find(&ours["pci"], "address", address)).same("/driver", driver.clone());
    }
    match (printed("class").unwrap_or_default(), printed("id").unwrap_or_default()) {
        ("system", _) if !theirs["configuration"]["uuid"].is_null() => {
            lshw.thing("system", Some(&ours["system"]))
                .same("/manufacturer", printed("vendor"))
                .same("/version", printed("version"))
                .same("/serial", printed("serial"))
                .same("/uuid", theirs["configuration"]["uuid"].clone())
                .same("/family", theirs["configuration"]["family"].clone())
                .same("/sku", theirs["configuration"]["sku"].clone());
        }
        ("bus", "core") => {
            // Without a baseboard's structure there is the bus alone.
            let board = printed("handle").and(ours["smbios"].pointer("/baseboards/0"));
            if printed("handle").is_some() {
                lshw.thing("baseboard", board)
                    .same("/manufacturer", printed("vendor"))
                    .same("/product", printed("product"))
                    .same("/version", printed("version"))
                    .same("/serial", printed("serial"))
                    .same("/location", printed("slot"));
            }
        }
        ("memory", "firmware") => {
            lshw.thing("BIOS", Some(&ours["smbios"]["bios"]))
                .same("/vendor", printed("vendor"))
                .same("/version", printed("version"))
                .same("/release_date", printed("date"))
                .same("/runtime_bytes", theirs["size"].clone());
        }
        ("memory", id) if id.starts_with("bank") => dimm(lshw, theirs, ours),
        ("processor", _) => processor(lshw, theirs, ours),
        ("network", _) if printed("logicalname").is_some() => {
            let name = printed("logicalname").unwrap();
            lshw.thing(name, find(&ours["nics"], "name", name))
                .same("/mac", printed("serial"))
                .same("/driver", driver)
                .same("/driver_version", theirs["configuration"]["driverversion"].clone())
                .same("/firmware_version", theirs["configuration"]["firmware"].clone());
        }
        ("disk", _) => disk(lshw, theirs, ours),
        _ => {}
    }
    for child in theirs["children"].as_array().into_iter().flatten() {
        node(lshw, child, ours);
    }
}

fn dimm(lshw: &mut Comparison, theirs: &Value, ours: &Value) {
    let slot = theirs["slot"].as_str().unwrap_or_default();
    lshw.thing(slot, find(&ours["smbios"]["memory_devices"], "locator", slot))
        .same("/size_bytes", theirs["size"].clone())
        .same("/manufacturer", theirs["vendor"].clone())
        .same("/part_number", theirs["product"].clone())
        .same("/serial", theirs["serial"].clone())
        .same("/speed_mtps", theirs["clock"].as_u64().map(|hertz| hertz / 1_000_000));
}

fn processor(lshw: &mut Comparison, theirs: &Value, ours: &Value) {
    let slot = theirs["slot"].as_str().unwrap_or_default();
    let megahertz = |key: &str| theirs[key].as_u64().map(|hertz| hertz / 1_000_000);
    let count = |key: &str| theirs["configuration"][key].as_str().map(|count| count.parse::<u32>().unwrap());
    lshw.thing(slot, find(&ours["smbios"]["processors"], "socket", slot))
        .same("/max_speed_mhz", megahertz("capacity"))
        .same("/serial", theirs["serial"].clone())
        .same("/cores", count("cores"))
        .same("/cores_enabled", count("enabledcores"))
        .same("/threads", count("threads"));
}

fn disk(lshw: &mut Comparison, theirs: &Value, ours: &Value) {
    let path = theirs["logicalname"].as_str().unwrap_or_default();
    let Some(name) = path.strip_prefix("/dev/") else { return };
    // The character device of an NVMe namespace is no disk; a removable medium is not the disk, but has its name.
    if name.starts_with("ng") || theirs["id"] == "medium" {
        return;
    }
    let block = |key: &str| theirs["configuration"][key].as_str().map(|bytes| bytes.parse::<u32>().unwrap());
    lshw.thing(name, find(&ours["disks"], "name", name))
        .same("/size_bytes", theirs["size"].clone())
        .same("/model", theirs["product"].clone())
        .same("/vendor", theirs["vendor"].clone())
        .same("/serial", theirs["serial"].clone())
        .same("/firmware", theirs["version"].clone())
        .same("/logical_block_bytes", block("logicalsectorsize"))
        .same("/physical_block_bytes", block("sectorsize"));
}
