// SPDX-License-Identifier: MIT OR Apache-2.0
//! Load a target kernel into memory, then jump into it.
//!
//! [`load`] hands a kernel, one initrd and a command line to the running kernel and returns a
//! [`Loaded`]; [`Loaded::execute`] consumes it and jumps. A `Loaded` that is dropped is unloaded again: after a run that
//! fails in between, `reboot` cannot jump into the target.
//!
//! [`Image`] recognises a file before it is loaded: a kernel, a unified kernel image, or another file such as an error page.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod image;
mod kind;
mod load;

pub use image::{Image, ImageError, USUAL_COMMAND_LINE, Uki, longest_command_line};
pub use load::{ExecuteError, LoadError, Loaded, load};
