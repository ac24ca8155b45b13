// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent in network namespaces, with servers that are real and servers that are wrong. They need root, and print SKIPPED
//! without.

mod lab;
mod server;

use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lab::{Daemon, Host, Site, ip, note, on_host, until};
use server::{Answer, DNS, Heard, Log, MASK, ROUTER, lease, serve};

const INVENTORY: &str = "http://10.77.0.1:8000/ipxe";

/// What the server changes of its answers, and what the host must then have: an address, a part of a route, and lines of
/// resolv.conf.
struct Case {
    name: &'static str,
    change: fn(&Heard, &mut Answer),
    address: &'static str,
    route: &'static str,
    resolv_conf: &'static str,
}

const DEFAULT: &str = "default via 10.9.0.1 dev eth0";
const NAME_SERVER: &str = "nameserver 10.9.0.1\n";
const ORDINARY: Case = Case {
    name: "ordinary",
    change: |_, _| {},
    address: "10.9.0.50/24",
    route: DEFAULT,
    resolv_conf: NAME_SERVER,
};

/// Everything but the mask, and so on: the options of an ordinary answer with others in their place.
fn options(answer: &mut Answer, options: &[&[u8]]) {
    answer.options = [&options.concat(), &lease(3600)[..]].concat();
}

const CASES: &[Case] = &[
    ORDINARY,
    Case { name: "unicast", change: |_, answer| answer.is_unicast = true, ..ORDINARY },
    Case { name: "VLAN 0", change: |_, answer| answer.vlan = Some(0), ..ORDINARY },
    Case {
        name: "no mask",
        change: |_, answer| options(answer, &[ROUTER, DNS]),
        address: "10.9.0.50/32",
        ..ORDINARY
    },
    Case {
        name: "gateway outside",
        change: |_, answer| options(answer, &[MASK, &[3, 4, 172, 16, 5, 1], DNS]),
        route: "default via 172.16.5.1 dev eth0",
        ..ORDINARY
    },
    Case {
        name: "classless gateway",
        change: |_, answer| {
            options(answer, &[MASK, &[121, 14, 32, 10, 8, 0, 1, 0, 0, 0, 0, 0, 10, 8, 0, 1], DNS]);
        },
        route: "default via 10.8.0.1 dev eth0",
        ..ORDINARY
    },
    Case {
        name: "split",
        change: |_, answer| {
            options(answer, &[MASK, &[121, 6, 16, 10, 100, 10, 9, 0], &[121, 6, 1, 0, 10, 9, 0, 1], DNS]);
        },
        route: "10.100.0.0/16 via 10.9.0.1 dev eth0",
        ..ORDINARY
    },
    Case {
        name: "damaged routes",
        change: |_, answer| options(answer, &[MASK, &[121, 3, 24, 10, 1], ROUTER, DNS]),
        ..ORDINARY
    },
    Case {
        name: "overloaded",
        change: |_, answer| {
            options(answer, &[MASK, &[52, 1, 2]]);
            answer.sname = [ROUTER, DNS, &[255]].concat();
        },
        ..ORDINARY
    },
    Case { name: "cut short", change: |_, answer| answer.options.extend([15, 200, b'a', b'b']), ..ORDINARY },
    Case {
        name: "no lease time",
        change: |_, answer| answer.options = [MASK, ROUTER, DNS].concat(),
        ..ORDINARY
    },
    Case {
        name: "refused once",
        change: |heard, answer| {
            if heard.kind == 3 && heard.number == 1 {
                answer.kind = 6;
            }
        },
        ..ORDINARY
    },
    Case {
        name: "lines in the domain",
        change: |_, answer| {
            options(answer, &[MASK, ROUTER, DNS, &[15, 24], b"evil\nnameserver 6.6.6.6\n"]);
        },
        ..ORDINARY
    },
    Case {
        name: "domains",
        change: |_, answer| options(answer, &[MASK, ROUTER, DNS, &[119, 11], b"\x04rack\x04test\0"]),
        resolv_conf: "nameserver 10.9.0.1\nsearch rack.test\n",
        ..ORDINARY
    },
    Case {
        name: "two routers, of which the first is not there",
        change: |_, answer| options(answer, &[MASK, &[3, 8, 10, 9, 0, 9, 10, 9, 0, 1], DNS]),
        ..ORDINARY
    },
    Case { name: "absurd MTU", change: |_, answer| answer.options.extend([26, 2, 0, 68]), ..ORDINARY },
];

