// SPDX-License-Identifier: MIT OR Apache-2.0
//! Power, boot device and console of the host, through the BMC.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use stage1_rack::bmc::service::Chassis;

use crate::{Stand, TIME};

/// A host that records what the BMC does to it.
struct Recorder {
    is_on: Mutex<bool>,
    acts: Mutex<Sender<String>>,
}

impl Recorder {
    fn new() -> (Arc<Recorder>, Receiver<String>) {
        let (acts, recorded) = mpsc::channel();
        (Arc::new(Recorder { is_on: Mutex::new(false), acts: Mutex::new(acts) }), recorded)
    }

    fn record(&self, act: &str) {
        self.acts.lock().unwrap().send(act.to_string()).unwrap();
    }
}

impl Chassis for Recorder {
    fn is_on(&self) -> bool {
        *self.is_on.lock().unwrap()
    }

    fn power_on(&self) -> Result<()> {
        *self.is_on.lock().unwrap() = true;
        self.record("on");
        Ok(())
    }

    fn cut(&self) {
        *self.is_on.lock().unwrap() = false;
        self.record("cut");
    }

    fn reset(&self) -> Result<()> {
        self.record("reset");
        Ok(())
    }

    fn press_button(&self) -> Result<()> {
        self.record("button");
        Ok(())
    }

    fn console(&self) -> (String, Receiver<Vec<u8>>) {
        self.record("console");
        (String::new(), mpsc::channel().1)
    }

    fn type_bytes(&self, bytes: &[u8]) -> Result<()> {
        self.record(&format!("type {}", bytes.escape_ascii()));
        Ok(())
    }
}

#[test]
fn the_bmc_controls_power_and_boot_device() {
    let stand = Stand::up("sol = false", "");
    let chassis = |words: &[&str]| stand.bmc.ipmitool("ADMIN", "factory", &[&["chassis"], words].concat());
    assert_eq!(chassis(&["power", "status"]).unwrap(), "Chassis Power is off");
    assert!(chassis(&["power", "on"]).is_err());
    let (recorder, acts) = Recorder::new();
    let host: Arc<dyn Chassis> = recorder;
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
fn the_console_is_connected() {
    let stand = Stand::up("", "");
    let (recorder, acts) = Recorder::new();
    let host: Arc<dyn Chassis> = recorder;
    stand.bmc.set_chassis(Arc::downgrade(&host));
    assert_eq!(acts.recv_timeout(TIME).unwrap(), "console");
}
