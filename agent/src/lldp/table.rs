// SPDX-License-Identifier: MIT OR Apache-2.0
//! Neighbours for people. Pure.

use std::time::Duration;

use stage1_contract::{Neighbour, PortNeighbours, PortOutcome};

const HEAD: [&str; 8] = ["port", "mac", "speed", "neighbour", "its port", "description", "vlan", "after"];

/// A line for each neighbour, and one for each port without; below it, what went wrong.
pub fn table(ports: &[PortNeighbours]) -> String {
    if ports.is_empty() {
        return "no Ethernet port\n".to_string();
    }
    let mut rows = vec![HEAD.map(str::to_string)];
    for port in ports {
        let neighbours = port.neighbours.iter().map(|neighbour| row(port, Some(neighbour)));
        let nobody = port.neighbours.is_empty().then(|| row(port, None));
        rows.extend(neighbours.chain(nobody));
    }
    let mut text = aligned(&rows);
    for port in ports {
        let agent = port.firmware_agent.iter().map(|words| format!("LLDP agent of the adapter: {words}"));
        let of_neighbours = port.neighbours.iter().flat_map(|neighbour| &neighbour.faults).cloned();
        for words in agent.chain(port.faults.iter().cloned()).chain(of_neighbours) {
            text.push_str(&format!("{}: {words}\n", port.port));
        }
    }
    text
}

/// A neighbour in one line, without the columns' heads.
pub fn line(port: &PortNeighbours, neighbour: &Neighbour) -> String {
    let words = row(port, Some(neighbour));
    let [port, _, _, name, its_port, description, vlan, after] = words;
    let vlan = if vlan.is_empty() { vlan } else { format!("vlan {vlan}") };
    let words = [after, port, name, its_port, description, vlan];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join("  ")
}

/// All ports in a few words.
pub fn summary(ports: &[PortNeighbours]) -> String {
    let neighbours = ports.iter().flat_map(|port| &port.neighbours);
    let connected = ports.iter().filter(|port| !port.neighbours.is_empty()).count();
    let slowest = neighbours.map(|neighbour| neighbour.heard_after_ms).max();
    let mut words = vec![match slowest {
        Some(ms) => format!("neighbours on {connected} of {} ports, {ms} ms after carrier", ports.len()),
        None => format!("no neighbours on {} ports", ports.len()),
    }];
    let others = ports.iter().filter(|port| port.neighbours.is_empty());
    words.extend(others.map(|port| format!("{} {}", port.port, outcome(port))));
    words.join("; ")
}

/// What an operator should know of, and what to do about it.
pub fn problems(ports: &[PortNeighbours], timeout: Duration) -> Vec<String> {
    let seconds = timeout.as_secs();
    let problem = |port: &PortNeighbours| {
        let name = &port.port;
        match &port.outcome {
            PortOutcome::Silent => Some(format!(
                "{name} has carrier and no neighbour within {seconds} s: turn LLDP on at the switch port that it is plugged into"
            )),
            PortOutcome::Swallowed => Some(format!(
                "{name}: the adapter's firmware keeps LLDP frames to itself, its agent {}: turn it off in the adapter's setup, or update its firmware",
                port.firmware_agent.as_deref().unwrap_or_default()
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

fn row(port: &PortNeighbours, neighbour: Option<&Neighbour>) -> [String; 8] {
    let speed = port.speed_mbps.map_or_else(String::new, speed);
    let mac = port.mac.clone().unwrap_or_default();
    let Some(neighbour) = neighbour else {
        let nothing = String::new;
        return [port.port.clone(), mac, speed, outcome(port), nothing(), nothing(), nothing(), nothing()];
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
        PortOutcome::Swallowed => "swallowed by the adapter".to_string(),
        PortOutcome::Failed => "not listened to".to_string(),
        PortOutcome::Listening => format!("nobody yet, after {} s", listened()),
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

/// In columns, of which empty ones are left out but for their heads.
fn aligned(rows: &[[String; 8]]) -> String {
    let width = |column: usize| {
        let widths = rows.iter().filter_map(|row| row.get(column)).map(|word| word.chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let words = row.iter().zip(&widths).map(|(word, width)| format!("{word:width$}"));
        text.push_str(words.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
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
            PortNeighbours { listened_ms: Some(32_100), ..port("eth2", PortOutcome::Silent) },
            PortNeighbours {
                firmware_agent: Some("could not be turned off".to_string()),
                faults: vec!["a frame that is not readable".to_string()],
                ..port("eth3", PortOutcome::Swallowed)
            },
        ]
    }

    #[test]
    fn a_line_for_each_neighbour_and_each_port_without() {
        let expected = "\
port  mac                speed      neighbour                 its port  description     vlan  after
eth0  52:54:00:09:00:02  25 Gbit/s  leaf1                     swp7      rack 4, host 7  30    4 ms
eth0  52:54:00:09:00:02  25 Gbit/s  phone (cdp)               Port 1                          900 ms
eth1  52:54:00:09:00:02             no carrier
eth2  52:54:00:09:00:02             silent for 32 s
eth3  52:54:00:09:00:02             swallowed by the adapter
eth3: LLDP agent of the adapter: could not be turned off
eth3: a frame that is not readable
";
        assert_eq!(table(&ports()), expected);
        let ports = ports();
        assert_eq!(
            line(&ports[0], &ports[0].neighbours[0]),
            "4 ms  eth0  leaf1  swp7  rack 4, host 7  vlan 30"
        );
    }

    #[test]
    fn in_a_few_words() {
        let words = "neighbours on 1 of 4 ports, 900 ms after carrier; eth1 no carrier; eth2 silent for 32 s; eth3 swallowed by the adapter";
        assert_eq!(summary(&ports()), words);
    }

    #[test]
    fn a_silent_port_is_a_problem_and_one_without_cable_is_not() {
        let problems = problems(&ports(), Duration::from_secs(32));
        assert_eq!(problems.len(), 3);
        assert!(problems[0].starts_with("eth2 has carrier and no neighbour within 32 s: turn LLDP on"));
        assert!(problems[1].starts_with("eth3: the adapter's firmware keeps LLDP frames to itself"));
    }
}
