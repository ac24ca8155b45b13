// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network adapter with updatable firmware: its images, and its flash, which is a file. Their layout is also in its driver,
//! `firmware/modules/nicsim.c`. All numbers are little-endian.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::spec::{Activation, FirmwareNicSpec, NicFaults};

/// Size of the flash, which is the device's BAR 2, in bytes.
pub(crate) const FLASH_BYTES: usize = 1 << 20;

const FLASH_MAGIC: u32 = 0x4643_494e;
const IMAGE_MAGIC: u32 = 0x4d49_5746;
const IMAGE_HEADER: usize = 96;
const BANK: usize = 0x1000;
/// Size of a payload in bytes; an image has 74 chunks.
const PAYLOAD: usize = 300_000;

/// Offsets in the flash's header.
const CHUNKS: u64 = 16;
const POWER_ONS: u64 = 20;
const WRITE_ERROR: u64 = 32;
const CORRUPTION: u64 = 36;
const CHUNK_MS: u64 = 40;

/// A firmware image.
#[derive(Clone, Debug)]
pub struct NicImage {
    /// Version, up to 31 characters.
    pub version: String,
    /// Parameter set ID of the boards that it is for, up to 15 characters.
    pub psid: String,
    /// Security revision; a board refuses an image with a lower one than its own.
    pub security_revision: u32,
}

impl NicImage {
    /// An image for the default parameter set, with security revision 1.
    pub fn new(version: &str) -> NicImage {
        let psid = FirmwareNicSpec::default().psid;
        NicImage { version: version.to_string(), psid, security_revision: 1 }
    }

    /// The image file. The payload depends on the version.
    pub fn to_bytes(&self) -> Vec<u8> {
        let seed = crc32(self.version.as_bytes());
        let payload: Vec<u8> =
            (0..PAYLOAD as u32).map(|at| ((at ^ seed).wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let numbers = [IMAGE_MAGIC, payload.len() as u32, crc32(&payload), self.security_revision];
        let mut bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        bytes.extend(text::<16>(&self.psid));
        bytes.extend(text::<32>(&self.version));
        bytes.extend(text::<32>("1.0.0"));
        bytes.extend(payload);
        bytes
    }

    /// The image file with one bit of the payload flipped.
    pub fn damaged(&self) -> Vec<u8> {
        let mut bytes = self.to_bytes();
        bytes[IMAGE_HEADER + PAYLOAD / 2] ^= 1;
        bytes
    }

    /// The first half of the image file.
    pub fn truncated(&self) -> Vec<u8> {
        let mut bytes = self.to_bytes();
        bytes.truncate(bytes.len() / 2);
        bytes
    }
}

/// An adapter's flash. It can be read and changed while the host runs.
pub struct Flash {
    file: File,
}

impl Flash {
    /// Creates the flash of a new adapter, with an image in the first bank.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn create(path: &Path, spec: &FirmwareNicSpec) -> Result<Flash> {
        let mut bytes = vec![0xff; FLASH_BYTES];
        let activation = match spec.activation {
            Activation::Reload => 0,
            Activation::Reset => 1,
            Activation::PowerCycle => 2,
        };
        let header = [FLASH_MAGIC, 0, 0, 0, 0, 0, 0, activation, 0, 0, 0];
        let mut header: Vec<u8> = header.iter().flat_map(|number: &u32| number.to_le_bytes()).collect();
        for name in [&spec.psid, &spec.board_id, "SN0042"] {
            header.extend(text::<16>(name));
        }
        header.extend(mac(&spec.mac)?);
        bytes[..header.len()].copy_from_slice(&header);
        let image = NicImage { psid: spec.psid.clone(), ..NicImage::new(&spec.version) }.to_bytes();
        bytes[BANK..BANK + image.len()].copy_from_slice(&image);
        std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))?;
        let flash = Flash::open(path)?;
        flash.set_faults(spec.faults)?;
        Ok(flash)
    }

    /// Opens an existing flash.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path) -> Result<Flash> {
        let file = OpenOptions::new().read(true).write(true).open(path);
        file.map(|file| Flash { file }).with_context(|| format!("opening {}", path.display()))
    }

    /// Sets exactly these faults.
    pub fn set_faults(&self, faults: NicFaults) -> Result<()> {
        self.set(WRITE_ERROR, faults.write_error_percent)?;
        self.set(CORRUPTION, u32::from(faults.corruption))?;
        self.set(CHUNK_MS, faults.chunk_ms)
    }

    /// The number of chunks written since it was created.
    pub fn chunks(&self) -> Result<u32> {
        self.number(CHUNKS)
    }

    /// Counts a power-on of the host.
    pub fn power_on(&self) -> Result<()> {
        self.set(POWER_ONS, self.number(POWER_ONS)?.wrapping_add(1))
    }

    fn number(&self, at: u64) -> Result<u32> {
        let mut bytes = [0; 4];
        self.file.read_exact_at(&mut bytes, at).context("reading a NIC's flash")?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn set(&self, at: u64, number: u32) -> Result<()> {
        self.file.write_all_at(&number.to_le_bytes(), at).context("writing to a NIC's flash")
    }
}

/// Padded and terminated with zeros.
fn text<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    for (place, byte) in bytes.iter_mut().take(LENGTH - 1).zip(text.bytes()) {
        *place = byte;
    }
    bytes
}

fn mac(text: &str) -> Result<Vec<u8>> {
    let pairs = text.split(':').map(|pair| u8::from_str_radix(pair, 16));
    let bytes = pairs.collect::<Result<Vec<u8>, _>>().with_context(|| format!("reading {text:?}"))?;
    ensure!(bytes.len() == 6, "{text:?} is not a MAC address");
    Ok(bytes)
}

/// CRC-32 as in zlib.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_have_a_header() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let image = NicImage::new("22.39.2048");
        let bytes = image.to_bytes();
        assert_eq!(bytes.len(), IMAGE_HEADER + PAYLOAD);
        assert_eq!(&bytes[..4], b"FWIM");
        assert_eq!(&bytes[16..30], b"SIM0000000001\0");
        assert_eq!(&bytes[32..43], b"22.39.2048\0");
        assert_eq!(bytes[8..12], crc32(&bytes[IMAGE_HEADER..]).to_le_bytes());
        assert_ne!(bytes[IMAGE_HEADER..], NicImage::new("22.40.0000").to_bytes()[IMAGE_HEADER..]);
        assert_eq!(image.damaged().iter().zip(&bytes).filter(|(one, other)| one != other).count(), 1);
    }

    #[test]
    fn a_flash_has_an_image_and_takes_faults() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("nic.flash");
        let faults = NicFaults { write_error_percent: 40, corruption: true, chunk_ms: 3 };
        let spec = FirmwareNicSpec { version: "1.2.3".to_string(), faults, ..FirmwareNicSpec::default() };
        Flash::create(&path, &spec).unwrap();
        let flash = Flash::open(&path).unwrap();
        flash.power_on().unwrap();
        assert_eq!((flash.chunks().unwrap(), flash.number(POWER_ONS).unwrap()), (0, 1));
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len(), FLASH_BYTES);
        assert_eq!(bytes[..4], *b"NICF");
        assert_eq!(bytes[28..44], [0, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0]);
        assert_eq!(bytes[44..57], *b"SIM0000000001");
        assert_eq!(bytes[92..98], [2, 0, 0, 0xaa, 0, 1]);
        assert_eq!(bytes[BANK + 32..BANK + 37], *b"1.2.3");
        flash.set_faults(NicFaults::default()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap()[32..44], [0; 12]);
    }
}
