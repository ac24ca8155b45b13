// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware that a vendor's program writes. What it is called with and what its answers mean is data; there is no shell.

mod answer;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

pub use answer::Meaning;

use super::deadline::within;
use super::{Outcome, Progress, Stored};
use answer::{Tail, between, meaning};

/// In a word of a command: the image's path.
const IMAGE: &str = "{image}";
/// How much of a tool's output is kept.
const KEPT: usize = 16 << 10;
/// How much longer a tool may take than it should.
const GRACE: Duration = Duration::from_secs(30);
/// How long a tool that only tells something may take.
const ANSWER: Duration = Duration::from_secs(60);
/// How often is looked whether a tool has ended, while it says nothing.
const LOOK: Duration = Duration::from_millis(200);
/// All that tools find in their environment.
const ENVIRONMENT: [(&str, &str); 2] = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LC_ALL", "C")];

/// A program that writes firmware.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// The program and its arguments; `{image}` in them is the image's path.
    pub command: Vec<String>,
    /// What its exit codes mean; the others are unknown.
    pub codes: BTreeMap<i32, Meaning>,
    /// How it tells the version that is stored.
    #[serde(default)]
    pub version: Option<Version>,
}

/// How a program tells a version.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The words before the version.
    pub before: String,
    /// The words after it; empty is the line's end.
    #[serde(default)]
    pub after: String,
}

/// How a program ended.
struct Ended {
    code: Option<i32>,
    output: String,
}

impl Tool {
    pub(super) fn check(&self, image: &Path) -> Result<()> {
        ensure!(image.is_file(), "there is no {}", image.display());
        let program = self.command.first().context("the tool's command is empty")?;
        let mut places = ENVIRONMENT[0].1.split(':').map(|folder| Path::new(folder).join(program));
        let found = if program.contains('/') {
            Path::new(program).is_file()
        } else {
            places.any(|path| path.is_file())
        };
        ensure!(found, "the image has no program {program}");
        Ok(())
    }

    /// It is given a moment more than `limit`, and then it is left alone: a tool that is killed while it writes leaves
    /// half an image behind.
    pub(super) fn write(&self, image: &Path, limit: Duration, progress: &mut dyn FnMut(Progress)) -> Outcome {
        let started = self.check(image).and_then(|()| start(&self.command, image));
        let (child, output) = match started {
            Ok(started) => started,
            Err(error) => return Outcome::Refused(format!("{error:#}")),
        };
        let codes = self.codes.clone();
        let work = move |tell: &dyn Fn(Progress)| match wait(child, output, tell) {
            Ok(ended) => judge(&codes, &ended),
            Err(error) => Outcome::Unknown(format!("{error:#}")),
        };
        within(limit + GRACE, "tool", work, progress)
    }

    pub(super) fn read_back(&self, image: &Path) -> Result<Stored> {
        let version = self.version.as_ref().context("the tool tells no version")?;
        let (child, output) = start(&version.command, image)?;
        let (sender, answer) = channel();
        thread::spawn(move || sender.send(wait(child, output, &|_| ())));
        let program = version.command.first().map_or("", String::as_str);
        let ended = answer.recv_timeout(ANSWER).with_context(|| format!("waiting for {program}"))??;
        let Some(stored) = between(&ended.output, &version.before, &version.after) else {
            bail!("{program} tells no version after {:?}: {}", version.before, last_line(&ended.output));
        };
        let stored = BTreeMap::from([("version".to_string(), stored.to_string())]);
        Ok(Stored::Versions { running: BTreeMap::new(), stored })
    }
}

/// Starts a program in a process group of its own, which no signal from a terminal reaches.
fn start(command: &[String], image: &Path) -> Result<(Child, io::PipeReader)> {
    let path = image.to_str().with_context(|| format!("{} is no text", image.display()))?;
    let mut words = command.iter().map(|word| word.replace(IMAGE, path));
    let program = words.next().context("the tool's command is empty")?;
    let (output, end) = io::pipe().context("creating a pipe")?;
    let mut command = Command::new(&program);
    command.args(words).env_clear().envs(ENVIRONMENT).process_group(0);
    command.stdin(Stdio::null()).stdout(end.try_clone().context("duplicating a pipe")?).stderr(end);
    // The pipe's other end goes with the command.
    let child = command.spawn().with_context(|| format!("starting {program}"))?;
    Ok((child, output))
}