#[test]
fn a_host_gets_its_address_from_servers_of_every_kind() {
    let cases: Vec<_> =
        CASES.iter().map(|case| thread::spawn(|| on_host(|host| check(&host, case)))).collect();
    let failed: Vec<_> = cases.into_iter().filter_map(|case| case.join().err()).collect();
    assert_eq!(failed.len(), 0);
}

fn check(host: &Host, case: &Case) {
    let Case { name, change, address, route, resolv_conf } = case;
    let (site, log) = ordinary_site(host, *change);
    assert_eq!(host.bring_up("", 20), Ok(format!("eth0 {address}")), "{name}");
    let routes = || host.routes();
    until(name, || routes().iter().any(|line| line.starts_with(route)));
    assert_eq!(host.addresses("eth0"), [*address], "{name}");
    assert_eq!(host.resolv_conf(), *resolv_conf, "{name}");
    assert!(ip("link show dev eth0").contains(" mtu 1500 "), "{name}");
    // The gateway is reached, wherever it is.
    assert!(routes().iter().all(|route| !route.contains("linkdown")), "{name}: {:?}", routes());
    let log = log.lock().unwrap();
    assert!(
        log.iter().all(|heard| heard.source.is_unspecified() && heard.destination.is_broadcast()),
        "{log:?}"
    );
    assert!(log.iter().all(|heard| heard.options[&61].len() == 7 && heard.options[&60] == b"stage1"));
    assert_eq!(log[0].options[&12], b"node7");
    drop(site);
}

/// A site with a scripted server behind the port eth0.
fn ordinary_site(host: &Host, change: impl Fn(&Heard, &mut Answer) + Send + 'static) -> (Site, Log) {
    let site = Site::new();
    host.cable("eth0", &site, "s0");
    site.set_up("s0", "10.9.0.1/24");
    let log = serve(&site, "s0", change);
    (site, log)
}

