// SPDX-License-Identifier: MIT OR Apache-2.0
//! Each quirk, as the host sees it, and who can log in then.

use std::time::Duration;

use crate::Stand;

const SET_ACCESS: u8 = 0x43;
const GET_ACCESS: u8 = 0x44;
const SET_NAME: u8 = 0x45;
const GET_NAME: u8 = 0x46;
const SET_PASSWORD: u8 = 0x47;

impl Stand {
    fn set_name(&self, slot: u8, name: &str) -> Vec<u8> {
        let mut data = vec![slot];
        data.extend(name.bytes());
        data.resize(17, 0);
        self.ask(6, SET_NAME, &data)
    }

    /// The name in the slot, with what it is padded with except zeros.
    fn name(&self, slot: u8) -> String {
        let response = self.ask(6, GET_NAME, &[slot]);
        String::from_utf8_lossy(&response[1..]).trim_end_matches('\0').to_string()
    }

    /// Count and status of enabled users, and access of the slot on the channel.
    fn access(&self, channel: u8, slot: u8) -> [u8; 2] {
        let response = self.ask(6, GET_ACCESS, &[channel, slot]);
        [response[2], response[4]]
    }

    /// An administrator with name and password: the completion codes of name, password, access and enabling.
    fn administrator(&self, slot: u8, name: &str, password: &str) -> [u8; 4] {
        [
            self.set_name(slot, name)[0],
            self.password_of(slot, 2, password),
            self.ask(6, SET_ACCESS, &[0x91, slot, 4])[0],
            self.ask(6, SET_PASSWORD, &[slot, 1])[0],
        ]
    }
}

#[test]
fn enabled_is_apart_from_messaging() {
    let stand = Stand::up("quirks = { enable_status = true }", "");
    assert_eq!((stand.access(1, 2), stand.access(1, 3)), ([0x41, 0x14], [0x81, 0x0f]));
    assert_eq!(stand.administrator(3, "ops", "Correct-Horse-1"), [0; 4]);
    assert_eq!((stand.access(1, 2), stand.access(1, 3)), ([0x42, 0x14], [0x42, 0x14]));
    assert!(stand.logs_in("ops", "Correct-Horse-1"));
    // Without messaging but enabled; then with messaging but disabled.
    assert_eq!(stand.ask(6, SET_ACCESS, &[0x81, 3, 4]), [0]);
    assert_eq!(stand.access(1, 3), [0x42, 0x04]);
    assert!(!stand.logs_in("ops", "Correct-Horse-1"));
    assert_eq!(stand.ask(6, SET_PASSWORD, &[3, 0]), [0]);
    assert_eq!(stand.ask(6, SET_ACCESS, &[0x91, 3, 4]), [0]);
    assert_eq!(stand.access(1, 3), [0x81, 0x14]);
    assert!(!stand.logs_in("ops", "Correct-Horse-1"));
    assert_eq!(stand.ask(6, SET_PASSWORD, &[3, 1]), [0]);
    assert!(stand.logs_in("ops", "Correct-Horse-1"));
}

#[test]
fn slot_1_can_have_a_user() {
    let stand = Stand::with("vendor = 'openbmc'");
    assert_eq!((stand.name(1), stand.access(1, 1)), ("root".to_string(), [0x41, 0x14]));
    assert!(stand.logs_in("root", "0penBmc") && !stand.logs_in("", "0penBmc"));
    assert_eq!((stand.password_of(1, 3, "0penBmc"), stand.password_of(1, 3, "other")), (0, 0x80));
    // A name once only, and no more slots than there are.
    assert_eq!((stand.set_name(2, "root"), stand.set_name(16, "ops")), (vec![0xcc], vec![0xc9]));
    assert_eq!(stand.set_name(1, "boss"), [0]);
    assert_eq!(stand.password_of(1, 2, "Correct-Horse-1"), 0);
    assert!(stand.logs_in("boss", "Correct-Horse-1") && !stand.logs_in("root", "0penBmc"));
    assert_eq!(stand.ask(6, SET_PASSWORD, &[1, 0]), [0]);
    assert!(!stand.logs_in("boss", "Correct-Horse-1"));
}

