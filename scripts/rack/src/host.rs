// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host: its power and its serial console.

use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Value, json};

use crate::bmc::Bmc;
use crate::bmc::service::Chassis;
use crate::boot::copy;
use crate::chip::Bios;
use crate::firmware_nic::Flash;
use crate::namespace::Namespace;
use crate::paths::{Paths, UEFI_CODE, UEFI_VARIABLES, installed};
use crate::process::{Process, command};
use crate::qemu::{self, Machine};
use crate::qmp::{PowerOff, Qmp};
use crate::spec::{BiosVersion, BmcKind, Firmware, HostSpec, RackSpec};
use crate::tap::Tap;
use crate::tpm;
use crate::transcript::{Match, Transcript};
use crate::trunk;

/// A host of the rack.
pub struct Host {
    // Dropped in this order.
    running: Mutex<Option<Running>>,
    bmc: Option<Bmc>,
    spec: HostSpec,
    taps: Vec<Tap>,
    boot: KernelBoot,
    directory: PathBuf,
    namespace: Arc<Namespace>,
    serial: Arc<Transcript>,
    rtc_change: Arc<Mutex<Option<i64>>>,
}

/// What QEMU loads itself on a host that does not netboot.
pub(crate) struct KernelBoot {
    /// File of the kernel.
    pub kernel: PathBuf,
    /// File of the initramfs.
    pub initramfs: PathBuf,
    /// The kernel command line.
    pub append: String,
}

struct Running {
    qemu: Process,
    _tpm: Option<Process>,
    control: Qmp,
    since: Instant,
}

/// The longest time from the power button to power off.
const SHUTDOWN: Duration = Duration::from_secs(30);

impl Host {
    /// Host `number` of the rack, powered off, with its NICs at `taps`, its files in `directory`, empty disks and unchanged
    /// firmware. Its BMC is on.
    ///
    /// # Errors
    /// A file cannot be written, or the BMC cannot be started.
    pub(crate) fn new(
        rack: &RackSpec,
        number: usize,
        taps: Vec<Tap>,
        boot: KernelBoot,
        directory: PathBuf,
        namespace: &Arc<Namespace>,
        paths: &Paths,
    ) -> Result<Arc<Host>> {
        let spec = rack
            .hosts
            .get(number)
            .with_context(|| format!("no host {number} in the rack's declaration"))?
            .clone();
        fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
        if let Some(bios) = &spec.bios {
            Bios::read(bios.version, paths)?.program(&directory.join(qemu::BIOS_CHIP))?;
        } else if spec.firmware == Firmware::Uefi {
            copy(installed(UEFI_VARIABLES)?, &directory.join(qemu::UEFI_VARIABLES))?;
        }
        for (number, disk) in spec.disks.iter().enumerate() {
            let path = directory.join(qemu::disk_file(number));
            File::create(&path)
                .and_then(|file| file.set_len(disk.size_mib << 20))
                .with_context(|| format!("creating {}", path.display()))?;
        }
        if let Some(nic) = &spec.firmware_nic {
            Flash::create(&directory.join(qemu::NIC_FLASH), nic)?;
        }
        if spec.share {
            let share = directory.join(qemu::SHARE);
            fs::create_dir_all(&share).with_context(|| format!("creating {}", share.display()))?;
        }
        let serial = Arc::new(Transcript::create(&directory.join("serial.log"))?);
        let bmc = match &spec.bmc {
            Some(BmcKind::Whole(bmc)) => Some(Bmc::up(rack, number, bmc, &directory, namespace)?),
            Some(BmcKind::Bare) | None => None,
        };
        let (running, namespace) = (Mutex::new(None), Arc::clone(namespace));
        let host = Arc::new(Host {
            running,
            bmc,
            spec,
            taps,
            boot,
            directory,
            namespace,
            serial,
            rtc_change: Arc::default(),
        });
        if let Some(bmc) = &host.bmc {
            let chassis: Weak<Host> = Arc::downgrade(&host);
            bmc.set_chassis(chassis);
        }
        Ok(host)
    }