#[test]
fn without_an_address_each_port_reports_what_is_missing() {
    struct Missing(&'static str, fn(&Heard, &mut Answer));
    let cases = [
        Missing("carrier, 3 DISCOVERs, no answer", |_, answer| answer.kind = 0),
        Missing("refused by 10.9.0.1 (NAK)", |heard, answer| {
            answer.kind = if heard.kind == 3 { 6 } else { 2 }
        }),
        Missing("offer, no ACK (from 10.9.0.1)", |heard, answer| {
            answer.kind = if heard.kind == 3 { 0 } else { 2 }
        }),
    ];
    let cases = cases.map(|Missing(words, change)| {
        thread::spawn(move || {
            on_host(move |host| {
                let (site, _) = ordinary_site(&host, change);
                host.cable("eth1", &site, "s1");
                let expected = format!("no address after 5 s: eth0: {words}; eth1: no carrier");
                assert_eq!(host.bring_up(INVENTORY, 5), Err(expected));
            });
        })
    });
    cases.into_iter().for_each(|case| case.join().unwrap());
}

#[test]
fn an_address_that_another_host_uses_is_declined() {
    on_host(|host| {
        let (site, log) = ordinary_site(&host, |heard, answer| {
            let declined = if heard.kind == 4 { 0 } else { answer.kind };
            answer.kind = declined;
        });
        site.ip("address add 10.9.0.50/24 dev s0");
        let words = host.bring_up("", 3).unwrap_err();
        assert!(words.contains("eth0: 10.9.0.50 is in use by ") && words.ends_with(" (DECLINE)"), "{words}");
        let decline = log.lock().unwrap().iter().find(|heard| heard.kind == 4).cloned().expect("a DECLINE");
        assert_eq!(
            (&decline.options[&50][..], &decline.options[&54][..]),
            (&[10, 9, 0, 50][..], &[10, 9, 0, 1][..])
        );
        assert_eq!(host.addresses("eth0"), Vec::<String>::new());
    });
}

/// A server that hears a renewal only if it has the form of RFC 2131 4.3.2.
#[test]
fn a_short_lease_is_renewed_in_its_own_form() {
    on_host(|host| {
        let (_site, log) = ordinary_site(&host, |heard, answer| {
            options(answer, &[MASK, ROUTER, DNS]);
            answer.options.truncate(answer.options.len() - 6);
            answer.options.extend(lease(8));
            if heard.kind == 3 && heard.number > 1 && heard.options.contains_key(&54) {
                answer.kind = 0;
            }
        });
        host.bring_up("", 20).unwrap();
        let renewals = || {
            log.lock().unwrap().iter().filter(|heard| heard.kind == 3).skip(1).cloned().collect::<Vec<_>>()
        };
        until("two renewals", || renewals().len() >= 2);
        for heard in renewals() {
            assert_eq!(
                (heard.source, heard.destination),
                (Ipv4Addr::new(10, 9, 0, 50), Ipv4Addr::new(10, 9, 0, 1))
            );
            assert!(!heard.options.contains_key(&50), "{heard:?}");
        }
        assert_eq!(host.addresses("eth0"), ["10.9.0.50/24"]);
        let log = log.lock().unwrap();
        let after = log.iter().skip_while(|heard| heard.kind == 1);
        assert!(after.into_iter().all(|heard| heard.kind == 3), "{log:?}");
    });
}

#[test]
fn an_expired_lease_leaves_the_port() {
    on_host(|host| {
        let is_over = AtomicBool::new(false);
        let (_site, _log) = ordinary_site(&host, move |heard, answer| {
            answer.options = [MASK, ROUTER, DNS, &lease(8)].concat();
            if is_over.fetch_or(heard.kind == 3, Ordering::Relaxed) {
                answer.kind = 0;
            }
        });
        host.bring_up("", 20).unwrap();
        until("the address is gone", || host.addresses("eth0").is_empty());
        assert_eq!((host.routes(), host.resolv_conf()), (Vec::new(), String::new()));
        assert!(!ip("rule").contains("10.9.0.50"), "{}", ip("rule"));
    });
}

#[test]
fn a_port_that_is_moved_to_another_network_gets_an_address_there() {
    on_host(|host| {
        let is_moved = Arc::new(AtomicBool::new(false));
        let moved = is_moved.clone();
        let (site, _log) = ordinary_site(&host, move |_, answer| {
            if moved.load(Ordering::Relaxed) {
                (answer.address, answer.server) = ([192, 168, 50, 77], [192, 168, 50, 1]);
                options(answer, &[MASK, &[3, 4, 192, 168, 50, 1], &[6, 4, 192, 168, 50, 1]]);
            } else {
                answer.options.extend([26, 2, 5, 120]);
            }
        });
        host.bring_up("", 20).unwrap();
        assert!(ip("link show dev eth0").contains(" mtu 1400 "));
        site.ip("link set s0 down");
        until("its routes are gone", || host.routes().is_empty());
        is_moved.store(true, Ordering::Relaxed);
        site.ip("address flush dev s0");
        site.set_up("s0", "192.168.50.1/24");
        until("the new address", || host.addresses("eth0") == ["192.168.50.77/24"]);
        until("the new route", || {
            host.routes().iter().any(|route| route.starts_with("default via 192.168.50.1"))
        });
        assert_eq!(host.resolv_conf(), "nameserver 192.168.50.1\n");
        assert!(ip("link show dev eth0").contains(" mtu 1500 "), "the MTU of the earlier network");
        assert!(!ip("route show table all").contains("10.9.0."), "{}", ip("route show table all"));
    });
}

#[test]
fn a_port_that_is_removed_and_comes_back_gets_an_address_again() {
    on_host(|host| {
        let (site, _log) = ordinary_site(&host, |_, _| {});
        host.bring_up("", 20).unwrap();
        ip("link delete eth0");
        thread::sleep(Duration::from_millis(300));
        host.cable("eth0", &site, "s0");
        site.set_up("s0", "10.9.0.1/24");
        let _log = serve(&site, "s0", |_, _| {});
        until("its address", || host.addresses("eth0") == ["10.9.0.50/24"]);
    });
}

/// The first port has a default route to nowhere; the inventory is behind the router of the second, whose DHCP server is slow.
#[test]
fn the_port_that_reaches_the_inventory_is_found_and_another_one_if_it_is_lost() {
    on_host(|host| {
        let (_nowhere, _log) = ordinary_site(&host, |_, _| {});
        let started = Instant::now();
        let sites = ["eth1", "eth2"].map(|port| {
            let site = Site::new();
            let octet = if port == "eth1" { 50 } else { 60 };
            host.cable(port, &site, "s0");
            site.set_up("s0", &format!("192.168.{octet}.1/24"));
            site.ip("address add 10.77.0.1/32 dev lo");
            site.listen("10.77.0.1:8000");
            let log = serve(&site, "s0", move |_, answer| {
                (answer.address, answer.server) = ([192, 168, octet, 77], [192, 168, octet, 1]);
                options(answer, &[MASK, &[3, 4, 192, 168, octet, 1], &[6, 4, 192, 168, octet, 1]]);
                // eth2 is later than eth1.
                if started.elapsed()
                    < Duration::from_secs(u64::from(octet) / 50 * (u64::from(octet) / 10 - 4))
                {
                    answer.kind = 0;
                }
            });
            (site, log)
        });
        let result = host.bring_up(INVENTORY, 20).unwrap();
        assert!(
            result.ends_with("; eth1 reaches 10.77.0.1:8000")
                || result.ends_with("; eth2 reaches 10.77.0.1:8000"),
            "{result}"
        );
        assert!(is_reached());
        let first = if result.contains("; eth1 ") { 0 } else { 1 };
        assert_eq!(host.resolv_conf(), format!("nameserver 192.168.{}.1\n", [50, 60][first]));
        until("both have an address", || host.addresses("eth1").len() + host.addresses("eth2").len() == 2);
        // What has the address of a port as source leaves by that port.
        let from = ip("route get 10.77.0.1 from 10.9.0.50");
        assert!(from.contains("via 10.9.0.1 dev eth0"), "{from}");
        sites[first].0.ip("link set s0 down");
        until("the other port reaches it", is_reached);
        until("its name server", || {
            host.resolv_conf() == format!("nameserver 192.168.{}.1\n", [60, 50][first])
        });
    });
}

/// Routers announce themselves at once, while a switch still blocks DHCP.
#[test]
fn an_ipv6_address_does_not_end_the_wait_for_the_ipv4_address_that_reaches_the_inventory() {
    on_host(|host| {
        let site = Site::new();
        host.cable("eth0", &site, "s0");
        site.set_up("s0", "10.9.0.1/24");
        site.ip("address add 10.77.0.1/32 dev lo");
        site.listen("10.77.0.1:8000");
        ip("address add fd00:9::50/64 dev eth0 nodad");
        let started = Instant::now();
        let _log = serve(&site, "s0", move |_, answer| {
            options(answer, &[MASK, ROUTER]);
            if started.elapsed() < Duration::from_secs(3) {
                answer.kind = 0;
            }
        });
        let result = host.bring_up(INVENTORY, 20).unwrap();
        assert!(result.ends_with("; eth0 reaches 10.77.0.1:8000"), "{result}");
    });
}

#[test]
fn the_boot_port_is_first() {
    on_host(|mut host| {
        let (site, _log) = ordinary_site(&host, |_, _| {});
        let boot = Site::new();
        host.cable("eth1", &boot, "s0");
        for site in [&site, &boot] {
            site.ip("address add 10.77.0.1/32 dev lo");
            site.listen("10.77.0.1:8000");
        }
        boot.set_up("s0", "10.8.0.1/24");
        let _log = serve(&boot, "s0", |_, answer| {
            (answer.address, answer.server) = ([10, 8, 0, 50], [10, 8, 0, 1]);
            options(answer, &[MASK, &[3, 4, 10, 8, 0, 1]]);
        });
        ip("link set eth1 address 52:54:00:00:00:1a");
        host.command_line = "quiet BOOTIF=01-52-54-00-00-00-1a".to_string();
        let result = host.bring_up(INVENTORY, 20).unwrap();
        until("both have an address", || {
            host.routes().iter().filter(|route| route.starts_with("default")).count() == 2
        });
        let routes = host.routes();
        let metric = |port: &str| {
            let route =
                routes.iter().find(|route| route.starts_with("default") && route.contains(port)).unwrap();
            let metric = route.split_whitespace().skip_while(|word| *word != "metric").nth(1).unwrap();
            metric.parse::<u32>().unwrap()
        };
        // Whichever was first, the boot port is above the ordinary ones.
        assert!(metric("eth1") <= 768, "{result}: {routes:?}");
    });
}

#[test]
fn where_no_port_reaches_the_inventory_the_run_goes_on_and_reports_it() {
    on_host(|host| {
        let (_site, _log) = ordinary_site(&host, |_, answer| options(answer, &[MASK, &[3, 4, 10, 9, 0, 9]]));
        let result = host.bring_up(INVENTORY, 20).unwrap();
        assert!(
            result.starts_with("eth0 10.9.0.50/24; no port reaches 10.77.0.1:8000 so far: eth0: "),
            "{result}"
        );
    });
}

/// Servers that fleets use: a reservation by client identifier and a class by vendor class, as an operator would write them.
#[test]
fn servers_of_fleets_give_the_address_that_is_reserved() {
    let servers: [fn(&Host, &Site) -> Option<Daemon>; 3] = [dnsmasq, kea, dhcpd];
    let cases = servers.map(|start| {
        thread::spawn(move || {
            on_host(move |host| {
                let site = Site::new();
                host.cable("eth0", &site, "s0");
                ip("link set eth0 address 52:54:00:00:00:1a");
                site.set_up("s0", "10.9.0.1/24");
                let Some(_server) = start(&host, &site) else { return };
                assert_eq!(host.bring_up("", 40).as_deref(), Ok("eth0 10.9.0.77/24"));
                until("the routes", || host.routes().len() == 3);
                assert!(
                    host.routes()
                        .iter()
                        .any(|route| route.starts_with("10.100.0.0/16 via 10.9.0.2 dev eth0"))
                );
                assert_eq!(host.resolv_conf(), "nameserver 10.9.0.3\nsearch rack.test lab.test\n");
            });
        })
    });
    cases.into_iter().for_each(|case| case.join().unwrap());
}

fn is_installed(program: &str, package: &str) -> bool {
    let is_there = std::path::Path::new("/usr/sbin").join(program).exists();
    if !is_there {
        note(&format!("SKIPPED: there is no {program}: install Debian's package {package}"));
    }
    is_there
}

fn dnsmasq(host: &Host, site: &Site) -> Option<Daemon> {
    let leases = host.file("leases", None);
    is_installed("dnsmasq", "dnsmasq-base").then(|| {
        site.start(
            "dnsmasq",
            &format!(
                "-k -C /dev/null --no-hosts --no-resolv --user=root --interface=s0 --bind-interfaces --no-ping \
                 --dhcp-leasefile={leases} --dhcp-range=10.9.0.100,10.9.0.150,2m --dhcp-host=id:01:52:54:00:00:00:1a,10.9.0.77 \
                 --dhcp-vendorclass=set:stage1,stage1 --dhcp-option=tag:stage1,option:dns-server,10.9.0.3 \
                 --dhcp-option=tag:stage1,option:domain-search,rack.test,lab.test \
                 --dhcp-option=option:classless-static-route,10.100.0.0/16,10.9.0.2,0.0.0.0/0,10.9.0.1"
            ),
        )
    })
}

fn kea(host: &Host, site: &Site) -> Option<Daemon> {
    let config = r#"{ "Dhcp4": {
        "interfaces-config": { "interfaces": ["s0"], "dhcp-socket-type": "raw" },
        "lease-database": { "type": "memfile", "persist": false },
        "valid-lifetime": 120,
        "client-classes": [{ "name": "stage1", "test": "option[60].text == 'stage1' and option[93].exists" }],
        "option-def": [{ "name": "routes", "code": 121, "type": "binary", "space": "dhcp4" }],
        "subnet4": [{ "subnet": "10.9.0.0/24", "client-class": "stage1", "pools": [{ "pool": "10.9.0.100 - 10.9.0.150" }],
            "reservations": [{ "client-id": "0152540000001a", "ip-address": "10.9.0.77" }],
            "option-data": [{ "name": "domain-name-servers", "data": "10.9.0.3" },
                { "name": "domain-search", "data": "rack.test, lab.test" },
                { "name": "routes", "data": "100A640A090002000A090001" }] }] } }"#;
    let file = host.file("kea.json", Some(config));
    is_installed("kea-dhcp4", "kea-dhcp4-server").then(|| site.start("kea-dhcp4", &format!("-c {file}")))
}

