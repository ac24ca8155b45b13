// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference server from outside, as agents and the operator use it: a process, HTTPS, and commands.

mod bmc;
mod commands;
mod conflicts;
mod files;
mod firmware;
mod running;

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use stage1_contract::{Action, Detail, Profile, Registration};
use tempfile::tempdir;

use crate::running::{Server, prints};

/// The host of the wire examples.
const ID: &str = "4c4c4544-0042-3510-8052-b4c04f4a4b32";
const OTHER: &str = "4c4c4544-0042-3510-8052-c2c04f4a4b32";
const REPORT: &str = include_str!("../../contract/tests/wire/report.json");
const FAILED: &str = include_str!("../../contract/tests/wire/event-failed.json");

/// The report of another host, with a serial number of its own.
fn report_of(id: &str) -> String {
    let serials = format!("9{}", &id[1..]);
    REPORT.replace(ID, id).replace("6c1b7c58-5d0e-5d0a-9c6c-0a4e3a1d2b3c", &serials)
}

#[test]
fn the_life_of_a_host() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());

    let registered = server.agent("PUT", ID, Some(REPORT));
    assert_eq!((registered.status, &registered.json()["action"]), (201, &"shutdown".into()));
    let waiting = server.agent("GET", &format!("{ID}/profile"), None);
    assert_eq!((waiting.status, waiting.body.len()), (204, 0));
    assert!(waiting.header("retry-after").parse::<u32>().unwrap() > 0);

    let (kernel, initrd) = (dir.path().join("vm linuz"), dir.path().join("root.cpio"));
    std::fs::write(&kernel, b"kernel").unwrap();
    std::fs::write(&initrd, b"initrd").unwrap();
    let (kernel, initrd) = (kernel.to_str().unwrap(), initrd.to_str().unwrap());
    let add =
        ["profile", "add", "c1", "--kernel", kernel, "--initrd", initrd, "--append", "-x console=ttyS0"];
    prints(dir.path(), &add);
    prints(dir.path(), &["host", "assign", ID, "c1"]);

    let again = server.agent("PUT", ID, Some(REPORT));
    assert_eq!(again.status, 200);
    let registration: Registration = serde_json::from_slice(&again.body).unwrap();
    assert_eq!((registration.action, registration.bmc), (Action::Boot, None));
    let profile: Profile =
        serde_json::from_value(server.agent("GET", &format!("{ID}/profile"), None).json()).unwrap();
    assert_eq!((profile.name.as_str(), profile.append.as_str()), ("c1", "-x console=ttyS0"));
    let kernel = profile.kernel.unwrap();
    assert_eq!((kernel.size, profile.initrds.len()), (6, 1));
    let image = server.get(&format!("{}{}", server.origin(), kernel.urls[0]), &[]);
    assert_eq!((image.status, image.body.as_slice()), (200, b"kernel".as_slice()));
    assert_eq!(image.header("etag"), format!("\"{}\"", kernel.sha256));
    let detail: Detail =
        serde_json::from_slice(&server.agent("GET", &format!("{ID}/detail"), None).body).unwrap();
    assert_eq!((detail.version, detail.hostname.as_str()), (1, "host-4c4c4544"));
    assert_eq!(server.operator("GET", &format!("hosts/{ID}"), None).json()["state"], "booting");

    let installed = include_str!("../../contract/tests/wire/installed.json");
    assert_eq!(server.agent("POST", &format!("{ID}/installed"), Some(installed)).status, 204);
    let host = server.operator("GET", &format!("hosts/{ID}"), None).json();
    assert_eq!((&host["state"], &host["profile"]), (&"installed".into(), &"c1".into()));
    assert_eq!(host["installed"], serde_json::from_str::<Value>(installed).unwrap());

    let shown = prints(dir.path(), &["host", "show", ID]);
    for expected in
        ["PowerEdge R640", "serial 5B25JK2", "eno2", "kexec ", "compute-1 is loaded", "setting eno3 up"]
    {
        assert!(shown.contains(expected), "{expected} is not in\n{shown}");
    }
}

