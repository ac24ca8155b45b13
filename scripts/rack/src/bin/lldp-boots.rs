// SPDX-License-Identifier: MIT OR Apache-2.0
//! `lldp-boots`: the time until a booting host has its LLDP neighbour, from its report.

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde_json::Value;
use stage1_rack::host::Host;
use stage1_rack::namespace;
use stage1_rack::paths::Paths;
use stage1_rack::qmp::PowerOff;
use stage1_rack::rack::Rack;
use stage1_rack::scenario::BOOT;
use stage1_rack::spec::RackSpec;

const HOST: &str = "6d1f0c5e-8a43-4f0e-9b52-0a5c6e7d0006";

/// Boot a host at a virtual switch many times, and print the time from carrier to its first LLDP frame
#[derive(Parser)]
#[command(after_help = "Examples:\n  lldp-boots\n  lldp-boots --asking 5 --listening 1")]
struct Arguments {
    /// Number of boots that solicit the switch's frame
    #[arg(long, default_value_t = 20)]
    asking: usize,
    /// Number of boots that only listen
    #[arg(long, default_value_t = 3)]
    listening: usize,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lldp-boots: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    namespace::become_root()?;
    for (way, mode, boots) in
        [("asking", "solicit", arguments.asking), ("listening", "listen", arguments.listening)]
    {
        let spec = RackSpec::parse(&format!(
            "[[switch]]\nname = 'leaf1'\n[[host]]\nname = 'a'\nboot = 'kernel'\nappend = 'stage1.lldp={mode}'\n\
             [[host.nic]]\nmac = '52:54:00:09:00:01'\nswitch = 'leaf1'\nport = 'swp1'\n\
             [host.smbios.system]\nuuid = '{HOST}'\n"
        ))?;
        let rack = Rack::up("lldp-boots", &spec, &Paths::of_checkout()?)?;
        let mut times =
            (0..boots).map(|_| heard_after(&rack, rack.host("a")?)).collect::<Result<Vec<_>>>()?;
        times.sort_unstable();
        if let (Some(median), Some(worst)) = (times.get(times.len() / 2), times.last()) {
            println!("{way:>10}: {boots} boots, median {median} ms, worst {worst} ms; all: {times:?}");
        }
    }
    Ok(())
}

/// Boots the host, which registers and powers off; the time from carrier to the switch's first frame, in milliseconds.
fn heard_after(rack: &Rack, host: &Host) -> Result<u64> {
    host.power_on()?;
    let end = host.wait_off(BOOT)?;
    ensure!(end == PowerOff::Shutdown, "host a ended by {end:?} instead of powering off{}", host.shown());
    let known = rack.inventory().host(HOST)?;
    let time = known.pointer("/report/lldp/0/neighbours/0/heard_after_ms").and_then(Value::as_u64);
    time.with_context(|| format!("the report has no neighbour{}", host.shown()))
}
