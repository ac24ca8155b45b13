// SPDX-License-Identifier: MIT OR Apache-2.0
//! Types 9, 10 and 41.

use stage1_contract::facts::{OnboardDevice, Slot};

use super::{Rendered, named};

pub fn slot(slot: &Slot) -> Rendered {
    // 3.4 prints the width in front of the type.
    let width = match slot.bus_width.as_deref() {
        None | Some("Other" | "Unknown") => String::new(),
        Some(width) => format!("{} ", named(width)),
    };
    let kind = slot.slot_type.as_deref().map(|kind| format!("{width}{}", named(kind)));
    let pitch = slot.pitch_micrometers.map(|pitch| format!("{}.{:02} mm", pitch / 1000, pitch % 1000 / 10));
    let mut rendered = Rendered::new(9, slot.handle)
        .text("Designation", &slot.designation)
        .field("Type", kind, &[])
        .name("Current Usage", &slot.usage)
        .name("Length", &slot.length)
        .text("ID", &slot.id)
        .lines("Characteristics", &slot.characteristics)
        .text("Bus Address", &slot.bus_address)
        .number("Data Bus Width", slot.base_lanes, &[])
        .number("Peer Devices", slot.base_lanes.map(|_| slot.peers.len()), &[]);
    for (number, peer) in (1..).zip(&slot.peers) {
        let text = format!("{} (Width {})", peer.bus_address, peer.lanes);
        rendered = rendered.field(&format!("Peer Device {number}"), text, &[]);
    }
    rendered
        .number("PCI Express Generation", slot.pcie_generation, &[])
        .name("Slot Physical Width", &slot.physical_width)
        .field("Pitch", pitch, &[])
        .name("Height", &slot.height)
}

/// Several of type 10 share a structure; those of type 41 have an instance.
pub fn onboard_devices(devices: &[OnboardDevice]) -> Vec<Rendered> {
    let mut all: Vec<Rendered> = Vec::new();
    for device in devices {
        if let Some(instance) = device.instance {
            let rendered = Rendered::new(41, device.handle)
                .text("Reference Designation", &device.designation)
                .name("Type", &device.device_type)
                .yes("Status", device.enabled, "Enabled", "Disabled")
                .number("Type Instance", Some(instance), &[])
                .text("Bus Address", &device.bus_address);
            all.push(rendered);
            continue;
        }
        let shared = all.last().is_some_and(|last| last.matches(10, device.handle));
        let rendered = if shared { all.pop().unwrap() } else { Rendered::new(10, device.handle) };
        let rendered = rendered
            .name("Type", &device.device_type)
            .yes("Status", device.enabled, "Enabled", "Disabled")
            .text("Description", &device.designation);
        all.push(rendered);
    }
    all
}
