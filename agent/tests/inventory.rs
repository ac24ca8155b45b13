// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client against inventories that misbehave: a real socket, and a server that follows a script.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use stage1::config::Settings;
use stage1::host::Machine;
use stage1::inventory::{Assigned, Client, Pause, Transport};
use stage1::target::{Downloader, Overlay, Plan, fetch};
use stage1_contract::{Artifact, Profile};

const PROFILE: &str = r#"{"version":1,"name":"p","kernel":{"urls":["/k"],"sha256":"00","size":1}}"#;

/// A server that handles its first connection with the first script, and so on; the heads of the requests come out of
/// the channel.
struct Server {
    base: String,
    requests: Receiver<String>,
}

/// What happens on a connection after the head of the request.
type Script = fn(&mut TcpStream);

impl Server {
    fn start(scripts: &'static [Script]) -> Self {
        Self::serve(scripts.iter().copied())
    }

    /// A server that does the same on every connection.
    fn always(script: Script) -> Self {
        Self::serve(std::iter::repeat(script))
    }

    fn serve(scripts: impl Iterator<Item = Script> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/ipxe", listener.local_addr().unwrap());
        let (sender, requests) = channel();
        thread::spawn(move || {
            for (script, stream) in scripts.zip(listener.incoming()) {
                let mut stream = stream.unwrap();
                let _ = sender.send(head(&stream));
                script(&mut stream);
            }
        });
        Self { base, requests }
    }

    fn client(&self, timeout: Duration) -> Client {
        Client::new(self.transport(), std::slice::from_ref(&self.base), "4c4c", timeout)
    }

    fn transport(&self) -> Transport {
        let settings =
            Settings { inventory: vec![self.base.clone()], allow_http: true, ..Settings::default() };
        Transport::new(&Machine::at("/nowhere"), &settings).unwrap()
    }

    fn profile_error(&self, timeout: Duration) -> String {
        match self.client(timeout).profile() {
            Ok(_) => panic!("a profile arrived"),
            Err(error) => error.to_string().replace(&self.base, "BASE"),
        }
    }
}

/// The request's head.
fn head(stream: &TcpStream) -> String {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn answer(stream: &mut TcpStream, head: &str, body: &str) {
    let length = body.len();
    let _ = write!(stream, "HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
}

#[test]
fn a_profile_arrives() {
    let server = Server::start(&[|stream| answer(stream, "200 OK", PROFILE)]);
    let Ok(Assigned::Profile(profile, base)) = server.client(Duration::from_secs(5)).profile() else {
        panic!()
    };
    assert_eq!(profile.name, "p");
    assert_eq!(base.0, format!("{}/4c4c/profile", server.base));
    assert!(server.requests.recv().unwrap().starts_with("GET /ipxe/4c4c/profile HTTP/1.1"));
}

#[test]
fn a_report_is_amended() {
    let server = Server::start(&[
        |stream| answer(stream, "503 Service Unavailable", ""),
        |stream| answer(stream, "204 No Content", ""),
    ]);
    let patch = serde_json::json!({ "version": 1, "lldp": [] });
    server.client(Duration::from_secs(60)).amend(&patch, Duration::from_secs(5)).unwrap();
    let requests: Vec<String> = server.requests.iter().collect();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].starts_with("PATCH /ipxe/4c4c HTTP/1.1"), "{requests:?}");
    assert!(requests[1].contains("application/json"), "{requests:?}");
}

