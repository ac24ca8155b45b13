// SPDX-License-Identifier: MIT OR Apache-2.0
//! `docs/inventory.py`, the small inventory that `docs/inventory-api.md` explains, against the contract.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde::de::DeserializeOwned;
use serde_json::Value;
use stage1_contract::{Action, Detail, Installed, ProblemDocument, Profile, Registration, Report};

use crate::{page, root};

/// The host of the frozen examples.
const ID: &str = "4c4c4544-0042-3510-8052-b4c04f4a4b32";

#[test]
fn a_host_registers_and_boots() {
    let server = Server::start();
    let unknown = server.call("GET", "/profile", "");
    assert_eq!(unknown.status, 404);
    assert!(unknown.read::<ProblemDocument>().detail.unwrap().contains("not registered"));

    let report = example("report-minimal");
    let registration: Registration = server.put(&report, 201);
    assert_eq!((registration.action, registration.bmc), (Action::Shutdown, None));
    fs::write(server.host().join("action"), "boot\n").unwrap();
    fs::write(server.host().join("bmc.json"), example("wanted-bmc")).unwrap();
    let registration: Registration = server.put(&report, 200);
    assert_eq!(registration.action, Action::Boot);
    assert_eq!(registration.bmc.unwrap(), json(&example("wanted-bmc")));

    assert_eq!(server.call("PATCH", "", &example("report-patch")).status, 204);
    let patched: Report = read(&server.host().join("report.json"));
    assert_eq!((patched.problems.len(), patched.timeline.stages.len()), (3, 4));
    let stored: Value = read(&server.host().join("report.json"));
    assert!(stored["facts"].get("kernel").is_none(), "null in a merge patch removes a field: {stored:#}");

    let later = server.call("GET", "/profile", "");
    assert_eq!((later.status, later.header("retry-after")), (204, Some("10".to_string())));
    fs::write(server.host().join("profile.json"), example("profile-kernel")).unwrap();
    let profile: Profile = server.call("GET", "/profile", "").read();
    assert_eq!(serde_json::to_value(&profile).unwrap(), json(&example("profile-kernel")));
    let detail: Detail = server.call("GET", "/detail", "").read();
    assert_eq!(detail, Detail { version: 1, ..Detail::default() });
    fs::write(server.host().join("detail.json"), example("detail")).unwrap();
    let detail: Detail = server.call("GET", "/detail", "").read();
    assert_eq!(detail.hostname, "compute-17");

    assert_eq!(server.call("POST", "/installed", &example("installed")).status, 204);
    let installed: Installed = read(&server.host().join("installed.json"));
    assert_eq!(installed.profile, "compute-1");
    assert_eq!(server.call("POST", "/events", &example("event-failed")).status, 204);
    let events = fs::read_to_string(server.host().join("events.jsonl")).unwrap();
    assert_eq!(json(&events), json(&example("event-failed")));
}

/// What the page shows is what runs.
#[test]
fn the_page_shows_this_inventory() {
    let program = fs::read_to_string(root().join("docs/inventory.py")).unwrap();
    let page = page("docs/inventory-api.md");
    let shown: Vec<_> = page.fences.iter().filter(|fence| fence.language() == "python").collect();
    assert!(!shown.is_empty());
    for fence in shown {
        assert!(program.contains(&fence.text), "line {}: docs/inventory.py is otherwise", fence.line);
    }
}

/// Calls that the page names and this inventory does not have.
#[test]
fn calls_that_it_does_not_have_are_not_found() {
    let server = Server::start();
    let _: Registration = server.put(&example("report-minimal"), 201);
    assert_eq!(server.call("GET", "/firmware", "").status, 404);
    assert_eq!(server.call("PUT", "/bmc-credentials", &example("bmc-credentials")).status, 404);
    assert_eq!(server.call("GET", "/../../etc/passwd", "").status, 404);
}

/// The inventory, in a folder of its own on a free port.
struct Server {
    child: Child,
    address: String,
    folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Server {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("python3");
        command.arg(root().join("docs/inventory.py")).arg(folder.path()).arg("127.0.0.1:0");
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.expect("python3 is missing: run scripts/setup");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.trim().strip_prefix("inventory ready at ").and_then(|rest| rest.strip_suffix("/ipxe"));
        let address = address.unwrap_or_else(|| panic!("it prints {line:?}")).to_string();
        Server { child, address, folder }
    }

    fn host(&self) -> PathBuf {
        self.folder.path().join(ID)
    }

    fn put<T: DeserializeOwned>(&self, report: &str, status: u16) -> T {
        let answer = self.call("PUT", "", report);
        assert_eq!(answer.status, status);
        answer.read()
    }

    fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{method} /ipxe/{ID}{path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_string(), body: body.to_string() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<String> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_string())
    }

    /// The body as the contract has it.
    fn read<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.head, self.body))
    }
}

/// A frozen example of the contract.
fn example(name: &str) -> String {
    let folder = root().join("inventory/contract/tests/wire");
    fs::read_to_string(folder.join(format!("{name}.json"))).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn read<T: DeserializeOwned>(file: &Path) -> T {
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}
