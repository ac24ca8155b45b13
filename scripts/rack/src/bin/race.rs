// SPDX-License-Identifier: MIT OR Apache-2.0
//! `race`: time and memory of commands, compared on one machine.

use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use stage1_rack::process::{Usage, measure};

/// Run contenders in turn, round after round, and print the median time of each and its ratio to the first
#[derive(Parser)]
#[command(
    after_help = "Examples:\n  race 'stage1 facts' lshw\n  race --rounds 5 'stage1 facts' 'dmidecode; lspci'"
)]
struct Arguments {
    /// Number of rounds
    #[arg(long, default_value_t = 21)]
    rounds: usize,
    /// Command, or several separated by `;` that run one after the other; words are separated by spaces
    #[arg(required = true)]
    contenders: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("race: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    ensure!(arguments.rounds > 0, "--rounds: must be at least 1");
    let mut results: Vec<Vec<Usage>> = vec![Vec::new(); arguments.contenders.len()];
    // Plus one round to warm up.
    for round in 0..=arguments.rounds {
        for (contender, results) in arguments.contenders.iter().zip(&mut results) {
            let usage = once(contender)?;
            if round > 0 {
                results.push(usage);
            }
        }
    }
    let floor = once("true")?.peak_bytes;
    let first = results.first().map_or(Duration::ZERO, |usages| median(usages, |usage| usage.elapsed));
    println!("{:>10} {:>10} {:>8} {:>10}  of {} rounds", "median", "cpu", "ratio", "peak", arguments.rounds);
    for (contender, usages) in arguments.contenders.iter().zip(&results) {
        let elapsed = median(usages, |usage| usage.elapsed);
        let peak = usages.iter().map(|usage| usage.peak_bytes).max().unwrap_or_default();
        println!(
            "{:>7.2} ms {:>7.2} ms {:>8.2} {:>6.1} MiB  {contender}",
            milliseconds(elapsed),
            milliseconds(median(usages, |usage| usage.cpu)),
            elapsed.as_secs_f64() / first.as_secs_f64(),
            mib(peak)
        );
    }
    println!("peaks below {:.1} MiB cannot be measured", mib(floor));
    Ok(())
}

/// Runs a contender once: the sum of its commands' times, and the highest of their peaks.
fn once(contender: &str) -> Result<Usage> {
    let mut all = Usage::default();
    for words in contender.split(';') {
        let mut words = words.split_whitespace();
        let program = words.next().with_context(|| format!("{contender:?} has an empty command"))?;
        let usage = measure(Command::new(program).args(words))?;
        all.elapsed += usage.elapsed;
        all.cpu += usage.cpu;
        all.peak_bytes = all.peak_bytes.max(usage.peak_bytes);
    }
    Ok(all)
}

fn median(usages: &[Usage], of: impl Fn(&Usage) -> Duration) -> Duration {
    let mut times: Vec<Duration> = usages.iter().map(of).collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
