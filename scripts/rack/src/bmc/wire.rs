// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host's end of the connection to its BMC, for tests without a host.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::codec::{Decoder, Frame, Message};

/// The host's end of the connection.
pub struct Client {
    stream: UnixStream,
    decoder: Decoder,
    sequence: u8,
    ignored: Vec<Frame>,
}

/// The version of the protocol, and the capabilities of QEMU's hardware.
const CAPABILITIES: [u8; 6] = [0xff, 0x01, 0xa1, 0x08, 0x3f, 0xa1];

impl Client {
    /// Connects to the proxy at the socket `path`.
    ///
    /// # Errors
    /// It does not listen.
    pub fn connect(path: &Path) -> Result<Client> {
        let mut stream =
            UnixStream::connect(path).with_context(|| format!("connecting to {}", path.display()))?;
        stream.write_all(&CAPABILITIES).context("sending the capabilities to the BMC")?;
        Ok(Client { stream, decoder: Decoder::default(), sequence: 0, ignored: Vec::new() })
    }

    /// Sends a request and waits for its response: completion code and data; `None` at the timeout.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn exchange(
        &mut self,
        net_fn: u8,
        code: u8,
        data: &[u8],
        timeout: Duration,
    ) -> Result<Option<Vec<u8>>> {
        self.sequence = self.sequence.wrapping_add(1);
        let request = Message { sequence: self.sequence, net_fn, lun: 0, code, data: data.to_vec() };
        self.stream.write_all(&request.encode()).context("sending to the BMC")?;
        let deadline = Instant::now() + timeout;
        let mut buffer = [0; 512];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.stream.set_read_timeout(Some(left)).context("setting up the connection to the BMC")?;
            let length = match self.stream.read(&mut buffer) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                    continue;
                }
                result => result.context("receiving from the BMC")?,
            };
            ensure!(length > 0, "the BMC closed the connection");
            let mut response = None;
            for frame in self.decoder.feed(buffer.get(..length).unwrap_or_default()) {
                match frame {
                    Frame::Message(message) if response.is_none() && message.sequence == self.sequence => {
                        response = Some(message.data);
                    }
                    Frame::Control(_) => {}
                    other => self.ignored.push(other),
                }
            }
            if response.is_some() {
                return Ok(response);
            }
        }
    }

    /// The frames that were no response to the last request, since the last call.
    pub fn ignored(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.ignored)
    }
}
