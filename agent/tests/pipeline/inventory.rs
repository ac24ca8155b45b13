// SPDX-License-Identifier: MIT OR Apache-2.0
//! An inventory and image server on loopback that answers from a table, and records what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::case::LIMIT;
use super::host::ID;

/// How often a dripping response gets its next byte.
const DRIP: Duration = Duration::from_millis(20);

/// What the server does once it has read a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Answers with this status, more header lines, and this body.
    Answer(u16, String, Vec<u8>),
    /// Answers 200, sends half of this body, and closes the connection.
    Half(Vec<u8>),
    /// Answers nothing until the client closes the connection.
    Hang,
    /// Answers 200 with a body of so many bytes, one every 20 ms, until the client closes the connection.
    Drip(u64),
}

impl Reply {
    /// A status without a body.
    pub fn status(status: u16) -> Self {
        Self::Answer(status, String::new(), Vec::new())
    }

    /// A status with the number of seconds after which to ask again.
    pub fn retry_after(status: u16, seconds: u32) -> Self {
        Self::Answer(status, format!("retry-after: {seconds}\r\n"), Vec::new())
    }

    /// Success with this body.
    pub fn body(body: impl Into<Vec<u8>>) -> Self {
        Self::Answer(200, String::new(), body.into())
    }

    /// Success with one of the contract's examples.
    pub fn wire(name: &str) -> Self {
        Self::body(wire(name))
    }

    fn send(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        match self {
            Self::Answer(status, headers, body) => {
                write!(stream, "HTTP/1.1 {status} -\r\n{headers}connection: close\r\n")?;
                // RFC 9110 8.6: 204 has no Content-Length.
                if *status != 204 {
                    write!(stream, "content-length: {}\r\n", body.len())?;
                }
                stream.write_all(b"\r\n")?;
                stream.write_all(body)
            }
            Self::Half(body) => {
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len())?;
                stream.write_all(&body[..body.len() / 2])
            }
            Self::Hang => stream.read(&mut [0]).map(drop),
            Self::Drip(length) => {
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n")?;
                for _ in 0..*length {
                    stream.write_all(b" ")?;
                    thread::sleep(DRIP);
                }
                Ok(())
            }
        }
    }
}

/// One of the contract's examples.
pub fn wire(name: &str) -> Vec<u8> {
    let path = format!("{}/../inventory/contract/tests/wire/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The server. It serves until the process ends.
pub struct Inventory {
    /// `http://HOST:PORT`.
    pub origin: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// By method and path. The replies to one request after the other; the last one is repeated.
    replies: BTreeMap<String, Vec<Reply>>,
    requests: Vec<(String, Vec<u8>)>,
    /// The requests whose connection has ended.
    ended: Vec<String>,
}

impl Inventory {
    /// A server that answers every request 404.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let server = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = server.clone();
                thread::spawn(move || server.serve(stream));
            }
        });
        Self { origin, shared }
    }

    /// From now on answers a request, such as `GET /ipxe/ID/profile`, with these replies in turn; the last is repeated.
    pub fn on(&self, request: &str, replies: impl Into<Vec<Reply>>) {
        self.shared.state.lock().unwrap().replies.insert(request.to_string(), replies.into());
    }

    /// The requests so far, in the order in which they came, without progress events, which come at any time.
    pub fn requests(&self) -> Vec<String> {
        self.all_requests().into_iter().filter(|request| request != EVENTS).collect()
    }

    /// The requests so far.
    pub fn all_requests(&self) -> Vec<String> {
        let state = self.shared.state.lock().unwrap();
        state.requests.iter().map(|(request, _)| request.clone()).collect()
    }

    /// The bodies of all requests of this kind so far.
    pub fn bodies<T: DeserializeOwned>(&self, request: &str) -> Vec<T> {
        let state = self.shared.state.lock().unwrap();
        let bodies = state.requests.iter().filter(|(other, _)| other == request);
        bodies.map(|(_, body)| serde_json::from_slice(body).unwrap()).collect()
    }

    /// The bodies of all requests so far, as one text.
    pub fn all_bodies(&self) -> String {
        let state = self.shared.state.lock().unwrap();
        state.requests.iter().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect()
    }

    /// Waits until a request came whose body has this text.
    pub fn wait_for(&self, request: &str, text: &str) {
        self.wait(request, |state| {
            let mut requests = state.requests.iter().filter(|(other, _)| other == request);
            requests.any(|(_, body)| String::from_utf8_lossy(body).contains(text))
        });
    }

    /// Waits until the connection of such a request has ended.
    pub fn wait_for_end(&self, request: &str) {
        self.wait(request, |state| state.ended.iter().any(|other| other == request));
    }

    fn wait(&self, request: &str, is_met: impl Fn(&State) -> bool) {
        let state = self.shared.state.lock().unwrap();
        let (state, _) =
            self.shared.changed.wait_timeout_while(state, LIMIT, |state| !is_met(state)).unwrap();
        let requests: Vec<&String> = state.requests.iter().map(|(request, _)| request).collect();
        assert!(is_met(&state), "waited for {request}; requests: {requests:?}");
    }
}

/// Progress events.
pub const EVENTS: &str = "POST /ipxe/ID/events";

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        let Some((request, body)) = read(&stream) else { return };
        let reply = {
            let mut state = self.state.lock().unwrap();
            let turn = state.requests.iter().filter(|(other, _)| *other == request).count();
            state.requests.push((request.clone(), body));
            let replies = state.replies.get(&request).map(Vec::as_slice).unwrap_or_default();
            let reply = replies.get(turn).or(replies.last()).cloned();
            reply.unwrap_or_else(|| Reply::Answer(404, String::new(), wire("problem-document.json")))
        };
        self.changed.notify_all();
        // The client may have closed the connection.
        let _ = reply.send(&mut stream);
        self.state.lock().unwrap().ended.push(request);
        self.changed.notify_all();
    }
}

/// Method and path of a request, with `ID` for the host's, and its body.
fn read(stream: &TcpStream) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut lines = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let request = lines.next()?.strip_suffix(" HTTP/1.1")?.replace(ID, "ID");
    let length = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<u64>().ok())?
    });
    let length = length.last().unwrap_or_default();
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body).ok()?;
    Some((request, body))
}
