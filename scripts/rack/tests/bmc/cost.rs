// SPDX-License-Identifier: MIT OR Apache-2.0
//! The number of requests to the BMC, compared with ipmitool.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::thread;

use nix::sys::socket::{Shutdown, shutdown};

use crate::Stand;
use crate::agent::run;

/// Settings that ipmitool can set on ipmi_sim too.
const DESIRED: &str = "
serial_over_lan = true
[[users]]
name = 'boss'
password = 'Correct-Horse-1'
[[users]]
name = 'ops'
privilege = 'operator'
password = 'Battery-Staple-2'
[lan]
source = 'static'
address = '10.9.0.77'
prefix = 20
gateway = '10.9.0.1'
vlan = 12
";

/// The same with ipmitool, if channel and slots are known.
const SET: &str = "
user set name 3 boss
user set password 3 Correct-Horse-1
channel setaccess 1 3 callin=off ipmi=on link=on privilege=4
user enable 3
user set name 4 ops
user set password 4 Battery-Staple-2
channel setaccess 1 4 callin=off ipmi=on link=on privilege=3
user enable 4
lan set 1 ipsrc static
lan set 1 ipaddr 10.9.0.77
lan set 1 netmask 255.255.240.0
lan set 1 defgw ipaddr 10.9.0.1
lan set 1 vlan id 12
sol set enabled true 1
";
/// Finding them out, and reading the configuration.
const READ: &str = "
mc info
channel info 1
user list 1
lan print 1
raw 0x0c 0x22 1 1 0 0
chassis status
sel time get
mc watchdog get
";
/// Verifying it.
const VERIFY: &str = "
user test 3 16 Correct-Horse-1
user test 4 16 Battery-Staple-2
user list 1
lan print 1
raw 0x0c 0x22 1 1 0 0
";

#[test]
fn sends_fewer_requests_than_ipmitool() {
    let ours = different();
    let outcome = run(&ours, DESIRED).outcome;
    assert!(outcome.is_as_desired, "{outcome:#?}");
    assert!(outcome.took_ms < 2000, "{} ms", outcome.took_ms);
    let requests = ours.bmc.proxy().exchanges().len();
    assert_eq!(u32::try_from(requests).unwrap(), outcome.requests);

    let theirs = different();
    let count = |words: &[&str]| {
        theirs.bmc.proxy().reset_counts();
        ipmitool(&theirs, words);
        theirs.bmc.proxy().exchanges().len()
    };
    let script = theirs.directory().join("script");
    let path = script.to_str().unwrap();
    let [read, set, verify] = [READ, SET, VERIFY].map(|lines| {
        std::fs::write(&script, lines.trim_start()).unwrap();
        count(&["exec", path])
    });
    assert_eq!(theirs.bmc.lan(), ours.bmc.lan());
    let users =
        |stand: &Stand| stand.bmc.ipmitool("boss", "Correct-Horse-1", &["user", "list", "1"]).unwrap();
    assert_eq!(users(&theirs), users(&ours));
    // As most scripts do it: one process per line.
    let singly =
        |lines: &str| lines.trim().lines().map(|line| count(&line.split(' ').collect::<Vec<_>>())).sum();
    let singly: [usize; 3] = [READ, SET, VERIFY].map(singly);

    let written = ours.bmc.proxy().writes().len();
    println!(
        "requests: the agent {requests}, of which {written} change something; ipmitool to read, set and verify {read} + \
         {set} + {verify} in one process each, {singly:?} in one process per line"
    );
    assert!(requests < read + set + verify, "{requests} against {read} + {set} + {verify}");
    // All of the agent's, which also look at each channel, are fewer than those for setting and verifying.
    assert!(requests < set + verify, "{requests} against {set} + {verify}");
}

/// A BMC of which no setting is the desired one.
fn different() -> Stand {
    let stand = Stand::up("source = 'dhcp'", "");
    assert_eq!(stand.ask(0x0c, 0x21, &[1, 1, 0]), [0]);
    stand.bmc.proxy().reset_counts();
    stand
}

/// Runs ipmitool with the host's connection to the BMC: its interface "dummy" sends each request to a socket
/// (ipmitool, `src/plugins/dummy`).
fn ipmitool(stand: &Stand, words: &[&str]) {
    let socket = stand.directory().join("dummy.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| listener.incoming().map_while(Result::ok).for_each(|stream| serve(stand, stream)));
        let mut ipmitool = Command::new("ipmitool");
        ipmitool.args(["-I", "dummy"]).args(words).env("IPMI_DUMMY_SOCK", &socket);
        let output = ipmitool.output().unwrap();
        shutdown(listener.as_raw_fd(), Shutdown::Both).unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
    });
    std::fs::remove_file(&socket).unwrap();
}

/// Answers the requests of one ipmitool: `struct dummy_rq` and its data, `struct dummy_rs` and its data.
fn serve(stand: &Stand, mut stream: UnixStream) {
    let mut head = [0; 16];
    while stream.read_exact(&mut head).is_ok() {
        let [net_fn, lun, code, _, low, high, ..] = head;
        // The end of the session.
        if (net_fn, code) == (0x3f, 0xff) {
            return;
        }
        let mut data = vec![0; usize::from(u16::from_le_bytes([low, high]))];
        stream.read_exact(&mut data).unwrap();
        let answer = stand.ask(net_fn, code, &data);
        let mut reply = [0; 24];
        reply[..5].copy_from_slice(&[net_fn | 1, code, 0, lun, answer[0]]);
        reply[8] = u8::try_from(answer.len() - 1).unwrap();
        stream.write_all(&reply).unwrap();
        stream.write_all(&answer[1..]).unwrap();
    }
}
