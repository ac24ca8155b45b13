// SPDX-License-Identifier: MIT OR Apache-2.0
//! Desired BMC configurations, and the state of the passwords in them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stage1_contract::{DesiredBmcConfig, DesiredUser, Secret};
use tempfile::tempdir;

use crate::running::{Response, Server, fails, prints};
use crate::{ID, OTHER, REPORT, report_of};

const SETTINGS: &str = r#"
    ipmi_over_lan = true
    [[users]]
    name = "admin"
    generate = true
    [[users]]
    name = "watch"
    privilege = "operator"
    password = "folder-pw-1"
"#;

fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn register(server: &Server) -> Option<DesiredBmcConfig> {
    let registration = server.agent("PUT", ID, Some(REPORT)).json();
    serde_json::from_value(registration["bmc"].clone()).unwrap()
}

/// The user of that name as the host is sent it now.
fn sent(server: &Server, name: &str) -> DesiredUser {
    register(server).unwrap().users.into_iter().find(|user| user.name == name).unwrap()
}

fn password(user: &DesiredUser) -> Option<&str> {
    user.password.as_ref().map(Secret::reveal)
}

fn generate(server: &Server, id: &str, user: &str, password: &str) -> Response {
    let body = json!({ "version": 1, "user": user, "password": password }).to_string();
    server.agent("PUT", &format!("{id}/bmc-credentials"), Some(&body))
}

/// What a host sends after it has configured its BMC. `number` distinguishes one run from another.
fn outcome(number: u32, users: &[(&str, &str)]) -> Value {
    let users: Vec<Value> =
        users.iter().map(|(name, password)| json!({ "name": name, "password": password })).collect();
    json!({ "version": 1, "bmc": { "outcome": { "took_ms": number, "users": users } } })
}

fn patch(server: &Server, patch: &Value) {
    assert_eq!(server.agent("PATCH", ID, Some(&patch.to_string())).status, 204);
}

#[test]
fn a_configuration_is_the_folders_or_the_hosts_own() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    assert_eq!(register(&server), None);
    write(dir.path(), "bmc.toml", SETTINGS);
    let folder = register(&server).unwrap();
    assert_eq!((folder.users.len(), folder.ipmi_over_lan), (2, Some(true)));
    assert!(folder.users[0].generate);
    assert_eq!(password(&folder.users[1]), Some("folder-pw-1"));

    let own = write(dir.path(), "own.toml", "set_clock = true\nlan = { source = 'dhcp' }");
    let own = own.to_str().unwrap();
    prints(dir.path(), &["host", "bmc", ID, own]);
    let host = register(&server).unwrap();
    assert_eq!((host.users.len(), host.ipmi_over_lan, host.set_clock), (0, None, true));
    prints(dir.path(), &["host", "bmc", ID, "--none"]);
    assert_eq!(register(&server), Some(folder.clone()));

    let put = |path: &str, body: &str| server.operator("PUT", path, Some(body));
    let path = format!("hosts/{ID}/bmc");
    assert_eq!(put(&path, include_str!("../../contract/tests/wire/wanted-bmc.json")).status, 204);
    let host = register(&server).unwrap();
    assert_eq!((host.users.len(), host.lan.unwrap().vlan), (3, Some(40)));
    assert!(!host.users[1].in_place, "only a report of the host sets it");
    assert_eq!(put(&path, "null").status, 204);
    assert_eq!(register(&server), Some(folder));

    // Also for a host that has not registered yet.
    prints(dir.path(), &["host", "bmc", OTHER, own]);
    let other = server.agent("PUT", OTHER, Some(&report_of(OTHER))).json();
    assert_eq!(other["bmc"]["lan"], json!({ "source": "dhcp" }));
}

#[test]
fn an_invalid_configuration_is_refused_when_set() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    let both =
        write(dir.path(), "own.toml", "[[users]]\nname = 'a'\npassword = 'hidden-pw'\ngenerate = true");
    let error = fails(dir.path(), &["host", "bmc", ID, both.to_str().unwrap()]);
    assert!(error.contains("own.toml: user \"a\": ") && error.contains("not both"), "{error}");
    assert!(!error.contains("hidden-pw"), "{error}");
    assert!(fails(dir.path(), &["host", "bmc", ID, "/does/not/exist"]).contains("no such file"));
    for usage in [&["host", "bmc", ID][..], &["host", "bmc", ID, "own.toml", "--none"]] {
        assert!(fails(dir.path(), usage).contains("Usage"));
    }

    let put = |body: Value| server.operator("PUT", &format!("hosts/{ID}/bmc"), Some(&body.to_string()));
    assert!(put(json!({ "users": [{ "name": "" }] })).problem(422).contains("1 to 16"));
    assert!(put(json!({ "lan": { "source": "static" } })).problem(422).contains("an address and a prefix"));
    assert!(put(json!({ "lan": { "vlann": 4 } })).problem(422).contains("unknown setting \"lan.vlann\""));
    assert!(put(json!({ "ipmi_over_lan": "on" })).problem(422).contains("expected a boolean"));
    let number = put(json!({ "users": [{ "name": "a", "password": 12345 }] })).problem(422);
    assert!(number.contains("must be a string") && !number.contains("12345"), "{number}");
    server.operator("PUT", &format!("hosts/{ID}/bmc"), Some("{")).problem(400);
    server.operator("PUT", "hosts/nobody/bmc", Some("{}")).problem(404);
    assert_eq!(register(&server), None);
}

