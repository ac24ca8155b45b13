// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recognises a kernel file by its content.

use goblin::pe::header::{COFF_MACHINE_ARM64, COFF_MACHINE_X86, COFF_MACHINE_X86_64, Header};
use goblin::pe::section_table::SectionTable;
use thiserror::Error;

use crate::kind::describe;

/// Boot protocol 2.12, the first with `xloadflags` (Documentation/arch/x86/boot.rst).
const PROTOCOL_2_12: u16 = 0x020c;
/// `LOADED_HIGH` of `loadflags`: a bzImage, not a zImage.
const LOADED_HIGH: u8 = 1;
/// `XLF_KERNEL_64` and `XLF_CAN_BE_LOADED_ABOVE_4G`: the 64-bit entry point that `kexec_file_load` uses, and the freedom to
/// put kernel, initrd and command line anywhere (`bzImage64_probe` in the kernel).
const XLF_KERNEL_64: u16 = 1;
const XLF_CAN_BE_LOADED_ABOVE_4G: u16 = 2;
/// What `bzImage64_load` keeps free in `cmdline_size`: `MAX_ELFCOREHDR_STR_LEN`, although it adds nothing, and the NUL.
const RESERVED: u32 = 31;

/// The longest command line, in bytes, that `kexec_file_load` accepts for a kernel of kernel.org: their `cmdline_size` is
/// 2047 (`COMMAND_LINE_SIZE` of x86).
pub const USUAL_COMMAND_LINE: u32 = 2047 - RESERVED;

/// A kernel file that `kexec_file_load` should accept.
#[derive(Debug)]
pub enum Image<'a> {
    /// An x86 bzImage with a 64-bit entry point.
    BzImage {
        /// The longest command line in bytes that `kexec_file_load` accepts: less than the header's `cmdline_size`.
        longest_command_line: u32,
    },
    /// A unified kernel image: a PE file with the kernel and the rest in sections.
    Uki(Uki<'a>),
}

/// The parts of a unified kernel image (UAPI Group Specifications, "Unified Kernel Image").
#[derive(Debug)]
pub struct Uki<'a> {
    /// Section `.linux`, a bzImage.
    pub kernel: &'a [u8],
    /// As that of [`Image::BzImage`].
    pub longest_command_line: u32,
    /// Section `.ucode`: microcode in an uncompressed cpio archive, which must be the first one of the initrd.
    pub microcode: Option<&'a [u8]>,
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
    /// A kernel that must be below 4 GiB, where `kexec_file_load` does not put it.
    #[error(
        "a kernel that cannot be loaded above 4 GiB (XLF_CAN_BE_LOADED_ABOVE_4G is not set): \
         build it with CONFIG_RELOCATABLE"
    )]
    NotAbove4G,
    /// A bzImage with less than its header states.
    #[error("truncated: {actual} bytes, its header states {expected}")]
    Truncated {
        /// The length of the file in bytes.
        actual: usize,
        /// The length of setup code and kernel in bytes; a signature comes on top.
        expected: u64,
    },
    /// The kernel in a unified kernel image is not one that can be loaded.
    #[error("the kernel in its section .linux: {0}")]
    Inner(Box<ImageError>),
    /// A PE file whose headers or sections do not fit into the file.
    #[error("damaged PE file: {0}")]
    DamagedPe(String),
}

impl<'a> Image<'a> {
    /// Recognises the content of a file.
    ///
    /// # Errors
    /// [`ImageError`] if it is not a kernel, a kernel that cannot be loaded, or a damaged one.
    pub fn parse(file: &'a [u8]) -> Result<Self, ImageError> {
        if let Some(header) = SetupHeader::of(file) {
            return Ok(Image::BzImage { longest_command_line: header.check(file)? });
        }
        match describe(file) {
            None if file.starts_with(b"MZ") => uki(file).map(Image::Uki),
            what => Err(ImageError::NotAKernel(what.unwrap_or("an unknown kind of file"))),
        }
    }
}

/// The longest command line, in bytes, that `kexec_file_load` accepts for a bzImage, of which the first 1024 bytes are
/// enough; `None` if it is another file.
pub fn longest_command_line(beginning: &[u8]) -> Option<u32> {
    SetupHeader::of(beginning).map(SetupHeader::longest_command_line)
}

