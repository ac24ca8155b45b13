// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's power in the BMC's hands, and its console.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use stage1_rack::bmc::service::Chassis;

use crate::{Stand, TIME};

/// A host that reports what is done to it.
struct Reported {
    is_on: Mutex<bool>,
    acts: Mutex<Sender<String>>,
}

impl Reported {
    fn new() -> (Arc<Reported>, Receiver<String>) {
        let (acts, reported) = mpsc::channel();
        (Arc::new(Reported { is_on: Mutex::new(false), acts: Mutex::new(acts) }), reported)
    }

    fn say(&self, act: &str) {
        self.acts.lock().unwrap().send(act.to_string()).unwrap();
    }
}

impl Chassis for Reported {
    fn is_on(&self) -> bool {
        *self.is_on.lock().unwrap()
    }

    fn power_on(&self) -> Result<()> {
        *self.is_on.lock().unwrap() = true;
        self.say("on");
        Ok(())
    }

    fn cut(&self) {
        *self.is_on.lock().unwrap() = false;
        self.say("cut");
    }

    fn reset(&self) -> Result<()> {
        self.say("reset");
        Ok(())
    }

    fn press_button(&self) -> Result<()> {
        self.say("button");
        Ok(())
    }

    fn console(&self) -> (String, Receiver<Vec<u8>>) {
        self.say("console");
        (String::new(), mpsc::channel().1)
    }

    fn type_bytes(&self, bytes: &[u8]) -> Result<()> {
        self.say(&format!("type {}", bytes.escape_ascii()));
        Ok(())
    }
}

#[test]
fn the_bmc_has_power_and_boot_device_in_its_hands() {
    let stand = Stand::up("sol = false", "");
    let chassis = |words: &[&str]| stand.bmc.ipmitool("ADMIN", "factory", &[&["chassis"], words].concat());
    assert_eq!(chassis(&["power", "status"]).unwrap(), "Chassis Power is off");
    assert!(chassis(&["power", "on"]).is_err());
    let (reported, acts) = Reported::new();
    let host: Arc<dyn Chassis> = reported;
    stand.bmc.set_chassis(Arc::downgrade(&host));
    for (word, expected) in [
        ("on", &["on"][..]),
        ("reset", &["reset"]),
        ("soft", &["button"]),
        ("cycle", &["cut", "on"]),
        ("off", &["cut"]),
    ] {
        chassis(&["power", word]).unwrap();
        for act in expected {
            assert_eq!(acts.recv_timeout(TIME).unwrap(), *act, "{word}");
        }
        let status = chassis(&["power", "status"]).unwrap();
        assert_eq!(status, if word == "off" { "Chassis Power is off" } else { "Chassis Power is on" });
    }
    assert_eq!(stand.bmc.boot_device(), "none");
    chassis(&["bootdev", "pxe"]).unwrap();
    assert_eq!(stand.bmc.boot_device(), "pxe");
    let shown = chassis(&["bootparam", "get", "5"]).unwrap();
    assert!(shown.contains("Force PXE"), "{shown}");
}

#[test]
fn the_console_is_joined() {
    let stand = Stand::up("", "");
    let (reported, acts) = Reported::new();
    let host: Arc<dyn Chassis> = reported;
    stand.bmc.set_chassis(Arc::downgrade(&host));
    assert_eq!(acts.recv_timeout(TIME).unwrap(), "console");
}
