// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sensors that the kernel shows.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::ops::RangeInclusive;
use std::time::Duration;

use stage1_contract::facts::{Sensor, SensorKind};

use super::deadline::{Job, in_parallel};
use crate::host::Machine;

const CHIPS: &str = "/sys/class/hwmon";

/// Some chips are read over slow buses, and some of those hang.
const DEADLINE: Duration = Duration::from_secs(5);

/// Credible temperatures and limits: NVMe's 0 K and 65535 K mean that there is none (NVMe 1.4 5.14.1.2).
const TEMPERATURES: RangeInclusive<i64> = -200_000..=2_000_000;

/// What there is by prefix of the files' names: the kind, and the unit of all its values
/// (Documentation/hwmon/sysfs-interface.rst).
const KINDS: &[(&str, SensorKind, &str)] = &[
    ("temp", SensorKind::Temperature, "millidegrees_c"),
    ("fan", SensorKind::Fan, "rpm"),
    ("in", SensorKind::Voltage, "millivolts"),
    ("curr", SensorKind::Current, "milliamperes"),
    ("power", SensorKind::Power, "microwatts"),
    ("humidity", SensorKind::Humidity, "millipercent"),
];

/// From `/sys/class/hwmon`, the chips in parallel.
pub(super) fn discover(machine: &Machine, problems: &mut Vec<String>) -> Vec<Sensor> {
    let mut chips = machine.names(CHIPS);
    chips.sort_by_key(|name| (name.len(), name.clone()));
    let jobs = chips.into_iter().map(|name| {
        let folder = format!("{CHIPS}/{name}");
        let machine = machine.clone();
        let read: Job<Vec<Sensor>> = Box::new(move || chip(&machine, &folder));
        (name, read)
    });
    let mut sensors = Vec::new();
    for result in in_parallel(DEADLINE, jobs.collect()) {
        match result {
            Ok(found) => sensors.extend(found),
            Err(problem) => problems.push(problem),
        }
    }
    sensors
}

fn chip(machine: &Machine, folder: &str) -> Vec<Sensor> {
    let files = machine.names(folder);
    let chip = machine.attribute(format!("{folder}/name")).unwrap_or_default();
    let device = machine.link_name(format!("{folder}/device"));
    let mut inputs: Vec<_> = files.iter().filter_map(|file| input(file)).collect();
    inputs.sort_unstable();
    inputs.dedup();
    let sensor = |(kind, number): (usize, u32)| {
        let (prefix, kind, unit) = KINDS.get(kind)?;
        let name = format!("{prefix}{number}");
        let file = |suffix: &str| {
            let file = format!("{name}_{suffix}");
            files
                .binary_search(&file)
                .is_ok()
                .then(|| machine.attribute(format!("{folder}/{file}")))
                .flatten()
        };
        let value = |suffix: &str| {
            let value = file(suffix)?.parse::<i64>().ok()?;
            (*kind != SensorKind::Temperature || TEMPERATURES.contains(&value)).then_some(value)
        };
        let alarms = files.iter().filter_map(|file| file.strip_prefix(&format!("{name}_")));
        let alarms = alarms.filter(|suffix| suffix.ends_with("alarm")).filter_map(value);
        Some(Sensor {
            label: file("label"),
            kind: kind.clone(),
            unit: unit.to_string(),
            value: value("input").or_else(|| value("average")),
            minimum: value("min"),
            maximum: value("max"),
            critical: value("crit"),
            alarm: alarms.map(|alarm| alarm != 0).reduce(|one, other| one || other),
            fault: value("fault").map(|fault| fault != 0),
            chip: chip.clone(),
            device: device.clone(),
            name,
        })
    };
    inputs.into_iter().filter_map(sensor).collect()
}

