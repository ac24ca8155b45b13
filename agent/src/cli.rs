// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line: its definition, which is also the source of the manual pages and shell completions, and the call of
//! the command that was given.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, CommandFactory, Parser, Subcommand};
use log::LevelFilter;

use crate::commands::facts::Capture;
use crate::commands::firmware::Kind;
use crate::commands::{self, Flags};
use crate::facts::Group;
use crate::host::child;
use crate::stages::{RunMode, RunOptions};
use crate::{bmc, config};

/// The `after_help` of a command.
macro_rules! examples {
    ($($line:literal),+ $(,)?) => {
        concat!("Examples:", $("\n    ", $line),+)
    };
}

const EXAMPLES: &str =
    examples!("stage1 facts", "stage1 run --plan --inventory https://inventory.example.com:8443/ipxe",);

/// The first-stage OS agent for bare-metal servers
///
/// It discovers the hardware, configures the BMC, checks firmware, registers
/// with an inventory, and boots the target that the inventory assigns to this
/// host. Each part is also a command of its own. Results go to standard output,
/// logs to standard error.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done with problems, 4 a rescue
/// shell is needed: the inventory requests one, or the host must not go on.
#[derive(Debug, Parser)]
#[command(name = "stage1", version, verbatim_doc_comment)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}", config::help()))]
pub struct Arguments {
    /// Log more
    #[arg(short, long, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole pipeline, as at boot
    ///
    /// Discovers the machine, brings up the network, configures the BMC, checks
    /// firmware, registers with the inventory, and does what the inventory
    /// requests: boot, power off, reboot or a rescue shell. A run that boots a
    /// target does not return. The record of the run is what `stage1 status`
    /// prints. With --plan, prints the report that would be sent.
    ///
    /// Exit code 4: a rescue shell is needed.
    #[command(verbatim_doc_comment, after_help = examples!(
        "stage1 run",
        "stage1 run --plan --set network-timeout=30",
    ))]
    Run {
        #[command(flatten)]
        run: RunArguments,
        /// Log to the kernel's log too, and apply the setting on-failure; for the unit of an init system
        #[arg(long)]
        boot: bool,
    },
    /// Print the hardware of this machine
    ///
    /// Reads SMBIOS, /sys, /proc and devices, and changes nothing. Needs root for
    /// all facts. The findings in the table are what an operator should look at.
    /// A capture holds everything that was read, so that another machine can
    /// print the same facts.
    ///
    /// Exit code 3: some facts could not be read.
    #[command(verbatim_doc_comment, after_help = examples!(
        "stage1 facts --json --only nics,disks",
        "stage1 facts --capture machine.tar --scrub",
    ))]
    Facts(FactsArguments),
    /// Print the LLDP and CDP neighbours of each port
    ///
    /// Announces this host to the switches, so that they answer at once, and
    /// prints who is at the other end of each cable. Ports that are down stay
    /// down. An LLDP agent in an adapter's firmware is turned off for the time of
    /// the command.
    ///
    /// Exit code 3: a port with carrier has no neighbour.
    #[command(verbatim_doc_comment, after_help = examples!(
        "stage1 lldp",
        "stage1 lldp eno1 --listen --timeout 60",
    ))]
    Lldp(LldpArguments),
    /// Read, configure and reset the BMC
    ///
    /// Uses the IPMI device of this host, so no BMC password is needed. Needs
    /// root, and the kernel modules ipmi_si or ipmi_ssif, and ipmi_devintf.
    #[command(verbatim_doc_comment, subcommand, after_help = examples!(
        "stage1 bmc show",
        "stage1 bmc apply --plan",
    ))]
    Bmc(BmcCommand),
    /// Check and update firmware by manifests
    ///
    /// A manifest has the version that a component should run, and its image. Of
    /// the inventory's manifest set and /etc/stage1/firmware.toml, the one with the
    /// greater serial number is used. Components are network adapters, and the BIOS
    /// or UEFI of the board.
    #[command(verbatim_doc_comment, subcommand, after_help = examples!(
        "stage1 firmware check",
        "stage1 firmware lint firmware-manifests",
    ))]
    Firmware(FirmwareCommand),
    /// Register with the inventory
    ///
    /// Sends the report of this host: facts, BMC, firmware and neighbours. Prints
    /// the action that the inventory requests, and does not carry it out. With
    /// --plan, prints the report that would be sent.
    #[command(verbatim_doc_comment, after_help = examples!(
        "stage1 register --inventory https://inventory.example.com:8443/ipxe",
        "stage1 register --plan",
    ))]
    Register {
        #[command(flatten)]
        run: RunArguments,
    },
    /// Boot the profile that the inventory assigns
    ///
    /// Fetches the profile, downloads kernel and initrds, checks their digests,
    /// and jumps into the kernel without a registration. On success the command
    /// does not return. With --plan, prints the profile and downloads nothing.
    #[command(verbatim_doc_comment, after_help = examples!(
        "stage1 boot --plan",
        "stage1 boot --inventory https://inventory.example.com:8443/ipxe",
    ))]
    Boot {
        #[command(flatten)]
        run: RunArguments,
    },
    /// Load a kernel from files and jump into it
    ///
    /// Takes a bzImage or a unified kernel image, and initrds. Other programs are
    /// not stopped and file systems are not unmounted. On success the command
    /// does not return.
    #[command(verbatim_doc_comment, after_help = examples!(
        "stage1 kexec --kernel vmlinuz --initrd initrd.img --append 'console=ttyS0 quiet'",
        "stage1 kexec --kernel linux.efi --plan",
    ))]
    Kexec {
        /// Kernel: a bzImage or a unified kernel image
        #[arg(long, value_name = "FILE")]
        kernel: String,
        /// Initrd; several are concatenated in the given order
        #[arg(long, value_name = "FILE")]
        initrd: Vec<String>,
        /// Kernel command line; a unified kernel image has its own
        #[arg(long, value_name = "TEXT", default_value = "")]
        append: String,
        /// Print what would be loaded, and load nothing
        #[arg(long)]
        plan: bool,
    },
    /// Print the static network configuration
    ///
    /// Reads the settings ip, vlan, bond, nameserver, ifname and route, which have
    /// the syntax of dracut.cmdline(7), and prints them as files for
    /// systemd-networkd. With --write, writes the files: the systemd image does so
    /// before it starts systemd-networkd. As init, the agent needs no files.
    ///
    /// Exit code 1: a setting has an error.
    #[command(verbatim_doc_comment, after_help = examples!(
        "stage1 network",
        "stage1 network --set vlan=eth0.120:eth0 --set ip=10.0.0.5::10.0.0.1:24::eth0.120:none",
    ))]
    Network {
        #[command(flatten)]
        settings: SettingsArguments,
        /// Write the files to this folder
        #[arg(long, value_name = "DIR")]
        write: Option<PathBuf>,
    },
    /// Print the last run of this boot
    ///
    /// Reads /run/stage1/status.json. Prints the time that each stage took, the
    /// problems, and how the run ended.
    ///
    /// Exit code 1: a stage of that run failed.
    #[command(verbatim_doc_comment, after_help = examples!(
        "stage1 status",
        "stage1 status --json",
    ))]
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum BmcCommand {
    /// Print the BMC's configuration and the health of the hardware
    ///
    /// Reads version, LAN, users, boot options, power supplies, sensors and the
    /// critical entries of the event log. Changes nothing.
    ///
    /// Exit code 3: something could not be read.
    #[command(verbatim_doc_comment, after_help = examples!("stage1 bmc show", "stage1 bmc show --json"))]
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Apply the desired configuration and verify it
    ///
    /// Writes only what differs from the policy file, reads it back, and tests
    /// passwords. What the file leaves out stays as it is. Generated passwords
    /// need an inventory: only a run sets them.
    ///
    /// Exit code 3: the BMC refused something, or it did not take effect.
    #[command(verbatim_doc_comment, after_help = examples!(
        "stage1 bmc apply --plan",
        "stage1 bmc apply --policy bmc.toml",
    ))]
    Apply {
        /// Desired configuration, in TOML
        #[arg(long, value_name = "FILE", default_value = bmc::POLICY)]
        policy: PathBuf,
        /// Print what would be written, and write nothing
        #[arg(long)]
        plan: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the system event log, oldest entry first
    ///
    /// A log of thousands of entries takes a minute. With --clear, the log is
    /// erased, but only if it was read and printed completely.
    #[command(verbatim_doc_comment, after_help = examples!(
        "stage1 bmc sel --newest 20",
        "stage1 bmc sel --json --clear",
    ))]
    Sel {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Print at most this many entries, the newest
        #[arg(long, value_name = "COUNT", default_value_t = 4096)]
        newest: usize,
        /// Erase the log after it was printed
        #[arg(long)]
        clear: bool,
    },
    /// Print the sensors
    ///
    /// Reads every sensor of the BMC's repository with its thresholds. Changes
    /// nothing.
    #[command(verbatim_doc_comment, after_help = examples!("stage1 bmc sensors", "stage1 bmc sensors --json"))]
    Sensors {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Reset the BMC
    ///
    /// The host continues to run. The BMC answers again after a minute or two.
    #[command(verbatim_doc_comment, after_help = examples!("stage1 bmc reset", "stage1 bmc reset --warm"))]
    Reset {
        /// Warm reset: keep what a cold reset would lose
        #[arg(long)]
        warm: bool,
    },
}

