// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recognises a kernel file by its content.

use goblin::pe::header::Header;
use goblin::pe::section_table::SectionTable;
use thiserror::Error;

/// Boot protocol 2.12, the first with `xloadflags` (Documentation/arch/x86/boot.rst).
const PROTOCOL_2_12: u16 = 0x020c;
/// `XLF_KERNEL_64`: the kernel has the 64-bit entry point that `kexec_file_load` uses.
const XLF_KERNEL_64: u16 = 1;

/// A kernel file that `kexec_file_load` should accept.
#[derive(Debug)]
pub enum Image<'a> {
    /// An x86 bzImage with a 64-bit entry point.
    BzImage {
        /// Longest command line in bytes, without the terminating NUL (`cmdline_size`, offset 238h).
        cmdline_size: u32,
    },
    /// A unified kernel image: a PE file with the kernel and the rest in sections.
    Uki(Uki<'a>),
}

/// The parts of a unified kernel image (UAPI Group Specifications, "Unified Kernel Image").
#[derive(Debug)]
pub struct Uki<'a> {
    /// Section `.linux`.
    pub kernel: &'a [u8],
    /// Section `.initrd`.
    pub initrd: Option<&'a [u8]>,
    /// Section `.cmdline`, without padding.
    pub cmdline: Option<&'a str>,
}

/// Why a file is not a kernel.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ImageError {
    /// It is another kind of file.
    #[error("not a kernel but {0}")]
    NotAKernel(&'static str),
    /// A kernel that cannot be loaded; the value is its boot protocol version, major version in the high byte.
    #[error("boot protocol {}.{:02} without a 64-bit entry point: a 64-bit kernel of Linux 3.8 or later is needed", .0 >> 8, .0 & 0xff)]
    TooOld(u16),
    /// A PE file whose headers or sections do not fit into the file.
    #[error("damaged PE file: {0}")]
    DamagedPe(String),
}

impl<'a> Image<'a> {
    /// Recognises the content of a file.
    ///
    /// # Errors
    /// [`ImageError`] if it is not a kernel, a kernel that is too old, or a damaged unified kernel image.
    pub fn parse(file: &'a [u8]) -> Result<Self, ImageError> {
        if file.get(0x202..0x206) == Some(b"HdrS") && file.get(0x1fe..0x200) == Some(&[0x55, 0xaa]) {
            return bzimage(file);
        }
        if file.starts_with(b"MZ") {
            return uki(file).map(Image::Uki);
        }
        Err(ImageError::NotAKernel(describe(file)))
    }
}

/// Setup header, Documentation/arch/x86/boot.rst: version 206h, xloadflags 236h, cmdline_size 238h.
fn bzimage(file: &[u8]) -> Result<Image<'_>, ImageError> {
    let short = |at: usize| file.get(at..at + 2).map_or(0, |b| u16::from_le_bytes([b[0], b[1]]));
    let version = short(0x206);
    if version < PROTOCOL_2_12 || short(0x236) & XLF_KERNEL_64 == 0 {
        return Err(ImageError::TooOld(version));
    }
    let cmdline_size = u32::from(short(0x238)) | u32::from(short(0x23a)) << 16;
    Ok(Image::BzImage { cmdline_size })
}

fn uki(file: &[u8]) -> Result<Uki<'_>, ImageError> {
    let damaged = |error: goblin::error::Error| ImageError::DamagedPe(error.to_string());
    let header = Header::parse(file).map_err(damaged)?;
    let mut offset = header.dos_header.pe_pointer as usize
        + goblin::pe::header::SIZEOF_PE_MAGIC
        + goblin::pe::header::SIZEOF_COFF_HEADER
        + usize::from(header.coff_header.size_of_optional_header);
    let sections = header.coff_header.sections(file, &mut offset).map_err(damaged)?;
    let kernel = section(file, &sections, ".linux")?
        .ok_or(ImageError::NotAKernel("a PE file without a .linux section"))?;
    let cmdline = section(file, &sections, ".cmdline")?
        .map(|bytes| {
            std::str::from_utf8(bytes)
                .map_err(|_| ImageError::DamagedPe("section .cmdline is not UTF-8".to_string()))
        })
        .transpose()?
        .map(|text| text.trim_end_matches(['\0', '\n', ' ']));
    Ok(Uki { kernel, initrd: section(file, &sections, ".initrd")?, cmdline })
}

/// The section's bytes. `virtual_size` is the true length, `size_of_raw_data` is padded; a section that extends beyond the
/// file is an error.
fn section<'a>(
    file: &'a [u8],
    sections: &[SectionTable],
    name: &str,
) -> Result<Option<&'a [u8]>, ImageError> {
    let Some(table) = sections.iter().find(|table| table.name().is_ok_and(|n| n == name)) else {
        return Ok(None);
    };
    let start = table.pointer_to_raw_data as usize;
    let length = table.virtual_size.min(table.size_of_raw_data) as usize;
    let bytes = start.checked_add(length).and_then(|end| file.get(start..end));
    bytes
        .map(Some)
        .ok_or_else(|| ImageError::DamagedPe(format!("section {name} extends beyond the end of the file")))
}

