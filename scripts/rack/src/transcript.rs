// SPDX-License-Identifier: MIT OR Apache-2.0
//! Output of a process or serial console: kept, logged with time stamps, and searched.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use regex::bytes::{Regex, RegexBuilder};

/// Received text, without terminal escape sequences.
pub struct Transcript {
    path: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    text: Vec<u8>,
    /// Where the next search starts.
    cursor: usize,
    open: bool,
    started: Instant,
    line: Line,
    log: File,
    escape: Escape,
    listeners: Vec<Sender<Vec<u8>>>,
}

/// The line being received.
struct Line {
    start: usize,
    began: Duration,
}

/// Position in a terminal escape sequence (ECMA-48, 5.4).
#[derive(Clone, Copy)]
enum Escape {
    None,
    Start,
    Sequence,
}

/// The result of a search.
#[derive(Clone, Debug)]
pub struct Match {
    groups: Vec<Option<String>>,
}

impl Match {
    /// The whole match.
    pub fn text(&self) -> &str {
        self.group(0)
    }

    /// The match of the pattern's group `number`; empty where the group did not take part.
    pub fn group(&self, number: usize) -> &str {
        self.groups.get(number).and_then(Option::as_deref).unwrap_or_default()
    }
}

/// Number of lines in an error.
const SHOWN_LINES: usize = 60;

impl Transcript {
    /// An empty transcript, also logged to `path`; each line has the seconds since [`Transcript::begin`].
    ///
    /// # Errors
    /// The file cannot be created.
    pub(crate) fn create(path: &Path) -> Result<Transcript> {
        let log = File::create(path).with_context(|| format!("creating {}", path.display()))?;
        let state = State {
            text: Vec::new(),
            cursor: 0,
            open: false,
            started: Instant::now(),
            line: Line { start: 0, began: Duration::ZERO },
            log,
            escape: Escape::None,
            listeners: Vec::new(),
        };
        Ok(Transcript { path: path.to_path_buf(), state: Mutex::new(state), changed: Condvar::new() })
    }

    /// Restarts the clock and clears the text. The log continues, with `heading`.
    pub fn begin(&self, heading: &str) {
        let mut state = self.state();
        state.text.clear();
        state.cursor = 0;
        state.open = true;
        state.started = Instant::now();
        state.line = Line { start: 0, began: Duration::ZERO };
        state.escape = Escape::None;
        let _ = writeln!(state.log, "======== {heading}");
    }

    /// Adds received bytes.
    pub fn push(&self, bytes: &[u8]) {
        let mut state = self.state();
        state.listeners.retain(|listener| listener.send(bytes.to_vec()).is_ok());
        bytes.iter().for_each(|&byte| state.push(byte));
        drop(state);
        self.changed.notify_all();
    }