/// The setup header of a bzImage (Documentation/arch/x86/boot.rst).
#[derive(Clone, Copy)]
struct SetupHeader<'a>(&'a [u8]);

impl<'a> SetupHeader<'a> {
    fn of(file: &'a [u8]) -> Option<Self> {
        let header = file.get(..0x23c)?;
        // boot_flag 1FEh, header 202h.
        (header[0x1fe..0x200] == [0x55, 0xaa] && header[0x202..0x206] == *b"HdrS").then_some(Self(header))
    }

    fn short(self, at: usize) -> u16 {
        u16::from_le_bytes([self.0[at], self.0[at + 1]])
    }

    fn long(self, at: usize) -> u32 {
        u32::from(self.short(at)) | u32::from(self.short(at + 2)) << 16
    }

    /// `cmdline_size`, 238h, is without the terminating NUL.
    fn longest_command_line(self) -> u32 {
        self.long(0x238).saturating_sub(RESERVED)
    }

    /// loadflags 211h, version 206h, xloadflags 236h; returns the longest command line.
    fn check(self, file: &[u8]) -> Result<u32, ImageError> {
        let (version, xloadflags) = (self.short(0x206), self.short(0x236));
        if version < PROTOCOL_2_12 || self.0[0x211] & LOADED_HIGH == 0 || xloadflags & XLF_KERNEL_64 == 0 {
            return Err(ImageError::TooOld(version));
        }
        if xloadflags & XLF_CAN_BE_LOADED_ABOVE_4G == 0 {
            return Err(ImageError::NotAbove4G);
        }
        let expected = self.length();
        if (file.len() as u64) < expected {
            return Err(ImageError::Truncated { actual: file.len(), expected });
        }
        Ok(self.longest_command_line())
    }

    /// setup_sects 1F1h, in sectors of 512 bytes after the boot sector, 0 for 4; syssize 1F4h, in units of 16 bytes.
    fn length(self) -> u64 {
        let setup_sectors = if self.0[0x1f1] == 0 { 4 } else { self.0[0x1f1] };
        (u64::from(setup_sectors) + 1) * 512 + u64::from(self.long(0x1f4)) * 16
    }
}

