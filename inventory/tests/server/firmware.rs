// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware: the journal of a host, and manifest sets, signed and published.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::running::{Server, fails, prints};
use crate::{ID, REPORT};

const JOURNAL: &str = include_str!("../../contract/tests/wire/firmware-journal.json");

fn set(serial: u64) -> String {
    format!("schema = 1\nserial = {serial}\nexpires = \"2027-06-30\"\n")
}

/// Writes a file and returns its path.
fn file(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_string()
}

#[test]
fn a_journal_of_an_unregistered_host_is_stored() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    let path = format!("{ID}/firmware");
    let read = || server.agent("GET", &path, None).json();
    assert_eq!(read(), json!({ "version": 1, "attempts": [] }));
    assert_eq!(server.agent("PUT", &path, Some(JOURNAL)).status, 204);
    assert_eq!(read(), serde_json::from_str::<Value>(JOURNAL).unwrap());
    server.agent("PUT", ID, Some(REPORT));
    assert_eq!(read()["attempts"].as_array().unwrap().len(), 3, "registering keeps it");

    assert!(server.agent("PUT", &path, Some("{\"version\":2}")).problem(422).contains("version"));
    server.agent("PUT", &path, Some("{\"version\":1,\"attempts\":[{}]}")).problem(422);
    server.agent("GET", "nobody/firmware", None).problem(400);
    assert_eq!(server.operator("GET", &format!("hosts/{ID}"), None).json()["firmware"], read());

    let mut report: Value = serde_json::from_str(REPORT).unwrap();
    let example: Value =
        serde_json::from_str(include_str!("../../contract/tests/wire/report-firmware.json")).unwrap();
    report["firmware"] = example["firmware"].clone();
    server.agent("PUT", ID, Some(&report.to_string()));
    let shown = prints(dir.path(), &["host", "show", ID]);
    let plain = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [
        "firmware entry device running stored desired decision",
        "firmware update attempts entry device from to outcome",
        "connectx-6-dx serial/MT2025X00001 22.31.1014 22.39.2048 confirmed",
        "2.19.1 failed reading back: the image is not what is in the flash",
        "2.19.1 open, ",
    ] {
        assert!(plain.contains(expected), "{expected} is not in {shown}");
    }

    prints(dir.path(), &["host", "retry-firmware", ID]);
    assert_eq!(read()["attempts"], json!([]));
}

#[test]
fn the_manifests_of_the_greatest_serial_are_served_as_they_were_signed() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    let served = || server.agent("GET", "firmware-manifests", None);
    assert_eq!((served().status, served().body.len()), (204, 0));

    let key = dir.path().join("fleet.key").to_str().unwrap().to_string();
    let public = format!("{key}.pub");
    prints(dir.path(), &["firmware", "keygen", &key]);
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fails(dir.path(), &["firmware", "keygen", &key]).contains("never overwritten"));

    let seven = file(dir.path(), "7.toml", &set(7));
    assert!(fails(dir.path(), &["firmware", "verify", "--key", &public, &seven]).contains("not signed"));
    prints(dir.path(), &["firmware", "sign", "--key", &key, &seven]);
    assert!(prints(dir.path(), &["firmware", "verify", "--key", &public, &seven]).contains("serial 7"));
    prints(dir.path(), &["firmware", "publish", &seven]);
    let signature = fs::read_to_string(format!("{seven}.sig")).unwrap();
    assert_eq!(served().json(), json!({ "version": 1, "set": set(7), "signature": signature.trim() }));

    let six = file(dir.path(), "6.toml", &set(6));
    assert!(fails(dir.path(), &["firmware", "publish", &six]).contains("serial 6 is not greater than 7"));
    let eight = file(dir.path(), "8.toml", &set(8));
    assert!(prints(dir.path(), &["firmware", "publish", &eight]).contains("not signed"));
    assert_eq!(served().json(), json!({ "version": 1, "set": set(8) }));
}

#[test]
fn a_changed_set_or_another_key_is_refused() {
    let dir = tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_string();
    let (key, other) = (path("a.key"), path("b.key"));
    prints(dir.path(), &["firmware", "keygen", &key]);
    prints(dir.path(), &["firmware", "keygen", &other]);
    let signed = file(dir.path(), "set.toml", &set(7));
    prints(dir.path(), &["firmware", "sign", "--key", &key, &signed]);
    let verify = |key: &str| fails(dir.path(), &["firmware", "verify", "--key", key, &signed]);
    assert!(verify(&format!("{other}.pub")).contains("the signature was not made with"));
    file(dir.path(), "set.toml", &set(8));
    assert!(verify(&format!("{key}.pub")).contains("the signature was not made with"));

    let bad = file(dir.path(), "bad.toml", "schema = 1\nserial = 1\nexpires = \"2027-06-30\"\ncolour = 1\n");
    assert!(fails(dir.path(), &["firmware", "sign", "--key", &key, &bad]).contains("unknown field `colour`"));
    assert!(fails(dir.path(), &["firmware", "sign", "--key", &bad, &signed]).contains("no PRIVATE KEY"));
}

/// Keys and signatures that OpenSSL makes and verifies can be used.
#[test]
fn keys_and_signatures_are_compatible_with_openssl() {
    let dir = tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_string();
    let openssl = |arguments: &[&str]| {
        Command::new("openssl").args(arguments).output().is_ok_and(|output| output.status.success())
    };
    if !openssl(&["version"]) {
        eprintln!("skipped: openssl is not installed");
        return;
    }
    let (key, public) = (path("o.key"), path("o.pub"));
    assert!(openssl(&["genpkey", "-algorithm", "ed25519", "-out", &key]));
    assert!(openssl(&["pkey", "-in", &key, "-pubout", "-out", &public]));
    let signed = file(dir.path(), "set.toml", &set(7));
    prints(dir.path(), &["firmware", "sign", "--key", &key, &signed]);
    prints(dir.path(), &["firmware", "verify", "--key", &public, &signed]);

    let raw = path("raw");
    assert!(openssl(&["base64", "-d", "-in", &format!("{signed}.sig"), "-A", "-out", &raw]));
    let verify =
        ["pkeyutl", "-verify", "-pubin", "-inkey", &public, "-rawin", "-in", &signed, "-sigfile", &raw];
    assert!(openssl(&verify));
}
