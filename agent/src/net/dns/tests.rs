// SPDX-License-Identifier: MIT OR Apache-2.0
//! The resolver against name servers that misbehave, on loopback, and against dnsmasq.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;

use super::*;

/// A machine with these files in /etc.
fn machine(resolv_conf: &str, hosts: &str) -> (tempfile::TempDir, Machine) {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("etc")).unwrap();
    std::fs::write(root.path().join("etc/resolv.conf"), resolv_conf).unwrap();
    std::fs::write(root.path().join("etc/hosts"), hosts).unwrap();
    let machine = Machine::at(root.path());
    (root, machine)
}

/// What the server does with a question for this name and record type: a response code and addresses; `None`: nothing.
type Script = fn(&str, u16) -> Option<(u8, Vec<IpAddr>)>;

const A: u16 = 1;
const AAAA: u16 = 28;
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A name server that follows a script; returns its port.
fn server(address: &str, port: u16, script: Script) -> u16 {
    let socket = UdpSocket::bind((address, port)).unwrap();
    let port = socket.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = answer(&buffer[..length], script) {
                socket.send_to(&answer, from).unwrap();
            }
        }
    });
    port
}

fn answer(question: &[u8], script: Script) -> Option<Vec<u8>> {
    let mut labels = Vec::new();
    let mut at = 12;
    while question[at] > 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(String::from_utf8(question[at + 1..end].to_vec()).unwrap());
        at = end;
    }
    let record_type = u16::from_be_bytes([question[at + 1], question[at + 2]]);
    let (code, addresses) = script(&labels.join("."), record_type)?;
    let mut answer =
        [&question[..2], &[0x81, 0x80 | code, 0, 1, 0, addresses.len() as u8, 0, 0, 0, 0]].concat();
    answer.extend_from_slice(&question[12..at + 5]);
    for address in addresses {
        let data = match address {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        answer.extend([0xc0, 12, 0, record_type as u8, 0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
        answer.extend(data);
    }
    Some(answer)
}

fn lookup(machine: &Machine, port: u16, name: &str) -> Result<Vec<IpAddr>, Error> {
    resolve_at(machine, port, name, Duration::from_secs(3), &|| false)
}

#[test]
fn one_family_is_enough_whatever_the_server_does_with_the_other_one() {
    let (_root, machine) = machine("nameserver 127.0.0.1\n", "");
    let scripts: [Script; 7] = [
        |_, kind| if kind == A { Some((0, vec![HERE])) } else { Some((0, vec![])) },
        |_, kind| if kind == A { Some((0, vec![HERE])) } else { Some((1, vec![])) },
        |_, kind| if kind == A { Some((0, vec![HERE])) } else { Some((2, vec![])) },
        |_, kind| if kind == A { Some((0, vec![HERE])) } else { Some((3, vec![])) },
        |_, kind| if kind == A { Some((0, vec![HERE])) } else { Some((4, vec![])) },
        |_, kind| if kind == A { Some((0, vec![HERE])) } else { Some((5, vec![])) },
        |_, kind| if kind == A { Some((0, vec![HERE])) } else { None },
    ];
    for (index, script) in scripts.into_iter().enumerate() {
        let port = server("127.0.0.1", 0, script);
        let started = Instant::now();
        assert_eq!(lookup(&machine, port, "inventory.test").unwrap(), [HERE], "script {index}");
        assert!(started.elapsed() < Duration::from_millis(900), "script {index}: {:?}", started.elapsed());
    }
    let port = server("127.0.0.1", 0, |_, kind| {
        if kind == AAAA { Some((0, vec![Ipv6Addr::LOCALHOST.into()])) } else { Some((5, vec![])) }
    });
    assert_eq!(lookup(&machine, port, "inventory.test").unwrap(), [IpAddr::V6(Ipv6Addr::LOCALHOST)]);
}

#[test]
fn the_error_names_server_name_and_answers() {
    let (_root, machine) = machine("nameserver 127.0.0.1\nsearch rack.test\n", "");
    let port = server("127.0.0.1", 0, |_, kind| Some((if kind == A { 3 } else { 5 }, vec![])));
    assert_eq!(
        lookup(&machine, port, "inventory").unwrap_err().to_string(),
        "inventory does not resolve: name server 127.0.0.1: A: no such name (NXDOMAIN), AAAA: refused (REFUSED); \
         neither does inventory.rack.test"
    );
    let silent = server("127.0.0.1", 0, |_, _| None);
    let started = Instant::now();
    let error = resolve_at(&machine, silent, "inventory.test", Duration::from_millis(1200), &|| false);
    let expected = "inventory.test does not resolve: name server 127.0.0.1: no answer within 1.2 s";
    assert_eq!(error.unwrap_err().to_string(), expected);
    assert!(started.elapsed() < Duration::from_secs(2));
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = lookup(&machine, nobody, "inventory.test").unwrap_err().to_string();
    assert!(text.contains("127.0.0.1: no name server runs there"), "{text}");
}

#[test]
fn names_that_nobody_is_asked_for() {
    let (_root, machine) = machine("", "127.0.0.1 inventory.test\n");
    assert_eq!(lookup(&machine, 9, "inventory.test").unwrap(), [HERE]);
    assert_eq!(lookup(&machine, 9, "127.0.0.1").unwrap(), [HERE]);
    assert_eq!(lookup(&machine, 9, "[::1]").unwrap(), [IpAddr::V6(Ipv6Addr::LOCALHOST)]);
    let reason = |name| lookup(&machine, 9, name).unwrap_err().reason;
    assert_eq!(reason("other.test"), Reason::NoServer);
    assert_eq!(reason("a..test"), Reason::BadName);
    assert_eq!(reason("[fe80::1%25eth0]"), Reason::BadName, "the zone is that of another host");
}

#[test]
fn another_server_is_taken_if_the_first_does_not_know_the_name() {
    let (_root, machine) = machine("nameserver 127.0.0.1\nnameserver 127.0.0.2\n", "");
    let port = server("127.0.0.1", 0, |_, _| Some((3, vec![])));
    server("127.0.0.2", port, |_, kind| Some((0, if kind == A { vec![HERE] } else { vec![] })));
    assert_eq!(lookup(&machine, port, "inventory.test").unwrap(), [HERE]);
}

#[test]
fn a_question_that_was_lost_is_sent_again() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let (_root, machine) = machine("nameserver 127.0.0.1\n", "");
    let port = server("127.0.0.1", 0, |_, kind| {
        let asked = ASKED.fetch_add(1, Ordering::Relaxed);
        (asked >= 2).then(|| (0, if kind == A { vec![HERE] } else { vec![] }))
    });
    assert_eq!(lookup(&machine, port, "inventory.test").unwrap(), [HERE]);
}

#[test]
fn a_lookup_ends_when_it_is_cancelled() {
    let (_root, machine) = machine("nameserver 127.0.0.1\n", "");
    let port = server("127.0.0.1", 0, |_, _| None);
    let started = Instant::now();
    let is_late = || started.elapsed() > Duration::from_millis(100);
    let error = resolve_at(&machine, port, "inventory.test", LIMIT, &is_late).unwrap_err();
    assert_eq!(error.reason, Reason::Cancelled);
    assert!(started.elapsed() < Duration::from_millis(1000));
}

#[test]
fn a_truncated_answer_is_had_by_tcp() {
    let (_root, machine) = machine("nameserver 127.0.0.1\n", "");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let udp = UdpSocket::bind(("127.0.0.1", port)).unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = udp.recv_from(&mut buffer) {
            let mut answer = answer(&buffer[..length], |_, _| Some((0, vec![]))).unwrap();
            answer[2] |= 2;
            udp.send_to(&answer, from).unwrap();
        }
    });
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut question).unwrap();
            let many = |_: &str, kind| Some((0, if kind == A { vec![HERE; 40] } else { vec![] }));
            let answer = answer(&question, many).unwrap();
            let length = (answer.len() as u16).to_be_bytes();
            // In two parts, as a network may deliver it.
            stream.write_all(&[&length[..], &answer[..20]].concat()).unwrap();
            thread::sleep(Duration::from_millis(20));
            stream.write_all(&answer[20..]).unwrap();
        }
    });
    assert_eq!(lookup(&machine, port, "inventory.test").unwrap().len(), 40);
}

