// SPDX-License-Identifier: MIT OR Apache-2.0
//! Downloads from image servers that restart, break off, change, refuse, crawl: a real socket on loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::*;
use crate::config::Settings;
use crate::host::Machine;
use crate::target::memory;
use stage1_contract::{Artifact, Profile};

const BYTES: &str = "0123456789";
const SHA256: &str = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";
const OTHER: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What a server does on its n-th connection, with this head of a request.
type Script = fn(usize, &str, &mut TcpStream);

/// A server, each of whose connections has its own thread; the heads of the requests come out of the channel.
struct Server {
    origin: String,
    requests: Receiver<String>,
}

impl Server {
    fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (sender, requests) = channel();
        thread::spawn(move || {
            for (turn, stream) in listener.incoming().enumerate() {
                let (sender, mut stream) = (sender.clone(), stream.unwrap());
                let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let head = lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
                let _ = sender.send(head.clone());
                thread::spawn(move || script(turn, &head, &mut stream));
            }
        });
        Self { origin, requests }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.try_iter().collect()
    }
}

fn send(stream: &mut TcpStream, head: &str, body: &str) {
    let length = body.len();
    let _ = write!(stream, "HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
}

/// The first four bytes, and the end of the connection.
fn half(stream: &mut TcpStream, headers: &str) {
    let _ = write!(stream, "HTTP/1.1 200 OK\r\n{headers}content-length: 10\r\n\r\n0123");
}

/// What was asked for.
fn ranged(head: &str, stream: &mut TcpStream) {
    match head.contains("range: bytes=4-") {
        true => send(stream, "206 Partial Content\r\ncontent-range: bytes 4-9/10", &BYTES[4..]),
        false => send(stream, "200 OK", BYTES),
    }
}

fn hang(stream: &mut TcpStream) {
    let _ = stream.read(&mut [0]);
}

fn downloader(timeout: Duration) -> Downloader {
    let inventory = vec!["http://127.0.0.1/".to_string()];
    let settings = Settings { inventory, allow_http: true, ..Settings::default() };
    Downloader::new(Transport::new(&Machine::at("/nowhere"), &settings).unwrap(), timeout)
}

fn file(urls: &[String]) -> Fetch {
    let urls = urls.iter().map(|url| Url::new("", url).unwrap()).collect();
    Fetch { urls, sha256: SHA256.to_string(), size: 10 }
}

/// Downloads one file from these URLs.
fn download_by(downloader: Downloader, urls: &[String]) -> Result<String, String> {
    let memory = memory::file("test").unwrap();
    let artifacts =
        downloader.fetch_all(&[(&file(urls), &memory, 0)]).map_err(|error| format!("{error:#}"))?;
    assert_eq!(memory::content(&memory).unwrap(), BYTES.as_bytes());
    Ok(artifacts[0].url.clone())
}

fn download(urls: &[String]) -> Result<String, String> {
    download_by(downloader(Duration::from_secs(60)), urls)
}

/// Downloads one file from this server.
fn from(script: Script) -> (Result<String, String>, Vec<String>) {
    let server = Server::start(script);
    let result = download(&[server.url("/k")]);
    (result.map_err(|error| error.replace(&server.origin, "HOST")), server.requests())
}

#[test]
fn a_server_that_restarts_is_waited_for() {
    // More failures in a row than a client with a fixed number of attempts would allow, each at once.
    let server = Server::start(|turn, _, stream| match turn {
        ..12 => send(stream, "503 Slow Down", "<Error><Code>SlowDown</Code></Error>"),
        12..24 => {}
        _ => send(stream, "200 OK", BYTES),
    });
    let mut downloader = downloader(Duration::from_secs(60));
    downloader.limits.longest_pause = Duration::from_millis(20);
    assert_eq!(download_by(downloader, &[server.url("/k")]), Ok(server.url("/k")));
    assert_eq!(server.requests().len(), 25);
}

#[test]
fn at_the_deadline_the_message_has_the_last_reason_and_the_setting() {
    let server = Server::start(|_, _, stream| send(stream, "503 -", "<Error><Code>SlowDown</Code></Error>"));
    let begin = Instant::now();
    let error = download_by(downloader(Duration::from_secs(1)), &[server.url("/k")]).unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(5));
    let error = error.replace(&server.origin, "HOST");
    assert_eq!(
        error,
        "HOST/k: HTTP 503: SlowDown (received 0 B of 10 B within 1 s, setting download-timeout)"
    );
    let server = Server::start(|_, _, stream| send(stream, "503 -\r\nretry-after: 7200", ""));
    let error = download(&[server.url("/k")]).unwrap_err();
    assert!(error.ends_with("setting download-timeout; the server asks to wait 7200 s)"), "{error}");
}