#[test]
fn an_unreadable_configuration_does_not_stop_the_boot() {
    let dir = tempdir().unwrap();
    write(dir.path(), "bmc.toml", "[[users]]\nname = 'a'\npassword = 'hidden-pw");
    let server = Server::start(dir.path());
    let at_start = server.log();
    assert!(at_start.contains("bmc.toml: line 3: "), "{at_start}");

    let registered = server.agent("PUT", ID, Some(REPORT));
    assert_eq!((registered.status, &registered.json()["bmc"]), (201, &Value::Null));
    let log = server.log();
    let log = log.strip_prefix(&at_start).unwrap();
    assert!(log.contains(&format!("no BMC configuration is sent to host {ID}: ")), "{log}");
    assert!(log.contains("bmc.toml: line 3: "), "{log}");
    generate(&server, ID, "a", "generated-pw").problem(500);

    write(dir.path(), "bmc.toml", "[[users]]\nname = 'a'\nprivilege = 'root'");
    assert_eq!(register(&server), None);
    assert!(server.log().contains("bmc.toml: user \"a\": privilege is \"root\""), "{}", server.log());
    // A configuration of its own still works.
    assert_eq!(server.operator("PUT", &format!("hosts/{ID}/bmc"), Some("{}")).status, 204);
    assert_eq!(register(&server), Some(DesiredBmcConfig::default()));
    std::fs::remove_file(dir.path().join("bmc.toml")).unwrap();
    std::fs::create_dir(dir.path().join("bmc.toml")).unwrap();
    assert_eq!(server.operator("PUT", &format!("hosts/{ID}/bmc"), Some("null")).status, 204);
    assert_eq!(register(&server), None);
    assert!(
        !server.log().contains("hidden-pw") && !server.log().contains("generated-pw"),
        "{}",
        server.log()
    );
}

#[test]
fn a_generated_password_is_sent_again() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    write(dir.path(), "bmc.toml", SETTINGS);
    generate(&server, ID, "admin", "generated-pw-1").problem(404);
    prints(dir.path(), &["host", "action", ID, "rescue"]);
    generate(&server, ID, "admin", "generated-pw-1").problem(404);
    let first = sent(&server, "admin");
    assert_eq!((first.generate, password(&first), first.in_place), (true, None, false));

    assert!(generate(&server, ID, "watch", "generated-pw-1").problem(409).contains("\"watch\""));
    assert!(generate(&server, ID, "nobody", "generated-pw-1").problem(409).contains("\"nobody\""));
    for wrong in ["", "123456789012345678901"] {
        generate(&server, ID, "admin", wrong).problem(422);
    }
    assert!(sent(&server, "admin").generate);
    for _ in 0..2 {
        assert_eq!(generate(&server, ID, "admin", "generated-pw-1").status, 204);
    }
    let set = sent(&server, "admin");
    assert_eq!((set.generate, password(&set), set.in_place), (false, Some("generated-pw-1"), false));

    // The host reports it as set in the run in which it generated it.
    assert_eq!(generate(&server, ID, "admin", "generated-pw-2").status, 204);
    patch(&server, &outcome(1, &[("admin", "proven")]));
    let in_place = sent(&server, "admin");
    assert_eq!((password(&in_place), in_place.in_place), (Some("generated-pw-2"), true));
    assert_eq!(generate(&server, ID, "admin", "generated-pw-2").status, 204);
    assert!(sent(&server, "admin").in_place);
    assert_eq!(generate(&server, ID, "admin", "generated-pw-3").status, 204);
    assert!(!sent(&server, "admin").in_place);

    // Each host has its own.
    let other = server.agent("PUT", OTHER, Some(&report_of(OTHER))).json();
    assert_eq!(other["bmc"]["users"][0]["generate"], true);
}

#[test]
fn a_password_is_in_place_once_the_host_reports_it() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    let configure = |password: &str| {
        let body = json!({ "users": [{ "name": "watch", "password": password }, { "name": "idle" }] });
        assert_eq!(server.operator("PUT", &format!("hosts/{ID}/bmc"), Some(&body.to_string())).status, 204);
    };
    let in_place = || sent(&server, "watch").in_place;
    configure("first");
    assert!(!in_place());
    for (number, state) in
        (0..).zip(["proven", "failed", "set", "failed", "believed", "not-wanted", "queued"])
    {
        patch(&server, &outcome(number, &[("watch", state), ("idle", "set"), ("stranger", "set")]));
        assert_eq!(in_place(), state != "failed", "{state}");
    }
    assert!(!sent(&server, "idle").in_place);

    // A host that registers again without having changed its BMC since reports nothing about a new password.
    let again = |number: u32| {
        let mut report: Value = serde_json::from_str(REPORT).unwrap();
        report["bmc"] = outcome(number, &[("watch", "proven")])["bmc"].clone();
        server.agent("PUT", ID, Some(&report.to_string())).json()["bmc"]["users"][0].clone()
    };
    assert_eq!(again(100)["in_place"], true);
    configure("second");
    for _ in 0..3 {
        assert_eq!(
            again(100),
            json!({ "name": "watch", "privilege": "administrator", "password": "second" })
        );
        patch(&server, &outcome(100, &[("watch", "proven")]));
    }
    assert_eq!(again(101)["in_place"], true);

    // Passwords that it was sent since may have been set, whether or not it reported them.
    configure("third");
    assert!(!in_place());
    configure("second");
    assert!(!in_place());
}

