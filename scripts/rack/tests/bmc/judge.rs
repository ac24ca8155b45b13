// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who can log in over the LAN, and what is visible there, compared with what the host configured.

use std::net::Ipv4Addr;

use crate::{SET_USER_PASSWORD, Stand};

#[test]
fn declared_users_can_log_in_and_no_others() {
    let stand =
        Stand::up("", "[[host.bmc.user]]\nslot = 3\nname = 'ops'\npassword = 'other'\nenabled = false\n");
    assert!(stand.can_log_in("factory") && !stand.can_log_in("wrong"));
    let error = stand.bmc.ipmitool("ops", "other", &["mc", "info"]).unwrap_err().to_string();
    assert!(error.contains("ipmitool mc info: ") && !error.contains("other"), "{error}");
}

#[test]
fn a_password_that_is_set_is_tested_and_logs_in() {
    let stand = Stand::up("", "");
    assert_eq!((stand.password(3, "factory"), stand.password(3, "new")), (0, 0x80));
    assert_eq!(stand.password(2, "new"), 0);
    assert_eq!((stand.password(3, "factory"), stand.password(3, "new")), (0x80, 0));
    assert!(stand.can_log_in("new") && !stand.can_log_in("factory"));
}

#[test]
fn a_bmc_can_accept_a_password_without_setting_it() {
    let stand = Stand::up("faults = ['06 47/**02 cc 00']", "");
    assert_eq!((stand.password(2, "new"), stand.password(3, "new")), (0, 0x80));
    assert!(stand.can_log_in("factory"));
    stand.faults(&["06 47 cc 00"]);
    assert_eq!((stand.password(2, "new"), stand.password(3, "new")), (0, 0));
    assert!(!stand.can_log_in("new"));

    stand.faults(&["06 47/**02 shorten 4"]);
    assert_eq!((stand.password(2, "longer"), stand.password(3, "longer")), (0, 0x80));
    assert!(stand.can_log_in("long") && !stand.can_log_in("longer"));
}

#[test]
fn a_long_password_is_truncated_to_16_bytes() {
    let stand = Stand::up("", "");
    let long = |operation: u8| [&[0x82, operation], b"0123456789abcdefghij".as_slice()].concat();
    assert_eq!(stand.ask(6, SET_USER_PASSWORD, &long(2)), [0]);
    assert_eq!(stand.ask(6, SET_USER_PASSWORD, &long(3)), [0x80]);
    assert_eq!(stand.password(3, "0123456789abcdef"), 0);
    assert!(stand.can_log_in("0123456789abcdef") && !stand.can_log_in("0123456789abcdefghij"));
}

#[test]
fn slots_and_names_are_as_declared() {
    let stand = Stand::up("slots = 12", "");
    // Get User Access: as many slots, ADMIN enabled, one name fixed, and ADMIN's own bits.
    assert_eq!(stand.ask(6, 0x44, &[1, 2]), [0, 12, 1, 1, 0x14]);
    let name = |slot: u8| [&[slot], b"0123456789abcdef".as_slice()].concat();
    let answers = [2, 3, 13].map(|slot| stand.ask(6, 0x45, &name(slot)));
    assert_eq!(answers, [vec![0xcc], vec![0], vec![0xcc]]);
    assert_eq!(stand.ask(6, 0x46, &[3])[1..], name(3)[1..]);
}

#[test]
fn the_address_that_is_set_takes_effect() {
    let stand = Stand::up("lan_channel = 1\ngateway = '10.9.0.1'", "");
    let address = |stand: &Stand| stand.bmc.address().unwrap();
    assert_eq!(address(&stand), Ipv4Addr::new(10, 9, 0, 201));
    assert!(stand.can_log_in("factory"));
    stand.set_address(Ipv4Addr::new(10, 9, 0, 77));
    assert_eq!(address(&stand), Ipv4Addr::new(10, 9, 0, 77));
    let printed = stand.bmc.ipmitool("ADMIN", "factory", &["lan", "print", "1"]).unwrap();
    for line in [
        "IP Address Source       : Static Address",
        "IP Address              : 10.9.0.77",
        "Subnet Mask             : 255.255.255.0",
        "MAC Address             : 52:54:00:ff:00:01",
        "Default Gateway IP      : 10.9.0.1",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
}

#[test]
fn a_lan_can_be_another_channel_with_dhcp() {
    let stand = Stand::up("lan_channel = 8\nsource = 'dhcp'", "");
    // Get Channel Info: channel 8 is a LAN, and channel 1 does not exist.
    assert_eq!(stand.ask(6, 0x42, &[8])[..3], [0, 8, 4]);
    assert_eq!(stand.ask(6, 0x42, &[1]), [0xcb]);
    let printed = stand.bmc.ipmitool("ADMIN", "factory", &["lan", "print", "8"]).unwrap();
    assert!(printed.contains("IP Address Source       : DHCP Address"), "{printed}");
}

#[test]
fn sensors_events_and_inventory_are_as_declared() {
    let tables = "[[host.bmc.sensor]]\nnumber = 4\nname = 'Inlet Temp'\nkind = 1\nunit = 1\nreading = 55\n\
                  r_exponent = -1\nm = 4\nupper_critical = 105\n\
                  [[host.bmc.event]]\nkind = 1\nsensor = 4\nreading = 1\ndata = [0x59, 110, 105]\n\
                  [host.bmc.fru.chassis]\nserial = 'C1'\n\
                  [host.bmc.fru.board]\nmanufacturer = 'Virtual'\nserial = 'B1'\n\
                  [host.bmc.fru.product]\nproduct = 'Rack Server'\nasset = '4711'\n";
    let stand = Stand::up(
        "manufacturer = 674\nproduct = 256\nfirmware = '7.10'\nguid = '00112233445566778899aabbccddeeff'",
        tables,
    );
    let see = |words: &[&str], expected: &[&str]| {
        let printed = stand.bmc.ipmitool("ADMIN", "factory", words).unwrap();
        // Without its columns.
        let plain = printed.split_whitespace().collect::<Vec<_>>().join(" ");
        for line in expected {
            assert!(plain.contains(line), "{line}: {printed}");
        }
    };
    see(
        &["mc", "info"],
        &["Device ID : 32", "Firmware Revision : 7.10", "Manufacturer ID : 674", "Product ID : 256 (0x0100)"],
    );
    see(
        &["sensor", "get", "Inlet Temp"],
        &["Sensor ID : Inlet Temp (0x4)", "Sensor Reading : 22 (+/- 0) degrees C", "Upper Critical : 42.000"],
    );
    see(&["sel", "list"], &["Temperature #0x04 | Upper Critical going high | Asserted"]);
    see(
        &["fru", "print", "0"],
        &[
            "Chassis Serial : C1",
            "Board Mfg : Virtual",
            "Board Serial : B1",
            "Product Name : Rack Server",
            "Product Asset Tag : 4711",
        ],
    );
    see(&["sol", "info", "1"], &["Enabled : true"]);
}