#[test]
fn retry_after_is_honoured_unless_there_is_another_url() {
    let busy: Script = |turn, _, stream| match turn {
        0 => send(stream, "503 -\r\nretry-after: 2", ""),
        _ => send(stream, "200 OK", BYTES),
    };
    let begin = Instant::now();
    assert!(from(busy).0.is_ok());
    assert!(begin.elapsed() >= Duration::from_secs(2));
    let (busy, other) = (Server::start(busy), Server::start(|_, _, stream| send(stream, "200 OK", BYTES)));
    let begin = Instant::now();
    assert_eq!(download(&[busy.url("/k"), other.url("/k")]), Ok(other.url("/k")));
    assert!(begin.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_rest_is_asked_for_by_its_strong_entity_tag() {
    let (result, requests) = from(|turn, head, stream| match turn {
        0 => half(stream, "etag: \"a\"\r\n"),
        _ => ranged(head, stream),
    });
    assert!(result.is_ok());
    assert!(
        requests[1].contains("range: bytes=4-") && requests[1].contains("if-match: \"a\""),
        "{requests:?}"
    );
    let (result, requests) = from(|turn, head, stream| match turn {
        0 => half(stream, "etag: W/\"a\"\r\n"),
        _ => ranged(head, stream),
    });
    assert!(result.is_ok() && !requests[1].contains("if-match"), "{requests:?}");
}

#[test]
fn a_file_that_was_changed_is_downloaded_again_without_its_entity_tag() {
    // Servers behind one name, each with a tag of its own.
    let (result, requests) = from(|turn, head, stream| match turn {
        0 | 2 => half(stream, "etag: \"a\"\r\n"),
        _ if head.contains("if-match") => send(stream, "412 Precondition Failed", ""),
        _ => ranged(head, stream),
    });
    assert!(result.is_ok(), "{result:?}");
    let last = requests.last().unwrap();
    assert!(requests.len() == 4 && last.contains("range:") && !last.contains("if-match"), "{requests:?}");
}

#[test]
fn a_server_that_refuses_or_confuses_ranges_is_asked_for_the_whole() {
    let scripts: [Script; 4] = [
        |turn, head, stream| match turn {
            0 => half(stream, ""),
            _ if head.contains("range:") => send(stream, "416 -\r\ncontent-range: bytes */10", ""),
            _ => send(stream, "200 OK", BYTES),
        },
        |turn, head, stream| match turn {
            0 => half(stream, ""),
            _ if head.contains("range:") => send(stream, "206 -\r\ncontent-range: bytes 0-9/10", BYTES),
            _ => send(stream, "200 OK", BYTES),
        },
        |turn, head, stream| match turn {
            0 => half(stream, ""),
            _ if head.contains("range:") => send(stream, "206 -", &BYTES[4..]),
            _ => send(stream, "200 OK", BYTES),
        },
        |turn, head, stream| match turn {
            0 => half(stream, ""),
            _ if head.contains("range:") => {
                send(stream, "206 -\r\ncontent-type: multipart/byteranges; boundary=B", "--B\r\n\r\n456789");
            }
            // A part that is the whole, which nobody asked for.
            _ => send(stream, "206 -\r\ncontent-range: bytes 0-9/10", BYTES),
        },
    ];
    for (case, script) in scripts.into_iter().enumerate() {
        let (result, requests) = from(script);
        assert!(result.is_ok() && requests.len() == 3, "{case}: {result:?} {requests:?}");
        assert!(!requests[2].contains("range:"), "{case}: {requests:?}");
    }
    let (result, requests) = from(|_, _, stream| send(stream, "206 -", BYTES));
    assert_eq!(result.unwrap_err(), "HOST/k: the server sent another range than requested: no Content-Range");
    assert_eq!(requests.len(), 2, "one restart");
}

#[test]
fn shorter_ranges_than_requested_are_gone_on_with_at_once() {
    let (result, requests) = from(|_, head, stream| {
        let first = head.split("range: bytes=").nth(1).map_or(0, |rest| rest[..1].parse().unwrap());
        match first {
            0 => half(stream, ""),
            _ => {
                let range = format!("206 -\r\ncontent-range: bytes {first}-{first}/10");
                send(stream, &range, &BYTES[first..=first]);
            }
        }
    });
    assert!(result.is_ok() && requests.len() == 7, "{result:?}");
}

#[test]
fn parts_that_do_not_match_are_downloaded_again_once() {
    let stale: Script = |turn, head, stream| match turn % 2 {
        0 => drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nstal")),
        _ => ranged(head, stream),
    };
    let (result, requests) = from(stale);
    assert_eq!(result.unwrap_err(), "HOST/k: the parts of several attempts do not match");
    assert_eq!(requests.len(), 4);
}

#[test]
fn what_cannot_pass_ends_the_download_at_once() {
    let scripts: [(Script, &str); 9] = [
        (
            |_, _, stream| send(stream, "404 -", "<Error><Code>NoSuchKey</Code></Error>"),
            "HOST/k: HTTP 404: NoSuchKey",
        ),
        (
            |_, _, stream| drop(stream.write_all(b"SSH-2.0-OpenSSH_9\r\n")),
            "HOST/k: the server does not speak HTTP as it should: ",
        ),
        (
            |_, _, stream| {
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nxx\r\n"));
            },
            "HOST/k: the server does not speak HTTP as it should: ",
        ),
        (
            |_, _, stream| send(stream, "302 -\r\nlocation: /k?S3CRET", ""),
            "HOST/k: the server does not speak HTTP as it should: too many redirects",
        ),
        (
            |_, _, stream| send(stream, "302 -\r\nlocation: ftp://127.0.0.1/etc/shadow?S3CRET", ""),
            "HOST/k: invalid URL: the server redirects to what is no http or https URL",
        ),
        (
            |_, _, stream| send(stream, "200 OK\r\ncontent-encoding: gzip", "x"),
            "HOST/k: the server sent the file in another form",
        ),
        (
            |_, _, stream| {
                drop(stream.write_all(
                    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n0123\r\n0\r\n\r\n",
                ));
            },
            "HOST/k: wrong size: 4 bytes, not the expected 10",
        ),
        (
            |_, _, stream| send(stream, "206 -\r\ncontent-range: bytes 0-3/4", "0123"),
            "HOST/k: wrong size: 4 bytes",
        ),
        (
            |_, _, stream| send(stream, "200 OK", "9876543210"),
            "HOST/k: wrong digest: its SHA-256 is 7619ee8c",
        ),
    ];
    for (script, expected) in scripts {
        let begin = Instant::now();
        let error = from(script).0.unwrap_err();
        assert!(error.starts_with(expected) && !error.contains("S3CRET"), "{error}");
        assert!(begin.elapsed() < Duration::from_secs(10), "{expected}");
    }
}

#[test]
fn a_short_response_without_a_length_is_wrong_at_the_second_time() {
    let (result, requests) = from(|_, _, stream| drop(stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n0123")));
    assert_eq!(result.unwrap_err(), "HOST/k: wrong size: 4 bytes, not the expected 10");
    assert_eq!(requests.len(), 2);
}

#[test]
fn a_crawling_server_is_left_where_there_is_another_url_and_its_bytes_are_kept() {
    let slow = Server::start(|_, _, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123");
        thread::sleep(Duration::from_millis(400));
        let _ = stream.write_all(b"4");
        hang(stream);
    });
    let other = Server::start(|_, head, stream| {
        assert!(head.contains("range: bytes=5-"), "{head}");
        send(stream, "206 -\r\ncontent-range: bytes 5-9/10", &BYTES[5..]);
    });
    let mut downloader = downloader(Duration::from_secs(60));
    downloader.limits.window = Duration::from_millis(300);
    assert_eq!(download_by(downloader, &[slow.url("/k"), other.url("/k")]), Ok(other.url("/k")));
}

#[test]
fn one_file_that_fails_ends_the_others() {
    let server = Server::start(|_, head, stream| match head.starts_with("GET /k ") {
        true => send(stream, "404 -", ""),
        false => hang(stream),
    });
    let [kernel, initrd] = [memory::file("kernel").unwrap(), memory::file("initrd").unwrap()];
    let begin = Instant::now();
    let pieces = [(&file(&[server.url("/i")]), &initrd, 0), (&file(&[server.url("/k")]), &kernel, 0)];
    let error = downloader(Duration::from_secs(60)).fetch_all(&pieces).unwrap_err().to_string();
    assert_eq!(error, format!("{}: HTTP 404", server.url("/k")));
    assert!(begin.elapsed() < Duration::from_secs(5));
}

/// A plan whose kernel is at these URLs.
fn plan(urls: &[String], sha256: &str) -> Plan {
    let kernel = Artifact { urls: urls.to_vec(), sha256: sha256.to_string(), size: 10 };
    let (name, append) = (String::new(), String::new());
    let profile = Profile { version: 1, name, kernel: Some(kernel), initrds: Vec::new(), append, uki: None };
    Plan::new(&profile, "http://i/").unwrap()
}

#[test]
fn after_a_403_the_profile_is_fetched_anew_and_the_download_goes_on_where_it_was() {
    let server = Server::start(|turn, head, stream| match turn {
        0 => half(stream, ""),
        _ if head.contains("sig=new") => ranged(head, stream),
        _ => send(stream, "403 -", "<Error><Code>AccessDenied</Code></Error>"),
    });
    let new = server.url("/k?sig=new-S3CRET");
    let downloader =
        downloader(Duration::from_secs(60)).renewed_by(move || Ok(plan(std::slice::from_ref(&new), SHA256)));
    assert_eq!(download_by(downloader, &[server.url("/k?sig=old-S3CRET")]), Ok(server.url("/k")));
    let requests = server.requests();
    assert!(requests.len() == 3 && requests[2].contains("range: bytes=4-"), "{requests:?}");
}

#[test]
fn a_403_that_stays_is_final() {
    let server = Server::start(|_, _, stream| {
        let body = "<Error><Code>AccessDenied</Code><StringToSign>S3CRET</StringToSign></Error>";
        send(stream, "403 -", body);
    });
    let old = server.url("/k?sig=S3CRET");
    let renewed = |urls: &'static [&'static str], sha256: &'static str| {
        let (origin, old) = (server.origin.clone(), old.clone());
        let next = AtomicU64::new(0);
        let downloader = downloader(Duration::from_secs(60)).renewed_by(move || {
            let turn = next.fetch_add(1, Ordering::Relaxed) as usize;
            let url = urls.get(turn).map_or(old.clone(), |path| format!("{origin}{path}"));
            Ok(plan(&[url], sha256))
        });
        let error = download_by(downloader, &[server.url("/k?sig=S3CRET")]).unwrap_err();
        assert!(!error.contains("S3CRET"), "{error}");
        (error.replace(&server.origin, "HOST"), server.requests().len())
    };
    let (error, requests) = renewed(&[], SHA256);
    assert!(error.starts_with("HOST/k: HTTP 403: AccessDenied (no right to read it"), "{error}");
    assert!(error.contains("S3 answers 403 also for what is not there"), "{error}");
    assert_eq!(requests, 1);
    // Signed anew at each call, and refused nevertheless.
    assert_eq!(renewed(&["/k?sig=1", "/k?sig=2", "/k?sig=3"], SHA256).1, 2);
    let (error, _) = renewed(&[], OTHER);
    assert!(error.ends_with("; the profile was changed during the download: boot again"), "{error}");
}

#[test]
fn user_and_password_of_a_url_are_sent_and_a_problem_document_is_not_trusted_with_them() {
    let server = Server::start(|turn, _, stream| match turn {
        0 => send(stream, "503 -", r#"{"detail":"busy: /k of user:S3CRET"}"#),
        _ => send(stream, "401 -", r#"{"detail":"no such user:S3CRET"}"#),
    });
    let error = download(&[server.url("/k").replace("//", "//user:S3CRET@")]).unwrap_err();
    assert_eq!(error, format!("{}: HTTP 401", server.url("/k")));
    assert!(server.requests()[0].contains("authorization: Basic dXNlcjpTM0NSRVQ="));
}