#[test]
fn a_report_is_kept_whole_and_patched() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    let patch = include_str!("../../contract/tests/wire/report-patch.json");
    assert!(server.agent("PATCH", ID, Some(patch)).problem(404).contains("not registered"));

    let mut report: Value = serde_json::from_str(REPORT).unwrap();
    report["of_a_later_version"] = json!({ "kept": 18_446_744_073_709_551_615_u64 });
    server.agent("PUT", &ID.to_uppercase(), Some(&report.to_string()));
    let stored = || server.operator("GET", &format!("hosts/{ID}"), None).json()["report"].clone();
    assert_eq!(stored(), report);

    assert_eq!(server.agent("PATCH", ID, Some(patch)).status, 204);
    let mut patched: Value =
        serde_json::from_str(include_str!("../../contract/tests/wire/report-patched.json")).unwrap();
    patched["of_a_later_version"] = report["of_a_later_version"].clone();
    // Null in a patch removes a field; absent and null are equivalent in a report.
    patched["facts"].as_object_mut().unwrap().remove("kernel");
    let plain = |value: &Value| serde_json::from_value::<stage1_contract::Report>(value.clone()).unwrap();
    assert_eq!(plain(&stored()), plain(&patched));
    assert_eq!(stored()["of_a_later_version"], report["of_a_later_version"]);
    assert!(stored()["facts"].get("kernel").is_none());

    for refused in [
        r#"{"version":2}"#,
        r#"{"identity":null}"#,
        r#"{"identity":{"id":"x"}}"#,
        r#"{"run":1}"#,
        "[]",
        "null",
    ] {
        server.agent("PATCH", ID, Some(refused)).problem(422);
    }
    assert_eq!(plain(&stored()), plain(&patched));
}

#[test]
fn errors_are_problem_documents() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    let put = |id: &str, body: &str| server.agent("PUT", id, Some(body));
    assert!(put("4c4c4544", REPORT).problem(400).contains("not a UUID"));
    assert!(put("..%2f..%2fetc", REPORT).problem(400).contains("not a UUID"));
    assert!(put(ID, "{").problem(400).contains("not JSON"));
    assert!(put(ID, "").problem(400).contains("not JSON"));
    assert!(put(ID, "{}").problem(422).contains("version is null"));
    assert!(put(ID, r#"{"version":2}"#).problem(422).contains("version is 2"));
    assert!(put(ID, r#"{"version":1}"#).problem(422).contains("agent"));
    assert!(put(OTHER, REPORT).problem(422).contains(ID));
    assert!(put(ID, &"[".repeat(100_000)).problem(400).contains("recursion"));
    assert!(
        server
            .call("PUT", &format!("{}/{ID}", server.base), &[], Some(b"\xff"))
            .problem(400)
            .contains("UTF-8")
    );
    assert!(server.operator("GET", "hosts", None).json().as_array().unwrap().is_empty());

    for path in ["profile", "detail"] {
        assert!(server.agent("GET", &format!("{ID}/{path}"), None).problem(404).contains("not registered"));
    }
    let installed = include_str!("../../contract/tests/wire/installed.json");
    server.agent("POST", &format!("{ID}/installed"), Some(installed)).problem(404);
    server.agent("POST", &format!("{ID}/installed"), Some(REPORT)).problem(422);
    server.agent("DELETE", ID, None).problem(405);
    server.agent("GET", "", None).problem(404);
    server.get(&format!("{}/images/none", server.origin()), &[]).problem(404);
    server.get(server.origin(), &[]).problem(404);
}

#[test]
fn bodies_have_a_limit() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    let padded = |size: usize| {
        let mut body = REPORT.to_string();
        body.extend(std::iter::repeat_n(' ', size - body.len()));
        body
    };
    server.agent("PUT", ID, Some(&padded(17 << 20))).problem(413);
    assert_eq!(server.agent("PUT", ID, Some(&padded(15 << 20))).status, 201);
    let event = format!("{FAILED}{}", " ".repeat(1 << 20));
    server.agent("POST", &format!("{ID}/events"), Some(&event)).problem(413);
    std::fs::write(dir.path().join("agent.token"), "s3cret").unwrap();
    server.agent("PUT", ID, Some(&padded(15 << 20))).problem(401);
}

#[test]
fn an_event_of_an_unregistered_host_is_stored() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    let events = format!("{ID}/events");
    assert_eq!(server.agent("POST", &events, Some(FAILED)).status, 204);
    let hosts = server.operator("GET", "hosts", None).json();
    assert_eq!((&hosts[0]["state"], &hosts[0]["problems"]), (&"failed".into(), &1.into()));
    assert!(prints(dir.path(), &["host", "show", ID]).contains("add the profile again"));
    server.agent("GET", &format!("{ID}/profile"), None).problem(404);

    let healthy = include_str!("../../contract/tests/wire/report-minimal.json");
    assert_eq!(server.agent("PUT", ID, Some(healthy)).status, 201);
    let hosts = server.operator("GET", "hosts", None).json();
    assert_eq!((&hosts[0]["state"], &hosts[0]["problems"]), (&"registered".into(), &0.into()));

    let progress: Value =
        serde_json::from_str(include_str!("../../contract/tests/wire/event-progress.json")).unwrap();
    for number in 0..501 {
        let mut event = progress.clone();
        event["at_ms"] = number.into();
        server.agent("POST", &events, Some(&event.to_string()));
    }
    let host = server.operator("GET", &format!("hosts/{ID}"), None).json();
    let kept = host["events"].as_array().unwrap();
    assert_eq!((kept.len(), &kept[0]["event"]["at_ms"]), (500, &1.into()));
}

#[test]
fn agents_need_the_token_while_its_file_exists() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    assert_eq!(server.agent("PUT", ID, Some(REPORT)).status, 201);
    std::fs::write(dir.path().join("agent.token"), "s3cret\n").unwrap();
    let url = format!("{}/{ID}/detail", server.base);
    let with = |authorization: &str| server.get(&url, &[("Authorization", authorization)]);
    let refused = server.get(&url, &[]);
    refused.problem(401);
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    for wrong in ["Bearer s3cre", "Bearer ", "Bearer s3cret2", "Basic s3cret", "s3cret"] {
        with(wrong).problem(401);
    }
    assert_eq!(with("bearer s3cret").status, 200);
    server.agent("POST", &format!("{ID}/events"), Some(FAILED)).problem(401);
    // An empty file is a mistake: every request is refused.
    std::fs::write(dir.path().join("agent.token"), "\n").unwrap();
    with("Bearer ").problem(500);
}

