// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's control connection (QMP): commands, and the cause of a power-off.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

/// The cause of a power-off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerOff {
    /// Its system powered it off.
    Shutdown,
    /// Its system reset it, or panicked.
    Reset,
    /// QEMU was ended from outside.
    Cut,
}

/// A control connection.
pub(crate) struct Qmp {
    stream: UnixStream,
    replies: Mutex<Receiver<Result<(), String>>>,
    reader: JoinHandle<PowerOff>,
}

/// The longest time that QEMU may take to respond to a command.
const DEADLINE: Duration = Duration::from_secs(30);

impl Qmp {
    /// Connects to QEMU over `stream`. `rtc_change` receives how far the guest has set its real-time clock.
    ///
    /// # Errors
    /// QEMU does not respond.
    pub fn open(stream: UnixStream, rtc_change: Arc<Mutex<Option<i64>>>) -> Result<Qmp> {
        let input = BufReader::new(stream.try_clone().context("duplicating the control connection")?);
        let (replied, replies) = mpsc::channel();
        let reader = thread::spawn(move || read(input, &replied, &rtc_change));
        let qmp = Qmp { stream, replies: Mutex::new(replies), reader };
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Makes QEMU execute `command`.
    ///
    /// # Errors
    /// QEMU refuses the command, or does not respond within 30 s.
    pub(crate) fn execute(&self, command: &str, arguments: Value) -> Result<()> {
        let replies = self.replies.lock().map_err(|_| anyhow!("the control connection to QEMU is broken"))?;
        let line = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
        (&self.stream).write_all(line.as_bytes()).with_context(|| format!("sending {command} to QEMU"))?;
        match replies.recv_timeout(DEADLINE) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(refusal)) => bail!("QEMU refused {command}: {refusal}"),
            Err(_) => bail!("QEMU did not respond to {command} within 30 s"),
        }
    }

    /// The cause of the power-off. Waits until QEMU has ended.
    pub fn ended(self) -> PowerOff {
        self.reader.join().unwrap_or(PowerOff::Cut)
    }
}

fn read(
    input: BufReader<UnixStream>,
    replied: &Sender<Result<(), String>>,
    rtc_change: &Mutex<Option<i64>>,
) -> PowerOff {
    let mut end = PowerOff::Cut;
    for line in input.lines().map_while(Result::ok) {
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        if message.get("return").is_some() {
            let _ = replied.send(Ok(()));
        } else if let Some(error) = message.pointer("/error/desc") {
            let _ = replied.send(Err(error.as_str().unwrap_or_default().to_string()));
        } else if message.get("event").and_then(Value::as_str) == Some("RTC_CHANGE") {
            let seconds = message.pointer("/data/offset").and_then(Value::as_i64);
            *rtc_change.lock().unwrap_or_else(PoisonError::into_inner) = seconds;
        } else if message.get("event").and_then(Value::as_str) == Some("SHUTDOWN") {
            end = match message.pointer("/data/reason").and_then(Value::as_str) {
                Some("guest-shutdown") => PowerOff::Shutdown,
                Some("guest-reset" | "guest-panic") => PowerOff::Reset,
                _ => PowerOff::Cut,
            };
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinguishes_responses_from_events() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let qemu = thread::spawn(move || {
            let mut output = theirs.try_clone().unwrap();
            let mut input = BufReader::new(theirs).lines();
            output.write_all(b"{\"QMP\": {}}\n").unwrap();
            assert!(input.next().unwrap().unwrap().contains("qmp_capabilities"));
            output.write_all(b"{\"return\": {}}\n").unwrap();
            assert_eq!(
                input.next().unwrap().unwrap(),
                r#"{"arguments":{"name":"nic9"},"execute":"set_link"}"#
            );
            output.write_all(b"{\"event\": \"RESUME\"}\n{\"error\": {\"desc\": \"no nic9\"}}\n").unwrap();
            output.write_all(b"{\"event\": \"RTC_CHANGE\", \"data\": {\"offset\": -7}}\n").unwrap();
            output
                .write_all(b"{\"event\": \"SHUTDOWN\", \"data\": {\"reason\": \"guest-reset\"}}\n")
                .unwrap();
        });
        let change: Arc<Mutex<Option<i64>>> = Arc::default();
        let qmp = Qmp::open(ours, Arc::clone(&change)).unwrap();
        let refused = qmp.execute("set_link", json!({ "name": "nic9" })).unwrap_err().to_string();
        assert_eq!(refused, "QEMU refused set_link: no nic9");
        qemu.join().unwrap();
        assert_eq!(qmp.ended(), PowerOff::Reset);
        assert_eq!(*change.lock().unwrap(), Some(-7));
    }
}
