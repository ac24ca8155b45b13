// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host's BMC.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{NetworkSpec, is_mac, yes};
use crate::bmc::fault::Rule;

/// Which BMC a host has, at a KCS interface.
#[derive(Clone, Debug)]
pub enum BmcKind {
    /// `"bare"`: QEMU's own, which knows few commands and has no LAN.
    Bare,
    /// A table: OpenIPMI's ipmi_sim.
    Whole(Box<BmcSpec>),
}

/// A BMC with users, a LAN, sensors, and faults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BmcSpec {
    /// The number of its LAN channel.
    pub lan_channel: u8,
    /// Its address in the boot network. Without one, the network's own and 200 and the number of the host from 1 on.
    pub address: Option<Ipv4Addr>,
    /// Length of the network's prefix in bits; the boot network's by default.
    pub prefix: Option<u8>,
    /// Its gateway, where it has one.
    pub gateway: Option<Ipv4Addr>,
    /// Where it reports that its address is from. No DHCP server is asked.
    pub source: AddressSource,
    /// The MAC address of its port. One of its own by default.
    pub mac: Option<String>,
    /// Device ID (IPMI 2.0, section 20.1).
    pub device_id: u8,
    /// Firmware revision, `9.08`: the minor one is of two digits.
    pub firmware: String,
    /// IANA's number of the manufacturer.
    pub manufacturer: u32,
    /// The manufacturer's number of the product.
    pub product: u16,
    /// Its GUID, 32 hex digits in the order of transfer.
    pub guid: String,
    /// How many user slots it has.
    pub slots: u8,
    /// Its users.
    #[serde(rename = "user")]
    pub users: Vec<UserSpec>,
    /// Its sensors.
    #[serde(rename = "sensor")]
    pub sensors: Vec<SensorSpec>,
    /// What is in its SEL.
    #[serde(rename = "event")]
    pub events: Vec<EventSpec>,
    /// Its FRU inventory.
    pub fru: FruSpec,
    /// Whether it has serial over LAN, to the host's serial console.
    pub sol: bool,
    /// What it does wrong (see [`crate::bmc::fault`]).
    pub faults: Vec<Rule>,
}

/// Where a BMC's address is from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressSource {
    /// It is set.
    #[default]
    Static,
    /// From a DHCP server.
    Dhcp,
}

/// A user of a BMC.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserSpec {
    /// The number of its slot; ipmi_sim knows no name of number 1.
    pub slot: u8,
    /// Its name, 16 bytes at most.
    #[serde(default)]
    pub name: String,
    /// Its password, 16 bytes at most.
    #[serde(default)]
    pub password: String,
    /// Its highest privilege level.
    #[serde(default)]
    pub privilege: Privilege,
    /// Whether it can log in.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether its name cannot be changed.
    #[serde(default)]
    pub fixed: bool,
}

/// A privilege level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Privilege {
    /// May have itself called back.
    Callback,
    /// May look.
    User,
    /// May act.
    Operator,
    /// May configure.
    #[default]
    Admin,
}

/// A threshold-based sensor (IPMI 2.0, section 43.1): (M * reading + B * 10^`b_exponent`) * 10^`r_exponent`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SensorSpec {
    /// Its number.
    pub number: u8,
    /// Its name, 16 bytes at most.
    pub name: String,
    /// Its type (IPMI 2.0, table 42-3): 1 is temperature, 2 voltage, 4 fan.
    pub kind: u8,
    /// Its base unit (IPMI 2.0, table 43-15): 1 is degrees Celsius, 4 volts, 18 revolutions per minute.
    pub unit: u8,
    /// What it is at (IPMI 2.0, table 43-13): 7 is the system board.
    #[serde(default = "system_board")]
    pub entity: u8,
    /// The raw reading.
    pub reading: u8,
    /// M, 8 bits and the sign.
    #[serde(default = "one")]
    pub m: i16,
    /// B, 8 bits and the sign.
    #[serde(default)]
    pub b: i16,
    /// The exponent of the result.
    #[serde(default)]
    pub r_exponent: i8,
    /// The exponent of B.
    #[serde(default)]
    pub b_exponent: i8,
    /// The raw reading from which on it is too low, but not yet critical.
    pub lower_noncritical: Option<u8>,
    /// The same, critical.
    pub lower_critical: Option<u8>,
    /// The same, fatal.
    pub lower_nonrecoverable: Option<u8>,
    /// The raw reading from which on it is too high, but not yet critical.
    pub upper_noncritical: Option<u8>,
    /// The same, critical.
    pub upper_critical: Option<u8>,
    /// The same, fatal.
    pub upper_nonrecoverable: Option<u8>,
}

