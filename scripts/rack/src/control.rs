// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests of other processes to a running rack: one line over a Unix socket, then a response.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;

use anyhow::{Context, Result, bail};

use crate::rack::Rack;
use crate::spec::BiosVersion;

/// The socket in a rack's folder.
const SOCKET: &str = "control";
/// First line of a successful response.
const OK: &str = "ok";

/// Accepts requests as long as the process lives. After a request `down`, `down` receives its connection once the hosts are
/// off.
///
/// # Errors
/// The socket cannot be created.
pub fn serve(rack: &Arc<Rack>, down: Sender<UnixStream>) -> Result<()> {
    let path = rack.directory().join(SOCKET);
    let listener = UnixListener::bind(&path).with_context(|| format!("listening on {}", path.display()))?;
    let rack = Arc::downgrade(rack);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (rack, down) = (rack.clone(), down.clone());
            thread::spawn(move || {
                if let Some(rack) = rack.upgrade() {
                    let _ = respond(&rack, &down, stream);
                }
            });
        }
    });
    Ok(())
}

/// A connection to a running rack in another process.
pub struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Sends the request `words` to the rack `name`, or to the only one that is up.
    ///
    /// # Errors
    /// No or several racks are up, or the rack's own error.
    pub fn request(racks: &Path, name: Option<&str>, words: &str) -> Result<Client> {
        let name = match name {
            Some(name) => name.to_string(),
            None => only_rack(racks)?,
        };
        let stream = UnixStream::connect(racks.join(&name).join(SOCKET))
            .with_context(|| format!("rack {name} is not up: start it with `rack up FILE`"))?;
        let mut client = Client { stream: BufReader::new(stream) };
        writeln!(client.stream.get_mut(), "{words}").context("sending the request to the rack")?;
        let mut first = String::new();
        client.stream.read_line(&mut first).context("reading the rack's response")?;
        if first.trim_end() != OK {
            let error = first + &client.rest()?;
            bail!("{}", error.trim_end());
        }
        Ok(client)
    }

    /// The rest of the response.
    ///
    /// # Errors
    /// The connection broke.
    pub fn rest(mut self) -> Result<String> {
        let mut rest = String::new();
        self.stream.read_to_string(&mut rest).context("reading the rack's response")?;
        Ok(rest)
    }

    /// The connection; after a request `console HOST`, the host's serial console.
    pub fn into_stream(self) -> UnixStream {
        self.stream.into_inner()
    }
}

/// The names of the racks that are up.
fn racks_up(racks: &Path) -> Vec<String> {
    let entries = fs::read_dir(racks).into_iter().flatten().map_while(Result::ok);
    entries
        .filter(|entry| UnixStream::connect(entry.path().join(SOCKET)).is_ok())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn only_rack(racks: &Path) -> Result<String> {
    match racks_up(racks).as_slice() {
        [] => bail!("no rack is up: start one with `rack up FILE`"),
        [name] => Ok(name.clone()),
        names => bail!("several racks are up, choose one with --rack: {}", names.join(", ")),
    }
}

fn respond(rack: &Arc<Rack>, down: &Sender<UnixStream>, mut stream: UnixStream) -> Result<()> {
    let mut request = String::new();
    BufReader::new(stream.try_clone()?).read_line(&mut request)?;
    let words: Vec<&str> = request.split_whitespace().collect();
    let result = match words.as_slice() {
        ["status"] => Ok(status(rack)),
        ["power", host, action] => power(rack, host, action),
        ["bmc", host, command, words @ ..] => bmc(rack, host, command, words),
        ["program", host, version] => program(rack, host, version),
        ["console", host] => match rack.host(host) {
            Ok(host) => {
                writeln!(stream, "{OK}")?;
                return console(host, stream);
            }
            Err(error) => Err(error),
        },
        ["down"] => {
            writeln!(stream, "{OK}")?;
            rack.shut_down();
            return down.send(stream).context("taking the rack down");
        }
        // A probe whether the rack is up sends nothing.
        _ => bail!("unknown request"),
    };
    match result {
        Ok(text) => write!(stream, "{OK}\n{text}")?,
        Err(error) => writeln!(stream, "{error:#}")?,
    }
    Ok(())
}

fn status(rack: &Rack) -> String {
    let mut text = format!("{:<16}{:<8}{:<10}{:<18}serial log\n", "host", "power", "firmware", "mac");
    for host in rack.hosts() {
        let power = host.on_since().map_or("off".to_string(), |time| format!("{} s", time.as_secs()));
        let firmware = format!("{:?}", host.spec().firmware).to_lowercase();
        let mac = host.spec().nics.first().map_or("-", |nic| &nic.mac);
        let log = host.serial_log();
        let _ = writeln!(text, "{:<16}{power:<8}{firmware:<10}{mac:<18}{}", host.name(), log.display());
    }
    let inventory = rack.inventory();
    let _ = writeln!(text, "inventory       {} in {}", inventory.url(), inventory.directory().display());
    text
}

fn power(rack: &Rack, host: &str, action: &str) -> Result<String> {
    let host = rack.host(host)?;
    match action {
        "on" => host.power_on()?,
        "off" => host.power_off()?,
        "cut" => host.cut(),
        "reset" => host.reset()?,
        _ => bail!("unknown power action {action:?}; actions: on, off, cut, reset"),
    }
    Ok(String::new())
}

fn bmc(rack: &Rack, host: &str, command: &str, words: &[&str]) -> Result<String> {
    let proxy = rack.host(host)?.bmc()?.proxy();
    let mut text = String::new();
    match command {
        "faults" => {
            let rules = words.join(" ");
            let rules = rules.split(';').filter(|rule| !rule.trim().is_empty()).map(str::parse);
            proxy.set_faults(rules.collect::<Result<_>>()?);
        }
        "log" => proxy.exchanges().iter().try_for_each(|exchange| writeln!(text, "{exchange}"))?,
        "counts" => {
            for ((net_fn, code), count) in proxy.counts() {
                writeln!(text, "{net_fn:02x} {code:02x} {count:>6}")?;
            }
        }
        "reset" => proxy.reset_counts(),
        _ => bail!("unknown BMC command {command:?}; commands: faults, log, counts, reset"),
    }
    Ok(text)
}

fn program(rack: &Rack, host: &str, version: &str) -> Result<String> {
    let known = match version {
        "old" => BiosVersion::Old,
        "new" => BiosVersion::New,
        "capsule" => BiosVersion::Capsule,
        _ => bail!("unknown BIOS version {version:?}; versions: old, new, capsule"),
    };
    rack.host(host)?.program_bios(known, rack.paths())?;
    Ok(String::new())
}

/// Copies between the connection and the host's console until either ends.
fn console(host: &crate::host::Host, mut stream: UnixStream) -> Result<()> {
    let (recent, chunks) = host.console();
    stream.write_all(recent.replace('\n', "\r\n").as_bytes())?;
    let mut input = stream.try_clone()?;
    thread::scope(|scope| {
        scope.spawn(move || {
            for chunk in chunks {
                if stream.write_all(&chunk).is_err() {
                    break;
                }
            }
        });
        let mut buffer = [0; 256];
        loop {
            match input.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
                // What is typed while the host is off is lost, as on hardware.
                Ok(length) => drop(host.type_bytes(buffer.get(..length).unwrap_or_default())),
            }
        }
        let _ = input.shutdown(Shutdown::Both);
    });
    Ok(())
}