/// The place in [`KINDS`] and the number of the sensor whose value is in the file, if any: `temp1_input`,
/// `power2_average`.
fn input(file: &str) -> Option<(usize, u32)> {
    let name = file.strip_suffix("_input").or_else(|| file.strip_suffix("_average"))?;
    let prefix = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let kind = KINDS.iter().position(|(known, _, _)| *known == prefix)?;
    Some((kind, name.strip_prefix(prefix)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::*;
    use crate::facts::fixture::Tree;

    fn of(chip: &str, files: &[(&str, &str)]) -> Vec<(String, String)> {
        files.iter().map(|(name, content)| (format!("{CHIPS}/{chip}/{name}"), content.to_string())).collect()
    }

    #[test]
    fn sensors_by_chip_and_number_with_their_limits() {
        let mut files = of(
            "hwmon2",
            &[
                ("name", "coretemp\n"),
                ("temp1_input", "46000\n"),
                ("temp1_label", "Package id 0\n"),
                ("temp1_max", "84000\n"),
                ("temp1_crit", "94000\n"),
                ("temp1_crit_alarm", "0\n"),
                ("temp10_input", "44000\n"),
                ("temp2_input", "43000\n"),
                // 0 K and 65535 K.
                ("temp3_input", "-273150\n"),
                ("temp3_crit", "65261850\n"),
                ("uevent", ""),
            ],
        );
        files.extend(of(
            "hwmon10",
            &[
                ("name", "power_meter\n"),
                ("power1_average", "212000000\n"),
                ("power1_average_interval", "1000\n"),
                ("fan1_input", "0\n"),
                ("fan1_min", "600\n"),
                ("fan1_alarm", "1\n"),
                ("fan1_max_alarm", "0\n"),
                ("fan1_fault", "1\n"),
                ("pwm1", "255\n"),
                ("in0_input", "\n"),
            ],
        ));
        let tree =
            Tree::new(files).links([("/sys/class/hwmon/hwmon2/device", "/sys/devices/platform/coretemp.0")]);
        let sensors = discover(&tree.machine(), &mut Vec::new());
        let names: Vec<_> =
            sensors.iter().map(|sensor| (sensor.chip.as_str(), sensor.name.as_str())).collect();
        let expected = [
            ("coretemp", "temp1"),
            ("coretemp", "temp2"),
            ("coretemp", "temp3"),
            ("coretemp", "temp10"),
            ("power_meter", "fan1"),
            ("power_meter", "in0"),
            ("power_meter", "power1"),
        ];
        assert_eq!(names, expected);
        let package = Sensor {
            chip: "coretemp".to_string(),
            device: Some("coretemp.0".to_string()),
            name: "temp1".to_string(),
            label: Some("Package id 0".to_string()),
            kind: SensorKind::Temperature,
            unit: "millidegrees_c".to_string(),
            value: Some(46_000),
            minimum: None,
            maximum: Some(84_000),
            critical: Some(94_000),
            alarm: Some(false),
            fault: None,
        };
        assert_eq!(sensors[0], package);
        assert_eq!((sensors[2].value, sensors[2].critical), (None, None));
        let fan = &sensors[4];
        assert_eq!(
            (fan.value, fan.minimum, fan.alarm, fan.fault),
            (Some(0), Some(600), Some(true), Some(true))
        );
        assert_eq!(sensors[5].value, None);
        assert_eq!((sensors[6].value, sensors[6].unit.as_str()), (Some(212_000_000), "microwatts"));
    }

    proptest! {
        #[test]
        fn a_sensor_is_known_by_the_file_of_its_value(kind in 0..KINDS.len(), number: u32, averaged: bool) {
            let (prefix, _, _) = KINDS[kind];
            let suffix = if averaged { "average" } else { "input" };
            assert_eq!(input(&format!("{prefix}{number}_{suffix}")), Some((kind, number)));
            assert_eq!(input(&format!("{prefix}{number}_max")), None);
        }

        #[test]
        fn any_file_name_is_read(name in "(temp|fan|in|power)?[0-9]{0,12}(_input|_average)?|.*") {
            input(&name);
        }
    }
}
