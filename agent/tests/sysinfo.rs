// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processors, memory and sensors of the machine that runs this, against what the crate sysinfo finds. It can only
//! look at the running machine, where the agent's own readers can also look at one that was captured.

use stage1::facts::{Group, discover};
use stage1::host::Machine;
use stage1_contract::Facts;
use stage1_contract::facts::{Sensor, SensorKind};
use sysinfo::{Component, Components, System};

fn facts(group: Group) -> Facts {
    discover(&Machine::real(), &[group]).0
}

#[test]
fn processors_are_those_of_sysinfo() {
    let cpus = facts(Group::Cpus).cpus.unwrap();
    let mut system = System::new().unwrap();
    system.refresh_cpu_all();
    let first = &system.cpus()[0];
    assert_eq!(cpus.threads as usize, system.cpus().len());
    assert_eq!(cpus.cores as usize, System::physical_core_count().unwrap());
    assert_eq!(cpus.model.as_deref(), Some(first.brand()).filter(|brand| !brand.is_empty()));
    assert_eq!(cpus.vendor.as_deref(), Some(first.vendor_id()).filter(|vendor| !vendor.is_empty()));
    assert_eq!(cpus.architecture, Some(System::cpu_arch()));
}

#[test]
fn memory_is_that_of_sysinfo() {
    let mut system = System::new().unwrap();
    system.refresh_memory();
    assert_eq!(facts(Group::Memory).memory.unwrap().usable_bytes, system.total_memory());
}

#[test]
fn temperatures_are_those_of_sysinfo() {
    let mut temperatures = facts(Group::Sensors).sensors;
    temperatures.retain(|sensor| sensor.kind == SensorKind::Temperature);
    let components = Components::new_with_refreshed_list().unwrap();
    // Without hwmon it shows the thermal zones in its place, whose identifiers do not begin so.
    let hwmon: Vec<_> =
        components.iter().filter(|it| it.id().is_some_and(|id| id.starts_with("hwmon"))).collect();
    let critical =
        |component: &Component| component.critical().map(|it| (f64::from(it) * 1000.0).round() as i64);
    for component in &hwmon {
        let ours = temperatures.iter().find(|sensor| is_same(sensor, component));
        assert_eq!(ours.map(|sensor| sensor.critical), Some(critical(component)), "{}", component.label());
    }
    for sensor in &temperatures {
        assert!(hwmon.iter().any(|component| is_same(sensor, component)), "{sensor:?}");
    }
}

/// It names a component by chip and label, with the disk's model where there is one; and it takes those of the same
/// name for one, such as the cores of two sockets.
fn is_same(sensor: &Sensor, component: &Component) -> bool {
    let label = sensor.label.as_deref().unwrap_or_default();
    component.label().starts_with(&format!("{} {label}", sensor.chip))
}
