// SPDX-License-Identifier: MIT OR Apache-2.0
//! PCI devices, network ports, disks and sensors. Pure.

use stage1_contract::facts::{Disk, Duplex, PciDevice, Sensor, SensorKind, Watchdog};
use stage1_contract::{Facts, Nic};

/// A finding about one device, or about a class of devices.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::facts) enum DeviceFinding<'a> {
    /// A storage or network controller without a driver.
    NoDriver(&'a PciDevice),
    /// A PCIe link that is slower or narrower than its device.
    SlowLink { device: &'a PciDevice, now: Link, best: Link },
    /// Ports that are up without carrier.
    NoCarrier(Vec<&'a Nic>),
    /// A port that runs below its highest speed; in Mbit/s.
    SlowPort { nic: &'a Nic, speed: u32, max: u32 },
    /// A port at half duplex.
    HalfDuplex(&'a Nic),
    /// An NVMe disk with critical warnings.
    DiskCritical { disk: &'a Disk, warnings: &'a [String] },
    /// A disk that predicts its own failure.
    DiskFailing(&'a Disk),
    /// A disk near the end of its rated life; in percent, which can be over 100.
    DiskWorn { disk: &'a Disk, used_percent: u8 },
    /// Data that a disk could not read back.
    MediaErrors { disk: &'a Disk, count: u64 },
    /// A disk that is locked by an ATA password.
    DiskLocked(&'a Disk),
    /// A disk that reports no capacity.
    NoCapacity(&'a Disk),
    /// A sensor that is broken itself.
    SensorFault(&'a Sensor),
    /// A temperature that has reached its critical limit.
    CriticalTemperature(&'a Sensor),
    /// A sensor whose chip raises an alarm.
    SensorAlarm(&'a Sensor),
    /// A watchdog that knows why the machine was last reset.
    WatchdogReset(&'a Watchdog),
}

/// A PCIe link: its lanes, and its speed in MT/s per lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::facts) struct Link {
    pub(in crate::facts) width: u32,
    pub(in crate::facts) speed: u32,
}

impl Link {
    fn new(width: Option<u32>, speed: Option<u32>) -> Option<Self> {
        Some(Self { width: width?, speed: speed? })
    }
}

/// Base classes (PCI Code and ID Assignment, 1).
const STORAGE: u32 = 0x01;
const NETWORK: u32 = 0x02;
const DISPLAY: u32 = 0x03;
const BRIDGE: u32 = 0x06;
const ACCELERATOR: u32 = 0x12;

/// The share of its rated life from which on a disk should be replaced soon, in percent.
const WORN_PERCENT: u8 = 90;

pub(super) fn findings(facts: &Facts) -> Vec<DeviceFinding<'_>> {
    let mut findings = Vec::new();
    facts.pci.iter().for_each(|device| pci(device, &mut findings));
    nics(&facts.nics, &mut findings);
    facts.disks.iter().for_each(|it| disk(it, &mut findings));
    findings.extend(facts.sensors.iter().filter_map(sensor));
    let watchdogs = facts.watchdogs.iter().filter(|watchdog| !watchdog.boot_status.is_empty());
    findings.extend(watchdogs.map(DeviceFinding::WatchdogReset));
    findings
}

/// GPUs and accelerators that are idle let their links run at the lowest speed, with all lanes.
fn pci<'a>(device: &'a PciDevice, findings: &mut Vec<DeviceFinding<'a>>) {
    let class = base_class(device);
    if device.driver.is_none() && matches!(class, Some(STORAGE | NETWORK)) {
        findings.push(DeviceFinding::NoDriver(device));
    }
    let now = Link::new(device.link_width, device.link_speed_mtps);
    let best = Link::new(device.max_link_width, device.max_link_speed_mtps);
    if let (Some(now), Some(best)) = (now, best)
        && class != Some(BRIDGE)
        && device.physical_function.is_none()
        && (now.width < best.width || now.speed < best.speed && !matches!(class, Some(DISPLAY | ACCELERATOR)))
        && now.width > 0
    {
        findings.push(DeviceFinding::SlowLink { device, now, best });
    }
}

/// The first byte of the class, `0x02` of `0x020000`.
fn base_class(device: &PciDevice) -> Option<u32> {
    let digits = device.class.as_deref()?.strip_prefix("0x")?;
    u32::from_str_radix(digits, 16).ok().map(|class| class >> 16)
}

fn nics<'a>(nics: &'a [Nic], findings: &mut Vec<DeviceFinding<'a>>) {
    let without: Vec<&Nic> = nics.iter().filter(|nic| nic.carrier == Some(false)).collect();
    if !without.is_empty() {
        findings.push(DeviceFinding::NoCarrier(without));
    }
    for nic in nics {
        if let (Some(speed), Some(max)) = (nic.speed_mbps, nic.speed_max_mbps)
            && speed < max
        {
            findings.push(DeviceFinding::SlowPort { nic, speed, max });
        }
        if nic.duplex == Some(Duplex::Half) {
            findings.push(DeviceFinding::HalfDuplex(nic));
        }
    }
}

fn disk<'a>(disk: &'a Disk, findings: &mut Vec<DeviceFinding<'a>>) {
    let health = disk.nvme.as_ref().and_then(|nvme| nvme.health.as_ref());
    let warnings = health.map(|health| health.critical_warnings.as_slice()).unwrap_or_default();
    if !warnings.is_empty() {
        findings.push(DeviceFinding::DiskCritical { disk, warnings });
    } else if disk.failing == Some(true) {
        findings.push(DeviceFinding::DiskFailing(disk));
    }
    if let Some(health) = health {
        if health.used_percent >= WORN_PERCENT {
            findings.push(DeviceFinding::DiskWorn { disk, used_percent: health.used_percent });
        }
        if health.media_errors > 0 {
            findings.push(DeviceFinding::MediaErrors { disk, count: health.media_errors });
        }
    }
    if disk.ata.as_ref().and_then(|ata| ata.security.as_ref()).is_some_and(|security| security.locked) {
        findings.push(DeviceFinding::DiskLocked(disk));
    }
    if disk.size_bytes == 0 {
        findings.push(DeviceFinding::NoCapacity(disk));
    }
}

/// The worst of what a sensor reports.
fn sensor(sensor: &Sensor) -> Option<DeviceFinding<'_>> {
    let is_critical = sensor.kind == SensorKind::Temperature
        && sensor
            .critical
            .filter(|critical| *critical > 0)
            .is_some_and(|critical| sensor.value >= Some(critical));
    if sensor.fault == Some(true) {
        Some(DeviceFinding::SensorFault(sensor))
    } else if is_critical {
        Some(DeviceFinding::CriticalTemperature(sensor))
    } else if sensor.alarm == Some(true) {
        Some(DeviceFinding::SensorAlarm(sensor))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use stage1_contract::facts::{Ata, AtaSecurity, Nvme, NvmeHealth};

    use super::*;

    #[test]
    fn devices_without_a_driver_or_on_half_a_link() {
        let device = |class: &str| PciDevice {
            class: Some(class.to_string()),
            driver: Some("driver".to_string()),
            link_speed_mtps: Some(8000),
            max_link_speed_mtps: Some(16000),
            link_width: Some(8),
            max_link_width: Some(16),
            ..PciDevice::default()
        };
        let nic = PciDevice { driver: None, ..device("0x020000") };
        let whole = PciDevice { link_speed_mtps: Some(16000), link_width: Some(16), ..device("0x020000") };
        let (bridge, gpu) = (device("0x060400"), PciDevice { driver: None, ..device("0x030200") });
        let idle = PciDevice { link_width: Some(16), link_speed_mtps: Some(2500), ..device("0x030200") };
        let mut findings = Vec::new();
        [&nic, &whole, &bridge, &gpu, &idle].into_iter().for_each(|device| pci(device, &mut findings));
        let slow = |device| DeviceFinding::SlowLink {
            device,
            now: Link { width: 8, speed: 8000 },
            best: Link { width: 16, speed: 16000 },
        };
        assert_eq!(findings, [DeviceFinding::NoDriver(&nic), slow(&nic), slow(&gpu)]);
    }

    #[test]
    fn ports_without_carrier_or_below_their_speed() {
        let nic = |carrier, speed, duplex| Nic {
            carrier: Some(carrier),
            speed_mbps: speed,
            speed_max_mbps: Some(25_000),
            duplex,
            ..Nic::default()
        };
        let ports = [
            nic(true, Some(25_000), Some(Duplex::Full)),
            nic(false, None, None),
            nic(true, Some(100), Some(Duplex::Half)),
        ];
        let mut findings = Vec::new();
        nics(&ports, &mut findings);
        let slow = DeviceFinding::SlowPort { nic: &ports[2], speed: 100, max: 25_000 };
        assert_eq!(
            findings,
            [DeviceFinding::NoCarrier(vec![&ports[1]]), slow, DeviceFinding::HalfDuplex(&ports[2])]
        );
    }

    #[test]
    fn disks_that_fail_are_worn_locked_or_empty() {
        let health = NvmeHealth {
            used_percent: 97,
            media_errors: 1,
            critical_warnings: vec!["ro".to_string()],
            ..NvmeHealth::default()
        };
        let nvme = Disk {
            size_bytes: 1,
            failing: Some(true),
            nvme: Some(Nvme { health: Some(health), ..Nvme::default() }),
            ..Disk::default()
        };
        let security = AtaSecurity { locked: true, ..AtaSecurity::default() };
        let sata = Disk {
            failing: Some(true),
            ata: Some(Ata { security: Some(security), ..Ata::default() }),
            ..Disk::default()
        };
        let mut findings = Vec::new();
        [&nvme, &sata].into_iter().for_each(|it| disk(it, &mut findings));
        let expected = [
            DeviceFinding::DiskCritical { disk: &nvme, warnings: &["ro".to_string()] },
            DeviceFinding::DiskWorn { disk: &nvme, used_percent: 97 },
            DeviceFinding::MediaErrors { disk: &nvme, count: 1 },
            DeviceFinding::DiskFailing(&sata),
            DeviceFinding::DiskLocked(&sata),
            DeviceFinding::NoCapacity(&sata),
        ];
        assert_eq!(findings, expected);
    }

    #[test]
    fn the_worst_of_a_sensor_is_the_finding() {
        let hot = Sensor {
            kind: SensorKind::Temperature,
            value: Some(100_000),
            critical: Some(100_000),
            alarm: Some(true),
            ..Sensor::default()
        };
        assert_eq!(sensor(&hot), Some(DeviceFinding::CriticalTemperature(&hot)));
        let broken = Sensor { fault: Some(true), ..hot.clone() };
        assert_eq!(sensor(&broken), Some(DeviceFinding::SensorFault(&broken)));
        // A fan, or a chip that leaves the limit at 0, has no critical temperature.
        let fan = Sensor { kind: SensorKind::Fan, ..hot.clone() };
        assert_eq!(sensor(&fan), Some(DeviceFinding::SensorAlarm(&fan)));
        let unset = Sensor { critical: Some(0), alarm: None, ..hot };
        assert_eq!(sensor(&unset), None);
    }
}
