// SPDX-License-Identifier: MIT OR Apache-2.0
//! A program of the vendor: started, watched, judged by its exit code.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use stage1_contract::firmware::manifest::{Exec, ExitMeaning};

use super::answer::{Tail, meaning};
use super::family::Family;
use crate::firmware::backend::deadline::{limited, within};
use crate::firmware::backend::{Outcome, Progress, Stored};
use crate::firmware::reading::{self, Reading};
use crate::host::task;

/// How much of a tool's output is kept, in bytes.
const KEPT: usize = 16 << 10;
/// The name of the version that a tool reports, in [`Stored::Versions`].
pub(crate) const VERSION: &str = "tool";
/// The deadline of a version program.
const ANSWER: Duration = Duration::from_secs(60);
/// How often to check whether a tool without output has ended.
const POLL: Duration = Duration::from_millis(200);
/// The whole environment of a tool.
const ENVIRONMENT: [(&str, &str); 2] = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LC_ALL", "C")];

/// A program that writes firmware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    exec: Exec,
    device: String,
    port: String,
}

/// A program that runs.
struct Started {
    child: Child,
    family: Family,
    output: io::PipeReader,
}

/// How a program ended.
struct Ended {
    code: Option<i32>,
    output: String,
}

impl Tool {
    /// The program of a manifest entry, for the component `device` with its first port.
    pub(crate) fn new(exec: &Exec, device: &str, port: Option<&str>) -> Self {
        Self { exec: exec.clone(), device: device.to_string(), port: port.unwrap_or_default().to_string() }
    }

    /// Runs the version program, and reads its output.
    ///
    /// # Errors
    /// If there is none, it does not end in time, or it prints no version.
    pub(crate) fn versions(&self) -> Result<Reading> {
        let version =
            self.exec.version.as_ref().context("the entry has no version program (method.exec.version)")?;
        let started = start(&self.arguments(&version.argv, ""))?;
        let program = version.argv.first().map_or("", String::as_str);
        // What it leaves behind writes nothing, and may be a service that stays.
        let output = limited(ANSWER, move || wait(started, false, &|_| ()))
            .with_context(|| format!("running {program}"))?
            .output;
        reading::tool(&output, version).with_context(|| {
            format!("{program} printed no version after {:?}: {}", version.running, last_line(&output))
        })
    }

    pub(in crate::firmware) fn check(&self, image: &Path) -> Result<()> {
        ensure!(image.is_file(), "{} does not exist", image.display());
        let program = self.exec.argv.first().context("the tool's command is empty")?;
        let mut places = ENVIRONMENT[0].1.split(':').map(|folder| Path::new(folder).join(program));
        let found = if program.contains('/') {
            Path::new(program).is_file()
        } else {
            places.any(|path| path.is_file())
        };
        ensure!(found, "the program {program} is not in this image");
        Ok(())
    }

    /// It is never killed: half an image would be left in the flash.
    pub(in crate::firmware) fn write(
        &self,
        image: &Path,
        limit: Duration,
        progress: &mut dyn FnMut(Progress),
    ) -> Outcome {
        let command = self.check(image).and_then(|()| {
            let path = image.to_str().with_context(|| format!("{} is not UTF-8", image.display()))?;
            Ok(self.arguments(&self.exec.argv, path))
        });
        let command = match command {
            Ok(command) => command,
            Err(error) => return Outcome::Refused(format!("{error:#}")),
        };
        let codes = self.exec.codes.clone();
        // It is started where it is waited for: no failure in between leaves it alone.
        let work = move |report: &dyn Fn(Progress)| match start(&command) {
            Ok(started) => match wait(started, true, report) {
                Ok(ended) => outcome(&codes, &ended),
                Err(error) => Outcome::Unknown(format!("{error:#}")),
            },
            Err(error) => Outcome::Refused(format!("{error:#}")),
        };
        within(limit, "tool", work, progress)
    }

