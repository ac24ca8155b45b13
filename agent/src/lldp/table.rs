// SPDX-License-Identifier: MIT OR Apache-2.0
//! Neighbours for people. Pure.

use std::time::Duration;

use stage1_contract::{Neighbour, PortNeighbours, PortOutcome};

use crate::display::columns;

/// Carrier that comes later than this is mentioned: adapters take some seconds.
const LATE_CARRIER: Duration = Duration::from_secs(5);

const HEADING: [&str; 8] = ["port", "mac", "speed", "neighbour", "its port", "description", "vlan", "after"];

/// A line for each neighbour, and one for each port without a neighbour; below them, what went wrong.
pub(crate) fn table(ports: &[PortNeighbours]) -> String {
    if ports.is_empty() {
        return "no Ethernet port\n".to_string();
    }
    let mut rows = vec![HEADING.map(str::to_string)];
    for port in ports {
        let neighbours = port.neighbours.iter().map(|neighbour| row(port, Some(neighbour)));
        let without = port.neighbours.is_empty().then(|| row(port, None));
        rows.extend(neighbours.chain(without));
    }
    let mut text = columns(&rows, "");
    for port in ports {
        let agent = port.firmware_agent.iter().map(|agent| format!("firmware LLDP agent {agent}"));
        let of_neighbours = port.neighbours.iter().flat_map(|neighbour| &neighbour.faults).cloned();
        let late = late_carrier(port).map(|late| format!("carrier {late}"));
        for fault in late.into_iter().chain(agent).chain(port.faults.iter().cloned()).chain(of_neighbours) {
            text.push_str(&format!("{}: {fault}\n", port.port));
        }
    }
    text
}

/// A neighbour on one line, without a heading.
pub(crate) fn line(port: &PortNeighbours, neighbour: &Neighbour) -> String {
    let [port, _, _, name, its_port, description, vlan, after] = row(port, Some(neighbour));
    let vlan = if vlan.is_empty() { vlan } else { format!("vlan {vlan}") };
    let cells = [after, port, name, its_port, description, vlan];
    cells.into_iter().filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("  ")
}

/// All ports on one line.
pub(crate) fn summary(ports: &[PortNeighbours]) -> String {
    let neighbours = ports.iter().flat_map(|port| &port.neighbours);
    let connected = ports.iter().filter(|port| !port.neighbours.is_empty()).count();
    let slowest = neighbours.map(|neighbour| neighbour.heard_after_ms).max();
    let mut parts = vec![match slowest {
        Some(ms) => format!("neighbours on {connected} of {} ports, {ms} ms after carrier", ports.len()),
        None => format!("no neighbours on {} ports", ports.len()),
    }];
    let others = ports.iter().filter(|port| port.neighbours.is_empty());
    parts.extend(others.map(|port| format!("{} {}", port.port, outcome(port))));
    let late =
        ports.iter().filter_map(|port| Some(format!("{} had carrier {}", port.port, late_carrier(port)?)));
    parts.extend(late);
    parts.join("; ")
}

/// The ports that need an operator's attention, and what to do about each.
pub(crate) fn problems(ports: &[PortNeighbours], timeout: Duration) -> Vec<String> {
    let seconds = timeout.as_secs();
    let problem = |port: &PortNeighbours| {
        let name = &port.port;
        match &port.outcome {
            PortOutcome::Silent => Some(format!(
                "{name} has carrier and no neighbour within {seconds} s: enable LLDP on the switch port that it is connected to"
            )),
            PortOutcome::Swallowed => Some(format!(
                "{name}: the adapter's firmware LLDP agent keeps the frames and {}: disable it in the adapter's setup, or update the adapter's firmware",
                port.firmware_agent.as_deref().unwrap_or("could not be disabled")
            )),
            _ => None,
        }
    };
    let mut problems: Vec<String> = ports.iter().filter_map(problem).collect();
    for port in ports {
        problems.extend(port.faults.iter().map(|fault| format!("{}: {fault}", port.port)));
    }
    problems
}

fn late_carrier(port: &PortNeighbours) -> Option<String> {
    let after = Duration::from_millis(port.carrier_after_ms?);
    (after > LATE_CARRIER).then(|| format!("{:.1} s after it was set up", after.as_secs_f64()))
}

