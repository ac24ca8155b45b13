// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operator's commands and API.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::running::{Server, fails, prints};
use crate::{ID, OTHER, REPORT, report_of};

fn action(server: &Server, boot_id: &str) -> Value {
    let mut report: Value = serde_json::from_str(REPORT).unwrap();
    report["boot_id"] = boot_id.into();
    server.agent("PUT", ID, Some(&report.to_string())).json()["action"].clone()
}

fn add_profile(dir: &Path, name: &str, content: &str) -> Value {
    let file = dir.join("compute.efi");
    std::fs::write(&file, content).unwrap();
    prints(dir, &["profile", "add", name, "--uki", file.to_str().unwrap()]);
    let profiles: Value = serde_json::from_str(&prints(dir, &["profile", "list", "--json"])).unwrap();
    profiles.as_array().unwrap().iter().find(|profile| profile["name"] == name).unwrap().clone()
}

#[test]
fn the_operators_action_overrides_the_default() {
    let dir = tempdir().unwrap();
    let server = Server::start_with(dir.path(), &["--listen", "127.0.0.1:0", "--default-action", "rescue"]);
    assert_eq!(action(&server, "1"), "rescue");
    add_profile(dir.path(), "c1", "uki");
    prints(dir.path(), &["host", "assign", ID, "c1"]);
    assert_eq!(action(&server, "2"), "boot");
    prints(dir.path(), &["host", "action", ID, "shutdown"]);
    assert_eq!(action(&server, "3"), "shutdown");
    assert_eq!(action(&server, "4"), "shutdown");
    prints(dir.path(), &["host", "action", ID, "default"]);
    assert_eq!(action(&server, "5"), "boot");
    prints(dir.path(), &["host", "assign", ID, "none"]);
    assert_eq!(action(&server, "6"), "rescue");
}

#[test]
fn a_reboot_is_requested_once() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    prints(dir.path(), &["host", "action", ID, "reboot"]);
    assert_eq!(action(&server, "first"), "reboot");
    assert_eq!(action(&server, "first"), "reboot", "the first response may have been lost");
    assert_eq!(action(&server, "second"), "shutdown");
    prints(dir.path(), &["host", "action", ID, "reboot"]);
    assert_eq!(action(&server, "second"), "reboot");
}

#[test]
fn a_host_is_selected_by_identity_name_or_serial_number() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    server.agent("PUT", ID, Some(REPORT));
    server.agent("PUT", OTHER, Some(&report_of(OTHER).replace("5B25JK2", "5B25JK3")));
    let detail = dir.path().join("detail.json");
    std::fs::write(&detail, include_str!("../../contract/tests/wire/detail.json")).unwrap();
    prints(dir.path(), &["host", "detail", "5b25jk2", detail.to_str().unwrap()]);
    assert_eq!(
        server.agent("GET", &format!("{ID}/detail"), None).json(),
        serde_json::from_str::<Value>(include_str!("../../contract/tests/wire/detail.json")).unwrap()
    );

    let shown = |host: &str| {
        let json = prints(dir.path(), &["host", "show", "--json", host]);
        serde_json::from_str::<Value>(&json).unwrap()["id"].clone()
    };
    for host in [ID, &ID.to_uppercase(), "4C4C4544-0042-3510-8052-b", "5B25JK2", "Compute-17"] {
        assert_eq!(shown(host), ID, "{host}");
    }
    let several = fails(dir.path(), &["host", "show", "4c4c4544"]);
    assert!(several.contains(ID) && several.contains(OTHER), "{several}");
    for none in ["", "%", "4c4c4545", "compute"] {
        assert!(fails(dir.path(), &["host", "show", none]).contains("no host"), "{none}");
    }

    let listed = prints(dir.path(), &["host", "list"]);
    assert!(listed.lines().any(|line| line.starts_with(ID) && line.contains("compute-17")), "{listed}");
    prints(dir.path(), &["host", "remove", "compute-17"]);
    fails(dir.path(), &["host", "show", ID]);
    server.agent("GET", &format!("{ID}/detail"), None).problem(404);
}

#[test]
fn a_host_is_configured_before_it_registers() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    add_profile(dir.path(), "c1", "uki");
    prints(dir.path(), &["host", "assign", &ID.to_uppercase(), "c1"]);
    assert!(prints(dir.path(), &["host", "show", ID]).contains("unregistered"));
    assert!(fails(dir.path(), &["host", "assign", "4c4c4544-00", "c2"]).contains("no such profile"));
    fails(dir.path(), &["host", "assign", "5c4c4544-00", "c1"]);
    let registered = server.agent("PUT", ID, Some(REPORT));
    assert_eq!((registered.status, &registered.json()["action"]), (201, &"boot".into()));
}

