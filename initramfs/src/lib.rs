// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds stage1's initramfs: content lists in, one reproducible image out. No root, no external tool.
//!
//! # The image
//!
//! A segment is a newc cpio archive, by default as one zstd frame, padded so that further segments (a site's settings,
//! a target's detail) can be joined to it with `cat`. The same input gives the same bytes on every machine: entries are
//! sorted, all belong to root, all times are 0, and the compression does not depend on the number of processors.
//!
//! Every segment begins with `/etc/stage1/contents.d/NAME.sha256`, the digests of its regular files as `sha256sum --check`
//! reads them. A machine whose memory or loader cut the image short can so tell that something is missing.
//!
//! The image's /usr is merged: /bin, /sbin, /lib and /lib64 are links, and what a list puts there goes to /usr.
//!
//! # Content lists
//!
//! One statement a line. `#` starts a comment, and `${KEY}` stands for a value given with `--set KEY=VALUE`. A SOURCE, LIST
//! or DIR is a path of the building machine, relative to the list. A path is stated once; parents come by themselves.
//!
//! | statement | meaning |
//! | --- | --- |
//! | `dir PATH [MODE]` | a directory, by default 0755 |
//! | `file PATH SOURCE [MODE]` | a file, by default 0755 if SOURCE is executable and 0644 if not |
//! | `link PATH TARGET` | a symbolic link |
//! | `node PATH c\|b MAJOR MINOR MODE` | a device node |
//! | `tree PATH SOURCE` | all that is in a directory, with links as they are |
//! | `volatile PATH` | a file that changes at run time: no digest |
//! | `include LIST` | another list |
//! | `sysroot DIR` | a tree of unpacked packages: libraries come from here, and `copy` |
//! | `copy PATH...` | files, links or directories of the sysroot, at their own paths |
//! | `library NAME...` | libraries of the sysroot that programs load by name at run time |
//! | `kernel DIR` | an unpacked kernel package: modules come from here |
//! | `module NAME...` | modules, with those that they depend on |
//!
//! An ELF file brings its loader and libraries, however it got into the list: an image cannot miss one.
//!
//! # As a library
//!
//! ```
//! use stage1_initramfs::{Compression, ImageBuilder};
//!
//! let mut site = ImageBuilder::new("site");
//! site.file("/etc/stage1/config.toml", 0o600, "on-failure = \"rescue\"\n")?;
//! let segment = site.to_bytes(Compression::Zstd)?;
//! # assert_eq!(segment.len() % 4, 0);
//! # Ok::<(), stage1_initramfs::Error>(())
//! ```

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