#[test]
fn passwords_are_printed_by_one_command_only() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    write(dir.path(), "bmc.toml", SETTINGS);
    let report = include_str!("../../contract/tests/wire/report-bmc.json");
    assert_eq!(server.agent("PUT", ID, Some(report)).status, 201);
    assert_eq!(generate(&server, ID, "admin", "generated-pw-1").status, 204);
    patch(&server, &outcome(1, &[("admin", "proven"), ("watch", "failed")]));

    let credentials = prints(dir.path(), &["host", "credentials", "4c4c4544"]);
    let rows: Vec<Vec<&str>> = credentials.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        rows[1..],
        [["watch", "folder-pw-1", "configured", "no"], ["admin", "generated-pw-1", "generated", "yes"]]
    );
    let credentials = prints(dir.path(), &["host", "credentials", "--json", ID]);
    assert_eq!(
        serde_json::from_str::<Value>(&credentials).unwrap(),
        json!([
            { "user": "watch", "password": "folder-pw-1", "source": "configured", "in_place": false },
            { "user": "admin", "password": "generated-pw-1", "source": "generated", "in_place": true },
        ])
    );

    let own = write(dir.path(), "own.toml", "[[users]]\nname = 'own'\npassword = 'own-pw-1'");
    prints(dir.path(), &["host", "bmc", ID, own.to_str().unwrap()]);
    assert_eq!(password(&sent(&server, "own")), Some("own-pw-1"));
    generate(&server, ID, "own", "generated-pw-2").problem(409);
    let api = |path: &str| String::from_utf8(server.operator("GET", path, None).body).unwrap();
    for seen in [
        prints(dir.path(), &["host", "show", ID]),
        prints(dir.path(), &["host", "show", "--json", ID]),
        prints(dir.path(), &["host", "list"]),
        prints(dir.path(), &["host", "list", "--json"]),
        api("hosts"),
        api(&format!("hosts/{ID}")),
        server.log(),
    ] {
        assert!(seen.contains(ID), "{seen}");
        for secret in ["folder-pw-1", "generated-pw", "own-pw-1"] {
            assert!(!seen.contains(secret), "{secret} is in\n{seen}");
        }
    }
    server.operator("GET", &format!("hosts/{ID}/credentials"), None).problem(404);
    server.operator("GET", &format!("hosts/{ID}/bmc"), None).problem(405);
    server.agent("GET", &format!("{ID}/bmc-credentials"), None).problem(405);
    prints(dir.path(), &["host", "remove", ID]);
    assert!(register(&server).unwrap().users[0].generate);
}

#[test]
fn a_bmc_is_shown() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    let line = || {
        let shown = prints(dir.path(), &["host", "show", ID]);
        shown.lines().find(|line| line.starts_with("bmc ")).map(ToString::to_string)
    };
    server.agent("PUT", ID, Some(REPORT));
    assert_eq!(line(), None);
    server.agent("PUT", ID, Some(include_str!("../../contract/tests/wire/report-bmc.json")));
    assert_eq!(
        line().unwrap(),
        "bmc        192.0.2.40, users: user 1 (disabled), root, guest; \
         not as configured, 1 changed, 1 failed, unknown users: guest; critical events: 1"
    );
    server.agent("PUT", ID, Some(include_str!("../../contract/tests/wire/report-minimal.json")));
    patch(&server, &json!({ "version": 1, "bmc": {} }));
    assert_eq!(line().unwrap(), "bmc        no address, users: none; not configured; critical events: 0");
    patch(
        &server,
        &serde_json::from_str(include_str!("../../contract/tests/wire/report-bmc-patch.json")).unwrap(),
    );
    assert_eq!(
        line().unwrap(),
        "bmc        192.0.2.40, users: admin, operator; as configured, 2 changed; critical events: 0"
    );
}

#[test]
fn passwords_go_over_https_only() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    write(dir.path(), "bmc.toml", SETTINGS);
    let plain = server.boot.strip_suffix("/boot/").unwrap();
    let call = |path: &str, body: &str| {
        server.call("PUT", &format!("{plain}/{path}"), &[], Some(body.as_bytes())).problem(404)
    };
    call(&format!("ipxe/{ID}"), REPORT);
    call(
        &format!("ipxe/{ID}/bmc-credentials"),
        include_str!("../../contract/tests/wire/bmc-credentials.json"),
    );
    call(&format!("api/v1/hosts/{ID}/bmc"), "{}");
    assert!(sent(&server, "admin").generate);
}
