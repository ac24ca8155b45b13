// SPDX-License-Identifier: MIT OR Apache-2.0
//! What ipmi_sim leaves to programs: the parameters of its LAN, and power, boot device and console of the host.

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
use crate::spec::{AddressSource, BmcSpec, NetworkSpec};

/// Where the questions come, at the BMC's own loopback.
pub const QUESTIONS_PORT: u16 = 9003;
/// The BMC's network device.
pub const PORT: &str = "lan";
/// Among the LAN's parameters.
const ADDRESS: &str = "ip_addr";
/// See [`ADDRESS`].
const MASK: &str = "subnet_mask";
/// See [`ADDRESS`].
const GATEWAY: &str = "default_gw_ip_addr";
/// See [`ADDRESS`].
const SOURCE: &str = "ip_addr_src";

/// What a BMC has in its hands.
pub trait Chassis: Send + Sync {
    /// Whether it is on.
    fn is_on(&self) -> bool;

    /// Turns it on. One that is on stays as it is.
    ///
    /// # Errors
    /// Why it does not go on.
    fn power_on(&self) -> Result<()>;

    /// Takes its power away. One that is off stays as it is.
    fn cut(&self);

    /// Resets it.
    ///
    /// # Errors
    /// It is off.
    fn reset(&self) -> Result<()>;

    /// Presses its power button, and does not wait.
    ///
    /// # Errors
    /// It is off.
    fn press_button(&self) -> Result<()>;

    /// What its serial console showed last, and from here on every chunk as it comes.
    fn console(&self) -> (String, Receiver<Vec<u8>>);

    /// Types at its serial console.
    ///
    /// # Errors
    /// It is off.
    fn type_bytes(&self, bytes: &[u8]) -> Result<()>;
}

/// What answers ipmi_sim's questions.
pub struct Service {
    namespace: Arc<Namespace>,
    directory: PathBuf,
    lan: Mutex<BTreeMap<&'static str, String>>,
    boot_device: Mutex<String>,
    /// `None`: there will be none.
    chassis: OnceLock<Option<Weak<dyn Chassis>>>,
}

impl Service {
    /// A service for the BMC whose network stack is in `namespace`, with the LAN as declared.
    pub fn new(
        spec: &BmcSpec,
        network: &NetworkSpec,
        (address, mac): (Ipv4Addr, &str),
        namespace: Arc<Namespace>,
        directory: PathBuf,
    ) -> Result<Service> {
        let host_bits = u32::MAX.checked_shr(spec.prefix.unwrap_or(network.prefix).into());
        let mask = Ipv4Addr::from(host_bits.map_or(u32::MAX, |bits| !bits));
        let source = match spec.source {
            AddressSource::Static => "static",
            AddressSource::Dhcp => "dhcp",
        };
        let none = Ipv4Addr::UNSPECIFIED;
        let lan = BTreeMap::from([
            (SOURCE, source.to_string()),
            (ADDRESS, address.to_string()),
            (MASK, mask.to_string()),
            ("mac_addr", mac.to_string()),
            (GATEWAY, spec.gateway.unwrap_or(none).to_string()),
            ("default_gw_mac_addr", "00:00:00:00:00:00".to_string()),
            ("backup_gw_ip_addr", none.to_string()),
            ("backup_gw_mac_addr", "00:00:00:00:00:00".to_string()),
        ]);
        let service = Service {
            namespace,
            directory,
            lan: Mutex::new(lan),
            boot_device: Mutex::new("none".to_string()),
            chassis: OnceLock::new(),
        };
        let lan = locked(&service.lan).clone();
        service.apply(&lan)?;
        Ok(service)
    }

