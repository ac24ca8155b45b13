// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host's BMC.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::channel::{ChannelSpec, Medium};
use super::quirks::QuirksSpec;
use super::{NetworkSpec, is_mac, vendor, yes};
use crate::bmc::fault::Rule;

/// A host's BMC, at a KCS interface.
#[derive(Clone, Debug)]
pub enum BmcKind {
    /// `"bare"`: QEMU's own, with few commands and without LAN.
    Bare,
    /// A table: OpenIPMI's ipmi_sim.
    Whole(Box<BmcSpec>),
}

/// A BMC with users, a LAN, sensors, and faults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BmcSpec {
    /// Number of its LAN channel, which is at the boot network.
    pub lan_channel: u8,
    /// The medium of that channel.
    pub medium: Medium,
    /// The privilege limit of that channel.
    pub limit: Privilege,
    /// Other LAN channels, none of which is at the boot network.
    #[serde(rename = "channel")]
    pub channels: Vec<ChannelSpec>,
    /// Its address in the boot network; by default, the network's address plus 200 plus the number of the host, counted from 1.
    pub address: Option<Ipv4Addr>,
    /// Length of the network's prefix in bits; by default that of the boot network.
    pub prefix: Option<u8>,
    /// Its gateway; none by default.
    pub gateway: Option<Ipv4Addr>,
    /// The address source that it reports. No DHCP is done.
    pub source: AddressSource,
    /// MAC address of its port; by default `52:54:00:ff:00:` and the number of the host.
    pub mac: Option<String>,
    /// Device ID (IPMI 2.0, section 20.1).
    pub device_id: u8,
    /// Firmware revision, such as `9.08`; the minor one has two digits.
    pub firmware: String,
    /// The manufacturer's IANA enterprise number.
    pub manufacturer: u32,
    /// The manufacturer's product ID.
    pub product: u16,
    /// Its GUID, 32 lower-case hex digits in the order of transfer.
    pub guid: String,
    /// Number of user slots.
    pub slots: u8,
    /// Its users.
    #[serde(rename = "user")]
    pub users: Vec<UserSpec>,
    /// Its sensors.
    #[serde(rename = "sensor")]
    pub sensors: Vec<SensorSpec>,
    /// The events in its SEL.
    #[serde(rename = "event")]
    pub events: Vec<EventSpec>,
    /// Its FRU inventory.
    pub fru: FruSpec,
    /// Whether it has serial over LAN to the host's serial console.
    pub sol: bool,
    /// What it does and ipmi_sim does not.
    pub quirks: QuirksSpec,
    /// Injected faults (see [`crate::bmc::fault`]).
    pub faults: Vec<Rule>,
}

/// The source of a BMC's address (IPMI 2.0, table 23-4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressSource {
    /// A static address.
    #[default]
    Static,
    /// An address from DHCP.
    Dhcp,
}

/// A user of a BMC.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserSpec {
    /// Number of its slot; number 1 is the null user, unless it has a name.
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
    /// Whether it is enabled.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether it may use IPMI messaging.
    #[serde(default = "yes")]
    pub messaging: bool,
    /// Whether its name cannot be changed.
    #[serde(default)]
    pub fixed: bool,
}

/// A privilege level (IPMI 2.0, section 6.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Privilege {
    /// Callback only.
    Callback,
    /// Read-only commands.
    User,
    /// Control, such as power.
    Operator,
    /// Configuration.
    #[default]
    Admin,
}

