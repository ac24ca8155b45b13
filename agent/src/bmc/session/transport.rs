// SPDX-License-Identifier: MIT OR Apache-2.0
//! How requests reach a BMC.

use std::time::Duration;

use ipmi::NetFn;
use thiserror::Error as ThisError;

/// A way to a BMC.
pub trait Transport: Send {
    /// Sends a request and waits for its response, ignoring responses to other requests. Returns the completion code and
    /// the data after it.
    ///
    /// # Errors
    /// [`TransportError`].
    fn exchange(
        &mut self,
        net_fn: NetFn,
        code: u8,
        data: &[u8],
        timeout: Duration,
    ) -> Result<Vec<u8>, TransportError>;
}

/// Why there is no response.
#[derive(Clone, Debug, ThisError, PartialEq, Eq)]
pub enum TransportError {
    /// No response within the timeout. It may still come, and the BMC may have executed, or may yet execute, the request.
    #[error("timed out")]
    Timeout,
    /// The driver accepts no requests.
    #[error("{0}")]
    Closed(String),
    /// What was received is not a response to this request.
    #[error("{0}")]
    Malformed(String),
}
