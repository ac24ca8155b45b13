// SPDX-License-Identifier: MIT OR Apache-2.0
//! The boot network's NTP server, chrony: it has the time of this machine, and never sets it.

use std::net::UdpSocket;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use anyhow::{Context, Result, ensure};

use crate::namespace::Namespace;
use crate::process::{Process, command};
use crate::transcript::Transcript;

/// An NTP server.
pub struct NtpServer {
    directory: PathBuf,
    namespace: Arc<Namespace>,
    log: Arc<Transcript>,
    server: Mutex<Option<Process>>,
}

/// How long the server may take to start.
const START: Duration = Duration::from_secs(30);
/// No commands are accepted: other racks have a chronyd too.
const SETTINGS: &str = "local stratum 8\nallow all\ncmdport 0\nbindcmdaddress /\n";

impl NtpServer {
    /// Starts a server in the namespace, with its files in `directory`.
    pub(crate) fn up(namespace: &Arc<Namespace>, directory: PathBuf) -> Result<NtpServer> {
        fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
        let log = Arc::new(Transcript::create(&directory.join("chronyd.log"))?);
        let server = NtpServer { directory, namespace: Arc::clone(namespace), log, server: Mutex::new(None) };
        server.start()?;
        Ok(server)
    }

    /// Starts the server, and waits until it serves.
    ///
    /// # Errors
    /// It does not serve within 30 s.
    pub fn start(&self) -> Result<()> {
        let mut server = self.server();
        drop(server.take());
        let file = self.directory.join("chrony.conf");
        let settings = format!("{SETTINGS}pidfile {}\n", self.directory.join("chronyd.pid").display());
        fs::write(&file, settings).with_context(|| format!("writing {}", file.display()))?;
        let mut chronyd = command("chronyd");
        chronyd.args(["-d", "-x", "-u", "root", "-f"]).arg(&file);
        self.log.begin("chronyd");
        *server = Some(Process::spawn(&self.namespace, chronyd, Vec::new(), Arc::clone(&self.log))?);
        // It logs nothing once its port is open.
        let begin = Instant::now();
        while self.namespace.run(time)?.is_err() {
            ensure!(begin.elapsed() < START, "chronyd does not answer{}", self.log.shown());
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Stops the server.
    pub fn stop(&self) {
        drop(self.server().take());
    }

    fn server(&self) -> MutexGuard<'_, Option<Process>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time of the server in this namespace, in seconds since 1900 (RFC 5905 7.3).
fn time() -> io::Result<u32> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    socket.connect("127.0.0.1:123")?;
    let mut message = [0; 48];
    // Version 4, mode 3: of a client.
    message[0] = 0x23;
    socket.send(&message)?;
    socket.recv(&mut message)?;
    Ok(u32::from_be_bytes([message[40], message[41], message[42], message[43]]))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn serves_the_time_of_this_machine() {
        let directory = tempfile::tempdir().unwrap();
        let namespace = Arc::new(Namespace::new().unwrap());
        let up = namespace.run(|| command("ip").args(["link", "set", "lo", "up"]).status());
        assert!(up.unwrap().unwrap().success());
        let server = NtpServer::up(&namespace, directory.path().join("ntp")).unwrap();
        let ask = || namespace.run(time);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let seconds = u64::from(ask().unwrap().unwrap()) - 2_208_988_800;
        assert!(seconds.abs_diff(now) < 5, "{seconds} {now}");
        server.stop();
        assert!(ask().unwrap().is_err());
        server.start().unwrap();
        assert!(ask().unwrap().is_ok());
    }
}
