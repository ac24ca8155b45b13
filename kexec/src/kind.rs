// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names for files that are no kernel for `kexec_file_load`, so that a mistake in a profile is recognised.

/// `b"ARMd"` (Documentation/arch/arm64/booting.rst) and `b"RSC\x05"` (Documentation/arch/riscv/boot-image-header.rst), 38h.
const IMAGE_MAGIC: usize = 0x38;

/// What a file is; `None` if it is unknown, or a PE file of any kind.
pub(crate) fn describe(file: &[u8]) -> Option<&'static str> {
    let image_magic = file.get(IMAGE_MAGIC..IMAGE_MAGIC + 4).unwrap_or_default();
    let text = file.trim_ascii_start();
    Some(match file {
        [] => "an empty file",
        // Before PE: with an EFI stub these begin with MZ too.
        _ if image_magic == b"ARM\x64" => "an arm64 kernel: this host needs an x86-64 bzImage",
        _ if image_magic == b"RSC\x05" => "a RISC-V kernel: this host needs an x86-64 bzImage",
        // drivers/firmware/efi/libstub/zboot-header.S.
        [b'M', b'Z', 0, 0, b'z', b'i', b'm', b'g', ..] => {
            "an EFI zboot image, a compressed kernel for arm64 or another architecture: this host needs an x86-64 bzImage"
        }
        [0x1f, 0x8b, ..] => "a gzip file",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "a zstd file",
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => "an xz file",
        [0x5d, 0, 0, ..] => "an lzma file",
        [b'B', b'Z', b'h', ..] => "a bzip2 file",
        [0x04, 0x22, 0x4d, 0x18, ..] | [0x02, 0x21, 0x4c, 0x18, ..] => "an lz4 file",
        [0x89, b'L', b'Z', b'O', ..] => "an lzo file",
        [0x27, 0x05, 0x19, 0x56, ..] => "a U-Boot image",
        [0xd0, 0x0d, 0xfe, 0xed, ..] => "a device tree or FIT image",
        [b'h', b's', b'q', b's', ..] => "a squashfs image",
        [b'Q', b'F', b'I', 0xfb, ..] => "a qcow2 disk image",
        [0x7f, b'E', b'L', b'F', ..] => "an ELF file (a vmlinux? use the bzImage)",
        [b'0', b'7', b'0', b'7', b'0', ..] => "a cpio archive (an initrd?)",
        [b'#', b'!', ..] => "a script",
        _ if file.get(0x8001..0x8006) == Some(b"CD001") => "an ISO image",
        _ if text.starts_with(b"<") => "an HTML or XML page",
        _ if text.starts_with(b"{") => "a JSON document",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::describe;
    use crate::{Image, ImageError};

    fn with_magic(start: &[u8], magic: &[u8]) -> Vec<u8> {
        let mut file = vec![0; 64];
        file[..start.len()].copy_from_slice(start);
        file[0x38..0x3c].copy_from_slice(magic);
        file
    }

    #[test]
    fn a_file_that_is_not_a_kernel_is_described() {
        let mut iso = vec![0; 0x9000];
        iso[0x8001..0x8006].copy_from_slice(b"CD001");
        for (file, what) in [
            (&b""[..], "an empty file"),
            (b"\n<!DOCTYPE html>", "an HTML or XML page"),
            (b"{\"a\":1}", "a JSON document"),
            (b"070701", "a cpio archive (an initrd?)"),
            (b"\x1f\x8b\x08", "a gzip file"),
            (b"\x04\x22\x4d\x18", "an lz4 file"),
            (b"\x02\x21\x4c\x18", "an lz4 file"),
            (b"BZh9", "a bzip2 file"),
            (&with_magic(b"MZ", b"ARM\x64"), "an arm64 kernel: this host needs an x86-64 bzImage"),
            (&with_magic(b"\0\0", b"ARM\x64"), "an arm64 kernel: this host needs an x86-64 bzImage"),
            (&with_magic(b"MZ", b"RSC\x05"), "a RISC-V kernel: this host needs an x86-64 bzImage"),
            (&iso, "an ISO image"),
            (b"plain text", "an unknown kind of file"),
        ] {
            assert_eq!(Image::parse(file).unwrap_err(), ImageError::NotAKernel(what));
        }
        assert!(describe(&with_magic(b"MZ\0\0zimg", b"\0\0\0\0")).unwrap().starts_with("an EFI zboot image"));
    }
}
