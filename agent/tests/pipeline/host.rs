// SPDX-License-Identifier: MIT OR Apache-2.0
//! A captured machine with an identity, and a target for it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use uuid::Uuid;

/// The machine's identity, the one in the contract's examples.
pub const ID: &str = "4c4c4544-0042-3510-8052-b4c04f4a4b32";

/// The target's initrd; its length is no multiple of four, so that what is appended is padded.
pub const INITRD: &[u8] = b"070701 an initrd of the target";

/// A machine with an SMBIOS UUID and 1 GiB of memory.
pub fn machine() -> TempDir {
    let tree = tempfile::tempdir().unwrap();
    let [entry_point, table] = smbios();
    put(tree.path(), "/sys/firmware/dmi/tables/smbios_entry_point", &entry_point);
    put(tree.path(), "/sys/firmware/dmi/tables/DMI", &table);
    put(tree.path(), "/proc/meminfo", b"MemTotal: 1048576 kB\nMemAvailable: 1048576 kB\n");
    put(tree.path(), "/proc/sys/kernel/random/boot_id", b"0f6f1c1e-5d0c-4c55-9a56-0d0b0c2d7a11\n");
    tree
}

/// Puts a file into a machine.
pub fn put(root: &Path, path: &str, content: &[u8]) {
    let place = place(root, path);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(place, content).unwrap();
}

/// Where a path of the machine really is.
pub fn place(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// Every regular file of a machine, with its content.
pub fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files(&entry.path()));
        } else if kind.is_file() {
            found.insert(entry.path(), fs::read(entry.path()).unwrap());
        }
    }
    found
}

/// The smallest file that is a bzImage with a 64-bit entry point (Documentation/arch/x86/boot.rst): boot protocol 2.15,
/// `XLF_KERNEL_64` and `XLF_CAN_BE_LOADED_ABOVE_4G`, a `cmdline_size` of 2047 bytes, and setup code only.
pub fn kernel() -> Vec<u8> {
    let mut file = vec![0; 5 * 512];
    file[0x211] = 1;
    file[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    file[0x202..0x206].copy_from_slice(b"HdrS");
    file[0x206..0x208].copy_from_slice(&0x020f_u16.to_le_bytes());
    file[0x236..0x238].copy_from_slice(&3_u16.to_le_bytes());
    file[0x238..0x23c].copy_from_slice(&2047_u32.to_le_bytes());
    file
}

/// Entry point and table of SMBIOS 3.0 (DSP0134): system information with the UUID, and the end.
fn smbios() -> [Vec<u8>; 2] {
    let mut table = vec![1, 0x1b, 1, 0, 0, 0, 0, 0];
    table.extend(Uuid::parse_str(ID).unwrap().to_bytes_le());
    table.extend([6, 0, 0, 0, 0]);
    table.extend([127, 4, 2, 0, 0, 0]);
    let mut entry_point = b"_SM3_\0\x18\x03\0\0\x01\0".to_vec();
    entry_point.extend(u32::try_from(table.len()).unwrap().to_le_bytes());
    entry_point.extend([0; 8]);
    entry_point[5] = entry_point.iter().fold(0, |sum: u8, byte| sum.wrapping_sub(*byte));
    [entry_point, table]
}