impl SensorSpec {
    /// The thresholds in the order of their bits (IPMI 2.0, section 35.9).
    pub fn thresholds(&self) -> [Option<u8>; 6] {
        [
            self.lower_noncritical,
            self.lower_critical,
            self.lower_nonrecoverable,
            self.upper_noncritical,
            self.upper_critical,
            self.upper_nonrecoverable,
        ]
    }
}

/// A system event (IPMI 2.0, section 32.1).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventSpec {
    /// The sensor's type.
    pub kind: u8,
    /// The sensor's number.
    pub sensor: u8,
    /// The event's type: 1 is a threshold, 111 of the sensor's own.
    pub reading: u8,
    /// Event data 1 to 3.
    pub data: [u8; 3],
    /// Whether it is over.
    #[serde(default)]
    pub deasserted: bool,
}

/// FRU inventory. Without any area there is none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FruSpec {
    /// The chassis, by [`CHASSIS_KEYS`].
    pub chassis: BTreeMap<String, String>,
    /// The board, by [`BOARD_KEYS`].
    pub board: BTreeMap<String, String>,
    /// The product, by [`PRODUCT_KEYS`].
    pub product: BTreeMap<String, String>,
}

/// The fields of the chassis area, in their order (FRU, section 10).
pub const CHASSIS_KEYS: [&str; 2] = ["part", "serial"];
/// The fields of the board area (FRU, section 11).
pub const BOARD_KEYS: [&str; 5] = ["manufacturer", "product", "serial", "part", "file"];
/// The fields of the product area (FRU, section 12).
pub const PRODUCT_KEYS: [&str; 7] = ["manufacturer", "product", "part", "version", "serial", "asset", "file"];

/// The most user slots that there are (IPMI 2.0, section 22.26).
const MOST_SLOTS: u8 = 63;

impl Default for BmcSpec {
    fn default() -> BmcSpec {
        BmcSpec {
            lan_channel: 1,
            address: None,
            prefix: None,
            gateway: None,
            source: AddressSource::Static,
            mac: None,
            device_id: 0x20,
            firmware: "9.08".to_string(),
            manufacturer: 0x1291,
            product: 0x0f02,
            guid: "a123456789abcdefa123456789abcdef".to_string(),
            slots: 10,
            users: Vec::new(),
            sensors: Vec::new(),
            events: Vec::new(),
            fru: FruSpec::default(),
            sol: true,
            faults: Vec::new(),
        }
    }
}

impl BmcSpec {
    /// Major and minor firmware revision, as Get Device ID reports them: the minor one in BCD.
    pub fn firmware_bytes(&self) -> Result<[u8; 2]> {
        let text = &self.firmware;
        let wrong = || format!("firmware: {text:?} is not like \"9.08\"");
        let (major, minor) = text.split_once('.').with_context(wrong)?;
        ensure!(minor.len() == 2 && minor.bytes().all(|digit| digit.is_ascii_digit()), "{}", wrong());
        let major: u8 = major.parse().with_context(wrong)?;
        ensure!(major < 128, "{}", wrong());
        Ok([major, u8::from_str_radix(minor, 16).with_context(wrong)?])
    }

    /// Errors name the key.
    pub(super) fn check(&self, network: &NetworkSpec) -> Result<()> {
        let BmcSpec { lan_channel, slots, guid, .. } = self;
        ensure!((1..=11).contains(lan_channel), "lan_channel: {lan_channel} is not between 1 and 11");
        ensure!((1..=MOST_SLOTS).contains(slots), "slots: {slots} is not between 1 and {MOST_SLOTS}");
        ensure!(guid.len() == 32 && super::is_hex(guid), "guid: {guid:?} is not 32 lower-case hex digits");
        if let Some(mac) = &self.mac {
            ensure!(is_mac(mac), "mac: {mac:?} is not like \"52:54:00:09:00:0a\"");
        }
        if let Some(prefix) = self.prefix {
            ensure!((1..=32).contains(&prefix), "prefix: {prefix} is not between 1 and 32");
        }
        if let Some(address) = self.address {
            ensure!(network.contains(address), "address: {address} is not within the boot network");
        }
        self.firmware_bytes()?;
        self.check_users()?;
        let mut numbers = BTreeSet::new();
        for SensorSpec { number, name, .. } in &self.sensors {
            ensure!(numbers.insert(number), "sensor.number: {number} is there twice");
            ensure!(name.len() <= 16 && name.is_ascii(), "sensor.name: {name:?} is no 16 bytes of ASCII");
        }
        let FruSpec { chassis, board, product } = &self.fru;
        for (area, fields, keys) in [
            ("chassis", chassis, CHASSIS_KEYS.as_slice()),
            ("board", board, BOARD_KEYS.as_slice()),
            ("product", product, PRODUCT_KEYS.as_slice()),
        ] {
            for (key, value) in fields {
                let keys_known = keys.join(", ");
                ensure!(keys.contains(&key.as_str()), "fru.{area}: {key:?} is none of: {keys_known}");
                ensure!(
                    value.len() < 32 && value.is_ascii(),
                    "fru.{area}.{key}: {value:?} is no 31 bytes of ASCII"
                );
            }
        }
        Ok(())
    }