    /// Ends the text: nothing more is received.
    pub fn close(&self) {
        let mut state = self.state();
        state.end_line();
        state.open = false;
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until `pattern` matches the text after the last match. The pattern is a regular expression over bytes; `^` and `$`
    /// match at lines.
    ///
    /// # Errors
    /// No match at the timeout or the end of the text; the error has the last lines.
    pub fn wait_for(&self, pattern: &str, timeout: Duration) -> Result<Match> {
        let regex = RegexBuilder::new(pattern)
            .unicode(false)
            .multi_line(true)
            .build()
            .with_context(|| format!("reading the pattern {pattern:?}"))?;
        let deadline = Instant::now() + timeout;
        let mut state = self.state();
        loop {
            if let Some(found) = state.find(&regex) {
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if !state.open || left.is_zero() {
                let is_open = state.open;
                drop(state);
                let tail = self.shown();
                match is_open {
                    true => bail!("no output {pattern:?} within {} s{tail}", timeout.as_secs()),
                    false => bail!("the output ended without {pattern:?}{tail}"),
                }
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until the text has ended; false at the timeout.
    pub(crate) fn wait_closed(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.state();
        while state.open {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// The text since [`Transcript::begin`].
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.state().text).into_owned()
    }

    /// The last lines and the path of the log, as the end of an error message.
    pub fn shown(&self) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines.get(lines.len().saturating_sub(SHOWN_LINES)..).unwrap_or_default();
        let mut shown = format!("\n  the last lines of {}:", self.path.display());
        for line in last {
            shown.push_str("\n  | ");
            shown.push_str(line);
        }
        shown
    }

    /// The last 2000 bytes, and a channel that receives everything from here on.
    pub fn listen(&self) -> (String, Receiver<Vec<u8>>) {
        let (listener, chunks) = mpsc::channel();
        let mut state = self.state();
        state.listeners.push(listener);
        let recent = state.text.get(state.text.len().saturating_sub(2000)..).unwrap_or_default();
        (String::from_utf8_lossy(recent).into_owned(), chunks)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, byte: u8) {
        self.escape = match (self.escape, byte) {
            (Escape::None, 0x1b) => Escape::Start,
            (Escape::None, b'\n') => return self.push_newline(),
            (Escape::None, b'\t' | 0x20..) => {
                if self.text.len() == self.line.start {
                    self.line.began = self.started.elapsed();
                }
                self.text.push(byte);
                Escape::None
            }
            (Escape::None, _) => Escape::None,
            (Escape::Start, b'[') => Escape::Sequence,
            (Escape::Start, _) => Escape::None,
            (Escape::Sequence, 0x40..=0x7e) => Escape::None,
            (Escape::Sequence, _) => Escape::Sequence,
        };
    }

    fn push_newline(&mut self) {
        self.end_line();
        self.text.push(b'\n');
        self.line.start = self.text.len();
    }

    /// Logs the unfinished line, if any.
    fn end_line(&mut self) {
        let line = self.text.get(self.line.start..).unwrap_or_default();
        if !line.is_empty() {
            let line = String::from_utf8_lossy(line);
            let _ = writeln!(self.log, "{:8.3} {line}", self.line.began.as_secs_f64());
        }
    }

    fn find(&mut self, regex: &Regex) -> Option<Match> {
        let captures = regex.captures_at(&self.text, self.cursor)?;
        let groups = captures
            .iter()
            .map(|group| group.map(|group| String::from_utf8_lossy(group.as_bytes()).into_owned()))
            .collect();
        self.cursor = captures.get(0).map_or(self.cursor, |whole| whole.end());
        Some(Match { groups })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript() -> (tempfile::TempDir, Transcript) {
        let directory = tempfile::tempdir().unwrap();
        let transcript = Transcript::create(&directory.path().join("serial.log")).unwrap();
        transcript.begin("power on");
        (directory, transcript)
    }

    #[test]
    fn finds_a_prompt_without_newline_and_continues_after_it() {
        let (_directory, transcript) = transcript();
        transcript.push(b"boot\r\nlogin: \x1b[1;32mgreen\x1b[0m# ");
        let found = transcript.wait_for(r"login: (\w+)# $", Duration::ZERO).unwrap();
        assert_eq!(found.group(1), "green");
        assert!(transcript.wait_for("boot", Duration::ZERO).is_err());
        transcript.push(b"reboot");
        transcript.wait_for("boot", Duration::ZERO).unwrap();
    }

    #[test]
    fn wakes_a_waiter() {
        let (_directory, transcript) = transcript();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| transcript.wait_for("ready", Duration::from_secs(60)));
            transcript.push(b"rea");
            transcript.push(b"dy");
            waiter.join().unwrap().unwrap();
            let waiter = scope.spawn(|| transcript.wait_for("never", Duration::from_secs(60)));
            transcript.close();
            let error = waiter.join().unwrap().unwrap_err().to_string();
            assert!(
                error.contains("the output ended without \"never\"") && error.contains("  | ready"),
                "{error}"
            );
        });
    }

    #[test]
    fn logs_lines_with_time_stamps() {
        let (directory, transcript) = transcript();
        transcript.push(b"one\ntw");
        transcript.push(b"o\n\nprompt");
        transcript.close();
        let log = std::fs::read_to_string(directory.path().join("serial.log")).unwrap();
        let lines: Vec<&str> = log.lines().map(|line| line.trim_start_matches([' ', '.', '0'])).collect();
        assert_eq!(lines, ["======== power on", "one", "two", "prompt"]);
    }
}
