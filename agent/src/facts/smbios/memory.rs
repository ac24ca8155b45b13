// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory arrays and devices: types 16 and 17. Pure.

use smbioslib::{
    Handle, MemoryIndicatedSize, MemorySize, MemorySizeExtended, MemorySpeed, MemorySpeedExtended,
    SMBiosMemoryDevice, SMBiosPhysicalMemoryArray, SMBiosStruct,
};
use stage1_contract::facts::{MemoryArray, MemoryDevice};

use super::names::memory::{
    DEVICE, ERROR_CORRECTION, FORM_FACTOR, LOCATION, OPERATING_MODE, TECHNOLOGY, TYPE_DETAIL, USAGE,
};
use super::structure::Structure;

/// A memory array, type 16 (DSP0134 7.17).
pub(super) fn array(at: Structure) -> MemoryArray {
    let array = SMBiosPhysicalMemoryArray::new(at.parts);
    MemoryArray {
        handle: at.handle(),
        location: array.location().map(|location| LOCATION.of(location.raw)),
        usage: array.usage().map(|usage| USAGE.of(usage.raw)),
        error_correction: array.memory_error_correction().map(|kind| ERROR_CORRECTION.of(kind.raw)),
        // In KiB; larger sizes are in a field of their own (DSP0134 7.17, 07h and 0Fh).
        max_bytes: match at.parts.get_field_dword(0x07) {
            Some(0x8000_0000) => array.extended_maximum_capacity(),
            kilobytes => kilobytes.map(|kilobytes| u64::from(kilobytes) << 10),
        },
        error_handle: error_handle(array.memory_error_information_handle()),
        devices: array.number_of_memory_devices(),
    }
}

/// A memory device or an empty slot, type 17 (DSP0134 7.18).
pub(super) fn device(at: Structure) -> MemoryDevice {
    let device = SMBiosMemoryDevice::new(at.parts);
    let width = |bits: Option<u16>| bits.filter(|bits| !matches!(bits, 0 | 0xffff));
    let (total, data) = (width(device.total_width()), width(device.data_width()));
    let slot = MemoryDevice {
        handle: at.handle(),
        array_handle: at.reference_to(16, device.physical_memory_array_handle()),
        error_handle: error_handle(device.memory_error_information_handle()),
        total_width_bits: total,
        data_width_bits: data,
        ecc: total.zip(data).map(|(total, data)| total > data),
        size_bytes: size_bytes(&device),
        form_factor: device.form_factor().map(|form| FORM_FACTOR.of(form.raw)),
        set: device.device_set().filter(|set| !matches!(set, 0 | 0xff)),
        locator: at.text(device.device_locator()),
        bank_locator: at.text(device.bank_locator()),
        memory_type: device.memory_type().map(|kind| DEVICE.of(kind.raw)),
        type_detail: TYPE_DETAIL.of(device.type_detail().map_or(0, |bits| bits.raw)),
        ..MemoryDevice::default()
    };
    // dmidecode leaves out the rest of an empty slot, too.
    match device.size() {
        Some(MemorySize::NotInstalled) => slot,
        _ => module(at, &device, slot),
    }
}

/// The fields of the module in the slot.
fn module(at: Structure, device: &SMBiosMemoryDevice, slot: MemoryDevice) -> MemoryDevice {
    let millivolts = |voltage: Option<u16>| voltage.filter(|voltage| *voltage != 0);
    MemoryDevice {
        speed_mtps: device.speed().and_then(|speed| mtps(speed, device.extended_speed())),
        manufacturer: at.text(device.manufacturer()),
        serial: at.text(device.serial_number()),
        asset_tag: at.text(device.asset_tag()),
        part_number: at.text(device.part_number()),
        rank: device.attributes().map(|bits| bits & 0x0f).filter(|rank| *rank != 0),
        configured_speed_mtps: device
            .configured_memory_speed()
            .and_then(|speed| mtps(speed, device.extended_configured_memory_speed())),
        min_millivolts: millivolts(device.minimum_voltage()),
        max_millivolts: millivolts(device.maximum_voltage()),
        configured_millivolts: millivolts(device.configured_voltage()),
        technology: device.memory_technology().map(|kind| TECHNOLOGY.of(kind.raw)),
        operating_modes: OPERATING_MODE
            .of(device.memory_operating_mode_capability().map_or(0, |bits| bits.raw)),
        firmware_version: at.text(device.firmware_version()),
        module_manufacturer_id: device.module_manufacturer_id().and_then(manufacturer_id),
        module_product_id: device.module_product_id().and_then(product_id),
        controller_manufacturer_id: device
            .memory_subsystem_controller_manufacturer_id()
            .and_then(manufacturer_id),
        controller_product_id: device.memory_subsystem_controller_product_id().and_then(product_id),
        non_volatile_bytes: device.non_volatile_size().and_then(bytes),
        volatile_bytes: device.volatile_size().and_then(bytes),
        cache_bytes: device.cache_size().and_then(bytes),
        logical_bytes: device.logical_size().and_then(bytes),
        ..slot
    }
}

/// FFFEh: errors are not reported, FFFFh: there was none (DSP0134 7.17, 0Bh).
fn error_handle(handle: Option<Handle>) -> Option<u16> {
    handle.map(|handle| *handle).filter(|handle| *handle < 0xfffe)
}

/// DSP0134 7.18, 0Ch and 1Ch.
fn size_bytes(device: &SMBiosMemoryDevice) -> Option<u64> {
    match device.size()? {
        MemorySize::NotInstalled => Some(0),
        MemorySize::Unknown => None,
        MemorySize::Kilobytes(size) => Some(u64::from(size) << 10),
        MemorySize::Megabytes(size) => Some(u64::from(size) << 20),
        MemorySize::SeeExtendedSize => match device.extended_size() {
            Some(MemorySizeExtended::Megabytes(size)) => Some(u64::from(size) << 20),
            Some(MemorySizeExtended::SeeSize) => None,
            None => Some(0x7fff << 20),
        },
    }
}

/// DSP0134 7.18, 15h and 54h, 20h and 58h.
fn mtps(speed: MemorySpeed, extended: Option<MemorySpeedExtended>) -> Option<u32> {
    match (speed, extended) {
        (MemorySpeed::MTs(speed), _) => Some(speed.into()),
        (MemorySpeed::SeeExtendedSpeed, Some(MemorySpeedExtended::MTs(speed))) => Some(speed),
        _ => None,
    }
}

/// The bank counts continuation codes from 1, with the parity in the highest bit (DSP0134 7.18.8).
fn manufacturer_id(id: u16) -> Option<String> {
    (id != 0).then(|| format!("Bank {}, Hex 0x{:02X}", (id & 0x7f) + 1, id >> 8))
}

fn product_id(id: u16) -> Option<String> {
    (id != 0).then(|| format!("0x{id:04X}"))
}

fn bytes(size: MemoryIndicatedSize) -> Option<u64> {
    match size {
        MemoryIndicatedSize::Bytes(bytes) => Some(bytes),
        MemoryIndicatedSize::Unknown => None,
    }
}
