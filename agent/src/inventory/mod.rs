// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client of the inventory's contract, version 1 (crate `stage1-contract`).

mod client;
mod date;
mod error;
mod http;
mod pem;
mod resolver;
mod retry;
mod tls;
mod url;

pub use client::{Assigned, BaseUrl, Client};
pub use error::{Error, Reason};
#[allow(clippy::disallowed_types, reason = "only names it")]
pub use http::{Clock, Transport, TransportError};
pub(crate) use http::{READ_TIMEOUT, retry_after};
pub use retry::Pause;
pub(crate) use retry::{GiveUp, Retry};
pub use url::{BadUrl, Url};
pub(crate) use url::{is_absolute, redacted};