    /// Its declaration.
    pub fn spec(&self) -> &HostSpec {
        &self.spec
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Its BMC.
    ///
    /// # Errors
    /// It has none, or QEMU's own.
    pub fn bmc(&self) -> Result<&Bmc> {
        self.bmc.as_ref().with_context(|| format!("host {} has no [host.bmc]", self.name()))
    }

    /// The log of its serial console; each line has the seconds since power-on.
    pub fn serial_log(&self) -> PathBuf {
        self.directory.join("serial.log")
    }

    /// The folder that it shares with this machine.
    pub fn share(&self) -> PathBuf {
        self.directory.join(qemu::SHARE)
    }

    /// The flash of its network adapter with updatable firmware.
    pub fn nic_flash(&self) -> Result<Flash> {
        Flash::open(&self.directory.join(qemu::NIC_FLASH))
    }

    /// The code in its BIOS chip.
    pub fn bios_code(&self) -> Result<Vec<u8>> {
        Bios::code_in(&self.directory.join(qemu::BIOS_CHIP))
    }

    /// Programs its BIOS chip, as an external programmer does; works also where the present content does not boot.
    ///
    /// # Errors
    /// It has no BIOS chip, or is on.
    pub fn program_bios(&self, version: BiosVersion, paths: &Paths) -> Result<()> {
        let name = self.name();
        ensure!(self.spec.bios.is_some(), "host {name} has no BIOS chip to program");
        ensure!(
            self.on_since().is_none(),
            "host {name} is on; power it off before its BIOS chip is programmed"
        );
        Bios::read(version, paths)?.program(&self.directory.join(qemu::BIOS_CHIP))
    }

    /// Powers it on. Does nothing where it is on.
    ///
    /// # Errors
    /// QEMU does not start.
    pub fn power_on(&self) -> Result<()> {
        self.start().with_context(|| format!("powering on host {}", self.name()))
    }

    /// Presses its power button, and waits until its system has powered it off. Does nothing where it is off.
    ///
    /// # Errors
    /// It is still on after 30 s.
    pub(crate) fn power_off(&self) -> Result<()> {
        if self.on_since().is_none() {
            return Ok(());
        }
        self.control("system_powerdown", json!({}))?;
        if !self.serial.wait_closed(SHUTDOWN) {
            bail!(
                "host {} is still on 30 s after its power button was pressed; `rack power HOST cut` cuts its power",
                self.name()
            );
        }
        self.wait_off(SHUTDOWN).map(drop)
    }

    /// Cuts its power. Does nothing where it is off.
    pub fn cut(&self) {
        if let Some(mut running) = self.running().take() {
            running.qemu.kill();
            // Its last output must not arrive after the next power-on.
            self.serial.wait_closed(SHUTDOWN);
        }
    }

    /// Presses its reset button. As SeaBIOS resets once more by itself, every reset until the next power-on restarts the host,
    /// also where its declaration has `reboots = false`.
    ///
    /// # Errors
    /// It is off.
    pub fn reset(&self) -> Result<()> {
        self.control("set-action", json!({ "reboot": "reset" }))?;
        self.control("system_reset", json!({}))
    }

    /// The time since power-on; `None` where it is off.
    pub fn on_since(&self) -> Option<Duration> {
        let running = self.running();
        let still = !self.serial.wait_closed(Duration::ZERO);
        running.as_ref().filter(|_| still).map(|running| running.since.elapsed())
    }

    /// Waits until it is off, and returns the cause.
    ///
    /// # Errors
    /// It is still on at the timeout, or was not on.
    pub fn wait_off(&self, timeout: Duration) -> Result<PowerOff> {
        let seconds = timeout.as_secs();
        if !self.serial.wait_closed(timeout) {
            bail!("host {} is still on after {seconds} s{}", self.name(), self.serial.shown());
        }
        let running = self.running().take();
        let mut running = running.with_context(|| format!("host {} was not on", self.name()))?;
        running.qemu.wait(timeout)?;
        Ok(running.control.ended())
    }

    /// Waits until `pattern` (a regular expression over bytes, `^` and `$` at lines) is on the serial console, also in a line
    /// without end such as a prompt. Searches what came since the last match of this power-on. A pattern with a group should
    /// match the line's end `\n` too, or it may match half of the line.
    ///
    /// # Errors
    /// The pattern is not there at the timeout, or the host is off.
    pub fn wait_for(&self, pattern: &str, timeout: Duration) -> Result<Match> {
        self.serial.wait_for(pattern, timeout).with_context(|| format!("waiting for host {}", self.name()))
    }

    /// Types a line at its serial console.
    ///
    /// # Errors
    /// It is off.
    pub fn type_line(&self, line: &str) -> Result<()> {
        self.type_bytes(format!("{line}\r").as_bytes())
    }

    /// Types at its serial console.
    ///
    /// # Errors
    /// It is off.
    pub fn type_bytes(&self, bytes: &[u8]) -> Result<()> {
        let mut running = self.running();
        let running = running.as_mut().with_context(|| format!("host {} is off", self.name()))?;
        running.qemu.write(bytes)
    }

    /// The output on its serial console since power-on.
    pub fn serial_text(&self) -> String {
        self.serial.text()
    }

    /// The end of the serial log, as the tail of an error message.
    pub fn shown(&self) -> String {
        self.serial.shown()
    }

    /// The last output on its console, and a channel that receives everything from here on.
    pub fn console(&self) -> (String, Receiver<Vec<u8>>) {
        self.serial.listen()
    }

    /// By how many seconds its system has set its real-time clock forward since the last power-on, of which QEMU keeps the lower
    /// 32 bits; `None` if it has not set it.
    pub fn rtc_change(&self) -> Option<i64> {
        *self.rtc_change.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plugs or unplugs the cable of its NIC `number`, counted from 0.
    ///
    /// # Errors
    /// It is off.
    pub fn set_link(&self, number: usize, connected: bool) -> Result<()> {
        self.control("set_link", link(number, connected))
    }

    /// Makes its disk `number`, counted from 0, stall after the next read or write, or continue. After 30 s, Linux resets a
    /// stalled disk, which QEMU cannot do: let it continue before that.
    ///
    /// # Errors
    /// It is off.
    pub fn set_stalled(&self, number: usize, stalled: bool) -> Result<()> {
        let bytes_per_second = i32::from(stalled);
        let limits = json!({
            "device": format!("disk{number}"),
            "bps": bytes_per_second, "bps_rd": 0, "bps_wr": 0, "iops": 0, "iops_rd": 0, "iops_wr": 0,
        });
        self.control("block_set_io_throttle", limits)
    }

    fn start(&self) -> Result<()> {
        let mut running = self.running();
        if running.is_some() && !self.serial.wait_closed(Duration::ZERO) {
            return Ok(());
        }
        drop(running.take());
        if self.spec.firmware_nic.is_some() {
            self.nic_flash()?.power_on()?;
        }
        let (ours, theirs) = UnixStream::pair().context("creating the control connection")?;
        let theirs = OwnedFd::from(theirs);
        let cables = self.taps.iter().zip(&self.spec.nics).map(|(tap, nic)| match nic.vlan {
            Some(vlan) => trunk::connect(tap, vlan),
            None => tap.open(),
        });
        let taps = cables.collect::<Result<Vec<OwnedFd>>>()?;
        let tap_fds: Vec<i32> = taps.iter().map(AsRawFd::as_raw_fd).collect();
        let machine = Machine {
            spec: &self.spec,
            tap_fds: &tap_fds,
            uefi_code: Path::new(UEFI_CODE),
            kernel: &self.boot.kernel,
            initramfs: &self.boot.initramfs,
            append: &self.boot.append,
            control_fd: theirs.as_raw_fd(),
        };
        let tpm = self.spec.tpm.map(|version| tpm::start(version, &self.directory, &self.namespace));
        let tpm = tpm.transpose()?;
        let mut qemu = command(qemu::PROGRAM);
        qemu.args(machine.arguments()).current_dir(&self.directory);
        self.serial.begin("power on");
        let inherited = taps.into_iter().chain([theirs]).collect();
        let mut qemu = Process::spawn(&self.namespace, qemu, inherited, Arc::clone(&self.serial))
            .inspect_err(|_| self.serial.close())?;
        *self.rtc_change.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let control = Qmp::open(ours, Arc::clone(&self.rtc_change)).map_err(|error| {
            qemu.stop();
            anyhow!("{error:#}{}", self.serial.shown())
        })?;
        for (number, nic) in self.spec.nics.iter().enumerate() {
            if !nic.connected {
                control.execute("set_link", link(number, false))?;
            }
        }
        control.execute("cont", json!({}))?;
        *running = Some(Running { qemu, _tpm: tpm, control, since: Instant::now() });
        Ok(())
    }

    fn control(&self, command: &str, arguments: Value) -> Result<()> {
        let running = self.running();
        let running = running.as_ref().with_context(|| format!("host {} is off", self.name()))?;
        running.control.execute(command, arguments)
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chassis for Host {
    fn is_on(&self) -> bool {
        self.on_since().is_some()
    }

    fn power_on(&self) -> Result<()> {
        Host::power_on(self)
    }

    fn cut(&self) {
        Host::cut(self);
    }

    fn reset(&self) -> Result<()> {
        Host::reset(self)
    }

    fn press_button(&self) -> Result<()> {
        self.control("system_powerdown", json!({}))
    }

    fn console(&self) -> (String, Receiver<Vec<u8>>) {
        Host::console(self)
    }

    fn type_bytes(&self, bytes: &[u8]) -> Result<()> {
        Host::type_bytes(self, bytes)
    }
}

fn link(number: usize, connected: bool) -> Value {
    json!({ "name": format!("nic{number}"), "up": connected })
}