    fn check_users(&self) -> Result<()> {
        let mut taken = BTreeSet::new();
        for UserSpec { slot, name, password, .. } in &self.users {
            ensure!((1..=self.slots).contains(slot), "user.slot: {slot} is not between 1 and {}", self.slots);
            ensure!(taken.insert(slot), "user.slot: {slot} is there twice");
            ensure!(name.len() <= 16, "user.name: {name:?} is longer than 16 bytes");
            // ipmi_sim's configuration has no way to quote others.
            let plain = password.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
            ensure!(
                password.len() <= 16 && plain,
                "user.password: that of slot {slot} is no 16 signs of ASCII without blanks and quotes"
            );
        }
        Ok(())
    }
}

fn system_board() -> u8 {
    7
}

fn one() -> i16 {
    1
}

impl<'de> Deserialize<'de> for BmcKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<BmcKind, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

/// Unlike an untagged enum, it lets errors name the key.
struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = BmcKind;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("\"bare\" or a table")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<BmcKind, E> {
        match text {
            "bare" => Ok(BmcKind::Bare),
            _ => Err(E::unknown_variant(text, &["bare"])),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<BmcKind, A::Error> {
        BmcSpec::deserialize(MapAccessDeserializer::new(map)).map(|spec| BmcKind::Whole(Box::new(spec)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::RackSpec;

    fn host(keys: &str) -> Result<RackSpec> {
        RackSpec::parse(&format!("[[host]]\nname = 'a'\nboot = 'kernel'\n{keys}\n"))
    }

    fn whole(keys: &str) -> BmcSpec {
        match host(&format!("[host.bmc]\n{keys}")).unwrap().hosts[0].bmc.clone() {
            Some(BmcKind::Whole(spec)) => *spec,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_host_has_none_or_a_bare_or_a_whole_one() {
        assert!(host("").unwrap().hosts[0].bmc.is_none());
        assert!(matches!(host("bmc = 'bare'").unwrap().hosts[0].bmc, Some(BmcKind::Bare)));
        let spec = whole("firmware = '12.34'\nfaults = ['06 46 cc C0']\n[[host.bmc.user]]\nslot = 2");
        assert_eq!((spec.lan_channel, spec.slots, spec.sol), (1, 10, true));
        assert_eq!(spec.firmware_bytes().unwrap(), [12, 0x34]);
        assert_eq!(spec.faults[0].to_string(), "06 46 cc C0");
        assert!(spec.users[0].enabled && spec.users[0].privilege == Privilege::Admin);
    }

    #[test]
    fn errors_name_the_key() {
        let user = |keys: &str| format!("[[host.bmc.user]]\nslot = 2\n{keys}");
        for (keys, expected) in [
            ("bmc = 'none'".to_string(), "`bare`"),
            ("bmc = true".to_string(), "\"bare\" or a table"),
            ("[host.bmc]\nlan_chanel = 1".to_string(), "`lan_chanel`"),
            ("[host.bmc]\nlan_channel = 12".to_string(), "bmc: lan_channel: 12"),
            ("[host.bmc]\nslots = 64".to_string(), "bmc: slots: 64"),
            ("[host.bmc]\naddress = '10.8.0.5'".to_string(), "bmc: address: 10.8.0.5"),
            ("[host.bmc]\nfirmware = '1.2'".to_string(), "bmc: firmware: \"1.2\""),
            ("[host.bmc]\nfaults = ['06 46 sulk']".to_string(), "the fault \"06 46 sulk\""),
            ("[host.bmc.fru.board]\ncolour = 'red'".to_string(), "bmc: fru.board: \"colour\""),
            (user("privilege = 'root'"), "`admin`"),
            (user("[[host.bmc.user]]\nslot = 2"), "bmc: user.slot: 2 is there twice"),
            (user("[[host.bmc.user]]\nslot = 11"), "bmc: user.slot: 11"),
            (user("password = 'a b'"), "bmc: user.password: that of slot 2"),
        ] {
            let error = format!("{:#}", host(&keys).unwrap_err());
            assert!(error.contains(expected), "{keys}: {error}");
        }
    }
}
