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
use stage1_contract::firmware::manifest::{Exec, ExitMeaning};

use super::deadline::within;
use super::{Outcome, Progress, Stored};
use answer::{Tail, meaning};

/// How much of a tool's output is kept.
const KEPT: usize = 16 << 10;
/// The name of the version that a tool tells.
pub const TOLD: &str = "tool";
/// How much longer a tool may take than it should.
const GRACE: Duration = Duration::from_secs(30);
/// How long a tool that only tells something may take.
const ANSWER: Duration = Duration::from_secs(60);
/// How often is looked whether a tool has ended, while it says nothing.
const LOOK: Duration = Duration::from_millis(200);
/// All that tools find in their environment.
const ENVIRONMENT: [(&str, &str); 2] = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LC_ALL", "C")];

/// A program that writes firmware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    exec: Exec,
    device: String,
    port: String,
}

/// The versions that a program tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The one that runs.
    pub running: String,
    /// The one that is stored, where it is told apart.
    pub stored: Option<String>,
}

/// How a program ended.
struct Ended {
    code: Option<i32>,
    output: String,
}

impl Tool {
    /// The one that a manifest names, for the component `device` with its first port.
    pub fn new(exec: &Exec, device: &str, port: Option<&str>) -> Self {
        Self { exec: exec.clone(), device: device.to_string(), port: port.unwrap_or_default().to_string() }
    }

    /// The versions that it tells.
    ///
    /// # Errors
    /// Where it tells none.
    pub fn versions(&self) -> Result<Versions> {
        let version = self.exec.version.as_ref().context("the tool tells no version")?;
        let (child, output) = start(&self.words(&version.argv, ""))?;
        let (sender, answer) = channel();
        thread::spawn(move || sender.send(wait(child, output, &|_| ())));
        let program = version.argv.first().map_or("", String::as_str);
        let ended = answer.recv_timeout(ANSWER).with_context(|| format!("waiting for {program}"))??;
        let told = |marker: &str| answer::version(&ended.output, marker).map(str::to_string);
        let Some(running) = told(&version.running) else {
            bail!("{program} tells no version after {:?}: {}", version.running, last_line(&ended.output));
        };
        Ok(Versions { running, stored: version.stored.as_deref().and_then(told) })
    }

    pub(super) fn check(&self, image: &Path) -> Result<()> {
        ensure!(image.is_file(), "there is no {}", image.display());
        let program = self.exec.argv.first().context("the tool's command is empty")?;
        let mut places = ENVIRONMENT[0].1.split(':').map(|folder| Path::new(folder).join(program));
        let found = if program.contains('/') {
            Path::new(program).is_file()
        } else {
            places.any(|path| path.is_file())
        };
        ensure!(found, "this system has no program {program}");
        Ok(())
    }

    /// It is given a moment more than `limit`, and then it is left alone: a tool that is killed while it writes leaves
    /// half an image behind.
    pub(super) fn write(&self, image: &Path, limit: Duration, progress: &mut dyn FnMut(Progress)) -> Outcome {
        let started = self.check(image).and_then(|()| {
            let path = image.to_str().with_context(|| format!("{} is no text", image.display()))?;
            start(&self.words(&self.exec.argv, path))
        });
        let (child, output) = match started {
            Ok(started) => started,
            Err(error) => return Outcome::Refused(format!("{error:#}")),
        };
        let codes = self.exec.codes.clone();
        let work = move |tell: &dyn Fn(Progress)| match wait(child, output, tell) {
            Ok(ended) => judge(&codes, &ended),
            Err(error) => Outcome::Unknown(format!("{error:#}")),
        };
        within(limit + GRACE, "tool", work, progress)
    }

    pub(super) fn read_back(&self) -> Result<Stored> {
        let Versions { running, stored } = self.versions()?;
        let named = |version: String| (TOLD.to_string(), version);
        Ok(Stored::Versions {
            running: BTreeMap::from([named(running)]),
            stored: stored.map(named).into_iter().collect(),
        })
    }

    /// The words of a command, with what stands for others filled in.
    fn words(&self, argv: &[String], image: &str) -> Vec<String> {
        let fill = |word: &String| {
            word.replace("{device}", &self.device).replace("{port}", &self.port).replace("{image}", image)
        };
        argv.iter().map(fill).collect()
    }
}

/// Starts a program in a process group of its own, which no signal from a terminal reaches.
fn start(command: &[String]) -> Result<(Child, io::PipeReader)> {
    let (program, words) = command.split_first().context("the tool's command is empty")?;
    let (output, end) = io::pipe().context("creating a pipe")?;
    let mut command = Command::new(program);
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

fn judge(codes: &BTreeMap<String, ExitMeaning>, ended: &Ended) -> Outcome {
    let how = ended.code.map_or("it was killed".to_string(), |code| format!("exit code {code}"));
    let why = format!("{how}: {}", last_line(&ended.output));
    match meaning(codes, ended.code) {
        ExitMeaning::Done => Outcome::Done,
        ExitMeaning::Unchanged => Outcome::Refused(format!("it says that there is nothing to do, {why}")),
        ExitMeaning::Refused => Outcome::Refused(why),
        ExitMeaning::Failed => Outcome::Unknown(why),
    }
}

fn last_line(output: &str) -> &str {
    output.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it said nothing")
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
        let (done, said) = outcome("printf 'one\\r\\rtwo\\n' >&2; echo \"$1 $2 $3 $LC_ALL $HOME\"");
        assert_eq!(done, Outcome::Done);
        assert_eq!(said, ["one", "two", &format!("{} 0000:3b:00.0 eth0 C ", image.path().display())]);
        let why = || "exit code 1: no such board".to_string();
        assert_eq!(outcome("echo no such board; echo; exit 1").0, Outcome::Refused(why()));
        assert!(matches!(outcome("exit 2").0, Outcome::Refused(why) if why.contains("nothing to do")));
        assert_eq!(outcome("exit 3").0, Outcome::Unknown("exit code 3: it said nothing".to_string()));
        assert_eq!(outcome("exit 9").0, Outcome::Unknown("exit code 9: it said nothing".to_string()));
        assert_eq!(outcome("kill -9 $$").0, Outcome::Unknown("it was killed: it said nothing".to_string()));
        // What it leaves behind is not waited for.
        let (left, said) = outcome("sleep 20 & echo left");
        assert_eq!((left, said), (Outcome::Done, vec!["left".to_string()]));
    }

    #[test]
    fn a_tool_tells_versions() {
        let told = tool("", "echo 'FW Version:  22.39.2048'; echo \"Pending: $2\"").versions().unwrap();
        let expected = ("22.39.2048".to_string(), Some("0000:3b:00.0".to_string()));
        assert_eq!((told.running, told.stored), expected);
        assert_eq!(tool("", "echo Version: 1").versions().unwrap().stored, None);
        let error = tool("", "echo no device; exit 1").versions().unwrap_err().to_string();
        assert_eq!(error, "sh tells no version after \"Version:\": no device");
    }

    #[test]
    fn what_is_not_there_is_not_called() {
        let image = tempfile::NamedTempFile::new().unwrap();
        for command in [vec![], vec!["stage1-no-such-tool"], vec!["/no/such/tool"]] {
            let argv = command.into_iter().map(str::to_string).collect();
            let tool = Tool::new(&Exec { argv, codes: BTreeMap::new(), version: None }, "board", None);
            assert!(matches!(write(&tool, image.path()).0, Outcome::Refused(_)));
        }
        let missing = write(&tool("", ""), Path::new("/no/such/image")).0;
        assert_eq!(missing, Outcome::Refused("there is no /no/such/image".to_string()));
    }
}