fn uki(file: &[u8]) -> Result<Uki<'_>, ImageError> {
    let damaged = |error: goblin::error::Error| ImageError::DamagedPe(error.to_string());
    let header = Header::parse(file).map_err(damaged)?;
    let mut offset = header.dos_header.pe_pointer as usize
        + goblin::pe::header::SIZEOF_PE_MAGIC
        + goblin::pe::header::SIZEOF_COFF_HEADER
        + usize::from(header.coff_header.size_of_optional_header);
    let sections = header.coff_header.sections(file, &mut offset).map_err(damaged)?;
    let application = ImageError::NotAKernel(match header.coff_header.machine {
        COFF_MACHINE_X86_64 => {
            "an EFI application (a boot loader?): a PE file for x86-64 without a .linux section"
        }
        COFF_MACHINE_ARM64 => "an EFI application for arm64: a PE file without a .linux section",
        COFF_MACHINE_X86 => "an EFI application for 32-bit x86: a PE file without a .linux section",
        _ => "a PE file for another architecture, without a .linux section",
    });
    let kernel = section(file, &sections, ".linux")?.ok_or(application)?;
    let inner = |error: ImageError| ImageError::Inner(Box::new(error));
    let longest_command_line = match SetupHeader::of(kernel) {
        Some(header) => header.check(kernel).map_err(inner)?,
        None => {
            let what = describe(kernel).unwrap_or("an unknown kind of file");
            return Err(inner(ImageError::NotAKernel(what)));
        }
    };
    let cmdline = section(file, &sections, ".cmdline")?
        .map(|bytes| {
            std::str::from_utf8(bytes)
                .map_err(|_| ImageError::DamagedPe("section .cmdline is not UTF-8".to_string()))
        })
        .transpose()?
        .map(|text| text.trim_end_matches(['\0', '\n', ' ']));
    let microcode = section(file, &sections, ".ucode")?;
    let initrd = section(file, &sections, ".initrd")?;
    Ok(Uki { kernel, longest_command_line, microcode, initrd, cmdline })
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    /// A bzImage of 5 sectors of setup code and 64 bytes of kernel.
    fn setup_header(version: u16, xloadflags: u16) -> Vec<u8> {
        let mut file = vec![0; 5 * 512 + 64];
        file[0x1f4] = 64 / 16;
        file[0x211] = LOADED_HIGH;
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
        assert!(matches!(Image::parse(&file), Ok(Image::BzImage { longest_command_line: 2016 })));
        assert_eq!(longest_command_line(&file[..1024]), Some(USUAL_COMMAND_LINE));
        assert_eq!(longest_command_line(&file[..0x23b]), None);
        assert_eq!(longest_command_line(&[0; 1024]), None);
    }

    #[test]
    fn a_kernel_that_the_running_one_would_refuse_is_refused_by_name() {
        let error = |file: &[u8]| Image::parse(file).unwrap_err();
        assert_eq!(error(&setup_header(0x0204, 0)), ImageError::TooOld(0x0204));
        assert!(error(&setup_header(0x0204, 0)).to_string().starts_with("boot protocol 2.04 without"));
        assert_eq!(error(&setup_header(0x020f, XLF_CAN_BE_LOADED_ABOVE_4G)), ImageError::TooOld(0x020f));
        assert_eq!(error(&setup_header(0x020f, XLF_KERNEL_64)), ImageError::NotAbove4G);
        let mut low = setup_header(0x020f, 3);
        low[0x211] = 0;
        assert_eq!(error(&low), ImageError::TooOld(0x020f));
        let whole = setup_header(0x020f, 3);
        for actual in [0x23c, whole.len() / 2, whole.len() - 1] {
            assert_eq!(error(&whole[..actual]), ImageError::Truncated { actual, expected: 2624 });
        }
    }

    #[test]
    fn a_uki_is_split_into_its_parts() {
        let kernel = setup_header(0x020f, 3);
        let sections: [(&str, &[u8]); 4] = [
            (".linux", &kernel),
            (".initrd", b"initrd"),
            (".cmdline", b"quiet a=1\n\0"),
            (".ucode", b"microcode"),
        ];
        let file = pe(&sections);
        let Ok(Image::Uki(uki)) = Image::parse(&file) else { panic!("{:?}", Image::parse(&file)) };
        assert_eq!((uki.kernel, uki.longest_command_line), (&*kernel, 2016));
        assert_eq!((uki.initrd, uki.microcode), (Some(&b"initrd"[..]), Some(&b"microcode"[..])));
        assert_eq!(uki.cmdline, Some("quiet a=1"));
    }

    #[test]
    fn what_is_wrong_with_the_kernel_in_a_uki_is_named() {
        let error = |kernel: &[u8]| Image::parse(&pe(&[(".linux", kernel)])).unwrap_err().to_string();
        assert_eq!(error(b"\x1f\x8b\x08"), "the kernel in its section .linux: not a kernel but a gzip file");
        let whole = setup_header(0x020f, 3);
        assert!(error(&whole[..1000]).starts_with("the kernel in its section .linux: truncated: 1000 bytes"));
        assert!(error(&pe(&[(".linux", b"")])).contains(".linux: not a kernel but an unknown kind of file"));
        let application = pe(&[(".text", b"code")]);
        let message = Image::parse(&application).unwrap_err().to_string();
        assert!(message.starts_with("not a kernel but an EFI application (a boot loader?)"), "{message}");
        let mut arm = application;
        arm[0x44..0x46].copy_from_slice(&COFF_MACHINE_ARM64.to_le_bytes());
        assert!(Image::parse(&arm).unwrap_err().to_string().contains("an EFI application for arm64"));
    }

    #[test]
    fn a_section_beyond_the_end_of_the_file_is_an_error() {
        let mut file = pe(&[(".linux", &setup_header(0x020f, 3))]);
        file.truncate(file.len() - 1);
        assert_eq!(
            Image::parse(&file).unwrap_err(),
            ImageError::DamagedPe("section .linux extends beyond the end of the file".to_string())
        );
    }

    proptest! {
        #[test]
        fn no_content_causes_a_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
            let kernel = setup_header(0x020f, 3);
            let mut file = pe(&[(".linux", &kernel), (".initrd", b"initrd"), (".cmdline", b"quiet"), (".ucode", b"m")]);
            let position = at.index(file.len());
            file[position] = byte;
            file.truncate(cut.index(file.len()) + 1);
            let _ = Image::parse(&file);
        }
    }
}
