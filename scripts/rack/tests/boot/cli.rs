// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `rack` command, with a rack of another process.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

const RACK: &str = env!("CARGO_BIN_EXE_rack");

fn rack(arguments: &[&str]) -> Output {
    Command::new(RACK).args(arguments).args(["--rack", "test-cli"]).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Killed when dropped, so that a failed test leaves no process running.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_host_can_be_powered_on_watched_and_powered_off() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("test-cli.toml");
    std::fs::write(&file, "[[host]]\nname = 'a'\n[[host.nic]]\nmac = '52:54:00:09:00:01'\n").unwrap();
    let mut up =
        Running(Command::new(RACK).arg("up").arg("--off").arg(&file).stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(up.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.ends_with("Ctrl-C takes the rack down")));

    let status = || text(&rack(&["status"]).stdout);
    let power = |status: &str| status.lines().nth(1).unwrap().split_whitespace().nth(1).unwrap().to_string();
    assert_eq!(power(&status()), "off");
    let wrong = text(&rack(&["power", "b", "on"]).stderr);
    assert_eq!(wrong, "rack: no host \"b\" in this rack; hosts: a\n");
    let again = Command::new(RACK).arg("up").arg(&file).output().unwrap();
    assert!(text(&again.stderr).contains("is already up"), "{}", text(&again.stderr));

    assert!(rack(&["power", "a", "on"]).status.success());
    assert_ne!(power(&status()), "off");
    watch_console();
    assert!(rack(&["power", "a", "cut"]).status.success());
    assert_eq!(power(&status()), "off");

    assert_eq!(text(&rack(&["down"]).stdout), "the rack is down\n");
    assert!(up.0.wait().unwrap().success());
    assert!(!Path::new(&format!("/proc/{}", up.0.id())).exists());
    let gone = text(&rack(&["status"]).stderr);
    assert!(gone.contains("rack test-cli is not up: start it with `rack up FILE`"), "{gone}");
}

/// Attaches to the console, opens iPXE's command line by Ctrl-B, and detaches by Ctrl-].
fn watch_console() {
    let console = Command::new(RACK)
        .args(["console", "a", "--rack", "test-cli"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut console = Running(console.unwrap());
    let mut input = console.0.stdin.take().unwrap();
    let mut output = console.0.stdout.take().unwrap();
    let (sender, chunks) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 256];
        while let Ok(length @ 1..) = output.read(&mut buffer) {
            let _ = sender.send(buffer[..length].to_vec());
        }
    });
    let mut seen = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(120);
    while !text(&seen).contains("iPXE>") {
        assert!(Instant::now() < deadline, "no command line: {}", text(&seen));
        match chunks.recv_timeout(Duration::from_millis(200)) {
            Ok(chunk) => seen.extend(chunk),
            // On a busy machine keys are lost: iPXE polls only now and then.
            Err(RecvTimeoutError::Timeout) => input.write_all(b"\x02").unwrap(),
            Err(RecvTimeoutError::Disconnected) => panic!("the console ended: {}", text(&seen)),
        }
    }
    input.write_all(b"\x1d").unwrap();
    assert!(console.0.wait().unwrap().success());
}
