// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long a session waits for a BMC, and what it has sent.

use std::time::Duration;

/// Timeouts and retries of a session.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Timeout for the response to one request. A command that writes flash takes a second or two. If the interface is
    /// wedged, the kernel's KCS driver tries to free it for up to a minute (`MAX_ERROR_RETRIES`, ipmi_kcs_sm.c), which is
    /// too long to wait for.
    pub timeout: Duration,
    /// Attempts per command while the BMC refuses it with a temporary completion code; fewer if they take longer than
    /// `timeout` together.
    pub attempts: u32,
    /// Further attempts of a change that a BMC may refuse while it makes an account, or leaves DHCP.
    pub further_attempts: u32,
    /// Pause before the second attempt; doubled before each further one.
    pub pause: Duration,
    /// Minimum time between two requests. Zero by default: with KCS, BT and SSIF the BMC signals when it accepts the next
    /// one, and reading an SDR repository takes hundreds.
    pub spacing: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            attempts: 4,
            further_attempts: 2,
            pause: Duration::from_millis(100),
            spacing: Duration::ZERO,
        }
    }
}

/// What a session has sent so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests, retries included.
    pub requests: u32,
    /// Retries.
    pub retries: u32,
    /// Requests that change something in the BMC.
    pub changes: u32,
    /// Time spent in pauses before retries.
    pub waited: Duration,
}
