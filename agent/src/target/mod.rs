// SPDX-License-Identifier: MIT OR Apache-2.0
//! The target: the profile's files, downloaded into memory, verified, ready to be loaded.

mod assemble;
mod beginning;
mod download;
mod memory;
mod networkd;
mod overlay;
mod plan;

pub(crate) use assemble::check_command_line;
pub use assemble::{Armed, Loader, Target, fetch, from_files};
pub(crate) use beginning::beginning;
pub use download::Downloader;
pub use overlay::Overlay;
pub(crate) use overlay::overlay;
pub use plan::{Fetch, Plan};