#[derive(Debug, Subcommand)]
enum FirmwareCommand {
    /// Compare firmware with the manifests
    ///
    /// Prints for each component the running version, the version of the
    /// manifest, and what `stage1 firmware apply` would do. Changes nothing.
    ///
    /// Exit code 3: an update is refused, or has failed too often.
    #[command(verbatim_doc_comment, after_help = examples!(
        "stage1 firmware check",
        "stage1 firmware check --only nic --json",
    ))]
    Check {
        #[command(flatten)]
        firmware: FirmwareArguments,
    },
    /// Flash outdated firmware
    ///
    /// Flashes each component that is older than its manifest, at most as often
    /// as the manifest allows, and prints which reset activates it. Signals do not
    /// interrupt a write: the command stops before the next component.
    ///
    /// Exit code 3: an update failed or is refused.
    #[command(verbatim_doc_comment, after_help = examples!(
        "stage1 firmware apply --plan",
        "stage1 firmware apply --only bios --reset",
    ))]
    Apply {
        #[command(flatten)]
        firmware: FirmwareArguments,
        /// Print what would be written, and change nothing
        #[arg(long)]
        plan: bool,
        /// Reset the host if the new firmware needs it
        #[arg(long, conflicts_with = "plan")]
        reset: bool,
    },
    /// Check a folder of manifests for errors
    ///
    /// Reads all .toml files in the folder and its subfolders. Needs no network
    /// and no hardware.
    ///
    /// Exit code 1: a manifest has an error.
    #[command(verbatim_doc_comment, after_help = examples!(
        "stage1 firmware lint firmware-manifests",
        "stage1 firmware lint .",
    ))]
    Lint {
        /// Folder with manifests
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

// The structs below have no doc comment: clap would show it in place of the command's.

#[derive(Debug, Args)]
struct SettingsArguments {
    /// Base URL of the inventory (setting inventory)
    #[arg(long, value_name = "URL")]
    inventory: Option<String>,
    /// Set any setting; `stage1 --help` lists them
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
    /// Settings file, in place of /etc/stage1/config.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct RunArguments {
    #[command(flatten)]
    settings: SettingsArguments,
    /// Print what would be done, and change nothing
    #[arg(long)]
    plan: bool,
}

#[derive(Debug, Args)]
struct FirmwareArguments {
    #[command(flatten)]
    settings: SettingsArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Only components of this kind
    #[arg(long, value_name = "COMPONENT")]
    only: Option<Kind>,
}

#[derive(Debug, Args)]
struct FactsArguments {
    /// Print JSON; `stage1-inventory schema facts` prints its JSON Schema
    #[arg(long)]
    json: bool,
    /// Only these groups, separated by commas
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    only: Vec<Group>,
    /// Read a captured folder or capture file, in place of this machine
    #[arg(long, value_name = "PATH")]
    sysroot: Option<PathBuf>,
    /// Also write everything that was read to a new tar file, for --sysroot
    #[arg(long, value_name = "FILE", conflicts_with = "only")]
    capture: Option<PathBuf>,
    /// Replace serial numbers, MAC addresses, UUIDs and other identifiers in the capture
    #[arg(long, requires = "capture")]
    scrub: bool,
}

#[derive(Debug, Args)]
struct LldpArguments {
    /// Only these ports; virtual ports are allowed
    #[arg(value_name = "PORT")]
    ports: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print neighbours as they are heard, until Ctrl-C
    #[arg(long, conflicts_with_all = ["json", "timeout"])]
    watch: bool,
    /// Longest wait for neighbours
    #[arg(long, value_name = "SECONDS", default_value_t = 32)]
    timeout: u32,
    /// Send nothing: switches send an LLDPDU every 30 s
    #[arg(long)]
    listen: bool,
}

/// The command line's definition, for programs that write manual pages or completions from it.
pub fn command() -> clap::Command {
    Arguments::command()
}

impl Arguments {
    /// How much is logged.
    pub fn log_level(&self) -> LevelFilter {
        if self.verbose { LevelFilter::Debug } else { LevelFilter::Info }
    }

    /// Whether an init system runs the pipeline at boot.
    pub fn is_boot(&self) -> bool {
        matches!(self.command, Command::Run { boot: true, .. })
    }

    /// Runs the command, and returns its exit code. `started` is when this process started. To be called while there is a
    /// single thread.
    pub fn run(self, started: Instant) -> u8 {
        let at_boot = self.is_boot();
        let pipeline = |RunArguments { settings, plan }: RunArguments, mode| {
            let options = RunOptions { mode, plan, at_boot };
            in_child(|| commands::run(&settings.flags(), options, started))
        };
        match self.command {
            Command::Run { run, .. } => pipeline(run, RunMode::Run),
            Command::Register { run } => pipeline(run, RunMode::Register),
            Command::Boot { run } => pipeline(run, RunMode::Boot),
            Command::Facts(arguments) => commands::facts::run(arguments.request()),
            Command::Lldp(arguments) => commands::lldp::run(&arguments.request()),
            Command::Bmc(command) => commands::bmc::run(&command.request()),
            Command::Firmware(command) => command.run(),
            Command::Kexec { kernel, initrd, append, plan } => {
                commands::kexec(&kernel, &initrd, &append, plan)
            }
            Command::Network { settings, write } => commands::network(&settings.flags(), write.as_deref()),
            Command::Status { json } => commands::status(json),
        }
    }
}

/// Runs `work` in a child process: threads of it that hang in the kernel do not delay the end of this one.
fn in_child(work: impl FnOnce() -> u8) -> u8 {
    child::run(work).unwrap_or_else(|error| commands::say(&error.into()))
}

impl FirmwareCommand {
    fn run(self) -> u8 {
        match self {
            Self::Check { firmware } => {
                let (flags, request) = firmware.request();
                commands::firmware::check(&flags, &request)
            }
            Self::Apply { firmware, plan, reset } => {
                let (flags, request) = firmware.request();
                in_child(|| commands::firmware::apply(&flags, &request, plan, reset))
            }
            Self::Lint { folder } => commands::firmware::lint(&folder),
        }
    }
}

impl FirmwareArguments {
    fn request(self) -> (Flags, commands::firmware::Request) {
        let Self { settings, json, only } = self;
        (settings.flags(), commands::firmware::Request { json, only })
    }
}

impl FactsArguments {
    fn request(self) -> commands::facts::Request {
        let Self { json, only, sysroot, capture, scrub } = self;
        let capture = capture.map(|file| Capture { file, scrub });
        commands::facts::Request { json, only, sysroot, capture }
    }
}

impl BmcCommand {
    fn request(self) -> commands::bmc::Request {
        use commands::bmc::Request;
        match self {
            Self::Show { json } => Request::Show { json },
            Self::Apply { policy, plan, json } => Request::Apply { policy, plan, json },
            Self::Sel { json, newest, clear } => Request::Sel { json, newest, clear },
            Self::Sensors { json } => Request::Sensors { json },
            Self::Reset { warm } => Request::Reset { warm },
        }
    }
}

impl LldpArguments {
    fn request(self) -> commands::lldp::Request {
        let Self { ports, json, watch, timeout, listen } = self;
        let timeout = Duration::from_secs(timeout.into());
        commands::lldp::Request { ports, json, watch, timeout, listen }
    }
}

impl SettingsArguments {
    fn flags(self) -> Flags {
        let inventory = self.inventory.map(|url| ("inventory".to_string(), url));
        Flags { config: self.config, set: self.set.into_iter().chain(inventory).collect() }
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE")?;
    Ok((key.to_string(), value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_command_has_a_summary_a_description_and_two_examples() {
        assert_eq!(check(&command()), 1 + 10 + 5 + 3);
    }

    /// Checks a command and all its subcommands; returns how many they are.
    fn check(command: &clap::Command) -> usize {
        let name = command.get_name();
        let summary = command.get_about().expect(name).to_string();
        assert!(!summary.contains('\n') && !summary.ends_with('.'), "{name}: {summary}");
        let description = command.get_long_about().expect(name).to_string();
        assert!(description.lines().count() > 2, "{name}: {description}");
        assert!(description.lines().all(|line| line.len() <= 80), "{name}: {description}");
        let examples = command.get_after_help().expect(name).to_string();
        let lines: Vec<&str> = examples.strip_prefix("Examples:\n").expect(name).lines().collect();
        assert!(lines.len() >= 2, "{name}: {examples}");
        for line in lines {
            let words = words(line);
            assert!(name == "stage1" || words.iter().any(|word| word == name), "{name}: {line}");
            if let Err(error) = Arguments::try_parse_from(words) {
                panic!("{line}: {error}");
            }
        }
        1 + command.get_subcommands().map(check).sum::<usize>()
    }

    /// The words of a shell command that quotes with `'` only.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![];
        for (index, part) in line.trim().split('\'').enumerate() {
            match index % 2 {
                0 => words.extend(part.split_whitespace().map(str::to_string)),
                _ => words.push(part.to_string()),
            }
        }
        words
    }

    #[test]
    fn flags_become_settings_and_options() {
        let parse = |line: &str| Arguments::try_parse_from(words(line));
        let Ok(Arguments { command: Command::Run { run, boot: false }, verbose: true }) =
            parse("stage1 run -v --set bmc=off --inventory https://a --config /c --plan")
        else {
            panic!("not a run");
        };
        assert!(run.plan);
        let flags = run.settings.flags();
        assert_eq!(flags.config, Some(PathBuf::from("/c")));
        let pair = |key: &str, value: &str| (key.to_string(), value.to_string());
        assert_eq!(flags.set, [pair("bmc", "off"), pair("inventory", "https://a")]);
        for wrong in [
            "stage1",
            "stage1 run --set bmc",
            "stage1 lldp --watch --json",
            "stage1 facts --scrub",
            "stage1 firmware apply --plan --reset",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(parse("stage1 run --boot").unwrap().is_boot());
    }

    #[test]
    fn the_long_help_lists_the_settings() {
        let help = command().render_long_help().to_string();
        assert!(help.contains("\nSettings, ") && help.contains("\n  wait-timeout  "), "{help}");
    }
}
