// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds stage1's initramfs: content lists in, one reproducible image out. No root, no external tool.
//!
//! # The image
//!
//! An image is one archive, or several concatenated ones (Documentation/driver-api/early-userspace/buffer-format.rst): a
//! later archive, such as a site's settings, is an overlay that can be appended with `cat`. An archive is a newc cpio
//! archive, by default compressed to one zstd frame, padded inside for this. The same input gives the same bytes on every
//! machine: entries are sorted, all belong to root, all times are 0, and the compression does not depend on the number of
//! processors.
//!
//! Every archive begins with `/etc/stage1/contents.d/NAME.sha256`, the digests of its regular files in the format of
//! `sha256sum --check`. So a machine whose memory or boot loader truncated the image can find out what is missing.
//!
//! The image's /usr is merged: /bin, /sbin, /lib and /lib64 are links, and what a list puts there goes to /usr; `dir /bin`
//! is /usr/bin.
//!
//! # Content lists
//!
//! One statement per line. `#` starts a comment, and `${KEY}` stands for a value given with `--set KEY=VALUE`. A SOURCE,
//! LIST or DIR is a path on the build machine, relative to the list. Each path may be stated once; parent directories are
//! added automatically.
//!
//! | statement | meaning |
//! | --- | --- |
//! | `dir PATH [MODE]` | a directory, by default 0755 |
//! | `file PATH SOURCE [MODE]` | a file, by default 0755 if SOURCE is executable and 0644 if not |
//! | `link PATH TARGET` | a symbolic link |
//! | `node PATH c\|b MAJOR MINOR MODE` | a device node |
//! | `tree PATH SOURCE` | the content of a directory: files, symbolic links unchanged, empty directories |
//! | `volatile PATH` | no digest for this file, which changes at run time |
//! | `include LIST` | another list |
//! | `sysroot DIR` | a tree of unpacked packages, the source of libraries and of `copy` |
//! | `copy PATH...` | files, links or directories of the sysroot, with the same paths |
//! | `library NAME...` | libraries of the sysroot that programs load with dlopen |
//! | `kernel DIR` | an unpacked kernel package, the source of modules |
//! | `module NAME...` | modules, with their dependencies and the blobs that they name |
//! | `firmware DIR` | a folder of blobs, such as /lib/firmware; an empty value means none |
//! | `optional PATTERN...` | blobs that are taken if the folder has them, and are not needed |
//! | `omit PATTERN...` | blobs that are never taken |
//!
//! The loader and the libraries of every ELF file are added automatically.
//!
//! Blobs are what a driver loads into its device: a module lists theirs (`modinfo -F firmware`). Each must be in the folder,
//! or fit an `optional` or `omit`, in which `*` stands for anything. So no image has a driver that cannot start its device.
//!
//! # As a library
//!
//! ```
//! use stage1_initramfs::{Compression, ImageBuilder};
//!
//! let mut site = ImageBuilder::new("site");
//! site.file("/etc/stage1/config.toml", 0o600, "on-failure = \"rescue\"\n")?;
//! let overlay = site.to_bytes(Compression::Zstd)?;
//! # assert_eq!(overlay.len() % 4, 0);
//! # Ok::<(), stage1_initramfs::Error>(())
//! ```

mod blobs;
mod elf;
mod error;
mod image;
mod list;
mod modules;
mod read;

pub use elf::Needs;
pub use error::Error;
pub use image::{CONTENTS, Compression, ImageBuilder, NodeKind};
pub use list::build;
pub use read::{Member, members};