#[test]
fn empty_slots_have_a_name_or_none() {
    let stand = Stand::with("vendor = 'ilo5'");
    assert_eq!((stand.name(3).as_str(), stand.access(2, 3)), ("(Empty User)", [0x81, 0x1f]));
    assert_eq!((stand.name(2).as_str(), stand.access(2, 2)), ("Administrator", [0x41, 0x14]));
    assert!(!stand.logs_in("(Empty User)", ""));
    assert_eq!(stand.set_name(3, "ops"), [0]);
    assert_eq!(stand.name(3), "ops");

    let stand = Stand::with("vendor = 'ilom'");
    assert_eq!(stand.ask(6, GET_NAME, &[3]), [0xcc]);
    assert_eq!(stand.set_name(3, "oper"), [0]);
    assert_eq!(stand.name(3), "oper");
    // Without the bytes of a password, and with them.
    assert_eq!(stand.ask(6, SET_PASSWORD, &[3, 1]), [0xc7]);
    assert_eq!(stand.password_of(3, 1, ""), 0);
    // 20 bytes are too many.
    assert_eq!(stand.ask(6, SET_PASSWORD, &[&[0x82, 2][..], &[b'a'; 20]].concat()), [0xc8]);
}

#[test]
fn names_are_ignored_changed_or_refused() {
    let stand = Stand::up("quirks = { names = 'ignored' }", "");
    assert_eq!(stand.administrator(3, "ops", "Correct-Horse-1"), [0; 4]);
    assert_eq!(stand.name(3), "");
    assert!(!stand.logs_in("ops", "Correct-Horse-1") && stand.logs_in("", "Correct-Horse-1"));

    let stand = Stand::up("quirks = { names = 'upper-case', refused_slots = [3], refused_cc = 0xd5 }", "");
    assert_eq!((stand.set_name(3, "ops"), stand.name(3)), (vec![0xd5], String::new()));
    assert_eq!(stand.administrator(4, "ops", "Correct-Horse-1"), [0; 4]);
    assert_eq!(stand.name(4), "OPS");
    assert!(!stand.logs_in("ops", "Correct-Horse-1") && stand.logs_in("OPS", "Correct-Horse-1"));

    let stand = Stand::up("quirks = { names = 'padded', name_length = 15 }", "");
    assert_eq!(stand.administrator(3, "sixteen-letters-", "Correct-Horse-1"), [0; 4]);
    assert_eq!((stand.name(2), stand.name(3)), ("ADMIN           ".into(), "sixteen-letters ".into()));
    assert!(stand.logs_in("sixteen-letters", "Correct-Horse-1"));
    assert!(!stand.logs_in("sixteen-letters-", "Correct-Horse-1"));
}

#[test]
fn weak_passwords_are_refused_or_ignored() {
    let stand = Stand::with("vendor = 'supermicro'");
    for weak in ["Short-1", "onlylowercase", "Xx-Admin-77"] {
        assert_eq!(stand.password(2, weak), 0xc8, "{weak}");
    }
    assert_eq!(stand.password(2, "Correct-Horse-1"), 0);
    assert!(stand.can_log_in("Correct-Horse-1"));

    let stand = Stand::up("quirks = { weak_characters = ':', weak_silent = true, test_cc = 0xcc }", "");
    assert_eq!((stand.password(2, "Correct:Horse"), stand.password(3, "factory")), (0, 0xcc));
    assert!(stand.can_log_in("factory") && !stand.can_log_in("Correct:Horse"));

    let stand = Stand::up("quirks = { test_any = true }", "");
    assert_eq!(stand.password(3, "other"), 0);
}

#[test]
fn a_password_changes_that_of_another() {
    let stand = Stand::with("vendor = 'supermicro-old'");
    // Slot 1, and access before a name, are refused.
    assert_eq!(stand.ask(6, SET_PASSWORD, &[1, 0]), [0xcc]);
    assert_eq!(stand.ask(6, SET_ACCESS, &[0x91, 3, 4]), [0xcc]);
    assert_eq!(stand.administrator(3, "ops", "Correct-Horse-1"), [0; 4]);
    assert!(stand.logs_in("ops", "Correct-Horse-1") && stand.can_log_in("Correct-Horse-1"));
    assert!(!stand.can_log_in("ADMIN"));

    let stand = Stand::up("quirks = { enable_status = true, cross_disable = [3, 2] }", "");
    assert_eq!(stand.administrator(3, "ops", "Correct-Horse-1"), [0; 4]);
    assert_eq!(stand.ask(6, SET_PASSWORD, &[3, 0]), [0]);
    assert!(!stand.can_log_in("factory") && !stand.logs_in("ops", "Correct-Horse-1"));
    assert_eq!([2, 3].map(|slot| stand.access(1, slot)[0]), [0x80, 0x80]);
}

