// SPDX-License-Identifier: MIT OR Apache-2.0
//! The BMC of a virtual server, without the server: ipmi_sim, the proxy that injects faults, and ipmitool.

mod access;
mod agent;
mod configure;
mod cost;
mod faults;
mod health;
mod judge;
mod lockout;
mod matrix;
mod power;
mod quirks;
mod secrets;
mod vendors;

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stage1_rack::bmc::wire::Client;
use stage1_rack::bmc::{Bmc, SOCKET};
use stage1_rack::namespace::Namespace;
use stage1_rack::network;
use stage1_rack::spec::{BmcKind, RackSpec};
use tempfile::TempDir;

/// A BMC in a boot network, and the host's connection to it.
struct Stand {
    // In the order in which they are stopped.
    client: Arc<Mutex<Client>>,
    bmc: Bmc,
    _boot: Arc<Namespace>,
    directory: TempDir,
}

/// More than any answer takes.
const TIME: Duration = Duration::from_secs(20);
/// Set User Password, and that of slot 2.
const SET_USER_PASSWORD: u8 = 0x47;

/// Held by a test that runs many BMCs at once: two of them would miss each other's deadlines.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stand {
    /// With user ADMIN, whose password is factory, in slot 2, and with `keys` and `tables`.
    fn up(keys: &str, tables: &str) -> Stand {
        let user = "[[host.bmc.user]]\nslot = 2\nname = 'ADMIN'\npassword = 'factory'\nfixed = true\n";
        Stand::with(&format!("{keys}\n{user}\n{tables}\n"))
    }

    /// With the keys of the table `host.bmc`.
    fn with(bmc: &str) -> Stand {
        let spec =
            RackSpec::parse(&format!("[[host]]\nname = 'a'\nboot = 'kernel'\n[host.bmc]\n{bmc}\n")).unwrap();
        let Some(BmcKind::Whole(bmc)) = &spec.hosts[0].bmc else { panic!("{:?}", spec.hosts) };
        let directory = tempfile::tempdir().unwrap();
        let boot = Arc::new(Namespace::new().unwrap());
        network::connect(&boot, &spec.network, None, &[], directory.path()).unwrap();
        let bmc = Bmc::up(&spec, 0, bmc, directory.path(), &boot).unwrap();
        let client = Arc::new(Mutex::new(Client::connect(&directory.path().join(SOCKET)).unwrap()));
        Stand { client, bmc, _boot: boot, directory }
    }

    fn faults(&self, rules: &[&str]) {
        self.bmc.proxy().set_faults(rules.iter().map(|rule| rule.parse().unwrap()).collect());
    }

    fn client(&self) -> MutexGuard<'_, Client> {
        self.client.lock().unwrap()
    }

    /// The response.
    fn ask(&self, net_fn: u8, code: u8, data: &[u8]) -> Vec<u8> {
        self.client().exchange(net_fn, code, data, TIME).unwrap().unwrap()
    }

    /// Nothing comes within `time`.
    fn is_silent(&self, net_fn: u8, code: u8, data: &[u8], time: Duration) -> bool {
        self.client().exchange(net_fn, code, data, time).unwrap().is_none()
    }

    /// An operation of Set User Password on slot 2.
    fn password(&self, operation: u8, password: &str) -> u8 {
        self.password_of(2, operation, password)
    }

    fn password_of(&self, slot: u8, operation: u8, password: &str) -> u8 {
        let mut data = vec![slot, operation];
        data.extend(password.bytes());
        data.resize(18, 0);
        self.ask(6, SET_USER_PASSWORD, &data)[0]
    }

    fn can_log_in(&self, password: &str) -> bool {
        self.logs_in("ADMIN", password)
    }

    /// The name in a slot, without what it is padded with; `None` where there is none or it cannot be read.
    fn name_in(&self, slot: u8) -> Option<String> {
        let response = self.ask(6, 0x46, &[slot]);
        let name = String::from_utf8_lossy(response.get(1..)?).trim_end_matches(['\0', ' ']).to_string();
        (!name.is_empty()).then_some(name)
    }

    fn logs_in(&self, user: &str, password: &str) -> bool {
        self.bmc.ipmitool(user, password, &["sel", "time", "get"]).is_ok()
    }

    /// Sets the LAN address, in the order that the specification requires.
    fn set_address(&self, address: Ipv4Addr) {
        let parameter = [&[1, 3][..], &address.octets()].concat();
        for data in [&[1, 0, 1], parameter.as_slice(), &[1, 0, 2], &[1, 0, 0]] {
            assert_eq!(self.ask(0x0c, 0x01, data), [0], "{data:?}");
        }
    }

    fn directory(&self) -> &Path {
        self.directory.path()
    }
}
