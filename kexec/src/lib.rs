// SPDX-License-Identifier: MIT OR Apache-2.0
//! Load a target kernel into memory, then jump into it.
//!
//! [`load`] hands a kernel, one initrd and a command line to the running kernel and returns a
//! [`Loaded`]; [`Loaded::execute`] consumes it and jumps. A `Loaded` that is dropped is unloaded
//! again, so a run that fails in between leaves nothing behind that a stray `reboot` could jump into.
//!
//! [`Image`] looks at a file before it is loaded: it tells a kernel from a unified kernel image
//! from an error page, in words.

mod image;
mod load;

pub use image::{Image, ImageError, Uki};
pub use load::{ExecuteError, LoadError, Loaded, load};