#[test]
fn firmware_manifests_and_the_journal_are_read_and_written() {
    let server = Server::start(&[
        |stream| answer(stream, "200 OK", r#"{"version":1,"set":"serial = 7\n","signature":"AA=="}"#),
        |stream| answer(stream, "204 No Content", ""),
        |stream| answer(stream, "200 OK", r#"{"version":1,"attempts":[]}"#),
        |stream| answer(stream, "503 Service Unavailable", ""),
        |stream| answer(stream, "204 No Content", ""),
    ]);
    let client = server.client(Duration::from_secs(30));
    let manifests = client.firmware_manifests().unwrap().unwrap();
    assert_eq!((manifests.set.as_str(), manifests.signature.as_deref()), ("serial = 7\n", Some("AA==")));
    assert!(client.firmware_manifests().unwrap().is_none());
    let journal = client.firmware_journal().unwrap();
    client.put_firmware_journal(&journal, Duration::from_secs(30)).unwrap();
    let requests: Vec<String> = server.requests.iter().collect();
    for (request, start) in requests.iter().zip([
        "GET /ipxe/firmware-manifests HTTP",
        "GET /ipxe/firmware-manifests HTTP",
        "GET /ipxe/4c4c/firmware HTTP",
        "PUT /ipxe/4c4c/firmware HTTP",
        "PUT /ipxe/4c4c/firmware HTTP",
    ]) {
        assert!(request.starts_with(start), "{request}");
    }
}

#[test]
fn an_unknown_host_is_reported_with_the_inventorys_detail_and_not_retried() {
    let server = Server::start(&[|stream| {
        answer(stream, "404 Not Found", r#"{"title":"unknown host","detail":"no host 4c4c"}"#);
    }]);
    let error = server.profile_error(Duration::from_secs(5));
    assert_eq!(error, "GET BASE/4c4c/profile: HTTP 404: no host 4c4c");
}

#[test]
fn a_temporary_error_is_retried() {
    let server = Server::start(&[
        |stream| answer(stream, "500 Internal Server Error", "<html>oops</html>"),
        |_stream| {},
        |stream| answer(stream, "503 Service Unavailable\r\nretry-after: 1", ""),
        |stream| answer(stream, "200 OK", PROFILE),
    ]);
    let started = Instant::now();
    assert!(matches!(server.client(Duration::from_secs(60)).profile(), Ok(Assigned::Profile(..))));
    assert!(started.elapsed() >= Duration::from_secs(1), "Retry-After was ignored");
    assert_eq!(server.requests.iter().count(), 4);
}

#[test]
fn a_redirect_is_followed_by_a_read_and_never_by_a_write() {
    let server = Server::start(&[
        |stream| answer(stream, "302 Found\r\nlocation: /elsewhere", ""),
        |stream| answer(stream, "200 OK", PROFILE),
        |stream| answer(stream, "302 Found\r\nlocation: https://other/ipxe/4c4c?S3CRET", ""),
        |stream| answer(stream, "307 Temporary Redirect\r\nlocation: /ipxe/4c4c/", ""),
        |stream| answer(stream, "301 Moved Permanently", ""),
    ]);
    let client = server.client(Duration::from_secs(5));
    assert!(client.profile().is_ok());
    let patch = serde_json::json!({ "version": 1 });
    let errors = [(); 3].map(|()| client.amend(&patch, Duration::from_secs(5)).unwrap_err().to_string());
    let text = |what: &str| {
        format!("PATCH {}/4c4c: {what}: what is written is never sent on; set that URL instead", server.base)
    };
    assert_eq!(errors[0], text("HTTP 302, a redirect to https://other/ipxe/4c4c"));
    assert_eq!(errors[1], text("HTTP 307, a redirect to /ipxe/4c4c/"));
    assert_eq!(errors[2], text("HTTP 301, a redirect to an unknown place (no Location)"));
    let requests: Vec<String> = server.requests.iter().collect();
    assert_eq!(requests.len(), 5);
    assert!(requests[2..].iter().all(|request| request.starts_with("PATCH ")), "{requests:?}");
}

#[test]
fn without_a_profile_the_answer_is_when_to_ask_again() {
    let server = Server::start(&[|stream| answer(stream, "204 No Content\r\nretry-after: 7", "")]);
    let Ok(Assigned::Nothing(pause)) = server.client(Duration::from_secs(5)).profile() else { panic!() };
    assert_eq!(pause, Duration::from_secs(7));
}

#[test]
fn a_response_that_is_not_the_contracts_is_described() {
    let html = Server::start(&[|stream| answer(stream, "200 OK", "<html>please log in</html>")]);
    let error = html.profile_error(Duration::from_secs(5));
    assert!(error.contains("not the contract's JSON: an HTML page"), "{error}");
    let other = Server::start(&[|stream| answer(stream, "200 OK", r#"{"version":2,"name":"p"}"#)]);
    let error = other.profile_error(Duration::from_secs(5));
    assert!(error.ends_with("response has contract version 2, this agent supports version 1"), "{error}");
}

#[test]
fn a_truncated_body_is_retried_and_then_reported() {
    let server = Server::always(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"version\":1,");
    });
    let error = server.profile_error(Duration::from_secs(1));
    assert!(error.contains("response truncated"), "{error}");
}

#[test]
fn a_gigabyte_is_not_read() {
    let server = Server::start(&[|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n");
        let chunk = [b' '; 65536];
        let mut sent: u64 = 0;
        while sent < 1_000_000_000 && stream.write_all(&chunk).is_ok() {
            sent += chunk.len() as u64;
        }
        assert!(sent < 100_000_000, "the client read {sent} bytes");
    }]);
    let error = server.profile_error(Duration::from_secs(20));
    assert_eq!(error, "GET BASE/4c4c/profile: response larger than 4 MiB");
}

#[test]
fn a_silent_and_a_slow_server_time_out_at_the_deadline() {
    let scripts: [&'static [Script]; 2] = [
        &[|stream| drop(stream.read(&mut [0; 1]))],
        &[|stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
            while stream.write_all(b" ").is_ok() {
                thread::sleep(Duration::from_millis(50));
            }
        }],
    ];
    for script in scripts {
        let started = Instant::now();
        let error = Server::start(script).profile_error(Duration::from_secs(1));
        assert!(error.contains("profile: timed out after 1 s"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}

/// The content of every download.
const BYTES: &str = "0123456789";
const SHA256: &str = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";

fn download(scripts: &'static [Script], paths: &[&str], size: u64) -> (String, Vec<String>) {
    let server = Server::start(scripts);
    let urls = paths.iter().map(|path| (*path).to_string()).collect();
    let kernel = Artifact { urls, sha256: SHA256.to_string(), size };
    let plan = plan(kernel, &server.base);
    let downloader = Downloader::new(server.transport(), Duration::from_secs(30));
    let error = format!("{:#}", fetch(downloader, &plan, &Overlay::default()).err().unwrap());
    let origin = server.base.trim_end_matches("/ipxe").to_string();
    (error.replace(&origin, "HOST"), server.requests.try_iter().collect())
}

fn plan(kernel: Artifact, base: &str) -> Plan {
    let profile = Profile {
        version: 1,
        name: "p".to_string(),
        kernel: Some(kernel),
        initrds: Vec::new(),
        append: String::new(),
        uki: None,
    };
    Plan::new(&profile, base).unwrap()
}

/// The error after a complete download: the bytes are not a kernel.
const COMPLETE: &str = "not a kernel but an unknown kind of file";

#[test]
fn a_broken_download_resumes_where_it_broke() {
    let (error, requests) = download(
        &[
            |stream| drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123")),
            |stream| answer(stream, "206 Partial Content\r\ncontent-range: bytes 4-9/10", &BYTES[4..]),
        ],
        &["/k"],
        10,
    );
    assert!(error.contains(COMPLETE), "{error}");
    assert!(requests[1].contains("range: bytes=4-"), "{}", requests[1]);
}

#[test]
fn parts_that_do_not_match_are_downloaded_again_as_a_whole() {
    let (error, _) = download(
        &[
            |stream| drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nstal")),
            |stream| answer(stream, "206 Partial Content\r\ncontent-range: bytes 4-9/10", &BYTES[4..]),
            |stream| answer(stream, "200 OK", BYTES),
        ],
        &["/k"],
        10,
    );
    assert!(error.contains(COMPLETE), "{error}");
}

#[test]
fn a_server_without_ranges_is_downloaded_again_from_the_start() {
    let (error, _) = download(
        &[
            |stream| drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123")),
            |stream| answer(stream, "200 OK", BYTES),
        ],
        &["/k"],
        10,
    );
    assert!(error.contains(COMPLETE), "{error}");
}

#[test]
fn the_next_url_is_tried_after_one_that_failed() {
    let (error, requests) = download(
        &[
            |stream| answer(stream, "404 Not Found", ""),
            |stream| answer(stream, "200 OK", "9876543210"),
            |stream| answer(stream, "200 OK", BYTES),
        ],
        &["/a", "/b", "/c"],
        10,
    );
    assert!(error.contains(COMPLETE), "{error}");
    assert!(requests[2].starts_with("GET /c "));
}

#[test]
fn wrong_bytes_and_wrong_sizes_are_refused_with_the_url() {
    let (error, _) = download(&[|stream| answer(stream, "200 OK", "9876543210")], &["/k"], 10);
    assert!(error.starts_with("HOST/k: wrong digest: its SHA-256 is 7619ee8c"), "{error}");
    let (error, _) = download(&[|stream| answer(stream, "200 OK", BYTES)], &["/k"], 11);
    assert_eq!(error, "HOST/k: wrong size: 10 bytes, not the expected 11");
    let (error, _) = download(
        &[|stream| drop(stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n0123456789"))],
        &["/k"],
        9,
    );
    assert!(error.ends_with("longer than the expected 9 bytes"), "{error}");
}

/// A run that is cancelled from its beginning.
struct Cancelled;

impl Pause for Cancelled {
    fn pause(&self, _: Duration) -> bool {
        false
    }

    fn is_cancelled(&self) -> bool {
        true
    }
}

#[test]
fn a_cancelled_run_neither_retries_nor_downloads_on() {
    let server = Server::always(|stream| answer(stream, "503 Service Unavailable\r\nretry-after: 60", ""));
    let transport = server.transport().with_pause(Arc::new(Cancelled));
    let client =
        Client::new(transport, std::slice::from_ref(&server.base), "4c4c", Duration::from_secs(3600));
    let error = client.profile().err().unwrap();
    assert!(error.is_cancelled() && !error.may_retry(), "{error}");
    assert_eq!(server.requests.try_iter().count(), 1);

    let server = Server::start(&[
        |stream| drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123")),
        |stream| answer(stream, "200 OK", BYTES),
    ]);
    let transport = server.transport().with_pause(Arc::new(Cancelled));
    let downloader = Downloader::new(transport, Duration::from_secs(3600));
    let urls = vec!["/a".to_string(), "/b".to_string()];
    let plan = plan(Artifact { urls, sha256: SHA256.to_string(), size: 10 }, &server.base);
    let error = format!("{:#}", fetch(downloader, &plan, &Overlay::default()).err().unwrap());
    assert!(error.contains("/a: cancelled (received 0 B of 10 B)"), "{error}");
    assert_eq!(server.requests.try_iter().count(), 1);
}