    pub(in crate::firmware) fn read_back(&self) -> Result<Stored> {
        let Reading { running, stored, .. } = self.versions()?;
        let named = |version: String| (VERSION.to_string(), version);
        Ok(Stored::Versions {
            running: BTreeMap::from([named(running)]),
            stored: stored.map(named).into_iter().collect(),
        })
    }

    /// The arguments of a command, with the placeholders filled in.
    fn arguments(&self, argv: &[String], image: &str) -> Vec<String> {
        let fill = |word: &String| {
            word.replace("{device}", &self.device).replace("{port}", &self.port).replace("{image}", image)
        };
        argv.iter().map(fill).collect()
    }
}

/// Starts a program in a process group of its own, so that no signal of the terminal reaches it.
fn start(command: &[String]) -> Result<Started> {
    let (program, arguments) = command.split_first().context("the tool's command is empty")?;
    let (output, end) = io::pipe().context("creating a pipe")?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(ENVIRONMENT).process_group(0);
    command.stdin(Stdio::null()).stdout(end.try_clone().context("duplicating a pipe")?).stderr(end);
    let family = Family::of(&mut command);
    // Dropping the command closes this process's copies of the write end.
    let child = command.spawn().with_context(|| format!("starting {program}"))?;
    Ok(Started { child, family, output })
}