#[test]
fn the_operator_needs_the_token() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    let url = format!("{}/api/v1/hosts", server.origin());
    server.get(&url, &[]).problem(401);
    server.get(&url, &[("Authorization", "Bearer 0")]).problem(401);
    server.call("DELETE", &format!("{url}/{ID}"), &[], None).problem(401);
    assert_eq!(server.operator("GET", "hosts", None).status, 200);
}

#[test]
fn a_second_start_keeps_everything() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    let files = ["ca.pem", "ca.key", "operator.token"];
    let read = || files.map(|file| std::fs::read(dir.path().join(file)).unwrap());
    let first = read();
    server.agent("PUT", ID, Some(REPORT));
    for secret in ["ca.key", "operator.token", "inventory.db"] {
        let mode = std::fs::metadata(dir.path().join(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    server.stop();

    let server = Server::start(dir.path());
    assert_eq!(read(), first);
    assert_eq!(server.agent("PUT", ID, Some(REPORT)).status, 200);
}

#[test]
fn the_certificate_has_the_configured_names() {
    let dir = tempdir().unwrap();
    let server = Server::start_with(
        dir.path(),
        &["--listen", "0.0.0.0:0", "--name", "127.0.0.2", "--name", "a.example"],
    );
    assert!(server.base.starts_with("https://127.0.0.2:"), "{}", server.base);
    assert_eq!(server.agent("PUT", ID, Some(REPORT)).status, 201);
    let localhost = server.base.replace("127.0.0.2", "localhost");
    assert_eq!(server.get(&format!("{localhost}/{ID}/detail"), &[]).status, 200);
    let other = server.base.replace("127.0.0.2", "127.0.0.3");
    let refused = server.try_call("GET", &other, &[], None).err().unwrap().to_string();
    assert!(refused.contains("not valid for name"), "{refused}");
}

#[test]
fn many_hosts_at_once() {
    let dir = tempdir().unwrap();
    let server = Server::start_with(dir.path(), &["--listen", "127.0.0.1:0", "--default-action", "wait"]);
    std::thread::scope(|scope| {
        for number in 0..32 {
            let server = &server;
            scope.spawn(move || {
                let id = format!("{number:08x}-0042-3510-8052-b4c04f4a4b32");
                let registration = server.agent("PUT", &id, Some(&report_of(&id)));
                assert_eq!((registration.status, &registration.json()["action"]), (201, &"wait".into()));
                assert!(registration.json()["seconds"].as_u64().unwrap() > 0);
                server.agent("POST", &format!("{id}/events"), Some(FAILED));
            });
        }
        for _ in 0..4 {
            prints(dir.path(), &["host", "action", OTHER, "rescue"]);
        }
    });
    let hosts = server.operator("GET", "hosts", None).json();
    let failed = hosts.as_array().unwrap().iter().filter(|host| host["state"] == "failed").count();
    assert_eq!((hosts.as_array().unwrap().len(), failed), (33, 32));
}
