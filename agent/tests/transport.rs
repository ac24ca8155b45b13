// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client's CA and credentials: unusable files are errors that name the setting, never panics.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use stage1::config::Settings;
use stage1::host::Machine;
use stage1::inventory::{Client, Transport};

/// A machine with two certificates, their keys, and other files.
fn machine() -> (tempfile::TempDir, Machine) {
    let dir = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec![name.to_string()]).unwrap();
        fs::write(dir.path().join(format!("{name}.pem")), cert.pem()).unwrap();
        fs::write(dir.path().join(format!("{name}.key")), signing_key.serialize_pem()).unwrap();
    }
    fs::write(dir.path().join("text"), "not PEM").unwrap();
    fs::write(dir.path().join("token"), "s3cret\n").unwrap();
    fs::write(dir.path().join("two-lines"), "s3cret\nx-evil: 1\n").unwrap();
    let machine = Machine::at(dir.path());
    (dir, machine)
}

fn path(name: &str) -> Option<PathBuf> {
    Some(PathBuf::from("/").join(name))
}

fn trusting_one() -> Settings {
    Settings { ca: path("one.pem"), ..Settings::default() }
}

fn error(settings: &Settings) -> String {
    let (_dir, machine) = machine();
    Transport::new(&machine, settings).err().expect("the settings are invalid").to_string()
}

#[test]
fn valid_files_are_accepted() {
    let (_dir, machine) = machine();
    let settings = Settings {
        client_cert: path("two.pem"),
        client_key: path("two.key"),
        token_file: path("token"),
        ..trusting_one()
    };
    let transport = Transport::new(&machine, &settings).unwrap();
    assert_eq!(transport.authorization.as_deref(), Some("Bearer s3cret"));
}

#[test]
fn a_ca_file_must_exist_and_contain_a_certificate() {
    let absent = Settings { ca: path("absent.pem"), ..Settings::default() };
    assert!(error(&absent).starts_with("setting ca: "), "{}", error(&absent));
    for (file, form) in [("text", ""), ("one.key", ": it has a private key only")] {
        let empty = Settings { ca: path(file), ..Settings::default() };
        assert_eq!(error(&empty), format!("setting ca: /{file}: no certificate in it{form}"));
    }
    assert!(error(&Settings::default()).starts_with("no CA certificate: "));
}

#[test]
fn a_file_that_is_cut_or_der_is_described_and_a_byte_order_mark_is_ignored() {
    let (dir, machine) = machine();
    let one = fs::read(dir.path().join("one.pem")).unwrap();
    let ca = |bytes: &[u8]| {
        fs::write(dir.path().join("ca"), bytes).unwrap();
        let settings = Settings { ca: path("ca"), ..Settings::default() };
        Transport::new(&machine, &settings).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(ca(&[b"\xef\xbb\xbf".as_slice(), &one].concat()), Ok(()));
    assert_eq!(ca(&String::from_utf8_lossy(&one).replace('\n', "\r\n").into_bytes()), Ok(()));
    let cut = "setting ca: /ca: it was cut short: a BEGIN line has no END line";
    assert_eq!(ca(&one[..one.len() - 40]).unwrap_err(), cut);
    assert_eq!(ca(&[&one, &one[..90]].concat()).unwrap_err(), cut);
    assert!(
        ca(&[0x30, 0x82, 1, 0]).unwrap_err().starts_with("setting ca: /ca: no certificate in it: it is DER;")
    );
}

#[test]
fn a_client_certificate_must_match_its_key() {
    let client =
        |cert: &str, key: &str| Settings { client_cert: path(cert), client_key: path(key), ..trusting_one() };
    let mixed = error(&client("one.pem", "two.key"));
    assert!(mixed.starts_with("setting client-cert: /one.pem: it does not match client-key"), "{mixed}");
    assert_eq!(error(&client("one.pem", "text")), "setting client-key: /text: no private key in it");
    let alone = Settings { client_cert: path("one.pem"), ..trusting_one() };
    assert_eq!(error(&alone), "setting client-cert: /one.pem: client-key is not set");
}

#[test]
fn plain_http_is_refused_before_anything_is_sent() {
    let (_dir, machine) = machine();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let inventory = vec![format!("http://{}/ipxe", listener.local_addr().unwrap())];
    let transport = Transport::new(&machine, &trusting_one()).unwrap();
    let client = Client::new(transport, &inventory, "4c4c", Duration::from_secs(5));
    let error = client.profile().err().unwrap().to_string();
    assert!(
        error.ends_with("plain http is not allowed: use https, or set stage1.allow-http=true"),
        "{error}"
    );
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_token_cannot_smuggle_a_header_in() {
    let settings = Settings { token_file: path("two-lines"), ..trusting_one() };
    let error = error(&settings);
    assert_eq!(error, "setting token-file: /two-lines: not one line of printable ASCII");
    assert!(!error.contains("s3cret"));
}
