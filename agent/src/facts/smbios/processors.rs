// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processors and their caches: types 4 and 7. Pure.

use smbioslib::{
    CacheMemorySize, CoreCount, CoreCount2, CoresEnabled, CoresEnabled2, ProcessorExternalClock,
    ProcessorSpeed, SMBiosCacheInformation, SMBiosProcessorInformation, SMBiosStruct, ThreadCount,
    ThreadCount2, ThreadEnabled,
};
use stage1_contract::facts::{Cache, Processor};

use super::names::caches;
use super::names::processors::{CHARACTERISTICS, FAMILY, PROCESSOR, STATUS, UPGRADE};
use super::signature::signature;
use super::structure::{Structure, Version};

/// A processor or an empty socket, type 4 (DSP0134 7.5).
pub(super) fn processor(at: Structure) -> Processor {
    let processor = SMBiosProcessorInformation::new(at.parts);
    let manufacturer = at.text(processor.processor_manufacturer());
    let version = at.text(processor.processor_version());
    let family = family_code(at);
    let id = processor.processor_id();
    let status = processor.status().map(|status| status.raw);
    let populated = status.map(|status| status & 1 << 6 != 0);
    Processor {
        handle: at.handle(),
        socket: at.text(processor.socket_designation()),
        processor_type: processor.processor_type().map(|kind| PROCESSOR.of(kind.raw)),
        family: family.map(|family| family_name(family, at.table.version, manufacturer.as_deref())),
        id: id.map(|id| id.map(|byte| format!("{byte:02X}")).join(" ")),
        signature: family
            .zip(id)
            .and_then(|(family, id)| signature(family, id, at.word(0x26), version.as_deref())),
        voltages_millivolts: at.byte(0x11).map(voltages).unwrap_or_default(),
        external_clock_mhz: match processor.external_clock() {
            Some(ProcessorExternalClock::MHz(clock)) => Some(clock),
            _ => None,
        },
        max_speed_mhz: processor.max_speed().and_then(mhz),
        current_speed_mhz: processor.current_speed().and_then(mhz),
        populated,
        status: status.filter(|_| populated == Some(true)).map(|status| STATUS.of(status & 7)),
        upgrade: processor.processor_upgrade().map(|upgrade| UPGRADE.of(upgrade.raw)),
        socket_type: at.text(processor.socket_type()),
        l1_cache_handle: at.reference_to(7, processor.l1cache_handle()),
        l2_cache_handle: at.reference_to(7, processor.l2cache_handle()),
        l3_cache_handle: at.reference_to(7, processor.l3cache_handle()),
        serial: at.text(processor.serial_number()),
        asset_tag: at.text(processor.asset_tag()),
        part_number: at.text(processor.part_number()),
        cores: cores(&processor),
        cores_enabled: cores_enabled(&processor),
        threads: threads(&processor),
        threads_enabled: match processor.thread_enabled() {
            Some(ThreadEnabled::Count(count)) => Some(count),
            _ => None,
        },
        characteristics: CHARACTERISTICS.of(processor.processor_characteristics().map_or(0, |bits| bits.raw)),
        manufacturer,
        version,
    }
}

/// FEh stands for the field that is wide enough (DSP0134 7.5.2).
fn family_code(at: Structure) -> Option<u16> {
    match at.byte(0x06)? {
        0xfe => Some(at.word(0x28).unwrap_or(0xfe)),
        family => Some(family.into()),
    }
}

/// Two codes have meant different things to different makers (dmidecode: dmi_processor_family).
fn family_name(family: u16, version: Version, manufacturer: Option<&str>) -> String {
    let is = |maker: &str| manufacturer.is_some_and(|name| names_maker(name, maker));
    match family {
        0x30 if version == (Version { major: 2, minor: 0 }) && is("Intel") => "Pentium Pro".to_string(),
        0xbe if is("Intel") => "Core 2".to_string(),
        0xbe if is("AMD") => "K7".to_string(),
        _ => FAMILY.of(family),
    }
}

fn names_maker(text: &str, maker: &str) -> bool {
    let start = text.get(..maker.len());
    text.contains(maker) || start.is_some_and(|start| start.eq_ignore_ascii_case(maker))
}