    /// The parameters of its LAN, as ipmi_sim names them: `ip_addr`, `ip_addr_src`, ...
    pub fn lan(&self) -> BTreeMap<&'static str, String> {
        locked(&self.lan).clone()
    }

    /// From what the host is to boot, as ipmi_sim names it: `none`, `pxe`, `default`, `cdrom` or `bios`.
    pub fn boot_device(&self) -> String {
        locked(&self.boot_device).clone()
    }

    /// Reports what the host is, once.
    pub fn serve(&self, chassis: Option<Weak<dyn Chassis>>) {
        // Who reports it again reports nothing new.
        let _ = self.chassis.set(chassis);
    }

    /// Answers questions until the listener is shut down.
    pub fn answer_at(&self, listener: &TcpListener) {
        for stream in listener.incoming().map_while(Result::ok) {
            // Who asked and left needs no answer.
            let _ = self.answer_on(stream);
        }
    }

    fn answer_on(&self, mut stream: TcpStream) -> Result<()> {
        let mut question = String::new();
        BufReader::new(&stream).read_line(&mut question)?;
        let words: Vec<&str> = question.split_whitespace().collect();
        match self.answer(&words) {
            Ok(answer) => write!(stream, "ok\n{answer}")?,
            Err(error) => writeln!(stream, "{}: {error:#}", question.trim_end())?,
        }
        Ok(())
    }

    fn answer(&self, words: &[&str]) -> Result<String> {
        match words {
            ["lan", "get", keys @ ..] => {
                let lan = locked(&self.lan);
                keys.iter().map(|key| Ok(format!("{key}:{}\n", lan.get(*key).context("unknown")?))).collect()
            }
            ["lan", "check", ..] => Ok(String::new()),
            ["lan", "set", pairs @ ..] => self.set_lan(pairs).map(|()| String::new()),
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
            ["chassis", "set", act, value] => self.act(act, value).map(|()| String::new()),
            _ => bail!("an unknown question"),
        }
    }

    fn act(&self, act: &str, value: &str) -> Result<()> {
        let chassis = self.chassis()?;
        match (act, value) {
            ("power", "1") => chassis.power_on(),
            ("power", _) => {
                chassis.cut();
                Ok(())
            }
            ("reset", _) => chassis.reset(),
            ("shutdown", _) => chassis.press_button(),
            _ => bail!("an unknown act"),
        }
    }

    fn set_lan(&self, pairs: &[&str]) -> Result<()> {
        let mut lan = locked(&self.lan);
        let mut desired = lan.clone();
        for pair in pairs.chunks(2) {
            let [key, value] = pair else { bail!("a key without a value") };
            *desired.get_mut(*key).context("unknown")? = (*value).to_string();
        }
        self.apply(&desired)?;
        *lan = desired;
        Ok(())
    }

    /// Gives the BMC's network device its address.
    fn apply(&self, lan: &BTreeMap<&'static str, String>) -> Result<()> {
        let get = |key: &str| -> Result<Ipv4Addr> {
            let text = lan.get(key).map_or("", String::as_str);
            text.parse().with_context(|| format!("{key}: {text:?} is no address"))
        };
        let (address, mask, gateway) = (get(ADDRESS)?, u32::from(get(MASK)?), get(GATEWAY)?);
        let prefix = mask.leading_ones();
        ensure!(mask.count_ones() == prefix, "{MASK}: {} is no mask", Ipv4Addr::from(mask));
        let mut commands = format!("address flush dev {PORT}\n");
        if !address.is_unspecified() {
            commands += &format!("address add {address}/{prefix} dev {PORT}\n");
        }
        if !address.is_unspecified() && !gateway.is_unspecified() {
            commands += &format!("route replace default via {gateway} dev {PORT} onlink\n");
        }
        network::run_ip(&self.namespace, &commands, &self.directory.join("address.ip"))
    }

    /// Joins ipmi_sim's end of the console with the host's until the listener is shut down.
    pub fn join_console_at(&self, listener: &TcpListener) {
        for stream in listener.incoming().map_while(Result::ok) {
            // ipmi_sim would come back only after seconds.
            self.chassis.wait();
            if let Ok(chassis) = self.chassis() {
                let _ = join_console(&chassis, stream);
            }
        }
    }

    fn chassis(&self) -> Result<Arc<dyn Chassis>> {
        self.chassis.get().cloned().flatten().as_ref().and_then(Weak::upgrade).context("there is no host")
    }
}

fn join_console(chassis: &Arc<dyn Chassis>, mut stream: TcpStream) -> Result<()> {
    let (_, chunks) = chassis.console();
    let mut output = stream.try_clone()?;
    thread::spawn(move || chunks.into_iter().all(|chunk| output.write_all(&chunk).is_ok()));
    let chassis = Arc::downgrade(chassis);
    let mut buffer = [0; 256];
    loop {
        let length = stream.read(&mut buffer)?;
        ensure!(length > 0, "ipmi_sim has left");
        let chassis = chassis.upgrade().context("there is no host")?;
        // What is typed while the host is off is lost, as on hardware.
        let _ = chassis.type_bytes(buffer.get(..length).unwrap_or_default());
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
