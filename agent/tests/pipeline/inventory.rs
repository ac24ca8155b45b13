// SPDX-License-Identifier: MIT OR Apache-2.0
//! A fake inventory and image server on loopback, which answers as each case wants.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ring::digest::{SHA256, digest};

/// How a request is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// With a status and a body.
    Body(u16, Vec<u8>),
    /// Never.
    Hang,
    /// A body of that length, a byte every 50 ms.
    Drip(usize),
}

/// The inventory.
pub struct Inventory {
    pub base: String,
    requests: Arc<Mutex<Vec<String>>>,
}

/// A kernel that is one as far as can be seen: the header of a bzImage (Documentation/arch/x86/boot.rst).
pub fn kernel() -> Vec<u8> {
    let mut kernel = vec![0; 4096];
    kernel[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    kernel[0x202..0x206].copy_from_slice(b"HdrS");
    kernel[0x206..0x208].copy_from_slice(&0x020fu16.to_le_bytes());
    kernel[0x236] = 1;
    kernel[0x238..0x23c].copy_from_slice(&2047u32.to_le_bytes());
    kernel
}

/// A profile whose kernel has this digest and size.
pub fn profile(sha256: &str, size: usize) -> Answer {
    json(&format!(
        r#"{{"version":1,"name":"p","kernel":{{"urls":["/kernel"],"sha256":"{sha256}","size":{size}}},"append":"quiet"}}"#
    ))
}

pub fn json(body: &str) -> Answer {
    Answer::Body(200, body.as_bytes().to_vec())
}

pub fn registration(action: &str) -> Answer {
    json(&format!(r#"{{"version":1,"action":"{action}"}}"#))
}

impl Inventory {
    /// Answers like a correct inventory with the action `boot`, except on the given routes: `PUT`, `GET profile` and so
    /// on.
    pub fn start(routes: &[(&str, Answer)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/ipxe", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let routes: Vec<(String, Answer)> =
            routes.iter().map(|(route, answer)| ((*route).to_string(), answer.clone())).collect();
        let (routes, seen) = (Arc::new(routes), requests.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (routes, seen) = (routes.clone(), seen.clone());
                thread::spawn(move || serve(&stream.unwrap(), &routes, &seen));
            }
        });
        Self { base, requests }
    }

    /// The requests so far but for events: method and what follows the host's identity.
    pub fn requests(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter(|request| *request != "POST events").cloned().collect()
    }
}

fn serve(stream: &TcpStream, routes: &[(String, Answer)], seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    let Some(route) = read_request(&mut reader) else { return };
    seen.lock().unwrap().push(route.clone());
    let given = routes.iter().find(|(of, _)| *of == route).map(|(_, answer)| answer.clone());
    let _ = answer(stream, &given.unwrap_or_else(|| good(&route)));
}

/// `PUT`, `GET profile`, `GET kernel`; the body is read and dropped.
fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<String> {
    let mut lines = reader.by_ref().lines().map_while(Result::ok);
    let first = lines.next()?;
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let length =
        head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    let last = path.rsplit('/').next()?;
    let is_host = last.len() == 36 && last.contains('-');
    Some(if is_host { method.to_string() } else { format!("{method} {last}") })
}

fn good(route: &str) -> Answer {
    let digest: String =
        digest(&SHA256, &kernel()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    match route {
        "PUT" => registration("boot"),
        "GET profile" => profile(&digest, kernel().len()),
        "GET detail" => json(include_str!("../../../inventory/contract/tests/wire/detail.json")),
        "GET kernel" => Answer::Body(200, kernel()),
        _ => Answer::Body(204, Vec::new()),
    }
}

fn answer(mut stream: &TcpStream, answer: &Answer) -> std::io::Result<()> {
    match answer {
        Answer::Body(204, _) => write!(stream, "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"),
        Answer::Body(status, body) => {
            write!(
                stream,
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            )?;
            stream.write_all(body)
        }
        Answer::Hang => {
            thread::sleep(Duration::from_secs(600));
            Ok(())
        }
        Answer::Drip(length) => {
            write!(stream, "HTTP/1.1 200 X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")?;
            for _ in 0..*length {
                stream.write_all(&[0])?;
                thread::sleep(Duration::from_millis(50));
            }
            Ok(())
        }
    }
}