/// A dnsmasq on loopback, ended with the test.
struct Dnsmasq(Child);

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// dnsmasq of the boot server's kind: no upstream, and one record by an option of its own.
#[test]
fn dnsmasq_with_one_record_and_no_upstream() {
    let (root, machine) = machine("nameserver 127.0.0.1\nsearch test\n", "");
    let hosts = root.path().join("names");
    std::fs::write(&hosts, "127.0.0.1 inventory.test\n").unwrap();
    let hosts = format!("--addn-hosts={}", hosts.display());
    for options in [
        &["--address=/inventory.test/127.0.0.1"][..],
        &["--host-record=inventory.test,127.0.0.1"],
        &["--address=/inventory.test/127.0.0.1", "--local=/test/"],
        &["--cname=inventory.test,real.test", "--host-record=real.test,127.0.0.1"],
        &[&hosts],
    ] {
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let fixed =
            ["-k", "-C", "/dev/null", "--no-hosts", "--no-resolv", "--bind-interfaces", "--pid-file="];
        let mut command = Command::new("dnsmasq");
        command.args(fixed).args(["--listen-address=127.0.0.1", &format!("--port={port}")]).args(options);
        let Ok(child) = command.stderr(Stdio::null()).spawn() else {
            eprintln!("skipped: there is no dnsmasq");
            return;
        };
        let _dnsmasq = Dnsmasq(child);
        let deadline = Instant::now() + Duration::from_secs(10);
        let answers = |name| loop {
            match lookup(&machine, port, name) {
                Err(error) if Instant::now() < deadline && error.to_string().contains("runs there") => {
                    thread::sleep(Duration::from_millis(50));
                }
                result => return result,
            }
        };
        assert_eq!(answers("inventory.test"), Ok(vec![HERE]), "{options:?}");
        assert_eq!(answers("inventory"), Ok(vec![HERE]), "{options:?}");
        assert!(answers("other.test").is_err(), "{options:?}");
    }
}
