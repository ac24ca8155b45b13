// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asks an NTP server for the time.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};
use std::{fs, io};

use anyhow::{Context, Result, anyhow};

use super::{dns, sntp};
use crate::host::{Machine, random};

/// The servers that DHCP announces (option 42), one to a line.
const ANNOUNCED: &str = "/run/stage1/ntp-servers";
/// The state of systemd-networkd: `NTP=` has the servers of all ports.
const NETWORKD: &str = "/run/systemd/netif/state";
/// The port of NTP.
const PORT: u16 = 123;
/// How often a server is asked, and how long it has each time.
const ATTEMPTS: u32 = 3;
const TIMEOUT: Duration = Duration::from_secs(2);
/// How long a name may take to resolve.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Announces the NTP servers that DHCP gave, in a file: whoever corrects the clock may be another process.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn announce(machine: &Machine, servers: &[IpAddr]) -> Result<()> {
    let path = machine.path(ANNOUNCED);
    let text: String = servers.iter().map(|server| format!("{server}\n")).collect();
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    folder.and_then(|()| fs::write(&path, text)).with_context(|| format!("writing {ANNOUNCED}"))
}

/// The NTP servers that DHCP announced to the agent, or to systemd-networkd.
pub(crate) fn announced(machine: &Machine) -> Vec<String> {
    let text = |path| String::from_utf8_lossy(&machine.read(path).unwrap_or_default()).into_owned();
    let (own, networkd) = (text(ANNOUNCED), text(NETWORKD));
    let networkd = networkd.lines().filter_map(|line| line.strip_prefix("NTP="));
    own.lines().chain(networkd.flat_map(str::split_whitespace)).map(str::to_string).collect()
}

/// The time of a server, a host name or address, perhaps with `:PORT`, since 1970. `about` distinguishes times that are 136 years apart.
///
/// # Errors
/// If the server does not answer, or refuses.
pub(crate) fn query(server: &str, about: u64) -> Result<Duration> {
    let mut failure = anyhow!("the name has no address");
    for address in addresses(server)? {
        for _ in 0..ATTEMPTS {
            match ask(address, about) {
                Ok(time) => return Ok(time),
                Err(error) => failure = error,
            }
        }
    }
    Err(failure)
}

fn addresses(server: &str) -> Result<Vec<SocketAddr>> {
    let is_address = server.parse::<Ipv6Addr>().is_ok();
    let port = server.rsplit_once(':').filter(|_| !is_address);
    let port = port.and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let (host, port) = port.unwrap_or((server, PORT));
    let found = dns::resolve(&Machine::real(), host, RESOLVE_TIMEOUT, &|| false)?;
    Ok(found.into_iter().map(|address| (address, port).into()).collect())
}

fn ask(address: SocketAddr, about: u64) -> Result<Duration> {
    let local = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(local)?;
    // Only this server's datagrams are received, and that its port is closed is an error.
    socket.connect(address).with_context(|| address.to_string())?;
    let cookie = random::bytes();
    socket.send(&sntp::request(cookie)).with_context(|| address.to_string())?;
    let begin = Instant::now();
    let mut buffer = [0; 512];
    loop {
        let left = TIMEOUT.saturating_sub(begin.elapsed()).max(Duration::from_millis(1));
        socket.set_read_timeout(Some(left))?;
        let length = match socket.recv(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(anyhow!("{address}: no answer within {} s", TIMEOUT.as_secs()));
            }
            Err(error) => return Err(error).with_context(|| address.to_string()),
        };
        match sntp::time(&buffer[..length], cookie, about) {
            // Half of the way there and back.
            Ok(time) => return Ok(time + begin.elapsed() / 2),
            Err(sntp::SntpError::NotAResponse) if begin.elapsed() < TIMEOUT => {}
            Err(error) => return Err(error).with_context(|| address.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn what_dhcp_announces_is_known_in_both_images() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::at(dir.path());
        assert!(announced(&machine).is_empty());
        announce(&machine, &[[10, 0, 0, 1].into(), Ipv6Addr::LOCALHOST.into()]).unwrap();
        assert_eq!(announced(&machine), ["10.0.0.1", "::1"]);
        announce(&machine, &[]).unwrap();
        let state = machine.path(NETWORKD);
        fs::create_dir_all(state.parent().unwrap()).unwrap();
        fs::write(state, "OPER_STATE=routable\nDNS=10.0.0.9\nNTP=10.0.0.3 ntp.example.com\n").unwrap();
        assert_eq!(announced(&machine), ["10.0.0.3", "ntp.example.com"]);
    }

    /// A server that answers with this time, after a datagram that is not for this client.
    fn server(seconds: u32, stratum: u8) -> String {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap().to_string();
        thread::spawn(move || {
            let mut request = [0; 48];
            while let Ok((48, client)) = socket.recv_from(&mut request) {
                socket.send_to(b"noise", client).unwrap();
                let mut response = [0; 48];
                (response[0], response[1]) = (0x24, stratum);
                response[12..16].copy_from_slice(b"DENY");
                response[24..32].copy_from_slice(&request[40..48]);
                response[40..44].copy_from_slice(&seconds.to_be_bytes());
                socket.send_to(&response, client).unwrap();
            }
        });
        address
    }

    #[test]
    fn a_server_is_asked_for_its_time() {
        // 2023-11-14T22:13:20Z
        let time = query(&server(3_908_988_800, 2), 0).unwrap();
        assert!((1_700_000_000..1_700_000_005).contains(&time.as_secs()), "{time:?}");
        let port = server(3_908_988_800, 2).split_once(':').unwrap().1.to_string();
        assert!(query(&format!("localhost:{port}"), 0).is_ok());
    }

    #[test]
    fn a_server_that_refuses_or_is_not_there_is_named() {
        let refusing = server(1, 0);
        assert_eq!(
            format!("{:#}", query(&refusing, 0).unwrap_err()),
            format!("{refusing}: the server refuses: DENY")
        );
        let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        assert!(format!("{:#}", query(&closed, 0).unwrap_err()).starts_with(&closed));
    }
}