#[test]
fn there_can_be_several_lan_channels() {
    let stand = Stand::up(
        "lan_channel = 3\nmedium = 'other-lan'\nlimit = 'operator'\n",
        "[[host.bmc.channel]]\nnumber = 1\nsource = 'dhcp'\n\
         [[host.bmc.channel]]\nnumber = 2\naddress = '169.254.3.254'\n",
    );
    let media = [1, 2, 3, 4].map(|channel| stand.ask(6, 0x42, &[channel]).get(2).copied());
    assert_eq!(media, [Some(4), Some(4), Some(5), None]);
    let addresses = [1, 2, 3].map(|channel| stand.ask(0x0c, 2, &[channel, 3, 0, 0])[2..].to_vec());
    assert_eq!(addresses, [vec![0, 0, 0, 0], vec![169, 254, 3, 254], vec![10, 9, 0, 201]]);
    // Get Channel Access: the privilege limits.
    assert_eq!([1, 3].map(|channel| stand.ask(6, 0x41, &[channel, 0x40])[2]), [4, 3]);
    // Access is apart, and counts on the channel with the cable.
    assert_eq!(stand.ask(6, SET_ACCESS, &[0x81, 2, 4]), [0]);
    assert_eq!([1, 2, 3].map(|channel| stand.access(channel, 2)[1]), [0x04, 0x14, 0x14]);
    let login = |stand: &Stand| {
        stand.bmc.ipmitool("ADMIN", "factory", &["-L", "OPERATOR", "sel", "time", "get"]).is_ok()
    };
    assert!(login(&stand));
    assert_eq!(stand.ask(6, SET_ACCESS, &[0x83, 2, 4]), [0]);
    assert!(!login(&stand));
    // Set LAN parameters of a channel without a cable.
    let set = |data: &[u8]| stand.ask(0x0c, 1, data);
    assert_eq!([set(&[1, 0, 1]), set(&[1, 3, 10, 1, 2, 3]), set(&[1, 0, 2]), set(&[1, 0, 0])], [[0]; 4]);
    assert_eq!(stand.ask(0x0c, 2, &[1, 3, 0, 0])[2..], [10, 1, 2, 3]);
}

#[test]
fn some_need_time() {
    let stand = Stand::up(
        "source = 'dhcp'\n[host.bmc.quirks]\nname_settles = { ms = 900, cc = 0xcc }\n\
         source_settles = { ms = 900, cc = 0x82 }\ndhcp_ms = 900\nreset_after_lan_ms = 900\n\
         set_in_progress_cc = 0xd5\nlatency_ms = 5\nenable_needs_password_cc = 0xcc\nenable_status = true\n",
        "",
    );
    let wait = || std::thread::sleep(Duration::from_millis(950));
    assert_eq!((stand.set_name(3, "ops"), stand.password_of(3, 2, "Correct-Horse-1")), (vec![0], 0xcc));
    wait();
    assert_eq!((stand.password_of(3, 1, ""), stand.password_of(3, 2, "Correct-Horse-1")), (0xcc, 0));
    assert_eq!(stand.password_of(3, 1, ""), 0);

    let set = |data: &[u8]| stand.ask(0x0c, 1, data)[0];
    let address = [&[1, 3][..], &[10, 9, 0, 77]].concat();
    assert_eq!((set(&[1, 0, 1]), set(&[1, 4, 1]), set(&address)), (0xd5, 0, 0x82));
    wait();
    assert_eq!((set(&address), set(&[1, 0, 0])), (0, 0));
    assert!(stand.is_silent(6, 1, &[], Duration::from_millis(100)));
    wait();
    assert_eq!(set(&[1, 4, 2]), 0);
    let read = || stand.ask(0x0c, 2, &[1, 3, 0, 0])[2..].to_vec();
    assert_eq!(read(), [0, 0, 0, 0]);
    wait();
    assert_eq!(read(), [10, 9, 0, 77]);
}

#[test]
fn slots_can_be_fewer_than_reported() {
    let stand = Stand::up("slots = 63\nquirks = { real_slots = 16, range_cc = 0xc9, enabled_count = 4 }", "");
    assert_eq!(stand.ask(6, GET_ACCESS, &[1, 2])[1..3], [63, 4]);
    assert_eq!([16, 17, 63].map(|slot| stand.ask(6, GET_NAME, &[slot])[0]), [0, 0xc9, 0xc9]);
}
