// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network ports: against ethtool.

use serde_json::Value;

use crate::comparison::{Comparison, find};
use crate::outputs::Outputs;

/// Driver, firmware, address, link and wake-on-LAN, against `ethtool`, `ethtool -i` and `ethtool -P`.
pub fn ports(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut ethtool = Comparison::with("ethtool");
    let ports = outputs.devices("ethtool");
    ethtool.as_many("ports", ports.len(), &ours["nics"]);
    for port in ports {
        let driver = outputs.lines(&format!("ethtool-driver.{port}"));
        let link = outputs.lines(&format!("ethtool.{port}"));
        let address = outputs.lines(&format!("ethtool-address.{port}"));
        let of_driver = |key: &str| driver.get(key).filter(|text| !text.is_empty()).cloned();
        // What it does not know has a `!` behind it.
        let of_link = |key: &str| link.get(key).filter(|text| !text.contains('!')).cloned();
        let yes = |key: &str| of_link(key).map(|word| word == "yes" || word == "on");
        let speed = of_link("Speed").map(|speed| speed.trim_end_matches("Mb/s").parse::<u32>().unwrap());
        ethtool
            .thing(&port, find(&ours["nics"], "name", &port))
            .same("/driver", of_driver("driver"))
            .same("/driver_version", of_driver("version"))
            .same("/firmware_version", of_driver("firmware-version"))
            .same("/pci_address", of_driver("bus-info"))
            .same("/permanent_mac", address.get("Permanent address").cloned())
            .same("/speed_mbps", speed)
            .same("/duplex", of_link("Duplex"))
            .same("/port", of_link("Port"))
            .same("/autonegotiation", yes("Auto-negotiation"))
            .same("/carrier", yes("Link detected"))
            .same("/wake_on_lan_supported", of_link("Supports Wake-on"))
            .same("/wake_on_lan", of_link("Wake-on"));
    }
    ethtool
}