fn row(port: &PortNeighbours, neighbour: Option<&Neighbour>) -> [String; 8] {
    let speed = port.speed_mbps.map_or_else(String::new, speed);
    let mac = port.mac.clone().unwrap_or_default();
    let Some(neighbour) = neighbour else {
        let empty = String::new;
        return [port.port.clone(), mac, speed, outcome(port), empty(), empty(), empty(), empty()];
    };
    let name = neighbour.system_name.as_ref().unwrap_or(&neighbour.chassis_id).clone();
    [
        port.port.clone(),
        mac,
        speed,
        if neighbour.protocol == "lldp" { name } else { format!("{name} ({})", neighbour.protocol) },
        neighbour.port_id.clone(),
        neighbour.port_description.clone().unwrap_or_default(),
        neighbour.vlan.map_or_else(String::new, |vlan| vlan.to_string()),
        format!("{} ms", neighbour.heard_after_ms),
    ]
}

fn outcome(port: &PortNeighbours) -> String {
    let listened = || Duration::from_millis(port.listened_ms.unwrap_or(0)).as_secs();
    match &port.outcome {
        PortOutcome::Neighbours => "has neighbours".to_string(),
        PortOutcome::NoCarrier => "no carrier".to_string(),
        PortOutcome::Silent => format!("silent for {} s", listened()),
        PortOutcome::Swallowed => "kept by the adapter's firmware".to_string(),
        PortOutcome::Failed => "cannot receive LLDP".to_string(),
        PortOutcome::Listening => format!("no neighbour after {} s", listened()),
        PortOutcome::Unknown(outcome) => outcome.clone(),
    }
}

fn speed(mbps: u32) -> String {
    if mbps >= 1000 && mbps.is_multiple_of(100) {
        format!("{} Gbit/s", f64::from(mbps) / 1000.0)
    } else {
        format!("{mbps} Mbit/s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports() -> Vec<PortNeighbours> {
        let neighbour = Neighbour {
            protocol: "lldp".to_string(),
            system_name: Some("leaf1".to_string()),
            port_id: "swp7".to_string(),
            port_description: Some("rack 4, host 7".to_string()),
            vlan: Some(30),
            heard_after_ms: 4,
            ..Neighbour::default()
        };
        let second = Neighbour {
            protocol: "cdp".to_string(),
            chassis_id: "phone".to_string(),
            port_id: "Port 1".to_string(),
            heard_after_ms: 900,
            ..Neighbour::default()
        };
        let port = |name: &str, outcome| PortNeighbours {
            port: name.to_string(),
            mac: Some("52:54:00:09:00:02".to_string()),
            outcome,
            ..PortNeighbours::default()
        };
        vec![
            PortNeighbours {
                speed_mbps: Some(25_000),
                neighbours: vec![neighbour, second],
                ..port("eth0", PortOutcome::Neighbours)
            },
            port("eth1", PortOutcome::NoCarrier),
            PortNeighbours {
                listened_ms: Some(32_100),
                carrier_after_ms: Some(12_340),
                ..port("eth2", PortOutcome::Silent)
            },
            PortNeighbours {
                firmware_agent: Some("could not be disabled".to_string()),
                faults: vec!["malformed frame".to_string()],
                ..port("eth3", PortOutcome::Swallowed)
            },
        ]
    }

    #[test]
    fn a_line_for_each_neighbour_and_each_port_without() {
        let expected = "\
port  mac                speed      neighbour                       its port  description     vlan  after
eth0  52:54:00:09:00:02  25 Gbit/s  leaf1                           swp7      rack 4, host 7  30    4 ms
eth0  52:54:00:09:00:02  25 Gbit/s  phone (cdp)                     Port 1                          900 ms
eth1  52:54:00:09:00:02             no carrier
eth2  52:54:00:09:00:02             silent for 32 s
eth3  52:54:00:09:00:02             kept by the adapter's firmware
eth2: carrier 12.3 s after it was set up
eth3: firmware LLDP agent could not be disabled
eth3: malformed frame
";
        assert_eq!(table(&ports()), expected);
        let ports = ports();
        assert_eq!(
            line(&ports[0], &ports[0].neighbours[0]),
            "4 ms  eth0  leaf1  swp7  rack 4, host 7  vlan 30"
        );
    }

    #[test]
    fn all_ports_on_one_line() {
        let expected = "neighbours on 1 of 4 ports, 900 ms after carrier; \
            eth1 no carrier; eth2 silent for 32 s; eth3 kept by the adapter's firmware; \
            eth2 had carrier 12.3 s after it was set up";
        assert_eq!(summary(&ports()), expected);
    }

    #[test]
    fn a_silent_port_is_a_problem_and_one_without_carrier_is_not() {
        let problems = problems(&ports(), Duration::from_secs(32));
        assert_eq!(problems.len(), 3);
        assert!(problems[0].starts_with("eth2 has carrier and no neighbour within 32 s: enable LLDP"));
        assert!(problems[1].starts_with(
            "eth3: the adapter's firmware LLDP agent keeps the frames and could not be disabled"
        ));
    }
}
