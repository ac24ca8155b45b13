// SPDX-License-Identifier: MIT OR Apache-2.0
//! What dmidecode cannot be asked: what is read from where, byte orders, what is worked out.

use std::fs;

use stage1::facts::smbios::{discover, parse};
use stage1::host::Machine;
use stage1_contract::facts::Smbios;

use crate::builder::{Structure, Tables};
use crate::machines;

fn smbios(tables: &Tables) -> Smbios {
    parse(&tables.entry_point, &tables.table, &mut Vec::new()).smbios.unwrap()
}

/// A machine with these files of the kernel.
fn machine(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Machine) {
    let dir = tempfile::tempdir().unwrap();
    let tables = dir.path().join("sys/firmware/dmi/tables");
    fs::create_dir_all(&tables).unwrap();
    for (name, content) in files {
        fs::write(tables.join(name), content).unwrap();
    }
    let machine = Machine::at(dir.path());
    (dir, machine)
}

#[test]
fn a_machine_without_tables_has_no_problem() {
    let (_dir, machine) = machine(&[]);
    let mut problems = Vec::new();
    let found = discover(&machine, &mut problems);
    assert_eq!((found.system, found.smbios, problems), (None, None, Vec::new()));
}

#[test]
fn tables_are_read_where_the_kernel_has_them() {
    let tables = machines::server();
    let (_dir, machine) = machine(&[("DMI", &tables.table), ("smbios_entry_point", &tables.entry_point)]);
    let mut problems = Vec::new();
    let found = discover(&machine, &mut problems);
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(found.smbios.unwrap(), smbios(&tables));
    assert_eq!(found.system.unwrap().product.as_deref(), Some("Atlas 7200"));
}

#[test]
fn a_table_without_entry_point_is_read_with_a_warning() {
    let (_dir, machine) = machine(&[("DMI", &machines::server().table)]);
    let mut problems = Vec::new();
    let found = discover(&machine, &mut problems);
    assert_eq!(found.smbios.unwrap().memory_devices.len(), 9);
    assert!(problems[0].contains("smbios_entry_point"), "{problems:?}");
}

#[test]
fn the_uuid_changed_its_byte_order_with_2_6() {
    let uuid = |tables: &Tables| {
        parse(&tables.entry_point, &tables.table, &mut Vec::new()).system.unwrap().uuid.unwrap()
    };
    let bytes: Vec<u8> = (0..16).collect();
    let system = [Structure::new(1, 1).bytes(&[0; 4]).bytes(&bytes).byte(6)];
    let network = "00010203-0405-0607-0809-0a0b0c0d0e0f";
    let mixed = "03020100-0504-0706-0809-0a0b0c0d0e0f";
    assert_eq!(uuid(&Tables::bits32(2, 5, &system)), network);
    assert_eq!(uuid(&Tables::bits32(2, 6, &system)), mixed);
    assert_eq!(uuid(&Tables::legacy(2, 0, &system)), network);
    assert_eq!(uuid(&Tables::bits64(3, 5, &system)), mixed);
    // Versions that were meant as hexadecimal digits: 2.3 and 2.6.
    assert_eq!(uuid(&Tables::bits32(2, 0x1f, &system)), network);
    assert_eq!(uuid(&Tables::bits32(2, 0x33, &system)), mixed);
}

#[test]
fn versions_are_those_of_the_entry_point() {
    let version = |tables: &Tables| smbios(tables).version.unwrap();
    assert_eq!(version(&machines::server()), "3.3.0");
    assert_eq!(version(&machines::old()), "2.3");
    assert_eq!(version(&machines::oldest()), "2.0");
}

#[test]
fn error_correction_is_known_by_the_widths() {
    let found = smbios(&machines::server());
    let ecc: Vec<Option<bool>> = found.memory_devices.iter().map(|device| device.ecc).collect();
    let (yes, no) = (Some(true), None);
    assert_eq!(ecc, [yes, yes, yes, no, yes, yes, yes, no, yes]);
}

#[test]
fn empty_slots_are_there_and_have_no_module() {
    let found = smbios(&machines::server());
    let empty = &found.memory_devices[3];
    assert_eq!((empty.size_bytes, empty.locator.as_deref()), (Some(0), Some("DIMM_A3")));
    assert_eq!((&empty.manufacturer, &empty.serial, empty.speed_mtps), (&None, &None, None));
}

#[test]
fn the_address_of_the_redfish_service_is_read() {
    let found = smbios(&machines::server());
    let usb = &found.host_interfaces[0];
    let redfish = usb.protocols[1].redfish.as_ref().unwrap();
    assert_eq!(usb.device.as_ref().unwrap().vendor_id.as_deref(), Some("0x413c"));
    assert_eq!(redfish.host_address.as_deref(), Some("169.254.1.2"));
    assert_eq!(redfish.service_address.as_deref(), Some("169.254.1.1"));
    assert_eq!((redfish.service_port, redfish.service_vlan), (Some(443), Some(4001)));
    let pci = &found.host_interfaces[1];
    assert_eq!(pci.device.as_ref().unwrap().mac.as_deref(), Some("0a:00:27:00:00:01"));
    assert_eq!(pci.device.as_ref().unwrap().bus_address.as_deref(), Some("0000:03:01.1"));
    assert_eq!(pci.device.as_ref().unwrap().credential_bootstrapping, Some(true));
    assert_eq!(pci.protocols[0].redfish.as_ref().unwrap().service_address, None);
}

#[test]
fn what_is_newer_than_dmidecode_3_4_is_read() {
    let found = smbios(&machines::arm());
    assert_eq!(found.processors[2].family.as_deref(), Some("ARMv9"));
    assert_eq!(found.memory_devices[1].speed_mtps, Some(70_000));
    assert_eq!(smbios(&machines::server()).processors[0].threads_enabled, Some(572));
}

#[test]
fn a_whole_host_interface_in_a_table_of_an_earlier_version_is_read_with_a_remark() {
    let usb = [4, 15, 0x25, 0x05, 0xa2, 0xa4, 0, 0x52, 0x54, 0, 0x42, 0x42, 1, 1, 0];
    let whole = Structure::new(42, 0x2a00).byte(0x40).byte(15).bytes(&usb).bytes(&[1, 4, 2, 7, 7]);
    let cut = Structure::new(42, 0x2a00).byte(0x40).byte(15).bytes(&usb).bytes(&[1, 4, 9, 7, 7]);
    let read = |structure: Structure| {
        let tables = Tables::bits32(2, 8, &[structure]);
        let mut problems = Vec::new();
        let found = parse(&tables.entry_point, &tables.table, &mut problems).smbios.unwrap();
        (found.host_interfaces[0].device.clone(), problems)
    };
    let (device, problems) = read(whole);
    assert_eq!(device.unwrap().mac.as_deref(), Some("52:54:00:42:42:01"));
    assert_eq!(
        problems,
        [
            "SMBIOS structure 0x2A00 (type 42): has the layout of SMBIOS 3.2, in a table of an earlier version: read as such"
        ]
    );
    assert_eq!(read(cut), (None, Vec::new()));
}
