// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attaches the terminal to a host's serial console.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;

use anyhow::{Context, Result};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

/// Ctrl-].
const DETACH: u8 = 0x1d;

/// Copies between the terminal and the console at `stream`, until Ctrl-] is typed or the rack is taken down.
///
/// # Errors
/// The terminal cannot be set up, or the connection broke.
pub fn attach(stream: UnixStream) -> Result<()> {
    let _raw = RawTerminal::new()?;
    let mut console = stream.try_clone().context("duplicating the connection")?;
    thread::spawn(move || {
        let _ = type_into(&mut console);
        let _ = console.shutdown(Shutdown::Both);
    });
    let mut output = io::stdout();
    let mut stream = stream;
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).context("reading the console")? {
            0 => return Ok(()),
            length => output
                .write_all(buffer.get(..length).unwrap_or_default())
                .and_then(|()| output.flush())
                .context("writing to the terminal")?,
        }
    }
}

fn type_into(console: &mut UnixStream) -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut buffer = [0; 256];
    loop {
        let length = input.read(&mut buffer)?;
        let typed = buffer.get(..length).unwrap_or_default();
        match typed.iter().position(|byte| *byte == DETACH) {
            Some(end) => return console.write_all(typed.get(..end).unwrap_or_default()),
            None if typed.is_empty() => return Ok(()),
            None => console.write_all(typed)?,
        }
    }
}

/// Disables echo, line editing and signals of the terminal, until dropped. Does nothing where the input is no terminal.
struct RawTerminal(Option<Termios>);

impl RawTerminal {
    fn new() -> Result<RawTerminal> {
        let Ok(before) = tcgetattr(io::stdin()) else { return Ok(RawTerminal(None)) };
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(io::stdin(), SetArg::TCSANOW, &raw).context("setting up the terminal")?;
        Ok(RawTerminal(Some(before)))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, before);
        }
    }
}
