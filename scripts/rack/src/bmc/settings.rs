// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configuration files of ipmi_sim: `lan.conf` (`ipmi_lan(5)`) and `bmc.emu` (`ipmi_sim_cmd(5)`).

use std::fmt::Write;

use anyhow::Result;

use super::codec::Message;
use super::records;
use super::service::REQUESTS_PORT;
use super::users::slot_of_sim;
use crate::spec::{BmcSpec, Privilege};

/// Port of the host's messages, on the BMC's loopback.
pub(crate) const MESSAGES_PORT: u16 = 9002;
/// Port of the host's serial console, on the BMC's loopback.
pub(crate) const CONSOLE_PORT: u16 = 9004;
/// The port of LAN channel N without a cable is this plus N, on the BMC's loopback.
const OTHER_PORTS: u16 = 9100;
/// Authentication types.
const AUTHS: &str = "none md2 md5 straight";
/// The script that sends ipmi_sim's requests to the rack, in the BMC's folder.
pub(crate) const REQUEST: &str = "request";

/// `request WORDS...`: sends ipmi_sim's request to the rack, and prints the response. In bash, as it has TCP.
pub(crate) fn request() -> String {
    format!(
        "#!/bin/bash\n\
         exec 3<>/dev/tcp/127.0.0.1/{REQUESTS_PORT} || exit 1\n\
         echo \"$*\" >&3\n\
         IFS= read -r status <&3\n\
         while IFS= read -r line <&3; do echo \"$line\"; done\n\
         [[ $status == ok ]]\n"
    )
}

/// `lan.conf`.
pub fn lan(spec: &BmcSpec) -> String {
    let mut settings = "name \"bmc\"\nset_working_mc 0x20\n".to_string();
    settings += &channel(spec, spec.lan_channel, ("0.0.0.0 623", "lan"));
    for other in &spec.channels {
        let address = format!("127.0.0.1 {}", OTHER_PORTS + u16::from(other.number));
        let request = format!("channel {}", other.number);
        settings += &channel(spec, other.number, (&address, &request));
    }
    let _ = write!(
        settings,
        "chassis_control \"bash ./{REQUEST} chassis\"\n\
         serial kcs 127.0.0.1 {MESSAGES_PORT} codec VM\n"
    );
    if spec.sol {
        let _ = writeln!(settings, "sol \"tcp:127.0.0.1:{CONSOLE_PORT}\" 115200");
    }
    for user in &spec.users {
        let mut name = user.name.clone().into_bytes();
        name.resize(16, 0);
        let slot = slot_of_sim(user.slot, spec.is_slot_1_named());
        let (enabled, name, password) = (user.enabled && user.messaging, hex(&name), &user.password);
        let privilege = privilege(user.privilege);
        let _ = writeln!(settings, "user {slot} {enabled} {name} \"{password}\" {privilege} 10 {AUTHS}");
    }
    settings
}

/// The requests for the privilege limits of the channels, which ipmi_sim does not take from its configuration: Set Channel Access
/// (IPMI 2.0, section 22.22), non-volatile and volatile.
pub(crate) fn limits(spec: &BmcSpec) -> Vec<Message> {
    let channels = spec.channels.iter().map(|channel| (channel.number, channel.limit));
    let limited =
        channels.chain([(spec.lan_channel, spec.limit)]).filter(|(_, limit)| *limit != Privilege::Admin);
    let request = |number: u8, limit: u8| Message {
        sequence: number,
        net_fn: 0x06,
        lun: 0,
        code: 0x40,
        data: vec![number, 0, limit],
    };
    let requests =
        limited.flat_map(|(number, limit)| [0x40, 0x80].map(|kind| request(number, kind | limit.number())));
    requests.collect()
}

/// A LAN channel that listens at the address, and whose parameters come from the request.
fn channel(spec: &BmcSpec, number: u8, (address, request): (&str, &str)) -> String {
    format!(
        "startlan {number}\n\
         addr {address}\n\
         priv_limit admin\n\
         allowed_auths_callback {AUTHS}\n\
         allowed_auths_user {AUTHS}\n\
         allowed_auths_operator {AUTHS}\n\
         allowed_auths_admin {AUTHS}\n\
         guid {}\n\
         lan_config_program \"bash ./{REQUEST} {request}\"\n\
         endlan\n",
        spec.guid
    )
}

fn privilege(privilege: Privilege) -> &'static str {
    match privilege {
        Privilege::Callback => "callback",
        Privilege::User => "user",
        Privilege::Operator => "operator",
        Privilege::Admin => "admin",
    }
}

/// `bmc.emu`.
pub(crate) fn emulation(spec: &BmcSpec) -> Result<String> {
    let BmcSpec { device_id, manufacturer, product, guid, .. } = spec;
    let [major, minor] = spec.firmware_bytes()?;
    // Revision 1; supports chassis, FRU inventory, SEL, SDR repository and sensors.
    let mut commands = format!(
        "mc_setbmc 0x20\n\
         mc_add 0x20 {device_id:#x} no-device-sdrs 1 {major} {minor:#x} 0x9f {manufacturer:#x} {product:#x} persist_sdr\n\
         mc_set_guid 0x20 {guid}\n\
         sel_enable 0x20 1000 0x0a\n"
    );
    for sensor in &spec.sensors {
        let (number, kind, reading) = (sensor.number, sensor.kind, sensor.reading);
        let mask = records::threshold_mask(sensor);
        let thresholds = sensor.thresholds().into_iter().rev().map(Option::unwrap_or_default);
        let none = "000000000000000";
        let _ = writeln!(
            commands,
            "sensor_add 0x20 0 {number} {kind} 1\n\
             sensor_set_threshold 0x20 0 {number} readable {mask:06b}{}\n\
             sensor_set_event_support 0x20 0 {number} enable scanning per-state {none} {none} {none} {none}\n\
             sensor_set_value 0x20 0 {number} {reading} 0\n\
             main_sdr_add 0x20{}",
            words(thresholds),
            words(records::sensor(sensor))
        );
    }
    for event in &spec.events {
        let _ = writeln!(commands, "sel_add 0x20 2{}", words(records::event(event)));
    }
    let fru = records::fru(&spec.fru);
    let size = (fru.len() + 64).next_multiple_of(64);
    let _ = writeln!(commands, "mc_add_fru_data 0x20 0 {size} data{}", words(fru));
    commands.push_str("mc_enable 0x20\n");
    Ok(commands)
}

fn words(bytes: impl IntoIterator<Item = u8>) -> String {
    bytes.into_iter().map(|byte| format!(" {byte}")).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