impl Privilege {
    /// Its number.
    pub(crate) fn number(self) -> u8 {
        match self {
            Privilege::Callback => 1,
            Privilege::User => 2,
            Privilege::Operator => 3,
            Privilege::Admin => 4,
        }
    }
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
    /// Its entity ID (IPMI 2.0, table 43-13): 7 is the system board.
    #[serde(default = "system_board")]
    pub entity: u8,
    /// The raw reading.
    pub reading: u8,
    /// M, 10 bits signed.
    #[serde(default = "one")]
    pub m: i16,
    /// B, 10 bits signed.
    #[serde(default)]
    pub b: i16,
    /// The exponent of the result.
    #[serde(default)]
    pub r_exponent: i8,
    /// The exponent of B.
    #[serde(default)]
    pub b_exponent: i8,
    /// Threshold as a raw reading.
    pub lower_noncritical: Option<u8>,
    /// Threshold as a raw reading.
    pub lower_critical: Option<u8>,
    /// Threshold as a raw reading.
    pub lower_nonrecoverable: Option<u8>,
    /// Threshold as a raw reading.
    pub upper_noncritical: Option<u8>,
    /// Threshold as a raw reading.
    pub upper_critical: Option<u8>,
    /// Threshold as a raw reading.
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
    /// The event/reading type (IPMI 2.0, table 42-1): 1 is a threshold, 111 sensor-specific.
    pub reading: u8,
    /// Event data 1 to 3.
    pub data: [u8; 3],
    /// Whether it is a deassertion.
    #[serde(default)]
    pub deasserted: bool,
}

/// FRU inventory; an area without fields is absent.
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

/// Fields of the chassis area, in their order (FRU, section 10).
pub(crate) const CHASSIS_KEYS: [&str; 2] = ["part", "serial"];
/// Fields of the board area (FRU, section 11).
pub(crate) const BOARD_KEYS: [&str; 5] = ["manufacturer", "product", "serial", "part", "file"];
/// Fields of the product area (FRU, section 12).
pub(crate) const PRODUCT_KEYS: [&str; 7] =
    ["manufacturer", "product", "part", "version", "serial", "asset", "file"];

/// The maximum number of user slots (IPMI 2.0, section 22.26).
const MOST_SLOTS: u8 = 63;

impl Default for BmcSpec {
    fn default() -> BmcSpec {
        BmcSpec {
            lan_channel: 1,
            medium: Medium::Lan,
            limit: Privilege::Admin,
            channels: Vec::new(),
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
            quirks: QuirksSpec::default(),
            faults: Vec::new(),
        }
    }
}

impl BmcSpec {
    /// Major and minor firmware revision as in Get Device ID, the minor one in BCD.
    ///
    /// # Errors
    /// `firmware` is not like `9.08`.
    pub(crate) fn firmware_bytes(&self) -> Result<[u8; 2]> {
        let text = &self.firmware;
        let wrong = || format!("firmware: {text:?} is not like \"9.08\"");
        let (major, minor) = text.split_once('.').with_context(wrong)?;
        ensure!(minor.len() == 2 && minor.bytes().all(|digit| digit.is_ascii_digit()), "{}", wrong());
        let major: u8 = major.parse().with_context(wrong)?;
        ensure!(major < 128, "{}", wrong());
        Ok([major, u8::from_str_radix(minor, 16).with_context(wrong)?])
    }

    /// Whether slot 1 is one like the others.
    pub(crate) fn is_slot_1_named(&self) -> bool {
        self.quirks.slot_1_named || self.users.iter().any(|user| user.slot == 1 && !user.name.is_empty())
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
        self.quirks.check()?;
        let mut numbers = BTreeSet::from([lan_channel]);
        for ChannelSpec { number, .. } in &self.channels {
            ensure!((1..=11).contains(number), "channel.number: {number} is not between 1 and 11");
            ensure!(numbers.insert(number), "channel.number: {number} is used twice");
        }
        self.check_users()?;
        let mut numbers = BTreeSet::new();
        for SensorSpec { number, name, .. } in &self.sensors {
            ensure!(numbers.insert(number), "sensor.number: {number} is used twice");
            ensure!(
                name.len() <= 16 && name.is_ascii(),
                "sensor.name: {name:?} is not ASCII of 16 bytes at most"
            );
        }
        let FruSpec { chassis, board, product } = &self.fru;
        for (area, fields, keys) in [
            ("chassis", chassis, CHASSIS_KEYS.as_slice()),
            ("board", board, BOARD_KEYS.as_slice()),
            ("product", product, PRODUCT_KEYS.as_slice()),
        ] {
            for (key, value) in fields {
                let known = keys.join(", ");
                ensure!(keys.contains(&key.as_str()), "fru.{area}: unknown key {key:?}; keys: {known}");
                ensure!(
                    value.len() < 32 && value.is_ascii(),
                    "fru.{area}.{key}: {value:?} is not ASCII of 31 bytes at most"
                );
            }
        }
        Ok(())
    }

