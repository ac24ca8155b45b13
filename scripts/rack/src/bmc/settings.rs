// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configuration files of ipmi_sim: `lan.conf` (`ipmi_lan(5)`) and `bmc.emu` (`ipmi_sim_cmd(5)`).

use std::fmt::Write;

use anyhow::Result;

use super::records;
use super::service::REQUESTS_PORT;
use crate::spec::{BmcSpec, Privilege};

/// Port of the host's messages, on the BMC's loopback.
pub(crate) const MESSAGES_PORT: u16 = 9002;
/// Port of the host's serial console, on the BMC's loopback.
pub(crate) const CONSOLE_PORT: u16 = 9004;
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
    let BmcSpec { lan_channel, guid, .. } = spec;
    let auths = "none md2 md5 straight";
    let mut settings = format!(
        "name \"bmc\"\n\
         set_working_mc 0x20\n\
         startlan {lan_channel}\n\
         addr 0.0.0.0 623\n\
         priv_limit admin\n\
         allowed_auths_callback {auths}\n\
         allowed_auths_user {auths}\n\
         allowed_auths_operator {auths}\n\
         allowed_auths_admin {auths}\n\
         guid {guid}\n\
         lan_config_program \"bash ./{REQUEST} lan\"\n\
         endlan\n\
         chassis_control \"bash ./{REQUEST} chassis\"\n\
         serial kcs 127.0.0.1 {MESSAGES_PORT} codec VM\n"
    );
    if spec.sol {
        let _ = writeln!(settings, "sol \"tcp:127.0.0.1:{CONSOLE_PORT}\" 115200");
    }
    for user in &spec.users {
        let mut name = user.name.clone().into_bytes();
        name.resize(16, 0);
        let privilege = match user.privilege {
            Privilege::Callback => "callback",
            Privilege::User => "user",
            Privilege::Operator => "operator",
            Privilege::Admin => "admin",
        };
        let (slot, enabled, name, password) = (user.slot, user.enabled, hex(&name), &user.password);
        let _ = writeln!(settings, "user {slot} {enabled} {name} \"{password}\" {privilege} 10 {auths}");
    }
    settings
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