fn dhcpd(host: &Host, site: &Site) -> Option<Daemon> {
    let config = "option routes code 121 = string;\ndefault-lease-time 120;\nauthoritative;\n\
        class \"stage1\" { match if option vendor-class-identifier = \"stage1\"; }\n\
        subnet 10.9.0.0 netmask 255.255.255.0 {\n\
            pool { allow members of \"stage1\"; range 10.9.0.100 10.9.0.150; }\n\
            option domain-name-servers 10.9.0.3;\noption domain-search \"rack.test\", \"lab.test\";\n\
            option routes 10:0a:64:0a:09:00:02:00:0a:09:00:01;\n}\n\
        host node7 { option dhcp-client-identifier 01:52:54:00:00:00:1a; fixed-address 10.9.0.77; }\n";
    let (file, leases) = (host.file("dhcpd.conf", Some(config)), host.file("dhcpd.leases", Some("")));
    let pid = host.file("dhcpd.pid", None);
    is_installed("dhcpd", "isc-dhcp-server")
        .then(|| site.start("dhcpd", &format!("-4 -f -cf {file} -lf {leases} -pf {pid} s0")))
}

/// 64 ports in one network, of which the kernel reports more changes than a socket holds; then without the first.
#[test]
fn many_ports_of_one_network_have_an_address_each() {
    on_host(|host| {
        let site = Site::new();
        site.run(|| ip("link add br0 type bridge"));
        site.set_up("br0", "10.9.0.1/16");
        site.ip("address add 10.77.0.1/32 dev lo");
        site.listen("10.77.0.1:8000");
        let ports: Vec<String> = (0..64).map(|number| format!("eth{number}")).collect();
        for port in &ports {
            let far = port.replace("eth", "s");
            host.cable(port, &site, &far);
            site.ip(&format!("link set {far} master br0 up"));
        }
        if !is_installed("dnsmasq", "dnsmasq-base") {
            return;
        }
        let leases = host.file("leases", None);
        let _dnsmasq = site.start(
            "dnsmasq",
            &format!(
                "-k -C /dev/null --no-hosts --no-resolv --user=root --interface=br0 --bind-interfaces --no-ping \
                 --dhcp-leasefile={leases} --dhcp-range=10.9.1.1,10.9.9.250,255.255.0.0,2m"
            ),
        );
        let result = host.bring_up(INVENTORY, 30).unwrap();
        assert!(result.contains(" reaches 10.77.0.1:8000"), "{result}");
        until("all have an address", || ports.iter().all(|port| host.addresses(port).len() == 1));
        site.ip("link set s0 down");
        until("without the first port too", || {
            host.routes().iter().all(|route| !route.contains("dev eth0 "))
        });
        until("the inventory is reached", is_reached);
    });
}

fn is_reached() -> bool {
    TcpStream::connect_timeout(&"10.77.0.1:8000".parse().unwrap(), Duration::from_secs(2)).is_ok()
}