    fn check_users(&self) -> Result<()> {
        ensure!(
            self.slots < MOST_SLOTS || !self.is_slot_1_named(),
            "slots: {MOST_SLOTS} need a slot 1 without a name"
        );
        let mut taken = BTreeSet::new();
        for UserSpec { slot, name, password, .. } in &self.users {
            ensure!((1..=self.slots).contains(slot), "user.slot: {slot} is not between 1 and {}", self.slots);
            ensure!(taken.insert(slot), "user.slot: {slot} is used twice");
            ensure!(name.len() <= 16, "user.name: {name:?} is longer than 16 bytes");
            // ipmi_sim's configuration cannot quote others.
            let plain = password.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
            ensure!(
                password.len() <= 16 && plain,
                "user.password: slot {slot}: not 16 ASCII characters at most without blanks and quotes"
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
        let declared = toml::Table::deserialize(MapAccessDeserializer::new(map))?;
        let table = vendor::complete(declared).map_err(A::Error::custom)?;
        let spec = BmcSpec::deserialize(table).map_err(A::Error::custom)?;
        Ok(BmcKind::Whole(Box::new(spec)))
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
    fn a_host_has_no_bmc_or_a_bare_or_a_whole_one() {
        assert!(host("").unwrap().hosts[0].bmc.is_none());
        assert!(matches!(host("bmc = 'bare'").unwrap().hosts[0].bmc, Some(BmcKind::Bare)));
        let spec = whole("firmware = '12.34'\nfaults = ['06 46 cc C0']\n[[host.bmc.user]]\nslot = 2");
        assert_eq!((spec.lan_channel, spec.slots, spec.sol), (1, 10, true));
        assert_eq!(spec.firmware_bytes().unwrap(), [12, 0x34]);
        assert_eq!(spec.faults[0].to_string(), "06 46 cc C0");
        assert!(spec.users[0].enabled && spec.users[0].privilege == Privilege::Admin);
    }

    #[test]
    fn a_vendors_keys_can_be_replaced() {
        let spec = whole("vendor = 'ilo5'\nslots = 3\n[host.bmc.quirks]\nlatency_ms = 1");
        assert_eq!((spec.slots, spec.quirks.latency_ms), (3, 1));
        assert_eq!(spec.quirks.empty_name.as_deref(), Some("(Empty User)"));
        assert_eq!(spec.users[1].name, "Administrator");
        for (vendor, _) in vendor::VENDORS {
            whole(&format!("vendor = '{vendor}'"));
        }
        let spec = whole("vendor = 'ilo5'\n[[host.bmc.user]]\nslot = 4\nname = 'ops'");
        assert_eq!((spec.users.len(), spec.users[0].slot), (1, 4));
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
            ("[host.bmc]\nfaults = ['06 46 stall']".to_string(), "fault rule \"06 46 stall\""),
            ("[host.bmc.fru.board]\ncolour = 'red'".to_string(), "bmc: fru.board: unknown key \"colour\""),
            ("[host.bmc.quirks]\nempty = 1".to_string(), "`empty`"),
            ("[host.bmc.quirks]\nempty_cc = 0".to_string(), "bmc: quirks.empty_cc: 0"),
            ("[host.bmc.quirks]\nweak_min = 8".to_string(), "bmc: quirks.weak_cc"),
            ("[[host.bmc.channel]]\nnumber = 1".to_string(), "bmc: channel.number: 1 is used twice"),
            ("[host.bmc]\nvendor = 'ilo9'".to_string(), "vendor: unknown vendor \"ilo9\"; vendors: "),
            (user("privilege = 'root'"), "`admin`"),
            (user("[[host.bmc.user]]\nslot = 2"), "bmc: user.slot: 2 is used twice"),
            (user("[[host.bmc.user]]\nslot = 11"), "bmc: user.slot: 11"),
            (user("password = 'a b'"), "bmc: user.password: slot 2"),
        ] {
            let error = format!("{:#}", host(&keys).unwrap_err());
            assert!(error.contains(expected), "{keys}: {error}");
        }
    }
}