/// Tenths of a volt, or which of three the socket can have (DSP0134 7.5.4).
fn voltages(code: u8) -> Vec<u16> {
    if code & 0x80 != 0 {
        return vec![u16::from(code & 0x7f) * 100];
    }
    let can = [5000, 3300, 2900].into_iter().enumerate();
    can.filter(|(bit, _)| code >> bit & 1 == 1).map(|(_, millivolts)| millivolts).collect()
}

fn mhz(speed: ProcessorSpeed) -> Option<u16> {
    match speed {
        ProcessorSpeed::MHz(speed) => Some(speed),
        ProcessorSpeed::Unknown => None,
    }
}

/// FFh stands for the wide field; firmware without it means 255 (dmidecode does the same).
fn cores(processor: &SMBiosProcessorInformation) -> Option<u16> {
    match processor.core_count()? {
        CoreCount::Count(count) => Some(count.into()),
        CoreCount::Unknown => None,
        CoreCount::SeeCoreCount2 => match processor.core_count_2() {
            None => Some(255),
            Some(CoreCount2::Count(count)) => Some(count),
            Some(_) => None,
        },
    }
}

fn cores_enabled(processor: &SMBiosProcessorInformation) -> Option<u16> {
    match processor.cores_enabled()? {
        CoresEnabled::Count(count) => Some(count.into()),
        CoresEnabled::Unknown => None,
        CoresEnabled::SeeCoresEnabled2 => match processor.cores_enabled_2() {
            None => Some(255),
            Some(CoresEnabled2::Count(count)) => Some(count),
            Some(_) => None,
        },
    }
}

fn threads(processor: &SMBiosProcessorInformation) -> Option<u16> {
    match processor.thread_count()? {
        ThreadCount::Count(count) => Some(count.into()),
        ThreadCount::Unknown => None,
        ThreadCount::SeeThreadCount2 => match processor.thread_count_2() {
            None => Some(255),
            Some(ThreadCount2::Count(count)) => Some(count),
            Some(_) => None,
        },
    }
}

/// A cache, type 7 (DSP0134 7.8).
pub(super) fn cache(at: Structure) -> Cache {
    let cache = SMBiosCacheInformation::new(at.parts);
    let configuration = cache.cache_configuration().map(|bits| bits.raw);
    let field = |first: u32, width: u32| configuration.map(|bits| bits >> first & ((1 << width) - 1));
    Cache {
        handle: at.handle(),
        socket: at.text(cache.socket_designation()),
        level: field(0, 3).and_then(|level| u8::try_from(level + 1).ok()),
        enabled: field(7, 1).map(|bit| bit == 1),
        socketed: field(3, 1).map(|bit| bit == 1),
        mode: field(8, 2).map(|mode| caches::CACHE_MODE.of(mode)),
        location: field(5, 2).map(|location| caches::CACHE_LOCATION.of(location)),
        installed_bytes: cache_bytes(cache.installed_cache_size_2(), at.word(0x09)),
        max_bytes: cache_bytes(cache.maximum_cache_size_2(), at.word(0x07)),
        supported_sram_types: caches::SRAM.of(cache.supported_sram_type().map_or(0, |bits| bits.raw)),
        sram_types: caches::SRAM.of(cache.current_sram_type().map_or(0, |bits| bits.raw)),
        speed_nanoseconds: cache.cache_speed().filter(|speed| *speed != 0),
        error_correction: cache
            .error_correction_type()
            .map(|kind| caches::CACHE_ERROR_CORRECTION.of(kind.raw)),
        cache_type: cache.system_cache_type().map(|kind| caches::CACHE.of(kind.raw)),
        associativity: cache.associativity().map(|kind| caches::ASSOCIATIVITY.of(kind.raw)),
    }
}

/// In KiB or, with the highest bit, 64 KiB. Where the wide field is there it is the one that counts
/// (DSP0134 7.8, 13h and 17h), else the narrow one, whose FFFFh is then a size like any other.
fn cache_bytes(wide: Option<CacheMemorySize>, narrow: Option<u16>) -> Option<u64> {
    let kilobytes = match wide {
        Some(CacheMemorySize::Kilobytes(size)) => size,
        _ => {
            let narrow = narrow?;
            let size = u64::from(narrow & 0x7fff);
            if narrow & 0x8000 != 0 { size * 64 } else { size }
        }
    };
    Some(kilobytes << 10)
}
