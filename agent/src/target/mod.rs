// SPDX-License-Identifier: MIT OR Apache-2.0
//! The target: the profile's files, downloaded into memory, verified, ready to be loaded.

mod assemble;
mod download;
mod memory;
mod overlay;
mod plan;

pub use assemble::{Armed, Loader, Target, fetch, from_files};
pub use download::Downloader;
pub(crate) use overlay::overlay;
pub use plan::{Fetch, Plan};
