// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parts of a BMC that ipmi_sim delegates: LAN parameters, and power, boot device and serial console of the host.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;

use anyhow::{Context, Result, bail, ensure};

use crate::namespace::Namespace;
use crate::network;
use crate::spec::{AddressSource, BmcSpec, ChannelSpec, NetworkSpec};

/// Port of ipmi_sim's requests, on the BMC's loopback.
pub(crate) const REQUESTS_PORT: u16 = 9003;
/// The BMC's network device.
pub(crate) const PORT: &str = "lan";
/// A LAN parameter of ipmi_sim.
const ADDRESS: &str = "ip_addr";
/// See [`ADDRESS`].
const MASK: &str = "subnet_mask";
/// See [`ADDRESS`].
const GATEWAY: &str = "default_gw_ip_addr";
/// See [`ADDRESS`].
const SOURCE: &str = "ip_addr_src";

/// The host that a BMC controls.
pub trait Chassis: Send + Sync {
    /// Whether it is on.
    fn is_on(&self) -> bool;

    /// Powers it on. Does nothing where it is on.
    ///
    /// # Errors
    /// It cannot be powered on.
    fn power_on(&self) -> Result<()>;

    /// Cuts its power. Does nothing where it is off.
    fn cut(&self);

    /// Resets it.
    ///
    /// # Errors
    /// It is off.
    fn reset(&self) -> Result<()>;

    /// Presses its power button, without waiting.
    ///
    /// # Errors
    /// It is off.
    fn press_button(&self) -> Result<()>;

    /// The last output on its serial console, and a channel that receives everything from here on.
    fn console(&self) -> (String, Receiver<Vec<u8>>);

    /// Types at its serial console.
    ///
    /// # Errors
    /// It is off.
    fn type_bytes(&self, bytes: &[u8]) -> Result<()>;
}

/// Responds to ipmi_sim's requests.
pub(crate) struct Service {
    namespace: Arc<Namespace>,
    directory: PathBuf,
    lan: Mutex<BTreeMap<&'static str, String>>,
    /// The LAN parameters of the channels without a cable.
    others: Mutex<BTreeMap<u8, BTreeMap<&'static str, String>>>,
    boot_device: Mutex<String>,
    /// `None`: the host is gone.
    chassis: OnceLock<Option<Weak<dyn Chassis>>>,
}

impl Service {
    /// A service for the BMC with its network stack in `namespace`, with the declared LAN parameters.
    ///
    /// # Errors
    /// The address cannot be configured.
    pub fn new(
        spec: &BmcSpec,
        network: &NetworkSpec,
        (address, mac): (Ipv4Addr, &str),
        namespace: Arc<Namespace>,
        directory: PathBuf,
    ) -> Result<Service> {
        let host_bits = u32::MAX.checked_shr(spec.prefix.unwrap_or(network.prefix).into());
        let mask = Ipv4Addr::from(host_bits.map_or(u32::MAX, |bits| !bits));
        let none = Ipv4Addr::UNSPECIFIED;
        let gateway = spec.gateway.unwrap_or(none);
        let lan = parameters(spec.source, (address, mask, gateway), mac);
        let others = spec.channels.iter().map(|ChannelSpec { number, source, address, .. }| {
            let mask = if address.is_unspecified() { none } else { Ipv4Addr::new(255, 255, 0, 0) };
            let mac = format!("52:54:00:fe:00:{number:02x}");
            (*number, parameters(*source, (*address, mask, none), &mac))
        });
        let service = Service {
            namespace,
            directory,
            lan: Mutex::new(lan),
            others: Mutex::new(others.collect()),
            boot_device: Mutex::new("none".to_string()),
            chassis: OnceLock::new(),
        };
        let lan = locked(&service.lan).clone();
        service.apply(&lan)?;
        Ok(service)
    }