/// Waits until it has ended, and tells each line of its output.
fn wait(mut child: Child, output: io::PipeReader, tell: &dyn Fn(Progress)) -> Result<Ended> {
    let tail = Arc::new(Mutex::new(Tail::new(KEPT)));
    let (sender, lines) = channel();
    let keeper = Arc::clone(&tail);
    thread::spawn(move || listen(output, &keeper, &sender));
    loop {
        match lines.recv_timeout(LOOK) {
            Ok(line) => tell(Progress { phase: line, done: 0, total: 0 }),
            Err(RecvTimeoutError::Disconnected) => break,
            // What it has left behind may keep its output open.
            Err(RecvTimeoutError::Timeout) if child.try_wait()?.is_some() => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    let status = child.wait().context("waiting for the tool")?;
    let output = tail.lock().unwrap_or_else(PoisonError::into_inner).text();
    Ok(Ended { code: status.code(), output })
}

/// Keeps the end of what comes, and passes on its lines; `\r` ends one too.
fn listen(mut output: io::PipeReader, tail: &Mutex<Tail>, lines: &Sender<String>) {
    let (mut buffer, mut line) = ([0; 4096], Vec::new());
    while let Ok(length @ 1..) = output.read(&mut buffer) {
        let bytes = buffer.get(..length).unwrap_or_default();
        tail.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        for byte in bytes {
            match byte {
                b'\r' | b'\n' if line.is_empty() => {}
                b'\r' | b'\n' => {
                    let _ = lines.send(String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned());
                }
                byte if line.len() < KEPT => line.push(*byte),
                _ => {}
            }
        }
    }
}

fn judge(codes: &BTreeMap<i32, Meaning>, ended: &Ended) -> Outcome {
    let how = ended.code.map_or("it was killed".to_string(), |code| format!("exit code {code}"));
    let why = format!("{how}: {}", last_line(&ended.output));
    match meaning(codes, ended.code) {
        Meaning::Done => Outcome::Done,
        Meaning::Refused => Outcome::Refused(why),
        Meaning::Failed => Outcome::Failed(why),
        Meaning::Unknown => Outcome::Unknown(why),
    }
}

fn last_line(output: &str) -> &str {
    output.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it said nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(script: &str, version: &str) -> Tool {
        let words = |script: &str| ["sh", "-c", script, "sh", IMAGE].map(str::to_string).to_vec();
        Tool {
            command: words(script),
            codes: BTreeMap::from([
                (0, Meaning::Done),
                (1, Meaning::Refused),
                (2, Meaning::Failed),
                (3, Meaning::Unknown),
            ]),
            version: Some(Version {
                command: words(version),
                before: "Version:".to_string(),
                after: String::new(),
            }),
        }
    }

    /// What became of it, and what it said.
    fn write(tool: &Tool, image: &Path) -> (Outcome, Vec<String>) {
        let mut said = Vec::new();
        let outcome = tool.write(image, Duration::from_secs(60), &mut |progress| said.push(progress.phase));
        (outcome, said)
    }

    #[test]
    fn a_tool_is_judged_by_its_exit_code() {
        let image = tempfile::NamedTempFile::new().unwrap();
        let outcome = |script| write(&tool(script, ""), image.path());
        let (done, said) = outcome("printf 'one\\r\\rtwo\\n' >&2; echo \"$1 $LC_ALL $HOME\"");
        assert_eq!(done, Outcome::Done);
        assert_eq!(said, ["one", "two", &format!("{} C ", image.path().display())]);
        let why = || "exit code 1: no such board".to_string();
        assert_eq!(outcome("echo no such board; echo; exit 1").0, Outcome::Refused(why()));
        assert_eq!(outcome("exit 2").0, Outcome::Failed("exit code 2: it said nothing".to_string()));
        assert_eq!(outcome("exit 9").0, Outcome::Unknown("exit code 9: it said nothing".to_string()));
        assert_eq!(outcome("kill -9 $$").0, Outcome::Unknown("it was killed: it said nothing".to_string()));
        // What it leaves behind is not waited for.
        let (left, said) = outcome("sleep 20 & echo left");
        assert_eq!((left, said), (Outcome::Done, vec!["left".to_string()]));
    }

    #[test]
    fn a_tool_tells_the_version_that_is_stored() {
        let image = tempfile::NamedTempFile::new().unwrap();
        let stored = tool("", "echo 'FW Version:  22.39.2048'").read_back(image.path()).unwrap();
        let expected = BTreeMap::from([("version".to_string(), "22.39.2048".to_string())]);
        assert_eq!(stored, Stored::Versions { running: BTreeMap::new(), stored: expected });
        let error = tool("", "echo no device; exit 1").read_back(image.path()).unwrap_err().to_string();
        assert_eq!(error, "sh tells no version after \"Version:\": no device");
    }

    #[test]
    fn what_is_not_there_is_not_called() {
        let image = tempfile::NamedTempFile::new().unwrap();
        for command in [vec![], vec!["stage1-no-such-tool"], vec!["/no/such/tool"]] {
            let command = command.into_iter().map(str::to_string).collect();
            let tool = Tool { command, codes: BTreeMap::new(), version: None };
            assert!(matches!(write(&tool, image.path()).0, Outcome::Refused(_)));
        }
        let missing = write(&tool("", ""), Path::new("/no/such/image")).0;
        assert_eq!(missing, Outcome::Refused("there is no /no/such/image".to_string()));
    }
}