fn describe(file: &[u8]) -> &'static str {
    let text = file.trim_ascii_start();
    match file {
        [] => "an empty file",
        [0x1f, 0x8b, ..] => "a gzip file",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "a zstd file",
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => "an xz file",
        [0x7f, b'E', b'L', b'F', ..] => "an ELF file (a vmlinux? use the bzImage)",
        [b'0', b'7', b'0', b'7', b'0', ..] => "a cpio archive (an initrd?)",
        _ if text.starts_with(b"<") => "an HTML or XML page",
        _ if text.starts_with(b"{") => "a JSON document",
        _ => "an unknown kind of file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    fn setup_header(version: u16, xloadflags: u16) -> Vec<u8> {
        let mut file = vec![0; 0x400];
        file[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
        file[0x202..0x206].copy_from_slice(b"HdrS");
        file[0x206..0x208].copy_from_slice(&version.to_le_bytes());
        file[0x236..0x238].copy_from_slice(&xloadflags.to_le_bytes());
        file[0x238..0x23c].copy_from_slice(&2047_u32.to_le_bytes());
        file
    }

    /// A PE32+ file with the given sections, as small as one can be.
    fn pe(sections: &[(&str, &[u8])]) -> Vec<u8> {
        let headers = 0x40 + 24 + 240 + 40 * sections.len();
        let mut file = vec![0; headers];
        file[..2].copy_from_slice(b"MZ");
        file[0x3c] = 0x40;
        file[0x40..0x44].copy_from_slice(b"PE\0\0");
        file[0x44..0x46].copy_from_slice(&0x8664_u16.to_le_bytes());
        file[0x46..0x48].copy_from_slice(&(sections.len() as u16).to_le_bytes());
        file[0x54..0x56].copy_from_slice(&240_u16.to_le_bytes());
        file[0x58..0x5a].copy_from_slice(&0x20b_u16.to_le_bytes());
        file[0x58 + 108..0x58 + 112].copy_from_slice(&16_u32.to_le_bytes());
        for (i, (name, data)) in sections.iter().enumerate() {
            let at = 0x58 + 240 + 40 * i;
            let start = file.len() as u32;
            file[at..at + name.len()].copy_from_slice(name.as_bytes());
            file[at + 8..at + 12].copy_from_slice(&(data.len() as u32).to_le_bytes());
            file[at + 16..at + 20].copy_from_slice(&(data.len() as u32).to_le_bytes());
            file[at + 20..at + 24].copy_from_slice(&start.to_le_bytes());
            file.extend_from_slice(data);
        }
        file
    }

    #[test]
    fn a_bzimage_states_the_longest_command_line() {
        let file = setup_header(0x020f, 0x3f);
        assert!(matches!(Image::parse(&file), Ok(Image::BzImage { cmdline_size: 2047 })));
    }

    #[test]
    fn an_old_kernel_is_refused_by_its_boot_protocol() {
        let error = Image::parse(&setup_header(0x0204, 0)).unwrap_err();
        assert_eq!(error, ImageError::TooOld(0x0204));
        assert!(error.to_string().starts_with("boot protocol 2.04 without"));
    }

    #[test]
    fn a_file_that_is_not_a_kernel_is_described() {
        for (file, what) in [
            (&b""[..], "an empty file"),
            (b"\n<!DOCTYPE html>", "an HTML or XML page"),
            (b"{\"a\":1}", "a JSON document"),
            (b"070701", "a cpio archive (an initrd?)"),
            (b"\x1f\x8b\x08", "a gzip file"),
            (b"plain text", "an unknown kind of file"),
        ] {
            assert_eq!(Image::parse(file).unwrap_err(), ImageError::NotAKernel(what));
        }
    }

    #[test]
    fn a_uki_is_split_into_its_parts() {
        let file = pe(&[(".linux", b"kernel"), (".initrd", b"initrd"), (".cmdline", b"quiet a=1\n\0")]);
        let Ok(Image::Uki(uki)) = Image::parse(&file) else { panic!("{:?}", Image::parse(&file)) };
        assert_eq!(uki.kernel, b"kernel");
        assert_eq!(uki.initrd, Some(&b"initrd"[..]));
        assert_eq!(uki.cmdline, Some("quiet a=1"));
    }

    #[test]
    fn a_section_beyond_the_end_of_the_file_is_an_error() {
        let mut file = pe(&[(".linux", b"kernel")]);
        file.truncate(file.len() - 1);
        assert_eq!(
            Image::parse(&file).unwrap_err(),
            ImageError::DamagedPe("section .linux extends beyond the end of the file".to_string())
        );
    }

    proptest! {
        #[test]
        fn no_content_causes_a_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
            let mut file = pe(&[(".linux", b"kernel"), (".initrd", b"initrd"), (".cmdline", b"quiet")]);
            let position = at.index(file.len());
            file[position] = byte;
            file.truncate(cut.index(file.len()) + 1);
            let _ = Image::parse(&file);
        }
    }
}
