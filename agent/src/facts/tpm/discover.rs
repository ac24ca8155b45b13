// SPDX-License-Identifier: MIT OR Apache-2.0
//! Discovers the TPM.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use stage1_contract::facts::Tpm;

use super::properties::{COMMAND, Properties, caps};
use crate::facts::device::Device;
use crate::host::Machine;

const TPMS: &str = "/sys/class/tpm";
/// Only for a TPM 2.0: the kernel's own resource manager, which shares the TPM with other programs.
const MANAGED: &str = "/sys/class/tpmrm";

/// How long the TPM may take to answer, and the longest response (`TPM_BUFSIZE`).
const ANSWER_MS: u16 = 3000;
const ANSWER_BYTES: usize = 4096;

/// From `/sys/class/tpm`, and the properties that it reports.
pub(crate) fn discover(machine: &Machine, problems: &mut Vec<String>) -> Option<Tpm> {
    let name = machine.names(TPMS).into_iter().next()?;
    let folder = format!("{TPMS}/{name}");
    let mut tpm = Tpm { pcr_banks: pcr_banks(machine, &folder), ..Tpm::default() };
    let managed = name.replace("tpm", "tpmrm");
    let is_2 = match machine.attribute(format!("{folder}/tpm_version_major")) {
        Some(major) => major == "2",
        None => machine.has(format!("{MANAGED}/{managed}")),
    };
    if is_2 {
        tpm.version = Some("2.0".to_string());
        let paths = [managed, name.clone()].map(|name| machine.path(format!("/dev/{name}")));
        let mut device = Device { machine, name: &name, problems };
        let properties = device.answer("properties", &|| properties(&paths), Properties::parse);
        if let Some(properties) = properties {
            properties.describe(&mut tpm);
        }
    } else {
        tpm.version = Some("1.2".to_string());
        if let Some(text) = machine.attribute(format!("{folder}/device/caps")) {
            (tpm.manufacturer, tpm.firmware_version) = caps(&text);
        }
    }
    Some(tpm)
}

/// The kernel has a folder for each bank that is allocated: `pcr-sha256`.
fn pcr_banks(machine: &Machine, folder: &str) -> Vec<String> {
    let names = machine.names(folder);
    names.iter().filter_map(|name| name.strip_prefix("pcr-")).map(str::to_string).collect()
}

/// Asks the first of the devices that is there.
fn properties(paths: &[PathBuf]) -> io::Result<Vec<u8>> {
    let open =
        |path: &PathBuf| OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path);
    let mut opened = paths.iter().map(open);
    let found = opened.find(|result| !matches!(result, Err(error) if error.kind() == ErrorKind::NotFound));
    let mut tpm = found.unwrap_or_else(|| Err(ErrorKind::NotFound.into()))?;
    tpm.write_all(&COMMAND)?;
    let mut ready = [PollFd::new(tpm.as_fd(), PollFlags::POLLIN)];
    if poll(&mut ready, PollTimeout::from(ANSWER_MS))? == 0 {
        return Err(ErrorKind::TimedOut.into());
    }
    let mut answer = vec![0; ANSWER_BYTES];
    let length = tpm.read(&mut answer)?;
    answer.truncate(length);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::fixture::Tree;
    use crate::facts::tpm::properties::SWTPM;

    fn text(text: &str) -> Option<String> {
        Some(text.to_string())
    }

    #[test]
    fn a_tpm_2_has_its_banks_and_properties() {
        let files = [
            ("/sys/class/tpm/tpm0/tpm_version_major", "2\n".as_bytes()),
            ("/sys/class/tpm/tpm0/pcr-sha1/0", b"00\n"),
            ("/sys/class/tpm/tpm0/pcr-sha256/0", b"00\n"),
            ("/stage1-answers/tpm0/properties", SWTPM),
        ];
        let expected = Tpm {
            version: text("2.0"),
            revision: text("1.64"),
            manufacturer: text("IBM"),
            vendor_string: text("SW   TPM"),
            firmware_version: text("8217.4131.22.13878"),
            pcr_banks: ["sha1", "sha256"].map(str::to_string).to_vec(),
        };
        let mut problems = Vec::new();
        assert_eq!(discover(&Tree::new(files).machine(), &mut problems), Some(expected));
        assert_eq!(problems, Vec::<String>::new());
    }

    #[test]
    fn an_invalid_response_is_a_problem() {
        let files = [
            ("/sys/class/tpmrm/tpmrm0/dev", "253:65536\n"),
            ("/sys/class/tpm/tpm0/dev", "10:224\n"),
            ("/stage1-answers/tpm0/properties", "\u{1}"),
        ];
        let mut problems = Vec::new();
        let tpm = discover(&Tree::new(files).machine(), &mut problems).unwrap();
        assert_eq!((tpm.version, tpm.manufacturer), (text("2.0"), None));
        assert_eq!(problems, ["tpm0: properties: invalid response of length 1, skipped"]);
    }

    #[test]
    fn a_tpm_1_2_is_read_from_a_file() {
        let files = [
            ("/sys/class/tpm/tpm0/tpm_version_major", "1\n"),
            (
                "/sys/class/tpm/tpm0/device/caps",
                "Manufacturer: 0x53544d20\nTCG version: 1.2\nFirmware version: 13.12\n",
            ),
        ];
        let expected = Tpm {
            version: text("1.2"),
            manufacturer: text("STM"),
            firmware_version: text("13.12"),
            ..Tpm::default()
        };
        assert_eq!(discover(&Tree::new(files).machine(), &mut Vec::new()), Some(expected));
        assert_eq!(discover(&Tree::new([("/sys/", "")]).machine(), &mut Vec::new()), None);
    }
}
