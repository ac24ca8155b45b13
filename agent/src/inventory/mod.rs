// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client of the inventory's contract, version 1 (crate `stage1-contract`).

mod client;
mod error;
mod http;
mod resolver;
mod retry;
mod url;

pub use client::{Assigned, BaseUrl, Client};
pub use error::{Error, Reason};
pub(crate) use http::{READ_TIMEOUT, retry_after};
#[allow(clippy::disallowed_types, reason = "only names it")]
pub use http::{Transport, TransportError};
pub use retry::Pause;
pub(crate) use retry::{GiveUp, Retry};
pub use url::{BadUrl, Url};
pub(crate) use url::{is_absolute, redacted};