    /// The LAN parameters with ipmi_sim's names: `ip_addr`, `ip_addr_src`, ...
    pub fn lan(&self) -> BTreeMap<&'static str, String> {
        locked(&self.lan).clone()
    }

    /// The host's boot device with ipmi_sim's name: `none`, `pxe`, `default`, `cdrom` or `bios`.
    pub fn boot_device(&self) -> String {
        locked(&self.boot_device).clone()
    }

    /// Sets the host. Only the first call has an effect.
    pub(crate) fn set_chassis(&self, chassis: Option<Weak<dyn Chassis>>) {
        // Later calls change nothing.
        let _ = self.chassis.set(chassis);
    }

    /// Responds to requests until the listener is shut down.
    pub(crate) fn serve_requests(&self, listener: &TcpListener) {
        for stream in listener.incoming().map_while(Result::ok) {
            // The client may have disconnected.
            let _ = self.serve_request(stream);
        }
    }

    fn serve_request(&self, mut stream: TcpStream) -> Result<()> {
        let mut request = String::new();
        BufReader::new(&stream).read_line(&mut request)?;
        let words: Vec<&str> = request.split_whitespace().collect();
        match self.respond(&words) {
            Ok(response) => write!(stream, "ok\n{response}")?,
            Err(error) => writeln!(stream, "{}: {error:#}", request.trim_end())?,
        }
        Ok(())
    }

    fn respond(&self, words: &[&str]) -> Result<String> {
        match words {
            ["lan", "get", keys @ ..] => listed(&locked(&self.lan), keys),
            ["lan", "check", ..] | ["channel", _, "check", ..] => Ok(String::new()),
            ["lan", "set", pairs @ ..] => self.set_lan(pairs).map(|()| String::new()),
            ["channel", number, action, words @ ..] => {
                let mut others = locked(&self.others);
                let lan = others.get_mut(&number.parse()?).context("unknown channel")?;
                if *action == "get" {
                    return listed(lan, words);
                }
                *lan = changed(lan, words)?;
                Ok(String::new())
            }
            ["chassis", "get", "power"] => {
                let is_on = self.chassis().is_ok_and(|chassis| chassis.is_on());
                Ok(format!("power:{}\n", u8::from(is_on)))
            }
            ["chassis", "get", "boot"] => Ok(format!("boot:{}\n", self.boot_device())),
            ["chassis", "set", "boot", device] => {
                *locked(&self.boot_device) = (*device).to_string();
                Ok(String::new())
            }
            ["chassis", "set", "identify", ..] => Ok(String::new()),
            ["chassis", "set", action, value] => self.control(action, value).map(|()| String::new()),
            _ => bail!("unknown request"),
        }
    }

    fn control(&self, action: &str, value: &str) -> Result<()> {
        let chassis = self.chassis()?;
        match (action, value) {
            ("power", "1") => chassis.power_on(),
            ("power", _) => {
                chassis.cut();
                Ok(())
            }
            ("reset", _) => chassis.reset(),
            ("shutdown", _) => chassis.press_button(),
            _ => bail!("unknown action"),
        }
    }

    fn set_lan(&self, pairs: &[&str]) -> Result<()> {
        let mut lan = locked(&self.lan);
        let changed = changed(&lan, pairs)?;
        self.apply(&changed)?;
        *lan = changed;
        Ok(())
    }

    /// Configures the address of the BMC's network device.
    fn apply(&self, lan: &BTreeMap<&'static str, String>) -> Result<()> {
        let get = |key: &str| -> Result<Ipv4Addr> {
            let text = lan.get(key).map_or("", String::as_str);
            text.parse().with_context(|| format!("{key}: {text:?} is not an address"))
        };
        let (address, mask, gateway) = (get(ADDRESS)?, u32::from(get(MASK)?), get(GATEWAY)?);
        let prefix = mask.leading_ones();
        ensure!(mask.count_ones() == prefix, "{MASK}: {} is not a netmask", Ipv4Addr::from(mask));
        let mut commands = format!("address flush dev {PORT}\n");
        if !address.is_unspecified() {
            commands += &format!("address add {address}/{prefix} dev {PORT}\n");
        }
        if !address.is_unspecified() && !gateway.is_unspecified() {
            commands += &format!("route replace default via {gateway} dev {PORT} onlink\n");
        }
        network::run_ip(&self.namespace, &commands, &self.directory.join("address.ip"))
    }

    /// Connects ipmi_sim with the host's serial console, until the listener is shut down.
    pub(crate) fn serve_console(&self, listener: &TcpListener) {
        for stream in listener.incoming().map_while(Result::ok) {
            // ipmi_sim would reconnect only after seconds.
            self.chassis.wait();
            if let Ok(chassis) = self.chassis() {
                let _ = copy_console(&chassis, stream);
            }
        }
    }

    fn chassis(&self) -> Result<Arc<dyn Chassis>> {
        self.chassis.get().cloned().flatten().as_ref().and_then(Weak::upgrade).context("the BMC has no host")
    }
}

fn parameters(
    source: AddressSource,
    (address, mask, gateway): (Ipv4Addr, Ipv4Addr, Ipv4Addr),
    mac: &str,
) -> BTreeMap<&'static str, String> {
    let source = match source {
        AddressSource::Static => "static",
        AddressSource::Dhcp => "dhcp",
    };
    BTreeMap::from([
        (SOURCE, source.to_string()),
        (ADDRESS, address.to_string()),
        (MASK, mask.to_string()),
        ("mac_addr", mac.to_string()),
        (GATEWAY, gateway.to_string()),
        ("default_gw_mac_addr", "00:00:00:00:00:00".to_string()),
        ("backup_gw_ip_addr", Ipv4Addr::UNSPECIFIED.to_string()),
        ("backup_gw_mac_addr", "00:00:00:00:00:00".to_string()),
    ])
}

fn listed(lan: &BTreeMap<&'static str, String>, keys: &[&str]) -> Result<String> {
    keys.iter().map(|key| Ok(format!("{key}:{}\n", lan.get(*key).context("unknown parameter")?))).collect()
}

/// The LAN parameters with others of them.
fn changed(lan: &BTreeMap<&'static str, String>, pairs: &[&str]) -> Result<BTreeMap<&'static str, String>> {
    let mut changed = lan.clone();
    for pair in pairs.chunks(2) {
        let [key, value] = pair else { bail!("a parameter without a value") };
        *changed.get_mut(*key).context("unknown parameter")? = (*value).to_string();
    }
    Ok(changed)
}

fn copy_console(chassis: &Arc<dyn Chassis>, mut stream: TcpStream) -> Result<()> {
    let (_, chunks) = chassis.console();
    let mut output = stream.try_clone()?;
    thread::spawn(move || chunks.into_iter().all(|chunk| output.write_all(&chunk).is_ok()));
    let chassis = Arc::downgrade(chassis);
    let mut buffer = [0; 256];
    loop {
        let length = stream.read(&mut buffer)?;
        ensure!(length > 0, "ipmi_sim closed the connection");
        let chassis = chassis.upgrade().context("the BMC has no host")?;
        // What is typed while the host is off is lost, as on hardware.
        let _ = chassis.type_bytes(buffer.get(..length).unwrap_or_default());
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