/// Waits until it has ended, and `with_family` every process that it has started; reports each line of its output. It is
/// waited for whatever fails here.
fn wait(program: Started, with_family: bool, report: &dyn Fn(Progress)) -> Result<Ended> {
    let Started { mut child, family, output } = program;
    let has_family = || with_family && !family.has_ended();
    let tail = Arc::new(Mutex::new(Tail::new(KEPT)));
    let (sender, lines) = channel();
    let keeper = Arc::clone(&tail);
    if let Err(error) = task::serve("tool-output", move || read_lines(output, &keeper, &sender)) {
        log::warn!("the output of the program is lost: starting a thread: {error}");
    }
    loop {
        match lines.recv_timeout(POLL) {
            Ok(line) => report(Progress { phase: line, done: 0, total: 0 }),
            Err(RecvTimeoutError::Disconnected) => break,
            // A process of somebody else may keep its output open.
            Err(RecvTimeoutError::Timeout) if has_ended(&mut child) && !has_family() => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    let status = child.wait().context("waiting for the tool")?;
    while has_family() {
        std::thread::sleep(POLL);
    }
    let output = tail.lock().unwrap_or_else(PoisonError::into_inner).text();
    Ok(Ended { code: status.code(), output })
}

fn has_ended(child: &mut Child) -> bool {
    matches!(child.try_wait(), Ok(Some(_)))
}

/// Keeps the end of the output, and passes on its lines; `\r` ends a line, too.
fn read_lines(mut output: io::PipeReader, tail: &Mutex<Tail>, lines: &Sender<String>) {
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

fn outcome(codes: &BTreeMap<String, ExitMeaning>, ended: &Ended) -> Outcome {
    let how = ended.code.map_or("killed by a signal".to_string(), |code| format!("exit code {code}"));
    let why = format!("{how}: {}", last_line(&ended.output));
    match meaning(codes, ended.code) {
        ExitMeaning::Done => Outcome::Done,
        ExitMeaning::Unchanged => Outcome::Refused(format!("nothing to do: {why}")),
        ExitMeaning::Refused => Outcome::Refused(why),
        ExitMeaning::Failed => Outcome::Unknown(why),
    }
}

fn last_line(output: &str) -> &str {
    output.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("no output")
}

#[cfg(test)]
mod tests {
    use super::*;
    use stage1_contract::firmware::manifest::ToolVersion;

    fn tool(script: &str, version: &str) -> Tool {
        let words = |script: &str| {
            ["sh", "-c", script, "sh", "{image}", "{device}", "{port}"].map(str::to_string).to_vec()
        };
        let codes = [
            ("0", ExitMeaning::Done),
            ("1", ExitMeaning::Refused),
            ("2", ExitMeaning::Unchanged),
            ("3", ExitMeaning::Failed),
        ];
        let exec = Exec {
            argv: words(script),
            codes: codes.map(|(code, meaning)| (code.to_string(), meaning)).into(),
            version: Some(ToolVersion {
                argv: words(version),
                running: "Version:".to_string(),
                stored: Some("Pending:".to_string()),
            }),
        };
        Tool::new(&exec, "0000:3b:00.0", Some("eth0"))
    }

    /// The outcome of a write, and the lines of its output.
    fn write(tool: &Tool, image: &Path) -> (Outcome, Vec<String>) {
        let mut lines = Vec::new();
        let outcome = tool.write(image, Duration::from_secs(60), &mut |progress| lines.push(progress.phase));
        (outcome, lines)
    }

    #[test]
    fn the_exit_code_of_a_tool_decides() {
        let image = tempfile::NamedTempFile::new().unwrap();
        let outcome = |script| write(&tool(script, ""), image.path());
        let (done, lines) = outcome("printf 'one\\r\\rtwo\\n' >&2; echo \"$1 $2 $3 $LC_ALL $HOME\"");
        assert_eq!(done, Outcome::Done);
        assert_eq!(lines, ["one", "two", &format!("{} 0000:3b:00.0 eth0 C ", image.path().display())]);
        let why = || "exit code 1: no such board".to_string();
        assert_eq!(outcome("echo no such board; echo; exit 1").0, Outcome::Refused(why()));
        assert!(matches!(outcome("exit 2").0, Outcome::Refused(why) if why.contains("nothing to do")));
        assert_eq!(outcome("exit 3").0, Outcome::Unknown("exit code 3: no output".to_string()));
        assert_eq!(outcome("exit 9").0, Outcome::Unknown("exit code 9: no output".to_string()));
        assert_eq!(outcome("kill -9 $$").0, Outcome::Unknown("killed by a signal: no output".to_string()));
    }

    /// Whatever it does to hide: a session of its own, no output, an exit code of success.
    #[test]
    fn what_a_tool_leaves_behind_is_waited_for() {
        let image = tempfile::NamedTempFile::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        for (name, how) in [("background", "( W ) &"), ("daemon", "setsid sh -c '( W ) >/dev/null 2>&1 &'")] {
            let written = folder.path().join(name);
            let script = how.replace('W', &format!("sleep 1; echo written > {}", written.display()));
            assert_eq!(write(&tool(&script, ""), image.path()).0, Outcome::Done);
            assert!(written.is_file(), "{name}");
        }
    }

    #[test]
    fn a_tool_reports_versions() {
        let reading = tool("", "echo 'FW Version:  22.39.2048'; echo \"Pending: $2\"").versions().unwrap();
        let expected = ("22.39.2048".to_string(), Some("0000:3b:00.0".to_string()));
        assert_eq!((reading.running, reading.stored), expected);
        assert_eq!(tool("", "echo Version: 1").versions().unwrap().stored, None);
        let error = tool("", "echo no device; exit 1").versions().unwrap_err().to_string();
        assert_eq!(error, "sh printed no version after \"Version:\": no device");
    }

    #[test]
    fn missing_programs_and_images_are_refused() {
        let image = tempfile::NamedTempFile::new().unwrap();
        for command in [vec![], vec!["stage1-no-such-tool"], vec!["/no/such/tool"]] {
            let argv = command.into_iter().map(str::to_string).collect();
            let tool = Tool::new(&Exec { argv, codes: BTreeMap::new(), version: None }, "board", None);
            assert!(matches!(write(&tool, image.path()).0, Outcome::Refused(_)));
        }
        let missing = write(&tool("", ""), Path::new("/no/such/image")).0;
        assert_eq!(missing, Outcome::Refused("/no/such/image does not exist".to_string()));
    }
}
