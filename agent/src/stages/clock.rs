// SPDX-License-Identifier: MIT OR Apache-2.0
//! The clock of a run at boot: corrected by NTP where a certificate is not valid at its time, and by the inventory, once that
//! is trusted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::display::utc;
use crate::host::{Machine, clock};
use crate::inventory::Clock;
use crate::net::ntp;

/// Seconds by which clocks may differ.
const TOLERANCE: u64 = 60;

/// Sets a clock to a time since 1970.
type Set = fn(Duration) -> std::io::Result<()>;

/// The clock of this run.
pub(super) struct RunClock {
    machine: Machine,
    /// Only at boot: by hand the clock is the operator's.
    may_set: bool,
    /// NTP servers, tried in turn.
    servers: Vec<String>,
    /// Whether NTP has corrected it; `None`: not tried.
    corrected: Mutex<Option<bool>>,
    confirmed: AtomicBool,
    set: Set,
}

impl RunClock {
    /// A clock that is corrected by the `configured` NTP servers, else by those that DHCP `announced`.
    pub(super) fn new(machine: &Machine, at_boot: bool, configured: &[String], announced: &[String]) -> Self {
        let servers = if configured.is_empty() { announced } else { configured };
        Self {
            machine: machine.clone(),
            may_set: at_boot && machine.is_live(),
            servers: servers.to_vec(),
            corrected: Mutex::new(None),
            confirmed: AtomicBool::new(false),
            set: clock::set,
        }
    }

    /// Asks the servers in turn, and sets the clock to the first usable time.
    fn ask(&self) -> bool {
        if !self.may_set {
            log::warn!("the clock is left as it is: only a run at boot sets it");
            return false;
        }
        if self.servers.is_empty() {
            log::warn!("the clock cannot be corrected: no NTP server is known (setting ntp)");
        }
        let known = clock::build_time(&self.machine);
        let built = known.unwrap_or_default();
        for server in &self.servers {
            let now = clock::now();
            // The clock of this host may be wrong by more than half an era.
            match ntp::query(server, known.unwrap_or(now)) {
                Ok(time) if time.as_secs() < built => log::warn!(
                    "NTP server {server}: its time, {}, is before this image was built, {}",
                    utc(time.as_secs()),
                    utc(built)
                ),
                Ok(time) if time.as_secs().abs_diff(now) < 2 => {
                    log::warn!("NTP server {server}: it has the same time as this host");
                    return false;
                }
                Ok(time) => match (self.set)(time) {
                    Ok(()) => {
                        log::info!(
                            "the clock was {}, NTP server {server} set it to {}",
                            utc(now),
                            utc(time.as_secs())
                        );
                        return true;
                    }
                    Err(error) => log::warn!("setting the clock: {error}"),
                },
                Err(error) => log::warn!("NTP server {server}: {error:#}"),
            }
        }
        false
    }
}

impl Clock for RunClock {
    fn correct(&self) -> bool {
        let mut corrected = self.corrected.lock().unwrap_or_else(PoisonError::into_inner);
        *corrected.get_or_insert_with(|| self.ask())
    }

    fn confirm(&self, time: u64) {
        if self.confirmed.swap(true, Ordering::Relaxed) || !self.may_set {
            return;
        }
        let now = clock::now();
        let built = clock::build_time(&self.machine).unwrap_or_default();
        if time < built {
            log::warn!("the inventory's time, {}, is before this image was built, {}", utc(time), utc(built));
            return;
        }
        if time.abs_diff(now) > TOLERANCE {
            match (self.set)(Duration::from_secs(time)) {
                Ok(()) => log::info!("the clock was {}, the inventory set it to {}", utc(now), utc(time)),
                Err(error) => return log::warn!("setting the clock: {error}"),
            }
        }
        if clock::rtc(&self.machine).is_some_and(|rtc| rtc.abs_diff(time) > TOLERANCE) {
            match clock::write_rtc(&self.machine) {
                Ok(()) => log::info!("the RTC was wrong; it has the time of the inventory now"),
                Err(error) => log::warn!("setting the RTC: {error}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::sync::atomic::AtomicU64;
    use std::thread;

    use super::*;

    /// An NTP server at this time since 1970.
    fn server(time: u64) -> String {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap().to_string();
        thread::spawn(move || {
            let mut request = [0; 48];
            while let Ok((48, client)) = socket.recv_from(&mut request) {
                let mut response = [0; 48];
                (response[0], response[1]) = (0x24, 2);
                response[24..32].copy_from_slice(&request[40..48]);
                response[40..44].copy_from_slice(&((time + 2_208_988_800) as u32).to_be_bytes());
                socket.send_to(&response, client).unwrap();
            }
        });
        address
    }

    /// A clock whose setting only records the time.
    fn recorded(dir: &tempfile::TempDir, servers: &[String], set: Set) -> RunClock {
        RunClock { may_set: true, set, ..RunClock::new(&Machine::at(dir.path()), true, servers, &[]) }
    }

    #[test]
    fn the_first_server_with_a_usable_time_sets_the_clock_once() {
        static SET: AtomicU64 = AtomicU64::new(0);
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("etc/stage1/build-time.d");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("base"), "1700000000").unwrap();
        let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        // The second is before the image was built.
        let servers = [closed, server(1_600_000_000), server(1_750_000_000)];
        let clock = recorded(&dir, &servers, |time| {
            assert_eq!(SET.swap(time.as_secs(), Ordering::Relaxed), 0, "set twice");
            Ok(())
        });
        assert!(clock.correct() && clock.correct());
        assert!((1_750_000_000..1_750_000_010).contains(&SET.load(Ordering::Relaxed)));
    }

    #[test]
    fn a_clock_that_is_right_or_not_ours_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let never: Set = |_| panic!("it was set");
        assert!(!recorded(&dir, &[server(clock::now())], never).correct());
        assert!(!recorded(&dir, &[], never).correct());
        let by_hand =
            RunClock { set: never, ..RunClock::new(&Machine::at(dir.path()), false, &[server(1)], &[]) };
        assert!(!by_hand.correct());
        by_hand.confirm(1);
        recorded(&dir, &[], never).confirm(clock::now() + 30);
    }

    #[test]
    fn the_time_of_a_trusted_inventory_is_taken_once() {
        static SET: AtomicU64 = AtomicU64::new(0);
        let dir = tempfile::tempdir().unwrap();
        let clock = recorded(&dir, &[], |time| {
            SET.store(time.as_secs(), Ordering::Relaxed);
            Ok(())
        });
        clock.confirm(4_000_000_000);
        clock.confirm(5_000_000_000);
        assert_eq!(SET.load(Ordering::Relaxed), 4_000_000_000);
    }

    #[test]
    fn configured_servers_come_before_announced_ones() {
        let [a, b] = ["a", "b"].map(String::from);
        let machine = Machine::at("/nowhere");
        assert_eq!(
            RunClock::new(&machine, true, std::slice::from_ref(&a), std::slice::from_ref(&b)).servers,
            ["a"]
        );
        assert_eq!(RunClock::new(&machine, true, &[], &[b]).servers, ["b"]);
    }
}