#[test]
fn bad_input_is_refused() {
    let dir = tempdir().unwrap();
    let empty = dir.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert!(fails(&empty, &["host", "list"]).contains("not an inventory's data folder"));
    assert_eq!(std::fs::read_dir(&empty).unwrap().count(), 0);

    Server::start(dir.path()).stop();
    let file = dir.path().join("detail.json");
    std::fs::write(&file, r#"{"version":1}"#).unwrap();
    assert!(fails(dir.path(), &["host", "detail", ID, file.to_str().unwrap()]).contains("hostname"));
    std::fs::write(&file, r#"{"version":1,"hostname":"a","files":[{"path":"/tmp/x","content":""}]}"#)
        .unwrap();
    let refused = fails(dir.path(), &["host", "detail", ID, file.to_str().unwrap()]);
    assert!(refused.contains("files[0].path: \"/tmp/x\" would be hidden"), "{refused}");
    assert!(
        fails(dir.path(), &["profile", "add", "c1", "--kernel", "/does/not/exist"])
            .contains("/does/not/exist")
    );
    std::fs::write(&file, kernel(2047)).unwrap();
    let long = "a".repeat(2017);
    let refused =
        fails(dir.path(), &["profile", "add", "c1", "--kernel", file.to_str().unwrap(), "--append", &long]);
    assert!(refused.contains("2017 bytes, this kernel accepts 2016"), "{refused}");
    prints(dir.path(), &["profile", "add", "c1", "--kernel", file.to_str().unwrap(), "--append", &long[1..]]);
    prints(dir.path(), &["profile", "remove", "c1"]);
    prints(dir.path(), &["profile", "prune"]);
    std::fs::write(&file, "").unwrap();
    assert!(
        fails(dir.path(), &["profile", "add", "c1", "--kernel", file.to_str().unwrap()]).contains("empty")
    );
    assert!(
        fails(dir.path(), &["profile", "add", "../c1", "--kernel", "x"]).contains("not a valid profile name")
    );
    assert_eq!(std::fs::read_dir(dir.path().join("images")).unwrap().count(), 0);
    fails(dir.path(), &["serve", "--name", "not a name"]);
    fails(dir.path(), &["serve", "--default-action", "reboot"]);
}

/// The setup header of a bzImage (Documentation/arch/x86/boot.rst) with this cmdline_size.
fn kernel(cmdline_size: u16) -> Vec<u8> {
    let mut kernel = vec![0; 1024];
    kernel[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    kernel[0x202..0x206].copy_from_slice(b"HdrS");
    kernel[0x238..0x23a].copy_from_slice(&cmdline_size.to_le_bytes());
    kernel
}

#[test]
fn files_of_a_replaced_profile_are_kept_until_pruned() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    let url = |profile: &Value| format!("{}{}", server.origin(), profile["uki"]["urls"][0].as_str().unwrap());
    let first = url(&add_profile(dir.path(), "c1", "first"));
    let second = url(&add_profile(dir.path(), "c1", "second"));
    assert_ne!(first, second);
    assert_eq!(server.get(&first, &[]).body, b"first");
    assert_eq!(server.get(&second, &[]).body, b"second");

    std::fs::write(dir.path().join("images/by-hand.img"), b"mine").unwrap();
    assert!(prints(dir.path(), &["profile", "prune"]).contains("compute.efi"));
    server.get(&first, &[]).problem(404);
    assert_eq!(server.get(&second, &[]).body, b"second");
    assert!(dir.path().join("images/by-hand.img").exists());

    prints(dir.path(), &["host", "assign", ID, "c1"]);
    assert!(fails(dir.path(), &["profile", "remove", "c1"]).contains("assigned to 1 host"));
    prints(dir.path(), &["host", "remove", ID]);
    prints(dir.path(), &["profile", "remove", "c1"]);
    assert!(fails(dir.path(), &["profile", "remove", "c1"]).contains("no such profile"));
}

#[test]
fn the_api_does_what_the_commands_do() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    let put = |path: &str, body: &str| server.operator("PUT", path, Some(body));
    let profile = include_str!("../../contract/tests/wire/profile-kernel.json");
    assert_eq!(put("profiles/compute-1", profile).status, 201);
    assert_eq!(put("profiles/compute-1", profile).status, 204);
    put("profiles/compute-2", profile).problem(422);
    let lines = profile.replace("\"append\": \"", "\"append\": \"a\\n");
    assert!(put("profiles/compute-1", &lines).problem(422).contains("append is not one line"));
    put("profiles/c", r#"{"version":1,"name":"c"}"#).problem(422);
    let with = |append: &str, url: &str| {
        let mut profile: Value = serde_json::from_str(profile).unwrap();
        profile["append"] = append.into();
        profile["kernel"]["urls"] = json!([url]);
        profile.to_string()
    };
    let (elsewhere, here) = ("https://images.example.com/vmlinuz", "/images/vmlinuz");
    let too_long = put("profiles/compute-1", &with(&"a".repeat(2017), elsewhere)).problem(422);
    assert!(
        too_long.contains("append: command line too long: 2017 bytes, kernels accept 2016"),
        "{too_long}"
    );
    assert_eq!(put("profiles/compute-1", &with(&"a".repeat(2016), elsewhere)).status, 204);
    std::fs::write(dir.path().join("images/vmlinuz"), kernel(4095)).unwrap();
    let too_long = put("profiles/compute-1", &with(&"a".repeat(4065), here)).problem(422);
    assert!(too_long.contains("this kernel accepts 4064"), "{too_long}");
    assert_eq!(put("profiles/compute-1", &with(&"a".repeat(4064), here)).status, 204);
    assert_eq!(put("profiles/compute-1", profile).status, 204);
    let listed = server.operator("GET", "profiles", None).json();
    assert_eq!(listed, json!([serde_json::from_str::<Value>(profile).unwrap()]));

    assert_eq!(put(&format!("hosts/{ID}/profile"), r#"{"profile":"compute-1"}"#).status, 204);
    assert!(
        put(&format!("hosts/{ID}/profile"), r#"{"profile":"none"}"#).problem(422).contains("no such profile")
    );
    assert_eq!(action(&server, "1"), "boot");
    assert_eq!(server.agent("GET", &format!("{ID}/profile"), None).json(), listed[0]);
    assert_eq!(put("hosts/5B25JK2/action", r#"{"action":"rescue"}"#).status, 204);
    assert_eq!(action(&server, "2"), "rescue");
    put("hosts/5B25JK2/action", r#"{"action":"wipe"}"#).problem(422);
    assert_eq!(put("hosts/5B25JK2/action", r#"{"action":null}"#).status, 204);
    assert_eq!(action(&server, "3"), "boot");
    assert_eq!(
        put(&format!("hosts/{ID}/detail"), include_str!("../../contract/tests/wire/detail.json")).status,
        204
    );
    let mistaken =
        r#"{"version":1,"hostname":"a b","interfaces":[{"name":"p","mac":"0a:00:27:00:00:01","mtu":1}]}"#;
    let refused = put(&format!("hosts/{ID}/detail"), mistaken);
    assert!(refused.problem(422).starts_with("hostname: \"a b\" is not a host name"), "{refused:?}");
    let pointers: Vec<Value> =
        refused.json()["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect();
    assert_eq!(pointers, ["#/hostname", "#/interfaces/0/mtu"]);
    assert_eq!(server.operator("GET", "hosts/compute-17", None).json()["id"], ID);
    put("hosts/nobody/action", r#"{"action":"boot"}"#).problem(404);

    server.operator("DELETE", "profiles/compute-1", None).problem(409);
    assert_eq!(server.operator("DELETE", "hosts/compute-17", None).status, 204);
    server.operator("GET", &format!("hosts/{ID}"), None).problem(404);
    assert_eq!(server.operator("DELETE", "profiles/compute-1", None).status, 204);
    server.operator("DELETE", "profiles/compute-1", None).problem(404);
}

#[test]
fn every_command_has_a_summary_and_two_examples() {
    let dir = tempdir().unwrap();
    let help = |command: &[&str]| prints(dir.path(), &[command, &["--help"]].concat());
    let names = |help: &str| -> Vec<String> {
        let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let lines = lines.take_while(|line| !line.is_empty());
        let names = lines.filter_map(|line| line.split_whitespace().next().map(ToString::to_string));
        names.filter(|name| name != "help").collect()
    };
    let mut commands = vec![Vec::new()];
    let mut seen = 0;
    while let Some(command) = commands.pop() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let help = help(&words);
        let summary = help.lines().next().unwrap();
        assert!(summary.starts_with(|c: char| c.is_uppercase()) && !summary.ends_with('.'), "{help}");
        let (_, examples) =
            help.split_once("\nExamples:\n").unwrap_or_else(|| panic!("no examples:\n{help}"));
        assert_eq!(examples.trim_end().lines().count(), 2, "{help}");
        commands.extend(names(&help).into_iter().map(|name| [command.clone(), vec![name]].concat()));
        seen += 1;
    }
    assert_eq!(seen, 1 + 5 + 10 + 4 + 4);
}
